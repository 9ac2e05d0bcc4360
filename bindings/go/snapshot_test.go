package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestDiscoverPeersFollowsPods(t *testing.T) {
	c := newCluster(t)
	c.runningPod("a", "10.1.0.10")
	c.runningPod("b", "10.1.0.9")
	c.runningPod("self", "10.1.0.1")

	provider := c.register("self")
	c.waitForAddresses(provider, "10.1.0.9:3322", "10.1.0.10:3322")
	c.runningPod("v6", "fd00::7")
	c.waitForAddresses(provider, "10.1.0.9:3322", "10.1.0.10:3322", "[fd00::7]:3322")
	c.terminate("a")
	c.waitForAddresses(provider, "10.1.0.9:3322", "[fd00::7]:3322")
	c.terminate("b")
	c.terminate("v6")
	c.waitForAddresses(provider)
}

// The provider must not return its last snapshot if the library returns an error or
// another list.
func TestDiscoverPeersReturnsOnlyCurrentSnapshot(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	provider := c.register("self")
	c.waitForAddresses(provider, "10.1.0.2:3322")

	c.setPhase("self", "Pending")
	eventually(t, "this pod is not visible", func() bool {
		return errors.Is(discoverError(provider), kubepeers.ErrSelfNotVisible)
	})
	c.setPhase("self", "Running")
	eventually(t, "this pod is visible again", func() bool { return discoverError(provider) == nil })

	requireNoError(t, provider.Deregister())
	requireStatus(t, discoverError(provider), kubepeers.ErrNotRegistered)
	c.terminate("a")
	c.runningPod("b", "10.1.0.3")
	requireNoError(t, provider.Register(t.Context()))
	c.waitForAddresses(provider, "10.1.0.3:3322")
	requireNoError(t, provider.Close())
	requireStatus(t, discoverError(provider), kubepeers.ErrClosed)
}

func TestSnapshotIsEmptyWithoutPeers(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self")
	waited := must[kubepeers.Snapshot](t)(provider.WaitForPeers(t.Context(), 0, 0))
	if waited.Generation() == 0 {
		t.Errorf("got generation 0 from WaitForPeers; want at least 1")
	}
	for name, snapshot := range map[string]kubepeers.Snapshot{
		"DiscoverPeers":   c.discover(provider),
		"WaitForPeers":    waited,
		"zero Snapshot{}": {},
	} {
		addresses := snapshot.Addresses()
		if snapshot.Len() != 0 || addresses == nil || len(addresses) != 0 {
			t.Errorf("%s: got %d peers, addresses %#v; want 0, []", name, snapshot.Len(), addresses)
		}
		for node := range snapshot.Nodes() {
			t.Errorf("%s: got node %+v; want none", name, node)
		}
	}
}

func TestSnapshotsOfOneGenerationShareMemory(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	for name, change := range map[string]configChange{
		"member": func(*kubepeers.Config) {},
		// With MaxStale the generation of the library is always 0.
		"MaxStale": func(c *kubepeers.Config) { c.MaxStale = time.Hour },
		"observer": asObserver,
	} {
		t.Run(name, func(t *testing.T) {
			provider := c.register("self", change)
			first := c.discover(provider)
			requireShared := func(call string, snapshot kubepeers.Snapshot) {
				t.Helper()
				if !snapshot.SharesMemory(first) {
					t.Errorf("got a copy of %v from %s; want the same memory", snapshot, call)
				}
			}
			for range 3 {
				requireShared("DiscoverPeers", c.discover(provider))
			}
			for snapshot := range provider.Watch(t.Context()) {
				requireShared("Watch", snapshot)
				break
			}
			waited := must[kubepeers.Snapshot](t)(provider.WaitForPeers(t.Context(), 1, 0))
			requireShared("WaitForPeers", waited)
		})
	}
}

func TestDiscoverPeersWithoutChangeDoesNotAllocate(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	provider := c.register("self")
	c.discover(provider)
	allocations := testing.AllocsPerRun(100, func() { provider.DiscoverPeers(t.Context()) })
	if allocations != 0 {
		t.Errorf("got %v allocations; want 0", allocations)
	}
}

func TestSnapshotIsImmutable(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	provider := c.register("self")
	before := c.discover(provider)
	addresses := before.Addresses()
	addresses[0] = "changed"
	_ = append(addresses[:0], "changed")
	node := before.At(0)
	node.Name = "changed"
	c.runningPod("b", "10.1.0.3")
	c.waitForAddresses(provider, "10.1.0.2:3322", "10.1.0.3:3322")

	text := fmt.Sprintf("generation %d: [10.1.0.2:3322]", before.Generation())
	if before.String() != text || before.At(0).Name != "a" || before.Len() != 1 {
		t.Errorf("got %v, %+v; want %s with the node a", before, before.At(0), text)
	}
	if after := c.discover(provider); after.Generation() <= before.Generation() {
		t.Errorf("got %v after %v; want a greater generation", after, before)
	}
}

func TestSnapshotCanBeReadConcurrentlyAndAfterClose(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	provider := c.register("self")
	snapshot, unread := c.discover(provider), c.discover(c.register("self"))
	requireNoError(t, provider.Close())
	addresses := make(chan string)
	for i := range 40 {
		go func() {
			if i%2 == 0 {
				addresses <- snapshot.Addresses()[0]
			} else {
				addresses <- snapshot.At(0).AddrPort().String()
			}
		}()
	}
	const want = "10.1.0.2:3322"
	for range 40 {
		if got := <-addresses; got != want {
			t.Errorf("got address %s; want %s", got, want)
		}
		runtime.GC() // The garbage collector must not free the memory of the snapshots.
	}
	if unread.Len() != 1 {
		t.Errorf("got %v; want one peer", unread)
	}
}

func TestNodesAreRecordsOfPeers(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("v6", "fd00::7")
	c.setUnready("v6")
	c.run("pod", "--namespace", c.namespace, "--phase", "Running",
		"--ip", "10.1.0.9", "--node", "node-7",
		"--label", "app=demo", "--label", "controller-revision-hash=demo-5d8",
		"--port", "gossip=1", "--port", "remoting=2", "--port", "peers=3", "full")
	want := []kubepeers.Node{
		{
			Name:          "full",
			UID:           c.uid("full"),
			Addr:          netip.MustParseAddr("10.1.0.9"),
			DiscoveryPort: 1,
			RemotingPort:  2,
			PeersPort:     3,
			Ready:         true,
			NodeName:      "node-7",
			Revision:      "demo-5d8",
		},
		{
			Name:          "v6",
			UID:           c.uid("v6"),
			Addr:          netip.MustParseAddr("fd00::7"),
			DiscoveryPort: 3322,
			RemotingPort:  3323,
			NodeName:      "node-1",
		},
	}

	snapshot := c.discover(c.register("self"))
	got := slices.Collect(snapshot.Nodes())
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	for i, address := range snapshot.Addresses() {
		if node := snapshot.At(i); node != got[i] || node.AddrPort().String() != address {
			t.Errorf("got At(%d) %+v; want %+v with the address %s", i, node, got[i], address)
		}
	}
}

func TestNodesHaveDefaultPorts(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.portlessPod("portless", "10.1.0.2")
	provider := c.register("self", func(c *kubepeers.Config) {
		c.DefaultDiscoveryPort, c.DefaultRemotingPort, c.DefaultPeersPort = 4, 5, 6
	})
	node := c.discover(provider).At(0)
	if node.DiscoveryPort != 4 || node.RemotingPort != 5 || node.PeersPort != 6 {
		t.Errorf("got %+v; want the ports 4, 5, 6", node)
	}
}

func TestSelfReturnsThisPod(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	got := must[kubepeers.Node](t)(c.register("self").Self(t.Context()))
	want := kubepeers.Node{
		Name:          "self",
		UID:           c.uid("self"),
		Addr:          netip.MustParseAddr("10.1.0.1"),
		DiscoveryPort: 3322,
		RemotingPort:  3323,
		Ready:         got.Ready,
		NodeName:      got.NodeName,
	}
	if got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestSelfFailsForObserver(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	err := errorOf(c.register("self", asObserver).Self(t.Context()))
	failure := requireStatus(t, err, kubepeers.ErrNoIdentity)
	const want = "Config.Membership is Observer"
	if failure.Retryable || !strings.Contains(failure.Message, want) {
		t.Errorf("got %+v; want %q, and not retryable", failure, want)
	}
}

func TestWaitForPeersWaitsForNumberAndStability(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	c.runningPod("a", "10.1.0.2")
	provider := c.register("self")
	for stableFor, min := range map[time.Duration]int{0: 2, time.Hour: 1} {
		err := callWithDeadline(func(ctx context.Context) error {
			return errorOf(provider.WaitForPeers(ctx, min, stableFor))
		})
		failure := requireStatus(t, err, kubepeers.ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want it to wrap %v", err, context.DeadlineExceeded)
		}
		if want := "found 1 peers"; !strings.HasPrefix(failure.Message, want) {
			t.Errorf("got %q; want prefix %q", failure.Message, want)
		}
	}

	returned := make(chan error)
	var snapshot kubepeers.Snapshot
	go func() {
		var err error
		snapshot, err = provider.WaitForPeers(t.Context(), 2, 200*time.Millisecond)
		returned <- err
	}()
	eventually(t, "WaitForPeers waits", func() bool { return provider.Waiters() == 1 })
	c.runningPod("b", "10.1.0.3")
	requireNoError(t, receive(t, returned)) // 200 ms later, without another change
	want := []string{"10.1.0.2:3322", "10.1.0.3:3322"}
	if got := snapshot.Addresses(); !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestWaitForPeersRejectsNegativeArguments(t *testing.T) {
	provider := newProvider(t, validConfig())
	for want, arguments := range map[string]struct {
		minPeers  int
		stableFor time.Duration
	}{
		"minPeers is -1: must not be negative":    {-1, 0},
		"stableFor is -1ns: must not be negative": {0, -1},
	} {
		err := errorOf(provider.WaitForPeers(t.Context(), arguments.minPeers, arguments.stableFor))
		failure := requireStatus(t, err, kubepeers.ErrInvalidArgument)
		if failure.Message != want {
			t.Errorf("got %q; want %q", failure.Message, want)
		}
	}
}

func TestRefreshListsAgain(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self", withoutPolls)
	c.waitForAddresses(provider)
	c.runningPod("a", "10.1.0.2")
	requireNoError(t, provider.Refresh(t.Context()))
	if peers := c.discover(provider); peers.Len() != 1 {
		t.Errorf("got %v after Refresh; want one peer", peers)
	}
}

func TestRefreshEndsWithItsRegistration(t *testing.T) {
	provider := unsyncedProvider(t)
	returned := make(chan error, 1)
	go func() { returned <- provider.Refresh(t.Context()) }()
	eventually(t, "the refresh has returned", func() bool {
		requireNoError(t, provider.Deregister())
		requireNoError(t, provider.Register(t.Context()))
		return len(returned) > 0
	})
	failure := requireStatus(t, receive(t, returned), kubepeers.ErrNotRegistered)
	if strings.Contains(failure.Message, "_") {
		t.Errorf("got %q; want a message without names of the library", failure.Message)
	}
}

// A list that was requested before a call does not complete the call.
func TestConcurrentRefreshesGetNewLists(t *testing.T) {
	c := newCluster(t)
	c.runningPod("self", "10.1.0.1")
	provider := c.register("self", withoutPolls)
	go provider.Refresh(t.Context())
	returned := make(chan error)
	for i := range 3 {
		c.runningPod(fmt.Sprint("pod-", i), fmt.Sprint("10.1.0.1", i))
		go func() {
			err := provider.Refresh(t.Context())
			peers, _ := provider.DiscoverPeers(t.Context())
			if err == nil && peers.Len() < i+1 {
				err = fmt.Errorf("got %v; want at least %d peers", peers, i+1)
			}
			returned <- err
		}()
	}
	for range 3 {
		requireNoError(t, receive(t, returned))
	}
}
