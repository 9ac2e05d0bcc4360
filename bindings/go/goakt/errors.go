package goakt

import (
	"errors"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// ErrNoPodsAvailable exists only so that programs that refer to it compile. Since
// GoAkt 4.4.0, GoAkt's own provider returns an error of this name instead of an empty
// result. This package never returns ErrNoPodsAvailable, because an empty result means
// that the calling pod is alone.
var ErrNoPodsAvailable = errors.New("no pods available")

// sentinels maps statuses to errors of GoAkt with the same meaning.
var sentinels = map[kubepeers.Status]error{
	kubepeers.ErrClosed:            discovery.ErrNotInitialized,
	kubepeers.ErrAlreadyRegistered: discovery.ErrAlreadyRegistered,
	kubepeers.ErrNotRegistered:     discovery.ErrNotRegistered,
	kubepeers.ErrInvalidConfig:     discovery.ErrInvalidConfig,
}

// translated wraps an error of kubepeers and the error of GoAkt that has the same
// meaning. Its text is the text of the former.
type translated struct{ err, sentinel error }

func (e *translated) Error() string   { return e.err.Error() }
func (e *translated) Unwrap() []error { return []error{e.err, e.sentinel} }

func translate(err error) error {
	var failure *kubepeers.Error
	if !errors.As(err, &failure) {
		return err
	}
	if sentinel, ok := sentinels[failure.Status]; ok {
		return &translated{err, sentinel}
	}
	return err
}
