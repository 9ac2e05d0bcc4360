package kubepeers_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

type update struct {
	snapshot kubepeers.Snapshot
	err      error
}

// updates are the states of a Watch in another goroutine, which waits until each is
// received.
type updates struct {
	*testing.T
	channel chan update
}

func follow(t *testing.T, ctx context.Context, provider *kubepeers.Provider) updates {
	u := updates{t, make(chan update)}
	ctx, cancel := context.WithCancel(ctx)
	t.Cleanup(cancel)
	go func() {
		defer close(u.channel)
		for snapshot, err := range provider.Watch(ctx) {
			select {
			case u.channel <- update{snapshot, err}:
			case <-ctx.Done():
			}
		}
	}()
	return u
}

// until receives until an update is the expected one, and returns how many it has
// received.
func (u updates) until(what string, isIt func(update) bool) (received int) {
	u.Helper()
	for {
		select {
		case update, open := <-u.channel:
			if !open {
				u.Fatalf("ended before %s", what)
			}
			received++
			u.Logf("%+v", update)
			if isIt(update) {
				return received
			}
		case <-time.After(patience):
			u.Fatalf("never %s", what)
		}
	}
}

func (u updates) next() update {
	u.Helper()
	var next update
	u.until("another one", func(update update) bool { next = update; return true })
	return next
}

func (u updates) end() {
	u.Helper()
	if update, open := <-u.channel; open {
		u.Errorf("%+v and not the end", update)
	}
}

func peers(addresses ...string) func(update) bool {
	return func(u update) bool { return u.err == nil && slices.Equal(u.snapshot.Addresses(), addresses) }
}

func TestWatch(t *testing.T) {
	c := newCluster(t)
	c.pendingSelf()
	provider := c.register("self")
	updates := follow(t, t.Context(), provider)
	want(t, updates.next().err, kubepeers.ErrSelfNotVisible)
	c.pod("self", "10.1.0.1")
	updates.until("alone", peers())
	c.pod("a", "10.1.0.2")
	updates.until("a", peers("10.1.0.2:3322"))
	c.run("pod", "--namespace", c.namespace, "--ready=false", "a")
	updates.until("a is not ready", func(u update) bool { return u.snapshot.Len() == 1 && !u.snapshot.At(0).Ready })
	follow(t, t.Context(), provider).until("a, in a second one", peers("10.1.0.2:3322"))

	c.run("pod", "--namespace", c.namespace, "--phase", "Failed", "self")
	updates.until("excluded", func(u update) bool { return u.err != nil })
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "self")
	updates.until("a again", peers("10.1.0.2:3322"))

	succeed(t, provider.Deregister())
	want(t, updates.next().err, kubepeers.ErrNotRegistered)
	updates.end()
}

func TestWatchThatIsSlowGetsTheNewestState(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	slow, fast := follow(t, t.Context(), provider), follow(t, t.Context(), provider)
	slow.until("alone", peers())
	for _, name := range []string{"a", "b", "c", "d"} {
		c.pod(name, "10.1.0.1"+string('0'+name[0]-'a'))
	}
	all := peers("10.1.0.10:3322", "10.1.0.11:3322", "10.1.0.12:3322", "10.1.0.13:3322")
	fast.until("all", all)
	// The first one is what the loop holds already.
	if received := slow.until("all", all); received > 2 {
		t.Errorf("%d updates", received)
	}
}

func TestWatchThatBreaksLeavesNothing(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	watch := provider.Watch(t.Context())
	for range 3 { // Each range starts from the current state.
		received := 0
		for _, err := range watch {
			succeed(t, err)
			received++
			break
		}
		if received != 1 || provider.Waiters() != 0 {
			t.Errorf("%d updates, %d waiters", received, provider.Waiters())
		}
	}
	noGoroutines(t)
}

func TestWatchCanBePulled(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	next, stop := iter.Pull2(c.register("self").Watch(t.Context()))
	defer stop()
	if snapshot, err, ok := next(); !ok || err != nil || snapshot.Generation() != 1 {
		t.Errorf("%v, %v, %v", snapshot, err, ok)
	}
	c.pod("a", "10.1.0.2")
	if snapshot, err, ok := next(); !ok || err != nil || snapshot.Len() != 1 {
		t.Errorf("%v, %v, %v", snapshot, err, ok)
	}
}

func TestWatchReportsThatTheProviderIsClosed(t *testing.T) {
	provider := waiting(t)
	updates := follow(t, t.Context(), provider)
	want(t, updates.next().err, kubepeers.ErrNotSynced)
	succeed(t, provider.Close())
	want(t, updates.next().err, kubepeers.ErrClosed)
	updates.end()
}

func TestLoopMayCloseTheProvider(t *testing.T) {
	provider := waiting(t)
	var statuses []error
	for _, err := range provider.Watch(t.Context()) {
		statuses = append(statuses, errors.Unwrap(err))
		succeed(t, provider.Close())
	}
	if !slices.Equal(statuses, []error{kubepeers.ErrNotSynced, kubepeers.ErrClosed}) {
		t.Errorf("%v", statuses)
	}
}

// gate stands before the API server: connections wait until it is opened.
func gate(t *testing.T) (open func()) {
	t.Helper()
	host := os.Getenv("KUBERNETES_SERVICE_HOST")
	server := net.JoinHostPort(host, os.Getenv("KUBERNETES_SERVICE_PORT"))
	listener := must[net.Listener](t)(net.Listen("tcp", net.JoinHostPort(host, "0")))
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	succeed(t, err)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	return func() { go forward(listener, server) }
}

// forward connects every client with the server.
func forward(listener net.Listener, server string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			if behind, err := net.Dial("tcp", server); err == nil {
				defer behind.Close()
				go func() { io.Copy(behind, client); behind.Close() }()
				io.Copy(client, behind)
			}
		}()
	}
}

func TestWatchReportsThatAnErrorHasBecomePermanent(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	config := c.config("self")
	config.RegisterTimeout = -1
	c.allow("")
	open := gate(t) // Otherwise the API server might refuse before the Watch begins.
	provider := create(t, config)
	succeed(t, provider.Register(t.Context()))
	updates := follow(t, t.Context(), provider)
	if first := updates.next(); !kubepeers.IsRetryable(want(t, first.err, kubepeers.ErrNotSynced)) {
		t.Errorf("%+v", first)
	}
	open()
	updates.until("permanent", func(u update) bool { return !kubepeers.IsRetryable(want(t, u.err, kubepeers.ErrNotSynced)) })
	c.allow("list,watch")
	updates.until("alone", peers())
}

func TestWatchEndsWithItsContext(t *testing.T) {
	provider := waiting(t)
	ctx, cancel := context.WithCancel(t.Context())
	updates := follow(t, ctx, provider)
	want(t, updates.next().err, kubepeers.ErrNotSynced)
	cancel()
	updates.end()
	want(t, discover(provider), kubepeers.ErrNotSynced)
}

func TestWatchReportsThatAResultIsTooOld(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", func(c *kubepeers.Config) {
		c.MaxStale, c.WatchMode, c.PollInterval = time.Second, kubepeers.PollOnly, time.Second
	})
	updates := follow(t, t.Context(), provider)
	updates.until("alone", peers())
	c.allow("")
	updates.until("too old", func(u update) bool { return u.err != nil && want(t, u.err, kubepeers.ErrStale) != nil })
	c.allow("list,watch")
	updates.until("alone again", peers()) // of the same generation
}

func TestWatchWithoutDescriptorsReportsIt(t *testing.T) {
	inAProcess(t, 0, func(t *testing.T) {
		provider := waiting(t)
		release := exhaustDescriptors(t)
		want(t, lastOfWatch(t.Context(), provider), kubepeers.ErrNoResources)
		release()
		runtime.KeepAlive(provider)
	})
}
