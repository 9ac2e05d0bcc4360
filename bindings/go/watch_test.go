package kubepeers_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"testing"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestWatchYieldsEachState(t *testing.T) {
	c := newCluster(t)
	c.pendingPod("self")
	provider := c.register("self")
	updates := startWatch(t, t.Context(), provider)
	requireStatus(t, updates.next().err, kubepeers.ErrSelfNotVisible)
	c.runningPod("self", "10.1.0.1")
	updates.waitFor("no peers", hasPeers())
	c.runningPod("a", "10.1.0.2")
	updates.waitFor("peer a", hasPeers("10.1.0.2:3322"))
	c.setUnready("a")
	updates.waitFor("peer a is not Ready", func(u update) bool {
		return u.snapshot.Len() == 1 && !u.snapshot.At(0).Ready
	})
	startWatch(t, t.Context(), provider).waitFor("peer a in a second watch",
		hasPeers("10.1.0.2:3322"))

	c.setPhase("self", "Failed")
	updates.waitFor("an error", func(u update) bool { return u.err != nil })
	c.setPhase("self", "Running")
	updates.waitFor("peer a after the error", hasPeers("10.1.0.2:3322"))

	requireNoError(t, provider.Deregister())
	requireStatus(t, updates.next().err, kubepeers.ErrNotRegistered)
	updates.requireEnd()
}

func TestSlowWatchGetsNewestState(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self")
	slow, fast := startWatch(t, t.Context(), provider), startWatch(t, t.Context(), provider)
	slow.waitFor("no peers", hasPeers())
	c.runningPod("a", "10.1.0.10")
	c.runningPod("b", "10.1.0.11")
	c.runningPod("c", "10.1.0.12")
	c.runningPod("d", "10.1.0.13")
	hasAll := hasPeers("10.1.0.10:3322", "10.1.0.11:3322", "10.1.0.12:3322", "10.1.0.13:3322")
	fast.waitFor("four peers", hasAll)
	// The loop already holds one update, which may be older.
	if received := slow.waitFor("four peers", hasAll); received > 2 {
		t.Errorf("got %d updates; want at most 2", received)
	}
}

func TestWatchCleansUpAfterBreak(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self")
	watch := provider.Watch(t.Context())
	for range 3 { // Each range starts from the current state.
		received := 0
		for _, err := range watch {
			requireNoError(t, err)
			received++
			break
		}
		if received != 1 || provider.Waiters() != 0 {
			t.Errorf("got %d updates, %d waiters; want 1, 0", received, provider.Waiters())
		}
	}
	requireNoGoroutine(t)
}

func TestWatchWorksWithPull(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	next, stop := iter.Pull2(c.register("self").Watch(t.Context()))
	defer stop()
	if snapshot, err, ok := next(); !ok || err != nil || snapshot.Generation() != 1 {
		t.Errorf("got %v, %v, %v; want generation 1", snapshot, err, ok)
	}
	c.runningPod("a", "10.1.0.2")
	if snapshot, err, ok := next(); !ok || err != nil || snapshot.Len() != 1 {
		t.Errorf("got %v, %v, %v; want one peer", snapshot, err, ok)
	}
}

func TestCloseWithinWatchEndsIt(t *testing.T) {
	provider := unsyncedProvider(t)
	var got []error
	for _, err := range provider.Watch(t.Context()) {
		got = append(got, errors.Unwrap(err))
		requireNoError(t, provider.Close())
	}
	if want := []error{kubepeers.ErrNotSynced, kubepeers.ErrClosed}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	provider := unsyncedProvider(t)
	ctx, cancel := context.WithCancel(t.Context())
	updates := startWatch(t, ctx, provider)
	requireStatus(t, updates.next().err, kubepeers.ErrNotSynced)
	cancel()
	updates.requireEnd()
	requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced)
}

func TestWatchYieldsErrorThatBecomesPermanent(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	config := c.config("self")
	config.RegisterTimeout = -1
	c.setVerbs("")
	// Otherwise the API server might reject the list before the watch begins.
	open := c.delayConnections()
	provider := newProvider(t, config)
	requireNoError(t, provider.Register(t.Context()))
	updates := startWatch(t, t.Context(), provider)
	first := updates.next().err
	if requireStatus(t, first, kubepeers.ErrNotSynced); !kubepeers.IsRetryable(first) {
		t.Errorf("got %v; want a retryable error", first)
	}
	open()
	updates.waitFor("a permanent error", func(u update) bool {
		requireStatus(t, u.err, kubepeers.ErrNotSynced)
		return !kubepeers.IsRetryable(u.err)
	})
	c.setVerbs("list,watch")
	updates.waitFor("no peers", hasPeers())
}

func TestWatchYieldsStaleAndRecovery(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self", withShortMaxStale)
	updates := startWatch(t, t.Context(), provider)
	updates.waitFor("no peers", hasPeers())
	c.setVerbs("")
	updates.waitFor("stale", func(u update) bool {
		return u.err != nil && requireStatus(t, u.err, kubepeers.ErrStale) != nil
	})
	c.setVerbs("list,watch")
	updates.waitFor("no peers, of the same generation", hasPeers())
}

func TestWatchWithoutDescriptorsFails(t *testing.T) {
	runInSubprocess(t, 0, func(t *testing.T) {
		provider := unsyncedProvider(t)
		release := exhaustDescriptors(t)
		requireStatus(t, lastWatchError(t.Context(), provider), kubepeers.ErrNoResources)
		release()
		runtime.KeepAlive(provider)
	})
}
