package goakt

import (
	"errors"
	"testing"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestTranslatedErrorWrapsBothErrors(t *testing.T) {
	for status, sentinel := range map[kubepeers.Status]error{
		kubepeers.ErrClosed:            discovery.ErrNotInitialized,
		kubepeers.ErrAlreadyRegistered: discovery.ErrAlreadyRegistered,
		kubepeers.ErrNotRegistered:     discovery.ErrNotRegistered,
		kubepeers.ErrInvalidConfig:     discovery.ErrInvalidConfig,
	} {
		original := &kubepeers.Error{Status: status, Message: "why", Retryable: true}
		err := translate(original)
		for _, want := range []error{sentinel, status, original} {
			if !errors.Is(err, want) {
				t.Errorf("%v: got %#v; want it to wrap %v", status, err, want)
			}
		}
		if err.Error() != original.Error() || !kubepeers.IsRetryable(err) {
			t.Errorf("%v: got %v; want the text %q, and retryable", status, err, original)
		}
	}
}

func TestTranslateKeepsOtherErrors(t *testing.T) {
	for _, err := range []error{
		nil,
		&kubepeers.Error{Status: kubepeers.ErrNotSynced},
		&kubepeers.Error{Status: kubepeers.ErrSelfNotVisible},
		kubepeers.ErrIncompatibleLibrary,
		discovery.ErrAlreadyInitialized,
	} {
		if got := translate(err); got != err {
			t.Errorf("got %#v; want %#v", got, err)
		}
	}
}
