package kubepeers

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// Provider finds the peers of this process. It is a discovery.Provider of GoAkt,
// and tells more than that asks for. Any number of goroutines may use it at once.
type Provider struct {
	settings settings.Settings
	invalid  error // why the Config could not become settings

	mutex  sync.Mutex // never held during a call that can block, or Close could not end that call
	handle capi.Provider
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
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if err := checkVersion(capi.LibraryVersion(), capi.HeaderVersion); err != nil {
		return err
	}
	if p.invalid != nil {
		return p.invalid
	}
	if failure := capi.Init(p.settings.Pairs, &p.handle); failure != nil {
		return errorFrom(failure)
	}
	// For a provider that nobody closes. After Close it does nothing.
	runtime.AddCleanup(p, func(handle capi.Provider) { handle.Close() }, p.handle)
	if p.settings.Initialized != nil {
		p.settings.Initialized(p.handle)
	}
	return nil
}

// Register finds the credentials and the own pod, starts to watch the pods,
// and waits for a first view of them: see WithRegisterTimeout.
//
// What may mend itself, such as a server that cannot be reached, is no error
// here: DiscoverPeers gives ErrNotSynced until it is mended. After an error
// Register may be called again.
func (p *Provider) Register() error {
	return p.call(func(handle capi.Provider) *capi.Failure { return handle.Register(capi.DefaultTimeout) })
}

// Deregister stops watching, and ends calls that wait with ErrNotRegistered.
// Register may be called again.
func (p *Provider) Deregister() error {
	return p.call(capi.Provider.Deregister)
}

// DiscoverPeers gives the addresses of the peers, "ip:port" with IPv6 in
// brackets, sorted, without the own pod. It answers from memory.
//
// An empty answer means that this pod is alone, never that nothing is known
// yet: until enough is known it waits (see WithDiscoverTimeout) and then gives
// ErrNotSynced or ErrSelfNotVisible. The slice is not nil on success, and the
// caller's own. A call that waits occupies a thread.
func (p *Provider) DiscoverPeers() ([]string, error) {
	peers, err := ask(p, func(handle capi.Provider) (capi.Peers, *capi.Failure) {
		return handle.DiscoverPeers(capi.DefaultTimeout)
	})
	return peers.Addresses, err
}

// Refresh has the pods listed anew and waits for it: after success, what is
// answered is of the moment of this call or later. Without it, answers are as
// new as the watch, which as a rule is milliseconds behind. It is for a process
// that is about to found a cluster, not for every question: it costs the API
// server a list, of which there is at most one a second.
//
// If nothing newer comes in time it gives ErrStale, or ErrNotSynced where
// nothing has ever been read. A timeout of 0 only asks for the list, and so
// gives one of the two. A call that waits occupies a thread.
func (p *Provider) Refresh(timeout time.Duration) error {
	return p.call(func(handle capi.Provider) *capi.Failure { return handle.Refresh(milliseconds(timeout)) })
}

// Close ends the provider, and calls that wait with ErrClosed. From then on
// every method gives ErrClosed, until Initialize. Closing again, or before
// Initialize, is no error.
func (p *Provider) Close() error {
	return p.call(capi.Provider.Close)
}

func (p *Provider) call(body func(capi.Provider) *capi.Failure) error {
	p.mutex.Lock()
	handle := p.handle
	p.mutex.Unlock()
	// A call must not be closed by the cleanup when its caller has no other use for p.
	defer runtime.KeepAlive(p)
	return errorFrom(body(handle))
}

// ask is call for what has a result, which is zero after a failure.
func ask[T any](p *Provider, body func(capi.Provider) (T, *capi.Failure)) (result T, err error) {
	err = p.call(func(handle capi.Provider) *capi.Failure {
		answer, failure := body(handle)
		if failure == nil {
			result = answer
		}
		return failure
	})
	return result, err
}

func checkVersion(library, header capi.Version) error {
	if library.Serves(header) {
		return nil
	}
	return fmt.Errorf("%w: libkubepeers %v is loaded, the program was built with kubepeers.h %v: install the library of that version, or build again",
		ErrIncompatibleLibrary, library, header)
}
