package kubepeers_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

func TestCallsWithoutRegistrationFail(t *testing.T) {
	closed := func(provider *kubepeers.Provider) *kubepeers.Provider {
		requireNoError(t, provider.Close())
		return provider
	}
	for state, c := range map[string]struct {
		provider *kubepeers.Provider
		status   kubepeers.Status
		message  string
	}{
		"nil": {nil, kubepeers.ErrClosed, "not created by New"},
		"zero": {
			new(kubepeers.Provider), kubepeers.ErrClosed, "not created by New",
		},
		"new": {
			newProvider(t, validConfig()), kubepeers.ErrNotRegistered, "call Register first",
		},
		"closed": {
			closed(newProvider(t, validConfig())), kubepeers.ErrClosed, "call New",
		},
		"closed while registered": {
			closed(unsyncedProvider(t)), kubepeers.ErrClosed, "call New",
		},
	} {
		for name, call := range calls {
			if name == "Register" && c.status == kubepeers.ErrNotRegistered {
				continue
			}
			t.Run(state+"/"+name, func(t *testing.T) {
				failure := requireStatus(t, call(t.Context(), c.provider), c.status)
				if name == "Deregister" && c.status == kubepeers.ErrNotRegistered {
					return // The message must not ask the caller to call Register.
				}
				if !strings.Contains(failure.Message, c.message) {
					t.Errorf("got %q; want it to contain %q", failure.Message, c.message)
				}
			})
		}
		requireNoError(t, c.provider.Close())
	}
}

func TestRegisterAndDeregister(t *testing.T) {
	provider := unsyncedProvider(t)
	requireStatus(t, provider.Register(t.Context()), kubepeers.ErrAlreadyRegistered)
	requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced) // The registration remains.
	requireNoError(t, provider.Deregister())
	requireStatus(t, discoverError(provider), kubepeers.ErrNotRegistered)
	requireStatus(t, provider.Deregister(), kubepeers.ErrNotRegistered)
	requireNoError(t, provider.Register(t.Context()))
	failure := requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced)
	if !failure.Retryable {
		t.Errorf("got %+v; want a retryable error", failure)
	}
}

func TestRegisterOutsideClusterFails(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // Setenv restores it after the test.
	requireNoError(t, os.Unsetenv("KUBERNETES_SERVICE_HOST"))
	provider := newProvider(t, validConfig())
	for range 2 {
		err := provider.Register(t.Context())
		failure := requireStatus(t, err, kubepeers.ErrNotInCluster)
		want := "set Config.Kubeconfig and Config.Membership = Observer"
		if failure.Retryable || !strings.Contains(failure.Message, want) {
			t.Errorf("got %+v; want %q, and not retryable", failure, want)
		}
	}
	requireStatus(t, discoverError(provider), kubepeers.ErrNotRegistered)
}

func TestRegisterReturnsMissingRole(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	config := c.config("self")
	c.setVerbs("watch")
	err := newProvider(t, config).Register(t.Context())
	failure := requireStatus(t, err, kubepeers.ErrForbidden)
	if failure.HTTPStatus != 403 || failure.Retryable {
		t.Errorf("got %+v; want HTTP status 403, and not retryable", failure)
	}
	if !strings.Contains(failure.Message, "watch") {
		t.Errorf("got message %q; want it to contain %q", failure.Message, "watch")
	}
	if !strings.Contains(failure.Manifest, "kind: RoleBinding") {
		t.Errorf("got manifest %q; want a RoleBinding", failure.Manifest)
	}
}

func TestOpenLeavesNothingOpenAfterError(t *testing.T) {
	config := unreachableConfig(t)
	config.RegisterTimeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	provider, err := kubepeers.Open(ctx, config)
	if provider != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v; want nil, %v", provider, err, context.DeadlineExceeded)
	}
	requireNoLibraryThread(t)

	provider, err = kubepeers.Open(t.Context(), kubepeers.Config{})
	requireStatus(t, err, kubepeers.ErrInvalidConfig)
	if provider != nil {
		t.Errorf("got %v with error %v; want nil", provider, err)
	}
}

func TestCancelUndoesRegister(t *testing.T) {
	provider := blockingProvider(t)
	for range 3 {
		cancel, returned := startRegister(t, provider)
		eventually(t, "Register waits", func() bool {
			return errors.Is(discoverError(provider), kubepeers.ErrNotSynced)
		})
		requireStatus(t, provider.Register(t.Context()), kubepeers.ErrAlreadyRegistered)
		cancel()
		err := receive(t, returned)
		requireStatus(t, err, kubepeers.ErrNotSynced)
		if !errors.Is(err, context.Canceled) || !kubepeers.IsRetryable(err) {
			t.Errorf("got %v; want a retryable error that wraps %v", err, context.Canceled)
		}
		requireStatus(t, discoverError(provider), kubepeers.ErrNotRegistered)
		requireNoLibraryThread(t)
	}
}

// A context cannot interrupt Register while it reads files. Register is undone afterwards.
func TestCancelAtAnyMomentUndoesRegister(t *testing.T) {
	waits, doesNotWait := blockingProvider(t), newProvider(t, unreachableConfig(t))
	for _, provider := range []*kubepeers.Provider{waits, doesNotWait} {
		for i := range 500 {
			cancel, returned := startRegister(t, provider)
			time.Sleep(time.Duration(i) * time.Microsecond / 2)
			cancel()
			err := receive(t, returned)
			if err == nil && provider == doesNotWait {
				requireNoError(t, provider.Deregister())
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v; want %v", err, context.Canceled)
			}
			requireStatus(t, provider.Deregister(), kubepeers.ErrNotRegistered)
		}
	}
}

func TestCancelKeepsRegistrationOfAnotherCall(t *testing.T) {
	provider := unsyncedProvider(t)
	for i := range 200 {
		cancel, returned := startRegister(t, provider)
		time.Sleep(time.Duration(i) * time.Microsecond / 4)
		cancel()
		if err := receive(t, returned); err != context.Canceled {
			requireStatus(t, err, kubepeers.ErrAlreadyRegistered)
		}
		requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced)
	}
}

// The Register that Deregister has ended may still run when the next one begins.
func TestRegisterAfterDeregisterDuringRegister(t *testing.T) {
	provider := blockingProvider(t)
	for range 300 {
		first := make(chan error)
		go func() { first <- provider.Register(t.Context()) }()
		for provider.Deregister() != nil { // until the first one has begun
			runtime.Gosched()
		}
		cancel, second := startRegister(t, provider)
		eventually(t, "the second Register waits or has failed", func() bool {
			return len(second) > 0 || errors.Is(discoverError(provider), kubepeers.ErrNotSynced)
		})
		requireStatus(t, receive(t, first), kubepeers.ErrNotRegistered)
		cancel()
		requireStatus(t, receive(t, second), kubepeers.ErrNotSynced)
	}
}

func TestCancelAfterRegisterHasNoEffect(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := newProvider(t, c.config("self"))
	ctx, cancel := context.WithCancel(t.Context())
	requireNoError(t, provider.Register(ctx))
	cancel()
	time.Sleep(20 * time.Millisecond) // time for an effect
	requireNoError(t, discoverError(provider))
}

func TestCloseAndDeregisterEndWaitingCalls(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*kubepeers.Provider) error
		status kubepeers.Status
	}{
		"Close":      {(*kubepeers.Provider).Close, kubepeers.ErrClosed},
		"Deregister": {(*kubepeers.Provider).Deregister, kubepeers.ErrNotRegistered},
	} {
		t.Run(name, func(t *testing.T) {
			provider := unsyncedProvider(t)
			callers := []string{
				"DiscoverPeers", "DiscoverPeers", "Self", "WaitForPeers", "WaitForPeers",
				"Refresh", "Refresh", "Watch", "Watch",
			}
			returned := make(chan error)
			for _, name := range callers {
				go func() { returned <- calls[name](t.Context(), provider) }()
			}
			eventually(t, "all calls wait", func() bool {
				return provider.Waiters() == len(callers)
			})
			requireNoError(t, c.end(provider))
			for range callers {
				requireStatus(t, receive(t, returned), c.status)
			}
		})
	}
}

func TestConcurrentCallsAndClose(t *testing.T) {
	concurrent := maps.Clone(calls)
	concurrent["Close"] = withoutContext((*kubepeers.Provider).Close)
	concurrent["second Close"] = withoutContext((*kubepeers.Provider).Close)
	for range 20 {
		provider := unsyncedProvider(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		var group sync.WaitGroup
		for _, call := range concurrent {
			group.Add(1)
			go func() { defer group.Done(); call(ctx, provider) }()
		}
		group.Wait()
		requireStatus(t, discoverError(provider), kubepeers.ErrClosed)
	}
}

func TestOpenAndCloseLeakNoThreadOrDescriptor(t *testing.T) {
	runInSubprocess(t, 0, func(t *testing.T) {
		config := unreachableConfig(t)
		openAndClose := func() {
			provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), config))
			requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced)
			requireNoError(t, provider.Close())
		}
		openAndClose() // Go and the library open descriptors that they keep.
		requireNoLibraryThread(t)
		before := descriptors(t)
		for range 1000 {
			openAndClose()
		}
		eventually(t, "no additional descriptor is open", func() bool {
			return descriptors(t) <= before
		})
		requireNoLibraryThread(t)
	})
}

func TestProviderHasOneThread(t *testing.T) {
	provider := unsyncedProvider(t)
	eventually(t, "the library has one thread", func() bool { return len(libraryThreads(t)) == 1 })
	requireNoError(t, provider.Close())
	requireNoLibraryThread(t)
}

func TestCloseEndsAllGoroutines(t *testing.T) {
	provider := newProvider(t, newLogRecorder(slog.LevelDebug).config(t))
	requireNoError(t, provider.Register(t.Context()))
	returned := make(chan error)
	go func() { returned <- lastWatchError(t.Context(), provider) }()
	go func() { returned <- provider.Refresh(t.Context()) }()
	eventually(t, "the logger, the watch and the refresh run", func() bool {
		stacks := goroutines(t)
		return strings.Contains(stacks, "forward") && strings.Contains(stacks, "watch") &&
			strings.Contains(stacks, "Refresh")
	})
	requireNoError(t, provider.Close())
	for range 2 {
		requireStatus(t, receive(t, returned), kubepeers.ErrClosed)
	}
	requireNoGoroutine(t)
}

func TestUnreferencedProviderIsClosed(t *testing.T) {
	config := newLogRecorder(slog.LevelDebug).config(t)
	var handle capi.Provider
	func() {
		provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), config))
		handle = provider.Handle()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		go lastWatchError(ctx, provider)
		go provider.Refresh(ctx)
	}()
	eventually(t, "the garbage collector closes the provider", func() bool {
		runtime.GC()
		failure := handle.Deregister()
		return failure != nil && failure.Status == capi.Closed
	})
	requireNoGoroutine(t)
}

func TestProviderIsNotClosedDuringCall(t *testing.T) {
	config := unreachableConfig(t)
	for _, name := range []string{"DiscoverPeers", "Watch"} {
		returned := make(chan error)
		go func() {
			// No other goroutine has a reference to the provider.
			provider, err := kubepeers.Open(t.Context(), config)
			if err != nil {
				returned <- err
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			returned <- calls[name](ctx, provider)
		}()
		for done := false; !done; {
			select {
			case err := <-returned:
				requireStatus(t, err, kubepeers.ErrNotSynced)
				done = true
			default:
				runtime.GC()
			}
		}
	}
}

func TestClosedProvidersKeepNoMemory(t *testing.T) {
	heap := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // The second one empties pools.
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	config := validConfig()
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	newAndClose := func() {
		requireNoError(t, must[*kubepeers.Provider](t)(kubepeers.New(config)).Close())
	}
	const count = 5000
	for range 100 {
		newAndClose()
	}
	before := heap()
	for range count {
		newAndClose()
	}
	// A session has more than 50 bytes. Goroutines of the last providers may still run.
	eventually(t, "a closed provider keeps at most 50 bytes", func() bool {
		return heap()-before <= 50*count
	})
}
