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

// Snapshot holds the peers at one moment. It is immutable. It is cheap to copy,
// because all snapshots of one generation share their memory. Any number of goroutines
// may use it, and it remains valid after [Provider.Close]. The zero Snapshot is empty
// and has generation 0.
//
// Peers are sorted by address family, address and port, without duplicates. The same
// peers are in the same order in every process.
type Snapshot struct{ s *snapshot }

// snapshot copies a list of the library on the first read, so that a change that the
// program does not read costs the same for any number of peers. An old list occupies
// little memory until the garbage collector frees it, because lists of the library
// share their unchanged parts.
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
		// The library formats addresses as netip does, so parsing cannot fail.
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

// Generation returns the number of the snapshot. Within one provider it starts at 1.
// It grows whenever a peer is added or removed, whenever the record of a peer or of
// this pod changes, and with every [Provider.Register]. Two snapshots of one provider
// with the same generation are equal.
func (s Snapshot) Generation() uint64 {
	if s.s == nil {
		return 0
	}
	return s.s.generation
}

// Len returns the number of peers. In a snapshot that a provider returned without an
// error, 0 means that this pod is alone, or that an observer has no peers.
func (s Snapshot) Len() int {
	if s.s == nil {
		return 0
	}
	return s.s.length
}

// At returns the peer at index i. It panics unless 0 <= i < Len.
func (s Snapshot) At(i int) Node { return s.nodes()[i] }

// Nodes returns an iterator over the peers, in the order of the snapshot.
func (s Snapshot) Nodes() iter.Seq[Node] { return slices.Values(s.nodes()) }

// Addresses returns the addresses of the peers, in the order of the snapshot. Each is
// "ip:port", or "[ip]:port" for IPv6. Every call returns a new slice, which is never
// nil and belongs to the caller.
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

// Node is the record of a peer or of this pod. It describes a pod, not a Kubernetes
// node.
type Node struct {
	// Name is the name of the pod.
	Name string
	// UID is the uid of the pod. Unlike a name, it is never reused.
	UID string
	// Addr is the IP address of the pod; see [IPFamily].
	Addr netip.Addr
	// DiscoveryPort is the number of the port named Config.DiscoveryPortName. If the pod
	// lacks that port, it is Config.DefaultDiscoveryPort.
	DiscoveryPort uint16
	// RemotingPort is the number of the port named Config.RemotingPortName. If the pod
	// lacks that port, it is Config.DefaultRemotingPort, which may be 0.
	RemotingPort uint16
	// PeersPort is the number of the port named Config.PeersPortName. If the pod lacks
	// that port, it is Config.DefaultPeersPort, which may be 0.
	PeersPort uint16
	// Ready is the Ready condition of the pod.
	Ready bool
	// NodeName is the name of the Kubernetes node that the pod runs on.
	NodeName string
	// Revision identifies the pod's template. It is the value of the label
	// controller-revision-hash (StatefulSet, DaemonSet) or pod-template-hash
	// (Deployment), or "" if the pod has neither.
	Revision string
}

// AddrPort returns Addr and DiscoveryPort. Its String method returns the same text as
// [Snapshot.Addresses].
func (n Node) AddrPort() netip.AddrPort { return netip.AddrPortFrom(n.Addr, n.DiscoveryPort) }

// DiscoverPeers returns the current peers, without this pod. It waits until the pods
// have been listed and this pod is listed, is Running and has an address. An observer
// waits only for the list. After that DiscoverPeers returns from memory. It waits again
// only if the result is older than Config.MaxStale, or if this pod no longer meets
// these conditions, for example because it is no longer listed. Call it whenever the
// peers are needed. While nothing changes, a call takes about 0.1 µs for any number of
// peers (longer with MaxStale).
//
// An empty snapshot without an error means that no other pod is a peer now. "Not
// synced yet" and "API server unreachable" are errors, never an empty snapshot.
//
// A snapshot does not contain pods that start later. Still, two pods that start together
// cannot both believe that they are alone. If DiscoverPeers has returned a snapshot in
// each of two pods with different addresses or ports, and neither pod is terminating, at
// least one of the two snapshots contains the other pod. This does not hold with
// RequireReady or for observers. docs/guarantee.md lists all assumptions.
//
// While the API server is unreachable or denies requests, DiscoverPeers keeps returning
// the last result. [Provider.Health] returns its age, and Config.MaxStale limits it.
//
// A pod with the labels is a peer if it is Running, has an address and the
// discovery port, is not terminating, and is not this pod. It need not be Ready.
// Config.Pending, Config.Readiness, Config.IPFamily and Config.DefaultDiscoveryPort
// change these conditions. If several pods have the same address and port, only the
// pod that started last is a peer. If this pod is one of them, none is.
// [Provider.Explain] returns the verdict on each pod.
//
// Errors:
//   - [ErrSelfExcluded]: this pod cannot be a peer; returned at once
//   - [ErrNoIdentity]: several pods match this process; returned at once
//   - the error of ctx together with the reason, which is [ErrNotSynced],
//     [ErrSelfNotVisible] or [ErrStale]
func (p *Provider) DiscoverPeers(ctx context.Context) (Snapshot, error) {
	defer runtime.KeepAlive(p)
	s := p.session()
	if err := contextEnded(ctx); err != nil {
		return Snapshot{}, err
	}
	// The library's generation is 0 if the last snapshot may not be returned at once.
	if last := s.snapshot.Load(); last != nil && s.handle.Generation() == last.generation {
		return Snapshot{last}, nil
	}
	return waitContext(ctx, s, s.current)
}

// Self returns this pod. A process calls it to find the address and ports to advertise.
// The record equals the record of this pod in the snapshots of its peers, field for
// field. Self waits like [Provider.DiscoverPeers] and has the same errors. For an
// observer it returns [ErrNoIdentity].
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
// about to form a cluster. This pod does not count as a peer. Time before the call
// counts towards stableFor.
//
// Once the addresses have been the same for stableFor, the watcher confirms them with a
// new list, because an open watch may be dead. It delays this list by up to 5 ms per
// peer (at most 5 s), so that not all members list at once. The deadline of ctx should
// therefore exceed stableFor by several seconds. If stableFor is 0, a confirming list
// is needed only if requests have failed. While requests fail, WaitForPeers keeps
// waiting. If minPeers is 0, WaitForPeers waits until the addresses are stable, even if
// there are none.
//
// Errors: those of [Provider.DiscoverPeers], and
//   - [ErrInvalidArgument]: minPeers or stableFor is negative
//   - the error of ctx together with [ErrTimeout]: there are too few peers, or they
//     are not stable yet
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
// at least as new as this call, even with several API servers. Without Refresh,
// results are as new as the watch, which is usually a few milliseconds behind.
//
// Refresh is expensive for the API server. Do not repeat it on a timer. All calls
// on a provider together cause at most one list a second. If a list fails, the
// library requests another, and Refresh keeps waiting. Allow it at least 5 s, because
// an API server whose cache lags takes up to 3.1 s.
//
// Errors:
//   - the error of ctx together with the reason, which is [ErrStale], or
//     [ErrNotSynced] if this registration has not listed the pods yet
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

// current is DiscoverPeers without waiting.
func (s *session) current() (Snapshot, *capi.Failure) { return s.read(s.handle.DiscoverPeers) }

// newerThan returns the peers if their generation is above after. It does not wait.
func (s *session) newerThan(after uint64) (Snapshot, *capi.Failure) {
	return s.read(func() (capi.List, *capi.Failure) { return s.handle.Wait(after) })
}

// read returns a list of the library as a snapshot. If the last snapshot has the
// same generation, read returns that snapshot, so that both share their memory.
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
