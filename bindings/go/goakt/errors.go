package goakt

import (
	"errors"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// GoAkt's engine asks for its own errors: "already initialized" is none to it.
var sentinels = map[kubepeers.Status]error{
	kubepeers.ErrAlreadyInitialized: discovery.ErrAlreadyInitialized,
	kubepeers.ErrNotInitialized:     discovery.ErrNotInitialized,
	kubepeers.ErrClosed:             discovery.ErrNotInitialized,
	kubepeers.ErrAlreadyRegistered:  discovery.ErrAlreadyRegistered,
	kubepeers.ErrNotRegistered:      discovery.ErrNotRegistered,
	kubepeers.ErrInvalidConfig:      discovery.ErrInvalidConfig,
	kubepeers.ErrInvalidUTF8:        discovery.ErrInvalidConfig,
}

// twofold is an error of kubepeers and of GoAkt. Its words are those of kubepeers.
type twofold struct{ own, sentinel error }

func (e *twofold) Error() string   { return e.own.Error() }
func (e *twofold) Unwrap() []error { return []error{e.own, e.sentinel} }

func translate(err error) error {
	var failure *kubepeers.Error
	if !errors.As(err, &failure) {
		return err
	}
	if sentinel, ok := sentinels[failure.Status]; ok {
		return &twofold{err, sentinel}
	}
	return err
}
