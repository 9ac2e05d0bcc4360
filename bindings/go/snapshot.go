package kubepeers

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Snapshot holds the peers at one moment. It is immutable and cheap to copy,
// because all snapshots of one generation share their memory. It remains valid
// after [Provider.Close]. The zero Snapshot is empty.
//
// Peers are sorted by family, address and port, without duplicates. The same
// peers are in the same order in every process.
type Snapshot struct{ s *snapshot }

// snapshot copies a list of the library on the first read. So a change that the
// program does not read costs the same for any number of peers. Lists of the library
// share their unchanged parts. So an old list occupies little memory until the garbage
// collector frees it.
type snapshot struct {
	generation uint64
	length     int

	mutex     sync.Mutex
	list      capi.List // valid until the nodes are copied
	cleanup   runtime.Cleanup
	addresses []string // nil until they are copied
	nodes     []Node   // nil until they are copied
}

func newSnapshot(list capi.List) *snapshot {
	s := &snapshot{generation: list.Generation(), length: list.Len(), list: list}
	s.cleanup = runtime.AddCleanup(s, capi.List.Free, list)
	return s
}

func (s *snapshot) readAddresses() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock() // The deferred call also keeps s alive, which owns the list.
	if s.addresses == nil {
		s.addresses = s.list.Addresses()
	}
	return s.addresses
}

func (s *snapshot) readNodes() []Node {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.nodes == nil {
		if s.addresses == nil {
			s.addresses = s.list.Addresses()
		}
		s.nodes = nodesOf(s.list)
		s.cleanup.Stop()
		s.list.Free()
	}
	return s.nodes
}

func nodesOf(list capi.List) []Node {
	records := list.Nodes()
	nodes := make([]Node, len(records))
	for i, r := range records {
		// The library's form of addresses is the one that netip parses and prints.
		address, _ := netip.ParseAddrPort(r.Address)
		nodes[i] = Node{
			Name:          r.Name,
			UID:           r.UID,
			Addr:          address.Addr(),
			DiscoveryPort: address.Port(),
			RemotingPort:  r.RemotingPort,
			PeersPort:     r.PeersPort,
			Ready:         r.Ready,
			NodeName:      r.NodeName,
			Revision:      r.Revision,
		}
	}
	return nodes
}

// Generation returns the number of the snapshot. Within one provider it starts at
// 1 and grows whenever a peer is added or removed, when the record of a peer or of
// this pod changes, and with every [Provider.Register]. While it is the same, so
// is the snapshot.
func (s Snapshot) Generation() uint64 {
	if s.s == nil {
		return 0
	}
	return s.s.generation
}

// Len returns the number of peers. 0 means that this pod is alone, or that an
// observer has no peers.
func (s Snapshot) Len() int {
	if s.s == nil {
		return 0
	}
	return s.s.length
}

// At returns the peer with index i. It panics unless 0 <= i < Len.
func (s Snapshot) At(i int) Node { return s.nodes()[i] }

// Nodes returns an iterator over the peers in their order.
func (s Snapshot) Nodes() iter.Seq[Node] { return slices.Values(s.nodes()) }

// Addresses returns the addresses of the peers in their order, each as "ip:port"
// or "[ip]:port". The slice is new, not nil, and belongs to the caller.
func (s Snapshot) Addresses() []string {
	if s.s == nil {
		return []string{}
	}
	addresses := s.s.readAddresses()
	return append(make([]string, 0, len(addresses)), addresses...)
}

// String returns the generation and the addresses, for logs.
func (s Snapshot) String() string {
	return fmt.Sprintf("generation %d: %v", s.Generation(), s.Addresses())
}

func (s Snapshot) nodes() []Node {
	if s.s == nil {
		return nil
	}
	return s.s.readNodes()
}

// Node is the record of a peer, or of this pod. It is a pod, not a node of
// Kubernetes.
type Node struct {
	// Name is the name of the pod.
	Name string
	// UID is the uid of the pod. Unlike a name, it is never reused.
	UID string
	// Addr is the IP address of the pod; see [IPFamily].
	Addr netip.Addr
	// DiscoveryPort is the port of Config.DiscoveryPortName.
	DiscoveryPort uint16
	// RemotingPort is the port of Config.RemotingPortName, or 0 if the pod has none.
	RemotingPort uint16
	// PeersPort is the port of Config.PeersPortName, or 0 if the pod has none.
	PeersPort uint16
	// Ready reports whether the pod is Ready.
	Ready bool
	// NodeName is the name of the Kubernetes node that the pod runs on.
	NodeName string
	// Revision is the revision of the pod's template: the value of the label
	// controller-revision-hash (StatefulSet, DaemonSet) or pod-template-hash
	// (Deployment), or "" if the pod has neither.
	Revision string
}

// AddrPort returns the address of the node: Addr and DiscoveryPort. Its String is
// the address in [Snapshot.Addresses].
func (n Node) AddrPort() netip.AddrPort { return netip.AddrPortFrom(n.Addr, n.DiscoveryPort) }

// DiscoverPeers returns the current peers, without this pod. It waits until the
// pods have been listed and this pod is listed, is Running and has an address (an
// observer waits only for the list). After that it returns from memory, unless
// the result is older than Config.MaxStale. While nothing has changed, a call
// takes about 0.1 µs, whatever the number of peers: call it whenever the peers
// are needed.
//
// An empty snapshot without an error means that no other pod is a peer now. "Not
// synced yet" and "API server unreachable" are errors, never an empty snapshot. A pod
// that starts later is not in the snapshot of an earlier one. But if the call has
// returned in two pods with different addresses or ports, and neither is terminating,
// at least one of the two snapshots has the other pod: they cannot both believe that
// they are alone. This does not hold with RequireReady.
//
// While the API server is unreachable or denies requests, the last result is kept
// and returned. [Provider.Health] returns its age, and Config.MaxStale limits it.
//
// A pod with the labels is a peer if it is Running, has an address and the
// discovery port, is not terminating, and is not this pod. It need not be Ready.
// Config.Pending, Config.Readiness and Config.IPFamily change this.
// [Provider.Explain] returns the verdict on each pod.
//
// Errors:
//   - [ErrSelfExcluded]: this pod cannot be a peer
//   - [ErrNoIdentity]: several pods match this process
//   - the error of ctx, and the reason: [ErrNotSynced], [ErrSelfNotVisible] or
//     [ErrStale]
func (p *Provider) DiscoverPeers(ctx context.Context) (Snapshot, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	if err := contextEnded(ctx); err != nil {
		return Snapshot{}, err
	}
	// The library returns 0 if it would not return the last snapshot at once.
	if last := s.snapshot.Load(); last != nil && s.handle.Generation() == last.generation {
		return Snapshot{last}, nil
	}
	return waitContext(ctx, s, s.current)
}

// Self returns this pod, for example to advertise its address and ports. It is the
// record that its peers receive, field for field. Self waits like
// [Provider.DiscoverPeers] and has the same errors. For an observer it returns
// [ErrNoIdentity].
func (p *Provider) Self(ctx context.Context) (Node, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	return waitContext(ctx, s, func() (Node, *capi.Failure) {
		list, failure := call(s.handle.Self)
		if failure != nil {
			return Node{}, failure
		}
		defer list.Free()
		if list.Len() == 0 {
			return Node{}, &capi.Failure{
				Status:  capi.NoIdentity,
				Message: "Config.Membership is Observer: this process runs in none of the pods",
			}
		}
		return nodesOf(list)[0], nil
	})
}

// WaitForPeers waits until there are at least minPeers peers and the set of their
// addresses has been the same for stableFor. It is meant for a process that is
// about to form a cluster.
//
// Once the addresses have been the same for stableFor, the watcher requests a list
// to confirm them, because a watch may be dead although it is open. If stableFor
// is 0, a list is needed only after requests have failed. The time before the call
// counts, and this pod does not. While requests fail, WaitForPeers keeps waiting.
//
// Errors: those of [Provider.DiscoverPeers], and
//   - [ErrInvalidArgument]: minPeers or stableFor is negative
//   - the error of ctx, and [ErrTimeout]: there are too few peers, or they are not
//     stable yet
func (p *Provider) WaitForPeers(
	ctx context.Context, minPeers int, stableFor time.Duration,
) (Snapshot, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	switch {
	case minPeers < 0:
		return Snapshot{}, invalidArgument("minPeers is %d: must not be negative", minPeers)
	case stableFor < 0:
		return Snapshot{}, invalidArgument("stableFor is %v: must not be negative", stableFor)
	}
	return waitContext(ctx, s, func() (Snapshot, *capi.Failure) {
		return s.read(func() (capi.List, *capi.Failure) {
			return s.handle.WaitForPeers(uint(minPeers), clampedMilliseconds(stableFor))
		})
	})
}

// Refresh forces a new list and waits for it. If it returns nil, later results are
// at least as new as this call, even with several API servers. Without a refresh,
// results are as new as the watch, usually some milliseconds behind.
//
// Refresh is expensive for the API server: do not repeat it on a timer. All calls
// on a provider together cause at most one list a second. If a list fails, the
// library requests another, and Refresh keeps waiting.
//
// Errors:
//   - the error of ctx, and the reason: [ErrStale], or [ErrNotSynced] if the pods
//     have never been listed
func (p *Provider) Refresh(ctx context.Context) error {
	defer runtime.KeepAlive(p)
	s := p.session()
	var request uint64
	_, err := waitContext(ctx, s, func() (struct{}, *capi.Failure) {
		return call(func() (struct{}, *capi.Failure) {
			return struct{}{}, s.handle.Refresh(&request)
		})
	})
	return err
}

// current returns the result of DiscoverPeers without waiting.
func (s *session) current() (Snapshot, *capi.Failure) { return s.read(s.handle.DiscoverPeers) }

// newerThan returns the peers if their generation is above after, without waiting.
func (s *session) newerThan(after uint64) (Snapshot, *capi.Failure) {
	return s.read(func() (capi.List, *capi.Failure) { return s.handle.Wait(after) })
}

// read returns a list of the library as a snapshot. If the last snapshot has the
// same generation, it returns that one.
func (s *session) read(f func() (capi.List, *capi.Failure)) (Snapshot, *capi.Failure) {
	list, failure := call(f)
	if failure != nil {
		return Snapshot{}, failure
	}
	if last := s.snapshot.Load(); last != nil && last.generation == list.Generation() {
		list.Free()
		return Snapshot{last}, nil
	}
	next := newSnapshot(list)
	s.store(next)
	return Snapshot{next}, nil
}

// store keeps the snapshot unless another goroutine has stored a newer one.
func (s *session) store(next *snapshot) {
	for {
		last := s.snapshot.Load()
		if last != nil && last.generation >= next.generation || s.snapshot.CompareAndSwap(last, next) {
			return
		}
	}
}
