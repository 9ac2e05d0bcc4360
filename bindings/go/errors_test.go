package kubepeers_test

import (
	"errors"
	"fmt"
	"testing"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var statuses = map[kubepeers.Status]string{
	kubepeers.ErrInvalidArgument:    "INVALID_ARGUMENT",
	kubepeers.ErrInvalidUTF8:        "INVALID_UTF8",
	kubepeers.ErrUnknownKey:         "UNKNOWN_KEY",
	kubepeers.ErrInvalidConfig:      "INVALID_CONFIG",
	kubepeers.ErrInvalidHandle:      "INVALID_HANDLE",
	kubepeers.ErrClosed:             "CLOSED",
	kubepeers.ErrForked:             "FORKED",
	kubepeers.ErrAlreadyInitialized: "ALREADY_INITIALIZED",
	kubepeers.ErrNotInitialized:     "NOT_INITIALIZED",
	kubepeers.ErrAlreadyRegistered:  "ALREADY_REGISTERED",
	kubepeers.ErrNotRegistered:      "NOT_REGISTERED",
	kubepeers.ErrNotSynced:          "NOT_SYNCED",
	kubepeers.ErrSelfNotVisible:     "SELF_NOT_VISIBLE",
	kubepeers.ErrSelfExcluded:       "SELF_EXCLUDED",
	kubepeers.ErrTimeout:            "TIMEOUT",
	kubepeers.ErrNotInCluster:       "NOT_IN_CLUSTER",
	kubepeers.ErrNoCredentials:      "NO_CREDENTIALS",
	kubepeers.ErrNoIdentity:         "NO_IDENTITY",
	kubepeers.ErrTLS:                "TLS",
	kubepeers.ErrUnauthorized:       "UNAUTHORIZED",
	kubepeers.ErrForbidden:          "FORBIDDEN",
	kubepeers.ErrNoResources:        "NO_RESOURCES",
	kubepeers.ErrUnavailable:        "UNAVAILABLE",
	kubepeers.ErrStale:              "STALE",
	kubepeers.ErrInternal:           "INTERNAL",
}

func TestEveryStatusOfTheLibraryHasAnError(t *testing.T) {
	for number := range 1000 {
		status := kubepeers.Status(-1 - number)
		if name, want := status.String(), statuses[status]; name != want && !(want == "" && name == "UNKNOWN") {
			t.Errorf("%d is %s to the library and %q here", int32(status), name, want)
		}
	}
}

func TestErrorIsItsStatus(t *testing.T) {
	for status, name := range statuses {
		err := error(&kubepeers.Error{Status: status, Message: "why"})
		for other := range statuses {
			if errors.Is(fmt.Errorf("wrapped: %w", err), other) != (other == status) {
				t.Errorf("is %v a %v?", err, other)
			}
		}
		if text, want := err.Error(), "kubepeers: "+name+": why"; text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

func TestIsRetryable(t *testing.T) {
	for _, c := range []struct {
		err       error
		retryable bool
	}{
		{&kubepeers.Error{Status: kubepeers.ErrNotSynced, Retryable: true}, true},
		{&kubepeers.Error{Status: kubepeers.ErrNotSynced}, false},
		{fmt.Errorf("discovery: %w", &kubepeers.Error{Status: kubepeers.ErrTimeout, Retryable: true}), true},
		{errors.New("another"), false},
		{nil, false},
	} {
		if kubepeers.IsRetryable(c.err) != c.retryable {
			t.Errorf("%v: not %v", c.err, c.retryable)
		}
	}
}
