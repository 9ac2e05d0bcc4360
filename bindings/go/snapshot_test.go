package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func TestPeersAreTheOtherPods(t *testing.T) {
	c := newCluster(t)
	c.pod("a", "10.1.0.10")
	c.pod("b", "10.1.0.9")
	c.pod("self", "10.1.0.1")

	provider := c.register("self")
	c.eventually(provider, "10.1.0.9:3322", "10.1.0.10:3322")
	c.pod("v6", "fd00::7")
	c.eventually(provider, "10.1.0.9:3322", "10.1.0.10:3322", "[fd00::7]:3322")
	c.terminate("a")
	c.eventually(provider, "10.1.0.9:3322", "[fd00::7]:3322")
	c.terminate("b")
	c.terminate("v6")
	c.eventually(provider)

	succeed(t, provider.Deregister())
	want(t, discover(provider), kubepeers.ErrNotRegistered)
	c.pod("c", "10.1.0.3")
	succeed(t, provider.Register(t.Context()))
	c.eventually(provider, "10.1.0.3:3322")
}

func TestEachSeesTheOther(t *testing.T) {
	c := newCluster(t)
	c.pod("a", "10.1.0.1")
	c.pod("b", "10.1.0.2")
	a, b := c.register("a"), c.register("b")
	c.eventually(a, "10.1.0.2:3322")
	c.eventually(b, "10.1.0.1:3322")
}

func TestAloneIsAnEmptySnapshot(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	for name, snapshot := range map[string]kubepeers.Snapshot{"alone": c.discover(c.register("self")), "zero": {}} {
		if addresses := snapshot.Addresses(); snapshot.Len() != 0 || addresses == nil || len(addresses) != 0 {
			t.Errorf("%s: %#v", name, addresses)
		}
		for node := range snapshot.Nodes() {
			t.Errorf("%s: %+v", name, node)
		}
	}
}

func TestSnapshotsOfOneGenerationShareMemory(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	for name, change := range map[string]func(*kubepeers.Config){
		"usually":        func(*kubepeers.Config) {},
		"with MaxStale":  func(c *kubepeers.Config) { c.MaxStale = time.Hour }, // The library has no generation to compare.
		"as an observer": func(c *kubepeers.Config) { c.Membership = kubepeers.Observer },
	} {
		t.Run(name, func(t *testing.T) {
			provider := c.register("self", change)
			first := c.discover(provider)
			for range 3 {
				if next := c.discover(provider); !next.SharesMemory(first) {
					t.Errorf("%v was copied", next)
				}
			}
			for snapshot := range provider.Watch(t.Context()) {
				if !snapshot.SharesMemory(first) {
					t.Errorf("%v was copied", snapshot)
				}
				break
			}
			if settled := must[kubepeers.Snapshot](t)(provider.WaitForPeers(t.Context(), 1, 0)); !settled.SharesMemory(first) {
				t.Errorf("%v was copied", settled)
			}
		})
	}
}

func TestUnchangedPeersCostNoAllocation(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	c.discover(provider)
	if n := testing.AllocsPerRun(100, func() { provider.DiscoverPeers(t.Context()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSnapshotIsImmutable(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	old := c.discover(provider)
	addresses := old.Addresses()
	addresses[0] = "mine"
	_ = append(addresses[:0], "mine")
	node := old.At(0)
	node.Name = "mine"
	c.pod("b", "10.1.0.3")
	c.eventually(provider, "10.1.0.2:3322", "10.1.0.3:3322")
	if !slices.Equal(old.Addresses(), []string{"10.1.0.2:3322"}) || old.At(0).Name != "a" || old.Len() != 1 {
		t.Errorf("%v, %+v", old, old.At(0))
	}
	if now := c.discover(provider); now.Generation() <= old.Generation() {
		t.Errorf("%v, before %v", now, old)
	}
	if text := old.String(); text != fmt.Sprintf("generation %d: [10.1.0.2:3322]", old.Generation()) {
		t.Error(text)
	}
}

func TestSnapshotCanBeReadByManyAndAfterClose(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	snapshot, unread := c.discover(provider), c.discover(c.register("self"))
	succeed(t, provider.Close())
	read := make(chan string)
	for i := range 40 {
		go func() {
			if i%2 == 0 {
				read <- snapshot.Addresses()[0]
			} else {
				read <- snapshot.At(0).AddrPort().String()
			}
		}()
	}
	for range 40 {
		if address := <-read; address != "10.1.0.2:3322" {
			t.Error(address)
		}
		runtime.GC() // frees what nothing references
	}
	if unread.Len() != 1 {
		t.Error(unread)
	}
}

// What the library would not return any more is not returned from memory.
func TestNoSnapshotIsReturnedThatIsNotCurrent(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	c.eventually(provider, "10.1.0.2:3322")

	c.run("pod", "--namespace", c.namespace, "--phase", "Pending", "self")
	eventually(t, "this pod is not visible", func() bool { return errors.Is(discover(provider), kubepeers.ErrSelfNotVisible) })
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "self")
	eventually(t, "it is", func() bool { return discover(provider) == nil })

	succeed(t, provider.Deregister())
	want(t, discover(provider), kubepeers.ErrNotRegistered)
	c.terminate("a")
	c.pod("b", "10.1.0.3")
	succeed(t, provider.Register(t.Context()))
	c.eventually(provider, "10.1.0.3:3322")
	succeed(t, provider.Close())
	want(t, discover(provider), kubepeers.ErrClosed)
}

func TestNodesAreTheRecordsOfThePeers(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("v6", "fd00::7")
	c.run("pod", "--namespace", c.namespace, "--ready=false", "v6")
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "--ip", "10.1.0.9", "--node", "node-7",
		"--label", "app=demo", "--label", "controller-revision-hash=demo-5d8",
		"--port", "gossip=1", "--port", "remoting=2", "--port", "peers=3", "full")
	full := kubepeers.Node{
		Name: "full", UID: c.uid("full"), Addr: netip.MustParseAddr("10.1.0.9"), DiscoveryPort: 1, RemotingPort: 2, PeersPort: 3,
		Ready: true, NodeName: "node-7", Revision: "demo-5d8",
	}
	v6 := kubepeers.Node{
		Name: "v6", UID: c.uid("v6"), Addr: netip.MustParseAddr("fd00::7"), DiscoveryPort: 3322, RemotingPort: 3323, NodeName: "node-1",
	}

	snapshot := c.discover(c.register("self"))
	nodes := slices.Collect(snapshot.Nodes())
	if want := []kubepeers.Node{full, v6}; !reflect.DeepEqual(nodes, want) {
		t.Errorf("%+v, not %+v", nodes, want)
	}
	for i, address := range snapshot.Addresses() {
		if node := snapshot.At(i); node != nodes[i] || node.AddrPort().String() != address {
			t.Errorf("%+v, not %s", node, address)
		}
	}
}

func TestDefaultPortsOfNodes(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.2", "portless")
	provider := c.register("self", func(c *kubepeers.Config) {
		c.DefaultDiscoveryPort, c.DefaultRemotingPort, c.DefaultPeersPort = 4, 5, 6
	})
	if node := c.discover(provider).At(0); node.DiscoveryPort != 4 || node.RemotingPort != 5 || node.PeersPort != 6 {
		t.Errorf("%+v", node)
	}
}

func TestSelfIsThisPod(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	self := must[kubepeers.Node](t)(provider.Self(t.Context()))
	if self.Name != "self" || self.UID != c.uid("self") || self.AddrPort().String() != "10.1.0.1:3322" || self.RemotingPort != 3323 {
		t.Errorf("%+v", self)
	}
}

func TestObserverHasNoSelf(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", func(c *kubepeers.Config) { c.Membership = kubepeers.Observer })
	failure := want(t, errorOf(provider.Self(t.Context())), kubepeers.ErrNoIdentity)
	if failure.Retryable || !strings.Contains(failure.Message, "Config.Membership is Observer") {
		t.Errorf("%+v", failure)
	}
}

func TestWaitForPeers(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	for stableFor, min := range map[time.Duration]int{0: 2, time.Hour: 1} {
		err := untilDeadline(func(ctx context.Context) error { return errorOf(provider.WaitForPeers(ctx, min, stableFor)) })
		failure := want(t, err, kubepeers.ErrTimeout)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(failure.Message, "found 1 peers") {
			t.Errorf("%+v", failure)
		}
	}

	waited := make(chan error)
	var found kubepeers.Snapshot
	go func() {
		var err error
		found, err = provider.WaitForPeers(t.Context(), 2, 200*time.Millisecond)
		waited <- err
	}()
	eventually(t, "it waits", func() bool { return provider.Waiters() == 1 })
	c.pod("b", "10.1.0.3")
	succeed(t, <-waited) // Nothing changes 200 ms later.
	if got, want := found.Addresses(), []string{"10.1.0.2:3322", "10.1.0.3:3322"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestNoPeersAreEnough(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	snapshot := must[kubepeers.Snapshot](t)(c.register("self").WaitForPeers(t.Context(), 0, 0))
	if addresses := snapshot.Addresses(); snapshot.Generation() == 0 || addresses == nil || len(addresses) != 0 {
		t.Errorf("%v", snapshot)
	}
}

func TestWaitForPeersRefusesNegativeNumbers(t *testing.T) {
	provider := create(t, validConfig())
	for message, wait := range map[string]func() (kubepeers.Snapshot, error){
		"minPeers is -1: must not be negative":    func() (kubepeers.Snapshot, error) { return provider.WaitForPeers(t.Context(), -1, 0) },
		"stableFor is -1ns: must not be negative": func() (kubepeers.Snapshot, error) { return provider.WaitForPeers(t.Context(), 0, -1) },
	} {
		if failure := want(t, errorOf(wait()), kubepeers.ErrInvalidArgument); failure.Message != message {
			t.Errorf("%q, want %q", failure.Message, message)
		}
	}
}

func TestClampedMilliseconds(t *testing.T) {
	for d, want := range map[time.Duration]int32{
		0: 0, 1: 1, time.Second: 1000, time.Second + 1: 1001, 1000 * 24 * time.Hour: math.MaxInt32, math.MaxInt64: math.MaxInt32,
	} {
		if got := kubepeers.ClampedMilliseconds(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
}

func TestRefreshReturnsWhatIsNew(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", pollingRarely)
	c.eventually(provider)
	c.pod("a", "10.1.0.2")
	succeed(t, provider.Refresh(t.Context()))
	if peers := c.discover(provider); peers.Len() != 1 {
		t.Errorf("%v", peers)
	}
}

func TestRefreshEndsWithItsRegistration(t *testing.T) {
	provider := waiting(t)
	ended := make(chan error, 1)
	go func() { ended <- provider.Refresh(t.Context()) }()
	eventually(t, "the refresh has ended", func() bool {
		succeed(t, provider.Deregister())
		succeed(t, provider.Register(t.Context()))
		return len(ended) > 0
	})
	if failure := want(t, <-ended, kubepeers.ErrNotRegistered); strings.Contains(failure.Message, "_") {
		t.Error(failure)
	}
}

// Each is answered by a list that was requested after it.
func TestSimultaneousRefreshes(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self", pollingRarely)
	go provider.Refresh(t.Context())
	ended := make(chan error)
	for i := range 3 {
		c.pod(string(rune('a'+i)), "10.1.0.1"+string(rune('0'+i)))
		go func() {
			err := provider.Refresh(t.Context())
			if peers, _ := provider.DiscoverPeers(t.Context()); err == nil && peers.Len() < i+1 {
				err = errors.New("an older list")
			}
			ended <- err
		}()
	}
	for range 3 {
		succeed(t, <-ended)
	}
}
