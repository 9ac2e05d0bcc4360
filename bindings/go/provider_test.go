package kubepeers_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestZeroProviderIsClosed(t *testing.T) {
	for name, provider := range map[string]*kubepeers.Provider{"zero": new(kubepeers.Provider), "nil": nil} {
		for call, f := range calls {
			t.Run(name+"/"+call, func(t *testing.T) {
				if failure := want(t, f(t.Context(), provider), kubepeers.ErrClosed); failure.Message != "the provider was not created by New" {
					t.Error(failure)
				}
			})
		}
		succeed(t, provider.Close())
	}
}

func TestBeforeRegister(t *testing.T) {
	provider := create(t, validConfig())
	for name, call := range calls {
		if name != "Register" {
			t.Run(name, func(t *testing.T) {
				failure := want(t, call(t.Context(), provider), kubepeers.ErrNotRegistered)
				if name != "Deregister" && !strings.Contains(failure.Message, "call Register first") {
					t.Error(failure)
				}
			})
		}
	}
}

func TestBeforeTheFirstList(t *testing.T) {
	provider := waiting(t)
	for _, name := range []string{"DiscoverPeers", "Self", "Explain", "ExplainTable"} {
		t.Run(name, func(t *testing.T) {
			want(t, untilDeadline(func(ctx context.Context) error { return calls[name](ctx, provider) }), kubepeers.ErrNotSynced)
		})
	}
}

func TestRegisterTwice(t *testing.T) {
	provider := waiting(t)
	want(t, provider.Register(t.Context()), kubepeers.ErrAlreadyRegistered)
	want(t, discover(provider), kubepeers.ErrNotSynced) // The first registration remains.
}

func TestRegisterAfterDeregister(t *testing.T) {
	provider := waiting(t)
	succeed(t, provider.Deregister())
	want(t, discover(provider), kubepeers.ErrNotRegistered)
	want(t, provider.Deregister(), kubepeers.ErrNotRegistered)
	succeed(t, provider.Register(t.Context()))
	if failure := want(t, discover(provider), kubepeers.ErrNotSynced); !failure.Retryable {
		t.Errorf("%v is not retryable", failure)
	}
}

func TestRegisterOutsideACluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // So that it is restored.
	succeed(t, os.Unsetenv("KUBERNETES_SERVICE_HOST"))
	provider := create(t, validConfig())
	for range 2 {
		failure := want(t, provider.Register(t.Context()), kubepeers.ErrNotInCluster)
		if failure.Message == "" || failure.Retryable {
			t.Errorf("%+v", failure)
		}
	}
	want(t, discover(provider), kubepeers.ErrNotRegistered)
}

func TestOpenRegisters(t *testing.T) {
	provider := must[*kubepeers.Provider](t)(kubepeers.Open(t.Context(), unreachable(t)))
	t.Cleanup(func() { provider.Close() })
	want(t, discover(provider), kubepeers.ErrNotSynced)
}

func TestOpenThatFailsLeavesNothingOpen(t *testing.T) {
	config := unreachable(t)
	config.RegisterTimeout = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	provider, err := kubepeers.Open(ctx, config)
	if provider != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, %v", provider, err)
	}
	eventually(t, "no thread is left", func() bool { return libraryThreads(t) == 0 })
}

func TestAfterClose(t *testing.T) {
	for state, provider := range map[string]*kubepeers.Provider{"new": create(t, validConfig()), "registered": waiting(t)} {
		succeed(t, provider.Close())
		succeed(t, provider.Close())
		for name, call := range calls {
			t.Run(state+"/"+name, func(t *testing.T) {
				if failure := want(t, call(t.Context(), provider), kubepeers.ErrClosed); !strings.Contains(failure.Message, "call New") {
					t.Error(failure)
				}
			})
		}
	}
}

func TestWaitingCallsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*kubepeers.Provider) error
		status kubepeers.Status
	}{
		"by Close":      {(*kubepeers.Provider).Close, kubepeers.ErrClosed},
		"by Deregister": {(*kubepeers.Provider).Deregister, kubepeers.ErrNotRegistered},
	} {
		t.Run(name, func(t *testing.T) {
			provider := waiting(t)
			callers := []string{"DiscoverPeers", "DiscoverPeers", "Self", "WaitForPeers", "WaitForPeers", "Refresh", "Refresh", "Watch", "Watch"}
			ended := make(chan error)
			for _, name := range callers {
				go func() { ended <- calls[name](t.Context(), provider) }()
			}
			eventually(t, "all wait", func() bool { return provider.Waiters() == len(callers) })
			succeed(t, c.end(provider))
			for range callers {
				select {
				case err := <-ended:
					want(t, err, c.status)
				case <-time.After(patience):
					t.Fatal("still waits")
				}
			}
		})
	}
}

func TestAllCallsAtOnce(t *testing.T) {
	for range 20 {
		provider := waiting(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		several := map[string]func(context.Context, *kubepeers.Provider) error{
			"Close": withoutContext((*kubepeers.Provider).Close), "Close again": withoutContext((*kubepeers.Provider).Close),
		}
		maps.Copy(several, calls)
		var group sync.WaitGroup
		for _, call := range several {
			group.Add(1)
			go func() { defer group.Done(); call(ctx, provider) }()
		}
		group.Wait()
		want(t, discover(provider), kubepeers.ErrClosed)
	}
}

// patient creates a provider whose Register waits for an API server that is away.
func patient(t *testing.T) *kubepeers.Provider {
	t.Helper()
	config := unreachable(t)
	config.RegisterTimeout = time.Hour
	return create(t, config)
}

// registering begins to register.
func registering(t *testing.T, provider *kubepeers.Provider) (cancel context.CancelFunc, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- provider.Register(ctx) }()
	return cancel, result
}

func TestCancelUndoesRegister(t *testing.T) {
	provider := patient(t)
	for range 3 {
		cancel, ended := registering(t, provider)
		eventually(t, "it waits", func() bool { return errors.Is(discover(provider), kubepeers.ErrNotSynced) })
		want(t, provider.Register(t.Context()), kubepeers.ErrAlreadyRegistered)
		cancel()
		err := <-ended
		if want(t, err, kubepeers.ErrNotSynced); !errors.Is(err, context.Canceled) || !kubepeers.IsRetryable(err) {
			t.Errorf("%v", err)
		}
		want(t, discover(provider), kubepeers.ErrNotRegistered)
		eventually(t, "no thread is left", func() bool { return libraryThreads(t) == 0 })
	}
}

// While Register reads files it cannot be undone: it is undone afterwards.
func TestCancelUndoesRegisterAtAnyMoment(t *testing.T) {
	for _, provider := range []*kubepeers.Provider{patient(t), create(t, unreachable(t))} {
		for i := range 500 {
			cancel, ended := registering(t, provider)
			time.Sleep(time.Duration(i) * time.Microsecond / 2)
			cancel()
			if err := <-ended; err == nil { // The second provider does not wait.
				succeed(t, provider.Deregister())
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			want(t, provider.Deregister(), kubepeers.ErrNotRegistered)
		}
	}
}

func TestCancelUndoesOnlyItsOwnRegistration(t *testing.T) {
	provider := waiting(t)
	for i := range 200 {
		cancel, ended := registering(t, provider)
		time.Sleep(time.Duration(i) * time.Microsecond / 4)
		cancel()
		if err := <-ended; err != context.Canceled {
			want(t, err, kubepeers.ErrAlreadyRegistered)
		}
		want(t, discover(provider), kubepeers.ErrNotSynced)
	}
}

// The call that Deregister has ended may not have returned yet.
func TestRegisterAfterTheEndOfARegistration(t *testing.T) {
	provider := patient(t)
	for range 300 {
		ended := make(chan error)
		go func() { ended <- provider.Register(t.Context()) }()
		for provider.Deregister() != nil { // until it has begun
			runtime.Gosched()
		}
		cancel, again := registering(t, provider)
		eventually(t, "it waits, or has failed", func() bool { return len(again) > 0 || errors.Is(discover(provider), kubepeers.ErrNotSynced) })
		want(t, <-ended, kubepeers.ErrNotRegistered)
		cancel()
		want(t, <-again, kubepeers.ErrNotSynced)
	}
}

func TestCancelAfterRegisterHasNoEffect(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := create(t, c.config("self"))
	ctx, cancel := context.WithCancel(t.Context())
	succeed(t, provider.Register(ctx))
	cancel()
	time.Sleep(20 * time.Millisecond) // An effect would have come by now.
	succeed(t, discover(provider))
}

func TestForbiddenNamesTheRole(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	config := c.config("self")
	c.allow("watch")
	failure := want(t, create(t, config).Register(t.Context()), kubepeers.ErrForbidden)
	if failure.HTTPStatus != 403 || failure.Retryable || !strings.Contains(failure.Message, "watch") || !strings.Contains(failure.Manifest, "kind: RoleBinding") {
		t.Errorf("%+v", failure)
	}
}
