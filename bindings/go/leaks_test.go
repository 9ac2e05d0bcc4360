package kubepeers_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// goroutines gives the stacks of those that are in this package.
func goroutines(t *testing.T) string {
	t.Helper()
	var profile bytes.Buffer
	succeed(t, pprof.Lookup("goroutine").WriteTo(&profile, 1))
	var found []string
	for _, stack := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(stack, "kubepeers/bindings/go.") {
			found = append(found, stack)
		}
	}
	return strings.Join(found, "\n\n")
}

func noGoroutines(t *testing.T) {
	t.Helper()
	last := ""
	defer func() {
		if t.Failed() {
			t.Log(last)
		}
	}()
	eventually(t, "no goroutine is left", func() bool { last = goroutines(t); return last == "" })
}

func logged(t *testing.T) *kubepeers.Provider {
	t.Helper()
	provider := initialized(t, validConfig(), append(unreachable(t, 0), newJournal(slog.LevelDebug).option())...)
	succeed(t, provider.Register())
	return provider
}

func TestNoGoroutineIsLeftAfterClose(t *testing.T) {
	provider := logged(t)
	provider.Watch(t.Context()) // received by nobody
	refreshed := make(chan error)
	go func() { refreshed <- provider.Refresh(t.Context()) }()
	eventually(t, "there are goroutines", func() bool {
		now := goroutines(t)
		return strings.Contains(now, "startLog") && strings.Contains(now, "watch") && strings.Contains(now, "Refresh")
	})
	succeed(t, provider.Close())
	want(t, <-refreshed, kubepeers.ErrClosed)
	noGoroutines(t)
}

func TestNoGoroutineIsLeftAfterCancel(t *testing.T) {
	provider := waiting(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	for range 10 {
		provider.Watch(ctx) // received by nobody
		for _, name := range []string{"DiscoverPeersContext", "Wait", "WaitForPeers"} {
			go calls[name](ctx, provider)
		}
	}
	eventually(t, "there are goroutines", func() bool { return strings.Contains(goroutines(t), "watch") })
	cancel()
	noGoroutines(t)
	want(t, discover(provider), kubepeers.ErrNotSynced)
}

func TestForgottenProviderIsClosed(t *testing.T) {
	var handle capi.Provider
	tell := func(s *settings.Settings) { s.Initialized = func(h capi.Provider) { handle = h } }
	options := append(unreachable(t, 0), tell, newJournal(slog.LevelDebug).option())
	forget := func() {
		provider := kubepeers.New(validConfig(), options...)
		succeed(t, provider.Initialize())
		succeed(t, provider.Register())
		ctx, cancel := context.WithCancel(t.Context())
		provider.Watch(ctx) // received by nobody
		cancel()
		go provider.Refresh(ctx)
	}
	forget()
	eventually(t, "the provider is closed", func() bool {
		runtime.GC()
		failure := handle.Deregister()
		return failure != nil && failure.Status == capi.Closed
	})
	noGoroutines(t)
}

// Of a provider that is used again and again nothing stays but the last use.
func TestNothingOfAClosedProviderIsKept(t *testing.T) {
	heap := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // What pools have kept goes with the second one.
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	provider := kubepeers.New(validConfig(), kubepeers.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	use := func() {
		succeed(t, provider.Initialize())
		succeed(t, provider.Close())
	}
	const uses = 5000
	for range 100 {
		use()
	}
	before := heap()
	for range uses {
		use()
	}
	// A session is more. Goroutines of the last ones may still end.
	eventually(t, "at most 50 bytes are kept for each use", func() bool { return heap()-before <= 50*uses })
	runtime.KeepAlive(provider)
}

// A Watch that somebody receives from is a use.
func TestProviderThatIsWatchedIsNotForgotten(t *testing.T) {
	options := unreachable(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	updates := func() <-chan kubepeers.Update {
		provider := kubepeers.New(validConfig(), options...)
		succeed(t, provider.Initialize())
		succeed(t, provider.Register())
		return provider.Watch(ctx)
	}()
	want(t, (<-updates).Err, kubepeers.ErrNotSynced)
	for range 20 {
		runtime.GC()
	}
	select {
	case update := <-updates:
		t.Errorf("%+v", update)
	default:
	}
	cancel()
	isClosed(t, updates)
}
