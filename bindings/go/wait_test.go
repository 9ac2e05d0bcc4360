package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestDeadlineReturnsReason(t *testing.T) {
	provider := unsyncedProvider(t)
	for _, name := range waitingCalls {
		t.Run(name, func(t *testing.T) {
			err := callWithDeadline(func(ctx context.Context) error {
				return calls[name](ctx, provider)
			})
			failure := requireStatus(t, err, kubepeers.ErrNotSynced)
			if !errors.Is(err, context.DeadlineExceeded) || !kubepeers.IsRetryable(err) {
				t.Errorf("got %v; want a retryable error that wraps %v", err, context.DeadlineExceeded)
			}
			if failure.Message == "" {
				t.Errorf("got %+v; want a message", failure)
			}
		})
	}
}

func TestCancelEndsWait(t *testing.T) {
	provider := unsyncedProvider(t)
	for _, name := range waitingCalls {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			returned := make(chan error)
			go func() { returned <- calls[name](ctx, provider) }()
			eventually(t, "the call waits", func() bool { return provider.Waiters() == 1 })
			cancel()
			if err := receive(t, returned); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v; want it to wrap %v", err, context.Canceled)
			}
		})
	}
}

func TestEndedContextReturnsOnlyItsError(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	registered, unregistered := c.register("self"), newProvider(t, c.config("self"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range append(waitingCalls, "Register") {
		for _, provider := range []*kubepeers.Provider{registered, unregistered} {
			if err := calls[name](ctx, provider); err != context.Canceled {
				t.Errorf("%s: got %v; want %v", name, err, context.Canceled)
			}
		}
	}
	for snapshot, err := range registered.Watch(ctx) {
		t.Errorf("Watch: got %v, %v; want no update", snapshot, err)
	}
	provider, err := kubepeers.Open(ctx, validConfig())
	if provider != nil || err != context.Canceled {
		t.Errorf("Open: got %v, %v; want nil, %v", provider, err, context.Canceled)
	}
	requireStatus(t, unregistered.Deregister(), kubepeers.ErrNotRegistered)
}

func TestNilContextIsError(t *testing.T) {
	provider := unsyncedProvider(t)
	var nilContext context.Context
	for _, name := range append(waitingCalls, "Register", "Watch") {
		failure := requireStatus(t, calls[name](nilContext, provider), kubepeers.ErrInvalidArgument)
		if want := "the context is nil"; failure.Message != want {
			t.Errorf("%s: got %q; want %q", name, failure.Message, want)
		}
	}
}

// withoutDeadline is a context that does not report its deadline.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// withError is a context that ends with another error.
type withError struct {
	context.Context
	err error
}

func (w withError) Err() error {
	if w.Context.Err() == nil {
		return nil
	}
	return w.err
}

func TestCustomContextEndsWait(t *testing.T) {
	provider := unsyncedProvider(t)
	errCustom := errors.New("an error of the program")
	for want, wrap := range map[error]func(context.Context) context.Context{
		context.DeadlineExceeded: func(ctx context.Context) context.Context {
			return withoutDeadline{ctx}
		},
		errCustom: func(ctx context.Context) context.Context {
			return withError{ctx, errCustom}
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		returned := make(chan error)
		go func() { returned <- provider.Refresh(wrap(ctx)) }()
		if err := receive(t, returned); !errors.Is(err, want) {
			t.Errorf("got %v; want it to wrap %v", err, want)
		}
	}
}

func TestCancelLeaksNoGoroutine(t *testing.T) {
	provider := unsyncedProvider(t)
	ctx, cancel := context.WithCancel(t.Context())
	for range 10 {
		for _, name := range append(waitingCalls, "Watch") {
			go calls[name](ctx, provider)
		}
	}
	eventually(t, "the watches run", func() bool {
		return strings.Contains(goroutines(t), "watch")
	})
	cancel()
	requireNoGoroutine(t)
	requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced)
}

func TestWaitingCallsBlockNoThread(t *testing.T) {
	const callsOfEach = 50
	provider := unsyncedProvider(t)
	eventually(t, "the library has opened the descriptors that it keeps", func() bool {
		return must[kubepeers.Health](t)(provider.Health()).Err != nil
	})
	before := descriptors(t)
	names := append(waitingCalls, "Watch")
	returned := make(chan error)
	for range callsOfEach {
		for _, name := range names {
			go func() { returned <- calls[name](t.Context(), provider) }()
		}
	}
	eventually(t, "all calls wait", func() bool {
		return provider.Waiters() == callsOfEach*len(names)
	})
	// While the library tries to connect, it also has a socket open.
	eventually(t, "at most two additional descriptors are open", func() bool {
		return descriptors(t) <= before+2
	})
	eventually(t, "no goroutine is in the library", func() bool {
		return !strings.Contains(goroutines(t), "runtime.cgocall")
	})
	requireNoError(t, provider.Close())
	for range callsOfEach * len(names) {
		requireStatus(t, receive(t, returned), kubepeers.ErrClosed)
	}
	eventually(t, "no additional descriptor is open", func() bool {
		return descriptors(t) <= before
	})
}

func TestManyWatchesNeedFewThreads(t *testing.T) {
	const watches, maxThreads = 5000, 100
	// With the GOMAXPROCS of a small machine, few calls would run concurrently.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self")
	before := descriptors(t)
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan error)
	for range watches {
		go func() { returned <- lastWatchError(ctx, provider) }()
	}
	updates := startWatch(t, ctx, provider)
	eventually(t, "all watches wait", func() bool { return provider.Waiters() == watches+1 })
	most := 0
	for i := range 40 {
		c.runningPod(fmt.Sprint("p", i), fmt.Sprint("10.1.1.", i))
		updates.waitFor(fmt.Sprint(i+1, " peers"), func(u update) bool {
			most = max(most, len(threads(t)))
			return u.snapshot.Len() == i+1
		})
	}
	if most > maxThreads {
		t.Errorf("got %d threads; want at most %d", most, maxThreads)
	}
	if now := descriptors(t); now > before+10 {
		t.Errorf("got %d descriptors; want at most %d", now, before+10)
	}
	cancel()
	for range watches {
		requireNoError(t, receive(t, returned))
	}
}

// A goroutine that is locked to its thread ends the thread when it returns. The
// library must not depend on the threads that call it.
func TestCallingThreadsMayEnd(t *testing.T) {
	provider := unsyncedProvider(t)
	returned := make(chan error)
	for range 200 {
		go func() {
			runtime.LockOSThread() // never unlocked
			returned <- discoverError(provider)
		}()
	}
	for range 200 {
		requireStatus(t, receive(t, returned), kubepeers.ErrNotSynced)
	}
	requireNoError(t, provider.Close())
}

func TestWaitingCallsReturnWhenPodIsVisible(t *testing.T) {
	c := newCluster(t)
	c.pendingPod("self")
	provider := c.register("self")
	returned := make(chan error)
	for _, name := range []string{"DiscoverPeers", "Self"} {
		go func() { returned <- calls[name](t.Context(), provider) }()
	}
	go func() { returned <- errorOf(provider.WaitForPeers(t.Context(), 0, 0)) }()
	eventually(t, "all calls wait", func() bool { return provider.Waiters() == 3 })
	c.runningPod("self", "10.1.0.1")
	for range 3 {
		requireNoError(t, receive(t, returned))
	}
}

func TestWaitingCallReturnsWhenRoleIsAdded(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	config := c.config("self")
	config.RegisterTimeout = -1
	c.setVerbs("")
	provider := newProvider(t, config)
	requireNoError(t, provider.Register(t.Context()))
	eventually(t, "the error is permanent", func() bool {
		return !kubepeers.IsRetryable(discoverError(provider))
	})
	returned := make(chan error)
	go func() { returned <- calls["DiscoverPeers"](t.Context(), provider) }()
	eventually(t, "DiscoverPeers waits", func() bool { return provider.Waiters() == 1 })
	c.setVerbs("list,watch")
	requireNoError(t, receive(t, returned))
}

// A list that only confirms the peers does not change the generation, but must end a wait.
func TestStaleResultIsRefreshed(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self", withoutPolls, func(c *kubepeers.Config) {
		c.MaxStale = time.Second
	})
	for _, name := range []string{"DiscoverPeers", "Self"} {
		eventually(t, "the result is stale", func() bool { return c.health(provider).Stale })
		ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
		defer cancel()
		requireNoError(t, calls[name](ctx, provider))
	}
}

func TestStaleResultIsNotReturned(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self", withShortMaxStale)
	requireNoError(t, errorOf(provider.DiscoverPeers(t.Context())))
	c.setVerbs("")
	var failure *kubepeers.Error
	eventually(t, "the result is stale because of an HTTP status", func() bool {
		// First the result only becomes old. Then the next request fails.
		err := discoverError(provider)
		return errors.Is(err, kubepeers.ErrStale) && errors.As(err, &failure) &&
			failure.HTTPStatus != 0
	})
	if failure.HTTPStatus != 403 {
		t.Errorf("got %+v; want HTTP status 403", failure)
	}
	if health := c.health(provider); !health.Stale || health.Age < time.Second {
		t.Errorf("got %+v; want a stale result that is older than 1 s", health)
	}
}

func TestClampedMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int32{
		0:                     0,
		1:                     1,
		time.Second:           1000,
		time.Second + 1:       1001,
		1000 * 24 * time.Hour: math.MaxInt32,
		math.MaxInt64:         math.MaxInt32,
	} {
		if got := kubepeers.ClampedMilliseconds(d); got != want {
			t.Errorf("%v: got %d; want %d", d, got, want)
		}
	}
}
