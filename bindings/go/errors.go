package kubepeers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Status is the kind of an [Error]. It implements error, so that
// errors.Is(err, ErrNotSynced) works. A newer library may return a status that is not
// listed here. No error has the status 0.
type Status int32

const (
	// ErrInvalidArgument reports an argument that is out of range or a nil context.
	ErrInvalidArgument Status = capi.InvalidArgument
	// ErrInvalidConfig reports that a field of Config is missing or invalid. The
	// message names the field.
	ErrInvalidConfig Status = capi.InvalidConfig
	// ErrClosed reports that the provider is closed, or was closed during the call.
	ErrClosed Status = capi.Closed
	// ErrAlreadyRegistered reports that the provider is registered.
	ErrAlreadyRegistered Status = capi.AlreadyRegistered
	// ErrNotRegistered reports that the provider is not registered, or was
	// deregistered during the call.
	ErrNotRegistered Status = capi.NotRegistered
	// ErrNotSynced reports that the pods have not been listed yet. The message says
	// why. It is usually retryable.
	ErrNotSynced Status = capi.NotSynced
	// ErrSelfNotVisible reports that this pod is not among the listed pods yet, is
	// not Running yet (see [Pending]), or has no address yet. It is retryable.
	ErrSelfNotVisible Status = capi.SelfNotVisible
	// ErrSelfExcluded reports that this pod cannot be a peer. It lacks the labels, the
	// discovery port or an address of Config.IPFamily, has ended, or has a field that
	// Kubernetes does not allow.
	ErrSelfExcluded Status = capi.SelfExcluded
	// ErrTimeout reports that there are too few peers, or that they are not stable
	// yet. Only [Provider.WaitForPeers] returns it, together with the error of the
	// context.
	ErrTimeout Status = capi.Timeout
	// ErrNotInCluster reports that there is no API server to contact, because the process
	// is not in a cluster and Config.Kubeconfig is not set.
	ErrNotInCluster Status = capi.NotInCluster
	// ErrNoCredentials reports that the token, CA, namespace or kubeconfig is missing
	// or unusable.
	ErrNoCredentials Status = capi.NoCredentials
	// ErrNoIdentity reports that this pod cannot be identified, that several pods
	// match this process, or that an observer has called Self.
	ErrNoIdentity Status = capi.NoIdentity
	// ErrTLS reports that the API server's certificate is not trusted, or that TLS
	// failed.
	ErrTLS Status = capi.TLS
	// ErrUnauthorized reports that the API server rejects the credentials (401).
	ErrUnauthorized Status = capi.Unauthorized
	// ErrForbidden reports that the service account may not list or watch pods (403).
	// [Error.Manifest] fixes this.
	ErrForbidden Status = capi.Forbidden
	// ErrNoResources reports that there are no file descriptors or threads left, or that
	// too many providers are open. It is retryable.
	ErrNoResources Status = capi.NoResources
	// ErrUnavailable reports that the API server is unreachable, does not answer, or
	// reports a failure. Only [Health.Err] has this status.
	ErrUnavailable Status = capi.Unavailable
	// ErrStale reports that the result is older than Config.MaxStale, or older than the
	// call of [Provider.Refresh], and that no new list has arrived in time. It is usually
	// retryable.
	ErrStale Status = capi.Stale
	// ErrInternal reports that the library has failed. The process is not harmed. If the
	// watcher has failed, every call that needs the registration returns ErrInternal until
	// the provider is deregistered or closed. A deregistered provider can be registered
	// again.
	ErrInternal Status = capi.Internal
)

// ErrIncompatibleLibrary reports that the loaded library has an older minor version than
// the kubepeers.h that the program was built with, or another major version. An error
// that wraps it is not an [*Error] and has no [Status].
var ErrIncompatibleLibrary = errors.New("kubepeers: incompatible library")

// String returns the name of the status, for example "NOT_SYNCED". It is the same
// in all languages.
func (s Status) String() string { return capi.StatusName(int32(s)) }

// Error returns the name with a prefix, for example "kubepeers: NOT_SYNCED".
func (s Status) Error() string { return "kubepeers: " + s.String() }

// Error describes why a call failed.
type Error struct {
	// Status is the kind of the error.
	Status Status
	// Message says what failed, why, and what to do. It may have several lines. It
	// contains neither secrets nor the manifest.
	Message string
	// Retryable reports whether the same call may succeed later without action by a user
	// or an operator on the program, its configuration or the cluster. Test this rather
	// than the Status: ErrNotSynced because of a missing Role is not retryable.
	Retryable bool
	// HTTPStatus is the HTTP status of the API server's response, for example 403, or 0
	// if there was no response.
	HTTPStatus int
	// Manifest is a Kubernetes manifest in YAML that fixes the error once it is applied,
	// for example the missing Role and its RoleBinding. It is "" if no manifest can fix
	// the error. If the credentials do not name a service account, Manifest contains the
	// placeholder THE-USER.
	Manifest string
}

// Error returns the status and the message.
func (e *Error) Error() string { return e.Status.Error() + ": " + e.Message }

// Unwrap returns the Status, for errors.Is.
func (e *Error) Unwrap() error { return e.Status }

// IsRetryable reports whether err wraps an [*Error] that is Retryable. It returns false
// for nil and for the error of a context that had ended before the call. If a context
// ended the call, retry with a new context.
func IsRetryable(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Retryable
}

// error returns the failure as an *Error whose message has the names of this package. It
// returns nil if the failure is nil.
func (s *session) error(failure *capi.Failure) error {
	if failure == nil {
		return nil
	}
	e := &Error{
		Status:     Status(failure.Status),
		Message:    failure.Message,
		Retryable:  failure.Retryable,
		HTTPStatus: failure.HTTPStatus,
		Manifest:   failure.Manifest,
	}
	switch {
	case s.raw:
	case failure.Status == capi.NotInitialized:
		*e = Error{Status: ErrClosed, Message: "the provider was not created by New"}
	default:
		e.Message = goNames.Replace(e.Message)
	}
	return e
}

// contextError returns an error that wraps the error of a context that has ended and the
// last failure of the call that waited.
func (s *session) contextError(ctx context.Context, failure *capi.Failure) error {
	return fmt.Errorf("%w: %w", ctx.Err(), s.error(failure))
}

// goNames replaces the names of the library in messages with those of this package.
// A key without an underscore could also be the name of a namespace, so goNames replaces
// it only where it cannot be one.
var goNames = func() *strings.Replacer {
	names := []string{
		"`membership` = `observer`", "Config.Membership = Observer",
		"`membership` =", "Config.Membership =",
		"= `observer`", "= Observer",
		"one of `namespace`", "one of Config.Namespace",
		"or `kubeconfig`", "or Config.Kubeconfig",
		"path in `kubeconfig`", "path in Config.Kubeconfig",
		"the registration of `request` has ended", "Deregister was called meanwhile",
		"call register first", "call Register first",
		"register was called", "Register was called",
		"register failed", "Register failed",
		"deregister was called", "Deregister was called",
		"call init to create", "call New to create",
	}
	for _, f := range new(Config).fields() {
		key, name := "`"+f.key+"`", "Config."+f.name
		names = append(names, "set "+key, "set "+name, "Set "+key, "Set "+name, key+":", name+":")
		if strings.Contains(f.key, "_") {
			names = append(names, key, name)
		}
	}
	return strings.NewReplacer(names...)
}()
