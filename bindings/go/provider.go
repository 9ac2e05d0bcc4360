package kubepeers

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/raw"
)

// Provider finds the peers of this process. Any number of goroutines may use it
// at once. A Provider must be created by [New] or [Open] and must be closed.
//
// # Waiting
//
// [Provider.DiscoverPeers], [Provider.Self], [Provider.WaitForPeers] and
// [Provider.Refresh] wait until they have a result or their context ends. They keep
// waiting on an error that an operator may fix, such as a missing Role. Pass a
// context with a deadline, or use [Provider.Watch], which yields every such error
// at once. [Provider.Register] differs: it returns permanent errors and has a timeout
// of its own.
//
// If the context ends during the call, the call returns at once. The error wraps both
// the context's error and an [*Error] that says what was missing. If the context had
// ended before the call, the call returns only the context's error.
//
// A waiting call blocks a goroutine but no OS thread. All waiting calls on a provider
// share one additional goroutine and two file descriptors.
//
// # Common errors
//
// The methods document their own errors. In addition they return
//   - [ErrClosed]: the provider is closed, is nil, or was not created by New or Open.
//     Close returns nil instead.
//   - [ErrNotRegistered]: the provider is not registered. This does not apply to
//     Register and Close.
//   - [ErrInvalidArgument]: the context is nil.
//   - [ErrNoResources]: the call must wait, and there is no file descriptor left to
//     wait with.
//   - [ErrInternal]: the library has failed. The constant documents the remedy.
//
// The garbage collector eventually closes a provider that is no longer referenced. Do
// not rely on it.
type Provider struct{ s *session }

// session holds the state that a Provider shares with its goroutines. They refer to
// the session rather than the Provider, so that an unreferenced Provider can be
// collected and closed while they run.
type session struct {
	handle   capi.Provider
	raw      bool
	snapshot atomic.Pointer[snapshot] // the newest snapshot read so far
	changes  changeNotifier
	log      *logForwarder // nil if there is no logger
	cleanup  runtime.Cleanup

	registerTimeout time.Duration
	registerLock    chan struct{} // a mutex whose Lock a context can interrupt; see lockRegister
	registrations   uint64        // number of registrations so far; guarded by registerLock
}

// uninitialized is the session of a Provider that New has not created.
var uninitialized = &session{registerLock: make(chan struct{}, 1)}

func (p *Provider) session() *session {
	if p == nil || p.s == nil {
		return uninitialized
	}
	return p.s
}

// New validates the configuration and returns a provider, which the caller must
// close. It copies the configuration, does no I/O, and starts no goroutine.
//
// Errors:
//   - [ErrInvalidConfig]: fields are missing or invalid
//   - [ErrNoResources]: 65,536 providers are open already
//   - [ErrIncompatibleLibrary]: the loaded library does not fit this package
func New(config Config) (*Provider, error) {
	settings, err := config.settings()
	if err != nil {
		return nil, err
	}
	return newProvider(settings)
}

// Open calls [New] and then [Provider.Register]. It has the errors of both. If it fails,
// it returns a nil provider and leaves nothing open.
func Open(ctx context.Context, config Config) (*Provider, error) {
	p, err := New(config)
	if err != nil {
		return nil, err
	}
	if err := p.Register(ctx); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func newProvider(settings settings) (*Provider, error) {
	if err := checkVersion(capi.LibraryVersion(), capi.HeaderVersion); err != nil {
		return nil, err
	}
	s := &session{
		raw:             settings.raw,
		registerTimeout: settings.registerTimeout,
		registerLock:    make(chan struct{}, 1),
	}
	if failure := capi.Init(settings.pairs, &s.handle); failure != nil {
		return nil, s.error(failure)
	}
	if settings.logger != nil {
		s.log = newLogForwarder(s, settings.logger)
	}
	p := &Provider{s}
	// Closing waits for the watcher, which must not delay other cleanups.
	s.cleanup = runtime.AddCleanup(p, func(s *session) { go s.close() }, s)
	return p, nil
}

// The conformance probe needs keys and values that a Config cannot hold.
func init() {
	raw.New = func(config raw.Config) (any, capi.Provider, error) {
		p, err := newProvider(settings{
			pairs:           config.Pairs,
			registerTimeout: config.RegisterTimeout,
			logger:          config.Logger,
			raw:             true,
		})
		if err != nil {
			return nil, 0, err
		}
		return p, p.s.handle, nil
	}
}

func checkVersion(library, header capi.Version) error {
	if library.Serves(header) {
		return nil
	}
	return fmt.Errorf("%w: libkubepeers %v is loaded, but the program was built with "+
		"kubepeers.h %v: install a library of that version or newer",
		ErrIncompatibleLibrary, library, header)
}

// Register reads the credentials, identifies this pod, starts the watcher, and
// waits until the watcher has listed the pods. It waits for at most
// Config.RegisterTimeout.
//
// A nil error does not mean that the pods have been listed. If RegisterTimeout
// expires and only transient errors have occurred, such as an unreachable or
// overloaded API server, Register returns nil. The watcher then keeps retrying.
// [Provider.DiscoverPeers] waits until a list succeeds. If its context ends first, it
// returns [ErrNotSynced] with the reason. A program can therefore start during an
// outage of the API server.
//
// The API server's 401 and 403 count as transient until they have lasted for two
// seconds, because an API server that is starting denies valid requests for a moment.
// If they become permanent after RegisterTimeout, later calls report them as
// ErrNotSynced. Once an operator has fixed the cause, calls succeed without another
// Register.
//
// If ctx ends before RegisterTimeout, Register fails and undoes what it has done. It
// cannot be interrupted while it reads files. After Register has returned, ctx has no
// effect. After any error the provider is not registered, and Register may be called
// again. The exception is ErrAlreadyRegistered, which leaves the registration as it was.
//
// The credentials are those of Config.Kubeconfig if it is set. Otherwise they are those
// of the service account, and the address of the API server comes from the environment
// variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. The library reads the
// credentials again before every request, so that rotation needs no action. The Role
// must allow list and watch on pods. With list alone the library polls.
//
// The library identifies this pod by the first of the following that is available. It
// identifies no pod for an observer.
//
//  1. Config.PodUID, Config.PodName, Config.PodIP
//  2. without Config.Kubeconfig: the pod that the service account's token is bound to
//  3. the environment variables POD_UID and POD_NAME; one of them is enough
//  4. without Config.Kubeconfig: the addresses of the network interfaces that the process
//     sees; if several pods share an address (hostNetwork), only pods with the discovery
//     port count
//  5. without Config.Kubeconfig: the environment variable HOSTNAME, if no pod with the
//     labels has an address from 4
//
// Errors:
//   - [ErrAlreadyRegistered]: the provider is registered; the registration remains
//   - [ErrNotInCluster]: there is no API server to contact
//   - [ErrNoCredentials]: the token, CA, namespace or kubeconfig is missing or
//     unusable
//   - [ErrNoIdentity]: this pod cannot be identified
//   - [ErrTLS]: the API server's certificate is not trusted, or TLS failed
//   - [ErrUnauthorized]: the API server rejects the credentials (401)
//   - [ErrForbidden]: the service account may not list pods (403); [Error.Manifest]
//     fixes it
//   - [ErrNoResources]: there are no descriptors or threads left
//   - [ErrNotRegistered]: another goroutine deregistered meanwhile
//   - the error of ctx; it also wraps ErrNotSynced with the reason if ctx ended while
//     Register was waiting for the list
func (p *Provider) Register(ctx context.Context) error {
	defer runtime.KeepAlive(p)
	return p.session().register(ctx)
}

// Deregister stops the watcher and waits until it has ended, which takes
// milliseconds. It sends nothing to the API server. Waiting calls return
// [ErrNotRegistered]. The provider can be registered again.
func (p *Provider) Deregister() error {
	defer runtime.KeepAlive(p)
	s := p.session()
	return s.error(s.handle.Deregister())
}

// Close deregisters the provider, if it is registered, and closes it. Waiting calls
// return [ErrClosed]. Close waits until the watcher has ended, which takes
// milliseconds, and until Config.Logger has handled all pending records. Closing a
// closed provider returns nil.
func (p *Provider) Close() error {
	defer runtime.KeepAlive(p)
	s := p.session()
	return s.error(s.close())
}

func (s *session) close() *capi.Failure {
	s.cleanup.Stop()
	if s.log == nil {
		return s.handle.Close()
	}
	s.log.stop()
	failure := s.handle.Close()
	// A slow logger delays only the return of Close. Everything else has ended by now.
	<-s.log.done
	return failure
}

func (s *session) register(ctx context.Context) error {
	if err := contextEnded(ctx); err != nil {
		return err
	}
	registration, failure := s.begin(ctx)
	if registration == 0 {
		return ctx.Err()
	}
	if failure != nil || s.registerTimeout == 0 {
		return s.error(failure)
	}
	limitedCtx, cancel := context.WithTimeout(ctx, s.registerTimeout)
	defer cancel()
	_, failure = poll(limitedCtx, s, func() (struct{}, *capi.Failure) {
		return struct{}{}, s.checkSynced(registration)
	})
	switch {
	case failure == nil:
		return nil
	case !isTransient(failure):
		s.undo(registration)
		return s.error(failure)
	case ctx.Err() == nil:
		return nil // The watcher keeps retrying.
	}
	// Unlike the failure of checkSynced, that of newerThan contains the reason.
	if _, notSynced := s.newerThan(0); isTransient(notSynced) {
		failure = notSynced
	}
	s.undo(registration)
	return s.contextError(ctx, failure)
}

// begin registers without waiting for a list. It returns the number of the
// registration, or 0 if ctx ends while another call holds the lock.
func (s *session) begin(ctx context.Context) (uint64, *capi.Failure) {
	if !s.lockRegister(ctx) {
		return 0, nil
	}
	defer s.unlockRegister()
	registration := s.registrations + 1
	if s.log != nil {
		if failure := s.log.start(); failure != nil {
			return registration, failure
		}
	}
	failure := s.handle.Register()
	if failure == nil {
		s.registrations = registration
	}
	return registration, failure
}

// lockRegister lets one call at a time begin, check or undo a registration. It
// returns false if ctx ends first.
func (s *session) lockRegister(ctx context.Context) bool {
	select {
	case s.registerLock <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *session) unlockRegister() { <-s.registerLock }

// checkSynced returns a failure until the registration has listed the pods.
func (s *session) checkSynced(registration uint64) *capi.Failure {
	s.lockRegister(context.Background())
	defer s.unlockRegister()
	health, failure := s.handle.Health()
	switch {
	case failure != nil && failure.Status != capi.NotRegistered:
		return failure
	case failure != nil || s.registrations != registration:
		return &capi.Failure{
			Status:  capi.NotRegistered,
			Message: "not registered: deregister was called meanwhile",
		}
	case health.AgeMS >= 0:
		return nil
	case health.Failure != nil && !health.Failure.Retryable:
		return health.Failure
	}
	return &capi.Failure{
		Status:    capi.NotSynced,
		Message:   "the pods have not been listed yet",
		Retryable: true,
	}
}

// undo ends a registration unless another one has replaced it.
func (s *session) undo(registration uint64) {
	s.lockRegister(context.Background())
	defer s.unlockRegister()
	if s.registrations == registration {
		s.handle.Deregister()
	}
}
