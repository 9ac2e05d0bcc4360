package kubepeers

import (
	"errors"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Status says what kind of failure an Error is. Each one is an error itself,
// for errors.Is. A newer library may give one that is not listed here.
type Status int32

const (
	// ErrInvalidArgument: a number is out of its range.
	ErrInvalidArgument Status = capi.InvalidArgument
	// ErrInvalidUTF8: a configuration value is not UTF-8.
	ErrInvalidUTF8 Status = capi.InvalidUTF8
	// ErrUnknownKey: the library does not know an option; it is older than this package.
	ErrUnknownKey Status = capi.UnknownKey
	// ErrInvalidConfig: a value is missing or malformed; the message says which and why.
	ErrInvalidConfig Status = capi.InvalidConfig
	// ErrInvalidHandle is a mistake of this package, not of its user.
	ErrInvalidHandle Status = capi.InvalidHandle
	// ErrClosed: the provider has been closed, maybe during the call.
	ErrClosed Status = capi.Closed
	// ErrForked: the provider was made in a parent process.
	ErrForked Status = capi.Forked
	// ErrAlreadyInitialized: Initialize was called before.
	ErrAlreadyInitialized Status = capi.AlreadyInitialized
	// ErrNotInitialized: Initialize was not called, or failed.
	ErrNotInitialized Status = capi.NotInitialized
	// ErrAlreadyRegistered: Register was called before.
	ErrAlreadyRegistered Status = capi.AlreadyRegistered
	// ErrNotRegistered: Register was not called, or Deregister ended it.
	ErrNotRegistered Status = capi.NotRegistered
	// ErrNotSynced: the pods have not been read yet; the message says why.
	ErrNotSynced Status = capi.NotSynced
	// ErrSelfNotVisible: the pods have been read, but the own one is not among them yet. Retry.
	ErrSelfNotVisible Status = capi.SelfNotVisible
	// ErrSelfExcluded: the own pod can never be a peer; the message says what it lacks.
	ErrSelfExcluded Status = capi.SelfExcluded
	// ErrTimeout: what was waited for did not come in time.
	ErrTimeout Status = capi.Timeout
	// ErrNotInCluster: there is no API server to ask.
	ErrNotInCluster Status = capi.NotInCluster
	// ErrNoCredentials: the token, the CA or the kubeconfig is missing or malformed.
	ErrNoCredentials Status = capi.NoCredentials
	// ErrNoIdentity: nothing says which pod this is; the message says how to tell.
	ErrNoIdentity Status = capi.NoIdentity
	// ErrTLS: the API server's certificate is not to be trusted, or TLS failed.
	ErrTLS Status = capi.TLS
	// ErrUnauthorized: the API server does not accept the token.
	ErrUnauthorized Status = capi.Unauthorized
	// ErrForbidden: the service account may not list pods; Manifest is the missing Role.
	ErrForbidden Status = capi.Forbidden
	// ErrNoResources: file descriptors, threads or memory have run out. Retry when there are some.
	ErrNoResources Status = capi.NoResources
	// ErrUnavailable: the API server cannot be reached, does not answer, or is in
	// trouble. Only Health tells this: calls answer from memory meanwhile.
	ErrUnavailable Status = capi.Unavailable
	// ErrStale: what is known is older than asked for, and nothing newer came in time; the message says why. Retry.
	ErrStale Status = capi.Stale
	// ErrInternal: a fault of the library. The process is unharmed; close the provider.
	ErrInternal Status = capi.Internal
)

// ErrIncompatibleLibrary is the one error without a Status: the library that
// is loaded is older than the one that the program was built with, or of another
// major version.
var ErrIncompatibleLibrary = errors.New("kubepeers: incompatible library")

// String is the name in kubepeers.h without its prefix: "NOT_SYNCED".
func (s Status) String() string { return capi.StatusName(int32(s)) }

// Error is the same as String.
func (s Status) Error() string { return s.String() }

// Error is why a call failed.
type Error struct {
	// Status is the kind of failure.
	Status Status
	// Message says what happened, to what, and what to do about it. It may have
	// several lines, and never holds a secret.
	Message string
	// Retryable: the same call may succeed later without anybody changing a
	// configuration, a manifest or a program. Ask this, not the Status:
	// ErrNotSynced because of a missing Role is not retryable.
	Retryable bool
	// HTTPStatus is what the API server answered, 0 if the error is not about an answer.
	HTTPStatus int
	// Manifest is the Kubernetes manifest that fixes the error once it is applied, as
	// YAML, for example the Role that ErrForbidden lacks; "" if there is none.
	Manifest string
}

func (e *Error) Error() string { return "kubepeers: " + e.Status.String() + ": " + e.Message }

// Unwrap gives the Status, for errors.Is.
func (e *Error) Unwrap() error { return e.Status }

// IsRetryable says whether the call that gave err may succeed later without
// anybody changing a configuration, a manifest or a program.
func IsRetryable(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Retryable
}

func errorFrom(failure *capi.Failure) error {
	if failure == nil {
		return nil
	}
	return &Error{Status(failure.Status), failure.Message, failure.Retryable, failure.HTTPStatus, failure.Manifest}
}
