package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestDeadline(t *testing.T) {
	provider := waiting(t)
	for _, name := range waits {
		t.Run(name, func(t *testing.T) {
			err := untilDeadline(func(ctx context.Context) error { return calls[name](ctx, provider) })
			failure := want(t, err, kubepeers.ErrNotSynced)
			if !errors.Is(err, context.DeadlineExceeded) || !kubepeers.IsRetryable(err) || failure.Message == "" {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCancelEndsTheWait(t *testing.T) {
	provider := waiting(t)
	for _, name := range append(waits, "Watch") {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			ended := make(chan error)
			go func() { ended <- calls[name](ctx, provider) }()
			eventually(t, "it waits", func() bool { return provider.Waiters() == 1 })
			cancel()
			if err := <-ended; name != "Watch" && !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestContextThatHasEnded(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	registered, unregistered := c.register("self"), create(t, c.config("self"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range append(waits, "Register") {
		for _, provider := range []*kubepeers.Provider{registered, unregistered} {
			if err := calls[name](ctx, provider); err != context.Canceled {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for snapshot, err := range registered.Watch(ctx) {
		t.Errorf("%v, %v", snapshot, err)
	}
	if provider, err := kubepeers.Open(ctx, validConfig()); provider != nil || err != context.Canceled {
		t.Errorf("%v, %v", provider, err)
	}
	want(t, unregistered.Deregister(), kubepeers.ErrNotRegistered)
}

func TestNilContextIsAnError(t *testing.T) {
	provider := waiting(t)
	var none context.Context
	for _, name := range append(waits, "Register", "Watch") {
		if failure := want(t, calls[name](none, provider), kubepeers.ErrInvalidArgument); failure.Message != "the context is nil" {
			t.Errorf("%s: %v", name, failure)
		}
	}
}

// withoutDeadline is a context that does not tell its deadline, as one that is merged
// from several.
type withoutDeadline struct{ context.Context }

func (withoutDeadline) Deadline() (time.Time, bool) { return time.Time{}, false }

// withError is a context that ends with an error of its own.
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

func TestAnyContextEndsTheWait(t *testing.T) {
	provider := waiting(t)
	because := errors.New("a reason of the program")
	for reason, wrap := range map[error]func(context.Context) context.Context{
		context.DeadlineExceeded: func(ctx context.Context) context.Context { return withoutDeadline{ctx} },
		because:                  func(ctx context.Context) context.Context { return withError{ctx, because} },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		ended := make(chan error)
		go func() { ended <- provider.Refresh(wrap(ctx)) }()
		select {
		case err := <-ended:
			if !errors.Is(err, reason) {
				t.Errorf("%v", err)
			}
		case <-time.After(patience):
			t.Fatal("still waits")
		}
	}
}

func TestCancelledCallsDoNotPileUp(t *testing.T) {
	provider := waiting(t)
	for range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(time.Millisecond, cancel)
		if err := provider.Refresh(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	// Threads of earlier tests may still end. Those that pile up would not.
	eventually(t, "there are 100 threads at most", func() bool { return len(threads(t)) <= 100 })
}

func TestWaitingParksNoThread(t *testing.T) {
	const callers = 50
	provider := waiting(t)
	// By then the library has opened what it keeps.
	eventually(t, "it has tried to connect", func() bool { return must[kubepeers.Health](t)(provider.Health()).Err != nil })
	files := descriptors(t)
	waits := append(waits, "Watch")
	ended := make(chan error)
	for range callers {
		for _, name := range waits {
			go func() { ended <- calls[name](t.Context(), provider) }()
		}
	}
	eventually(t, "all wait", func() bool { return provider.Waiters() == callers*len(waits) })
	// While the library tries to connect there is a socket, too.
	eventually(t, "there are two more descriptors at most", func() bool { return descriptors(t) <= files+2 })
	eventually(t, "no goroutine is in the library", func() bool { return !strings.Contains(goroutines(t), "runtime.cgocall") })
	succeed(t, provider.Close())
	for range callers * len(waits) {
		want(t, <-ended, kubepeers.ErrClosed)
	}
	eventually(t, "no descriptor is left", func() bool { return descriptors(t) <= files })
}

func TestManyWaitersCostNoThreads(t *testing.T) {
	const callers = 5000
	// As on a large machine: on a small one so many could not call at once.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(64))
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	files := descriptors(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for range callers {
		go func() { ended <- lastOfWatch(ctx, provider) }()
	}
	updates := follow(t, ctx, provider)
	eventually(t, "all wait", func() bool { return provider.Waiters() == callers+1 })
	most := 0
	for i := range 40 {
		address := fmt.Sprint("10.1.1.", i)
		c.pod(fmt.Sprint("p", i), address)
		updates.until("the next one", func(u update) bool {
			most = max(most, len(threads(t)))
			return u.snapshot.Len() == i+1
		})
	}
	if now := descriptors(t); most > 100 || now > files+10 {
		t.Errorf("%d threads; %d descriptors, %d before", most, now, files)
	}
	cancel()
	for range callers {
		succeed(t, <-ended)
	}
}

func TestWaitsEndWithAResult(t *testing.T) {
	c := newCluster(t)
	c.pendingSelf()
	provider := c.register("self")
	ended := make(chan error)
	for _, name := range []string{"DiscoverPeers", "Self"} {
		go func() { ended <- calls[name](t.Context(), provider) }()
	}
	go func() { ended <- errorOf(provider.WaitForPeers(t.Context(), 0, 0)) }()
	eventually(t, "all wait", func() bool { return provider.Waiters() == 3 })
	c.pod("self", "10.1.0.1")
	for range 3 {
		succeed(t, <-ended)
	}
}

func TestWaitsEndWhenAnOperatorFixesThePermissions(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	config := c.config("self")
	config.RegisterTimeout = -1
	c.allow("")
	provider := create(t, config)
	succeed(t, provider.Register(t.Context()))
	eventually(t, "the error is permanent", func() bool { return !kubepeers.IsRetryable(discover(provider)) })
	ended := make(chan error)
	go func() { ended <- calls["DiscoverPeers"](t.Context(), provider) }()
	eventually(t, "it waits", func() bool { return provider.Waiters() == 1 })
	c.allow("list,watch")
	succeed(t, <-ended)
}

// That a result is no longer too old is not a change of the peers.
func TestResultThatIsTooOldIsRefreshed(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", pollingRarely, func(c *kubepeers.Config) { c.MaxStale = time.Second })
	for _, name := range []string{"DiscoverPeers", "Self"} {
		eventually(t, "it is too old", func() bool { return must[kubepeers.Health](t)(provider.Health()).Stale })
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		succeed(t, calls[name](ctx, provider))
	}
}

func TestResultThatIsTooOldIsNotReturned(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", func(c *kubepeers.Config) {
		c.MaxStale, c.WatchMode, c.PollInterval = time.Second, kubepeers.PollOnly, time.Second
	})
	succeed(t, errorOf(provider.DiscoverPeers(t.Context())))
	c.allow("")
	var failure *kubepeers.Error
	eventually(t, "there is no result", func() bool {
		// At first it is only old. That the account may not list shows a moment later.
		err := discover(provider)
		return errors.Is(err, kubepeers.ErrStale) && errors.As(err, &failure) && failure.HTTPStatus != 0
	})
	if failure.HTTPStatus != 403 {
		t.Errorf("%+v", failure)
	}
	if health := must[kubepeers.Health](t)(provider.Health()); !health.Stale || health.Age < time.Second {
		t.Errorf("%+v", health)
	}
}

func threads(t *testing.T) []os.DirEntry {
	t.Helper()
	return must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task"))
}
