package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// goakt is the interface that GoAkt asks of a discovery provider.
type goakt interface {
	ID() string
	Initialize() error
	Register() error
	Deregister() error
	DiscoverPeers() ([]string, error)
	Close() error
}

func TestProviderIsOneOfGoAkt(t *testing.T) {
	var provider goakt = kubepeers.New(kubepeers.Config{})
	if id := provider.ID(); id != "kubernetes" {
		t.Errorf("ID is %q", id)
	}
}

// calls are those that need a provider that lives. The context is for those that take one.
var calls = map[string]func(context.Context, *kubepeers.Provider) error{
	"Register":      without((*kubepeers.Provider).Register),
	"Deregister":    without((*kubepeers.Provider).Deregister),
	"DiscoverPeers": without(discover),
	"Nodes":         without(func(p *kubepeers.Provider) error { return failureOf(p.Nodes()) }),
	"Health":        without(func(p *kubepeers.Provider) error { return failureOf(p.Health()) }),
	"Explain":       without(func(p *kubepeers.Provider) error { return failureOf(p.Explain()) }),
	"ExplainTable":  without(func(p *kubepeers.Provider) error { return failureOf(p.ExplainTable()) }),
	"Metrics":       without(func(p *kubepeers.Provider) error { return failureOf(p.Metrics()) }),

	"RegisterContext": func(ctx context.Context, p *kubepeers.Provider) error { return p.RegisterContext(ctx) },
	"DiscoverPeersContext": func(ctx context.Context, p *kubepeers.Provider) error {
		return failureOf(p.DiscoverPeersContext(ctx))
	},
	"Self":         func(ctx context.Context, p *kubepeers.Provider) error { return failureOf(p.Self(ctx)) },
	"Wait":         func(ctx context.Context, p *kubepeers.Provider) error { return failureOf(p.Wait(ctx, 0)) },
	"WaitForPeers": func(ctx context.Context, p *kubepeers.Provider) error { return failureOf(p.WaitForPeers(ctx, 1, 0)) },
	"Refresh":      func(ctx context.Context, p *kubepeers.Provider) error { return p.Refresh(ctx) },
	"Watch":        func(ctx context.Context, p *kubepeers.Provider) error { return lastOf(p.Watch(ctx)).Err },
}

func without(call func(*kubepeers.Provider) error) func(context.Context, *kubepeers.Provider) error {
	return func(_ context.Context, provider *kubepeers.Provider) error { return call(provider) }
}

func lastOf(updates <-chan kubepeers.Update) (last kubepeers.Update) {
	for last = range updates {
	}
	return last
}

// failureOf also sees to it that there is no result beside an error.
func failureOf[T any](result T, err error) error {
	if err != nil && !reflect.ValueOf(&result).Elem().IsZero() {
		return fmt.Errorf("%+v beside %v", result, err)
	}
	return err
}

func discover(provider *kubepeers.Provider) error {
	return failureOf(provider.DiscoverPeers())
}

func TestBeforeInitialize(t *testing.T) {
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			want(t, call(t.Context(), kubepeers.New(validConfig())), kubepeers.ErrNotInitialized)
		})
	}
}

func TestAfterInitializeFailed(t *testing.T) {
	provider := kubepeers.New(kubepeers.Config{})
	want(t, provider.Initialize(), kubepeers.ErrInvalidConfig)
	want(t, provider.Initialize(), kubepeers.ErrInvalidConfig)
	want(t, provider.Register(), kubepeers.ErrNotInitialized)
	succeed(t, provider.Close())
}

func TestInitializeTwice(t *testing.T) {
	provider := initialized(t, validConfig())
	want(t, provider.Initialize(), kubepeers.ErrAlreadyInitialized)
	want(t, provider.Deregister(), kubepeers.ErrNotRegistered) // It still lives.
}

func TestBeforeRegister(t *testing.T) {
	provider := initialized(t, validConfig())
	for name, call := range calls {
		if !strings.HasPrefix(name, "Register") {
			t.Run(name, func(t *testing.T) { want(t, call(t.Context(), provider), kubepeers.ErrNotRegistered) })
		}
	}
}

func TestBeforeThePodsHaveBeenRead(t *testing.T) {
	provider := waiting(t, 0)
	for _, name := range []string{"DiscoverPeers", "Nodes", "Explain", "ExplainTable"} {
		t.Run(name, func(t *testing.T) { want(t, calls[name](t.Context(), provider), kubepeers.ErrNotSynced) })
	}
}

func TestRegisterTwice(t *testing.T) {
	provider := waiting(t, 0)
	want(t, provider.Register(), kubepeers.ErrAlreadyRegistered)
	want(t, discover(provider), kubepeers.ErrNotSynced) // The first registration goes on.
}

func TestRegisterAfterDeregister(t *testing.T) {
	provider := waiting(t, 0)
	succeed(t, provider.Deregister())
	want(t, discover(provider), kubepeers.ErrNotRegistered)
	want(t, provider.Deregister(), kubepeers.ErrNotRegistered)
	succeed(t, provider.Register())
	failure := want(t, discover(provider), kubepeers.ErrNotSynced)
	if !failure.Retryable {
		t.Errorf("%v is not retryable", failure)
	}
}

func TestRegisterOutsideACluster(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "") // For the sake of its restoration.
	succeed(t, os.Unsetenv("KUBERNETES_SERVICE_HOST"))
	provider := initialized(t, validConfig())
	for range 2 {
		failure := want(t, provider.Register(), kubepeers.ErrNotInCluster)
		if failure.Message == "" || failure.Retryable {
			t.Errorf("%+v", failure)
		}
	}
	want(t, discover(provider), kubepeers.ErrNotRegistered)
}

func TestAfterClose(t *testing.T) {
	for state, c := range map[string]struct {
		provider *kubepeers.Provider
		status   kubepeers.Status
	}{
		"new":         {kubepeers.New(validConfig()), kubepeers.ErrNotInitialized},
		"initialized": {initialized(t, validConfig()), kubepeers.ErrClosed},
		"registered":  {waiting(t, 0), kubepeers.ErrClosed},
	} {
		succeed(t, c.provider.Close())
		succeed(t, c.provider.Close())
		for name, call := range calls {
			t.Run(state+"/"+name, func(t *testing.T) { want(t, call(t.Context(), c.provider), c.status) })
		}
		t.Run(state+"/Initialize", func(t *testing.T) {
			succeed(t, c.provider.Initialize())
			want(t, discover(c.provider), kubepeers.ErrNotRegistered)
			succeed(t, c.provider.Close())
		})
	}
}

func TestCallsThatWaitAreEnded(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*kubepeers.Provider) error
		status kubepeers.Status
	}{
		"by Close":      {(*kubepeers.Provider).Close, kubepeers.ErrClosed},
		"by Deregister": {(*kubepeers.Provider).Deregister, kubepeers.ErrNotRegistered},
	} {
		t.Run(name, func(t *testing.T) {
			provider := waiting(t, time.Hour)
			callers := []string{"DiscoverPeers", "DiscoverPeers", "Nodes", "DiscoverPeersContext", "Wait", "WaitForPeers", "WaitForPeers",
				"Refresh", "Refresh", "Watch", "Watch"}
			ended := make(chan error)
			for _, name := range callers {
				go func() { ended <- calls[name](t.Context(), provider) }()
			}
			select {
			case err := <-ended:
				t.Fatalf("did not wait: %v", err)
			case <-time.After(100 * time.Millisecond): // Time to begin to wait; a late one is ended all the same.
			}
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

func TestEverythingAtOnce(t *testing.T) {
	for range 20 {
		provider := waiting(t, 10*time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		several := []func(context.Context, *kubepeers.Provider) error{
			without((*kubepeers.Provider).Initialize), without((*kubepeers.Provider).Close), without((*kubepeers.Provider).Close),
		}
		several = slices.AppendSeq(several, maps.Values(calls))
		var group sync.WaitGroup
		for _, call := range several {
			group.Add(1)
			go func() { defer group.Done(); call(ctx, provider) }()
		}
		group.Wait()
		succeed(t, provider.Close()) // Initialize may have been the last.
		want(t, discover(provider), kubepeers.ErrClosed)
	}
}

func TestInitializeAndCloseAtOnce(t *testing.T) {
	for range 100 {
		provider := kubepeers.New(validConfig())
		done := make(chan error)
		go func() { done <- provider.Initialize() }()
		succeed(t, provider.Close())
		succeed(t, <-done)
		succeed(t, provider.Close())
		want(t, discover(provider), kubepeers.ErrClosed)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		provider := waiting(t, 0)
		want(t, discover(provider), kubepeers.ErrNotSynced)
		// A thread gives itself its name, and stays in /proc a moment longer than it can be joined.
		eventually(t, "there is a thread", func() bool { return libraryThreads(t) == 1 })
		succeed(t, provider.Close())
		eventually(t, "there is no thread", func() bool { return libraryThreads(t) == 0 })
	}
	eventually(t, "the goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

func libraryThreads(t *testing.T) int {
	t.Helper()
	n := 0
	for _, task := range must[[]os.DirEntry](t)(os.ReadDir("/proc/self/task")) {
		name, err := os.ReadFile("/proc/self/task/" + task.Name() + "/comm")
		if err == nil && strings.HasPrefix(string(name), "kubepeers") { // A thread of another kind may just have ended.
			n++
		}
	}
	return n
}

func TestProviderInUseIsNotForgotten(t *testing.T) {
	options := unreachable(t, 500*time.Millisecond)
	result := make(chan error)
	go func() {
		provider := kubepeers.New(validConfig(), options...) // Nobody but this goroutine knows it.
		result <- errors.Join(provider.Initialize(), provider.Register(), discover(provider))
	}()
	for {
		select {
		case err := <-result:
			want(t, err, kubepeers.ErrNotSynced)
			return
		default:
			runtime.GC()
		}
	}
}
