package kubepeers

import (
	"context"
	"runtime"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Update is what DiscoverPeers would say: peers, or an error.
type Update struct {
	Snapshot
	// Err is why there are no peers to tell, or nil. Whether they may come is what
	// IsRetryable says.
	Err error
}

// Watch tells what DiscoverPeers would say, at once and whenever it has changed,
// until ctx ends. It tells states, not events: a receiver that is slow gets the
// newest one and none of those before. Err counts as changed when it is of
// another Status.
//
// The channel is closed when ctx has ended, or after an Err that no waiting
// mends: ErrClosed, ErrNotRegistered, or a fault of the library. A receiver that
// stops earlier has to end ctx, or a goroutine stays, and with it the provider.
func (p *Provider) Watch(ctx context.Context) <-chan Update {
	updates := make(chan Update, 1)
	go func() {
		defer runtime.KeepAlive(p)
		defer close(updates)
		p.current().watch(ctx, updates)
	}()
	return updates
}

func (s *session) watch(ctx context.Context, updates chan Update) {
	changes, failure := s.changes(ctx)
	if failure != nil {
		put(updates, Update{Err: errorFrom(failure)})
		return
	}
	defer changes.close()
	var generation uint64           // that was told last; 0 if an error was
	var status int32 = capi.Timeout // that was told last, and none that is told
	for ctx.Err() == nil {
		changes.next(s.period)
		snapshot, failure := s.newer(generation)
		switch {
		case failure == nil:
			generation, status = snapshot.Generation, capi.Timeout
			put(updates, Update{Snapshot: snapshot})
		case failure.Status != status:
			generation, status = 0, failure.Status
			put(updates, Update{Err: errorFrom(failure)})
		}
		if !lasts(failure) {
			return
		}
	}
}

// put replaces what was not received.
func put(updates chan Update, update Update) {
	select {
	case <-updates:
	default:
	}
	updates <- update // Nobody else sends: there is room.
}

// lasts says whether there may be peers without another Register.
func lasts(failure *capi.Failure) bool {
	// What the own pod lacks for good it may have been given all the same.
	return failure == nil || passes(failure) || failure.Status == capi.SelfExcluded || failure.Status == capi.NoIdentity
}
