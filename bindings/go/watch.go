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
// another Status, or when it is retryable no longer, or again.
//
// The channel is closed when ctx has ended, or after an Err that no waiting
// mends: ErrClosed, ErrNotRegistered, ErrNoResources (there is no file descriptor
// left to watch with: Watch may be called again), or a fault of the library. A
// receiver that stops earlier has to end ctx, or a goroutine stays, and with it
// the provider.
func (p *Provider) Watch(ctx context.Context) <-chan Update {
	updates := make(chan Update, 1)
	s := p.current() // Not in the goroutine: by then there may be another one.
	go func() {
		defer runtime.KeepAlive(p)
		defer close(updates)
		s.watch(ctx, updates)
	}()
	return updates
}

func (s *session) watch(ctx context.Context, updates chan Update) {
	if failure := s.changes.join(s.handle); failure != nil {
		put(updates, Update{Err: errorFrom(failure)})
		return
	}
	defer s.changes.leave()
	var generation uint64  // that was told last; 0 if an error was
	var last *capi.Failure // that was told last; nil if peers were
	for ctx.Err() == nil {
		told := s.changes.next()
		snapshot, failure := s.newer(generation)
		switch {
		case failure == nil:
			generation, last = snapshot.Generation, nil
			put(updates, Update{Snapshot: snapshot})
		case isNews(failure, last):
			generation, last = 0, failure
			put(updates, Update{Err: errorFrom(failure)})
		}
		if !lasts(failure) {
			return
		}
		wait(ctx, told)
	}
}

// isNews says whether a failure differs from the last one in what a program acts
// upon. That there is nothing newer is none.
func isNews(failure, last *capi.Failure) bool {
	if failure.Status == capi.Timeout {
		return false
	}
	return last == nil || failure.Status != last.Status || failure.Retryable != last.Retryable
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
