package kubepeers

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// Provider finds the peers of this process. It is a discovery.Provider of GoAkt,
// and tells more than that asks for. Any number of goroutines may use it at once.
//
// Calls with a context wait until there is an answer or the context ends, and
// give an error that is the context's for errors.Is. If something was missing
// until then it is an *Error too, which says what. Those without one wait as
// long as WithRegisterTimeout and WithDiscoverTimeout say. Calls that wait have
// two file descriptors meanwhile, all of a provider together, and no thread.
type Provider struct {
	settings settings.Settings
	invalid  error // why the Config could not become settings

	initializing sync.Mutex
	session      atomic.Pointer[session] // nil until Initialize
}

// New makes a provider. Nothing is checked or started until Initialize.
func New(config Config, options ...Option) *Provider {
	p := new(Provider)
	p.invalid = config.apply(&p.settings)
	for _, option := range options {
		option(&p.settings)
	}
	return p
}

// ID is "kubernetes".
func (p *Provider) ID() string { return capi.ID() }

// Initialize checks the whole configuration. It touches no network.
//
// After a failure it may be called again; after success it gives
// ErrAlreadyInitialized. After Close it begins anew.
func (p *Provider) Initialize() error {
	p.initializing.Lock()
	defer p.initializing.Unlock()
	if err := checkVersion(capi.LibraryVersion(), capi.HeaderVersion); err != nil {
		return err
	}
	if p.invalid != nil {
		return p.invalid
	}
	s, failure := newSession(p.current().handle, &p.settings)
	if failure != nil {
		return errorFrom(failure)
	}
	// For a provider that nobody closes. What closing waits for must not hold up other cleanups.
	s.forgotten = runtime.AddCleanup(p, func(s *session) { go s.close() }, s)
	p.session.Store(s)
	return nil
}

// Register finds the credentials and the own pod, starts to watch the pods,
// and waits for a first view of them: see WithRegisterTimeout.
//
// What may mend itself, such as a server that cannot be reached, is no error
// here: DiscoverPeers gives ErrNotSynced until it is mended. After an error
// Register may be called again.
func (p *Provider) Register() error {
	defer runtime.KeepAlive(p)
	return p.current().register(context.Background())
}

// RegisterContext is Register, unless ctx ends first: then what it has done is
// undone, as if it had not been called, and the error says what was missing. So
// ctx is for giving up; after WithRegisterTimeout, which ends the waiting here
// too, the registration stands and goes on by itself.
func (p *Provider) RegisterContext(ctx context.Context) error {
	defer runtime.KeepAlive(p)
	return p.current().register(ctx)
}

// Deregister stops watching, and ends calls that wait with ErrNotRegistered.
// Register may be called again.
func (p *Provider) Deregister() error {
	defer runtime.KeepAlive(p)
	return errorFrom(p.current().handle.Deregister())
}

// DiscoverPeers gives the addresses of the peers, "ip:port" with IPv6 in
// brackets, sorted, without the own pod. It answers from memory.
//
// An empty answer means that this pod is alone, never that nothing is known
// yet: until enough is known it waits (see WithDiscoverTimeout) and then gives
// ErrNotSynced or ErrSelfNotVisible. The slice is not nil on success, and the
// caller's own.
func (p *Provider) DiscoverPeers() ([]string, error) {
	defer runtime.KeepAlive(p)
	s := p.current()
	return forAsLong(s, s.discover)
}

// DiscoverPeersContext is DiscoverPeers that waits until ctx ends, also while
// only somebody who adds a Role, say, can mend what is missing: he may do so.
// Watch tells of an error that is not retryable at once.
func (p *Provider) DiscoverPeersContext(ctx context.Context) ([]string, error) {
	defer runtime.KeepAlive(p)
	s := p.current()
	return until(ctx, s, s.discover)
}

// Close ends the provider, and calls that wait with ErrClosed. From then on
// every method gives ErrClosed, until Initialize. Closing again, or before
// Initialize, is no error.
func (p *Provider) Close() error {
	defer runtime.KeepAlive(p)
	return errorFrom(p.current().close())
}

// current is the session of the last Initialize, or one whose calls say that there was none.
func (p *Provider) current() *session {
	if s := p.session.Load(); s != nil {
		return s
	}
	return &session{registering: make(chan struct{}, 1)}
}

func checkVersion(library, header capi.Version) error {
	if library.Serves(header) {
		return nil
	}
	return fmt.Errorf("%w: libkubepeers %v is loaded, the program was built with kubepeers.h %v: install a library of that version or a later one",
		ErrIncompatibleLibrary, library, header)
}
