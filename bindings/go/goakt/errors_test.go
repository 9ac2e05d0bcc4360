package goakt

import (
	"errors"
	"testing"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestErrorsAreThoseOfBoth(t *testing.T) {
	for status, sentinel := range map[kubepeers.Status]error{
		kubepeers.ErrClosed:            discovery.ErrNotInitialized,
		kubepeers.ErrAlreadyRegistered: discovery.ErrAlreadyRegistered,
		kubepeers.ErrNotRegistered:     discovery.ErrNotRegistered,
		kubepeers.ErrInvalidConfig:     discovery.ErrInvalidConfig,
	} {
		own := &kubepeers.Error{Status: status, Message: "why", Retryable: true}
		err := translate(own)
		var failure *kubepeers.Error
		if !errors.Is(err, sentinel) || !errors.Is(err, status) || !errors.As(err, &failure) || failure != own {
			t.Errorf("%v: %#v", status, err)
		}
		if err.Error() != own.Error() || !kubepeers.IsRetryable(err) {
			t.Errorf("%v: %v", status, err)
		}
	}
}

func TestOtherErrorsAreUnchanged(t *testing.T) {
	for _, err := range []error{
		nil,
		&kubepeers.Error{Status: kubepeers.ErrNotSynced},
		&kubepeers.Error{Status: kubepeers.ErrSelfNotVisible},
		kubepeers.ErrIncompatibleLibrary,
		discovery.ErrAlreadyInitialized,
	} {
		if translate(err) != err {
			t.Errorf("%v: %#v", err, translate(err))
		}
	}
}
