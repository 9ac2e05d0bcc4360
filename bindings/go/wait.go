package kubepeers

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Snapshot is the peers as they were at one moment.
type Snapshot struct {
	// Generation grows from 1 with every change of a peer's record or of this pod's,
	// readiness included, until the provider is closed.
	Generation uint64
	// Nodes are the peers in the order of DiscoverPeers: not nil, and the caller's own.
	Nodes []Node
}

// Addresses are what DiscoverPeers gives of the same moment.
func (s Snapshot) Addresses() []string {
	addresses := make([]string, len(s.Nodes))
	for i, node := range s.Nodes {
		addresses[i] = node.Address()
	}
	return addresses
}

// Wait waits for peers that are newer than a generation: that of the Snapshot
// that the caller has, or 0 for any. Changes that came and went meanwhile are not
// seen, and no state that lasts is missed.
func (p *Provider) Wait(ctx context.Context, afterGeneration uint64) (Snapshot, error) {
	defer runtime.KeepAlive(p)
	s := p.current()
	return until(ctx, s, func() (Snapshot, *capi.Failure) { return s.newer(afterGeneration) })
}

// WaitForPeers waits until there are at least min peers whose addresses have
// been the same for stableFor. It is for a process that is about to form a
// cluster. The addresses count as stable once a list requested after stableFor
// confirms them. If stableFor is 0, no list is needed. While requests fail,
// WaitForPeers keeps waiting.
//
// If ctx ends during the wait, the error wraps ctx.Err() and the reason:
// ErrTimeout (too few peers, or not stable), ErrNotSynced, ErrSelfNotVisible or
// ErrStale. If ctx had ended before, the error is ctx.Err() alone.
func (p *Provider) WaitForPeers(ctx context.Context, min int, stableFor time.Duration) (Snapshot, error) {
	defer runtime.KeepAlive(p)
	if min < 0 { // It would become a large number of the library's own type.
		return Snapshot{}, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("`min` is %d: must not be negative", min)}
	}
	s := p.current()
	settled := func() (Snapshot, *capi.Failure) {
		return snapshotFrom(inTurn(func() (capi.Nodes, *capi.Failure) {
			return s.handle.WaitForPeers(uint(min), milliseconds(stableFor), 0)
		}))
	}
	return until(ctx, s, settled)
}

// newer is Wait that does not wait.
func (s *session) newer(afterGeneration uint64) (Snapshot, *capi.Failure) {
	found, failure := inTurn(func() (capi.Nodes, *capi.Failure) { return s.handle.Wait(afterGeneration, 0) })
	if failure != nil && failure.Status == capi.Timeout { // The library speaks of a time that it did not wait.
		failure.Message = fmt.Sprintf("there is nothing newer than generation %d", afterGeneration)
	}
	return snapshotFrom(found, failure)
}

func snapshotFrom(found capi.Nodes, failure *capi.Failure) (Snapshot, *capi.Failure) {
	nodes := make([]Node, len(found.Nodes))
	for i, node := range found.Nodes {
		nodes[i] = Node(node)
	}
	return Snapshot{found.Generation, nodes}, failure
}
