package kubepeers

import (
	"context"
	"iter"
	"runtime"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Watch returns an iterator over the results of [Provider.DiscoverPeers]. It yields the
// current result at once and then each new result.
//
//	for snapshot, err := range provider.Watch(ctx) {
//		if err != nil {
//			log.Print(err) // Keep the last peers.
//			continue
//		}
//		update(snapshot.Addresses())
//	}
//
// Watch reports states, not events. If the loop body is slow, Watch skips to the newest
// state. A new generation may have the same addresses as the one before.
//
// Watch yields an error with a zero Snapshot as soon as DiscoverPeers would fail or
// wait. While the error lasts, Watch yields it again only if its Status or Retryable
// changes. After a recovery Watch yields the current state, even if nothing has changed
// since the last state. Without Config.MaxStale, an API server that becomes unreachable
// after the first result is not an error. [Provider.Health] reports it.
//
// The loop continues after most errors. Watch keeps waiting even on permanent errors
// such as a missing Role, ErrSelfExcluded and ErrNoIdentity, because an operator may
// still fix the cause. The loop ends
//   - without an error when ctx ends
//   - after [ErrClosed] or [ErrNotRegistered]: the registration has ended
//   - after [ErrNoResources]: there is no file descriptor left to wait with; call
//     Watch again later
//   - after [ErrInternal]: the library has failed
//   - after [ErrInvalidArgument]: ctx is nil
//
// The iterator may be used more than once. Each range starts from the current state and
// runs in the goroutine of its caller. Watch does nothing before the first range.
func (p *Provider) Watch(ctx context.Context) iter.Seq2[Snapshot, error] {
	return func(yield func(Snapshot, error) bool) {
		defer runtime.KeepAlive(p)
		p.session().watch(ctx, yield)
	}
}

func (s *session) watch(ctx context.Context, yield func(Snapshot, error) bool) {
	if ctx == nil {
		yield(Snapshot{}, contextEnded(ctx))
		return
	}
	if ctx.Err() != nil {
		return
	}
	if failure := s.changes.subscribe(s.handle); failure != nil {
		yield(Snapshot{}, s.error(failure))
		return
	}
	defer s.changes.unsubscribe()
	var generation uint64         // of the last snapshot; 0 after an error
	var lastFailure *capi.Failure // nil after a snapshot
	for ctx.Err() == nil {
		changed := s.changes.next()
		snapshot, failure := s.newerThan(generation)
		switch {
		case failure == nil:
			generation, lastFailure = snapshot.Generation(), nil
			if !yield(snapshot, nil) {
				return
			}
		case isNewFailure(failure, lastFailure):
			generation, lastFailure = 0, failure
			if !yield(Snapshot{}, s.error(failure)) {
				return
			}
		}
		if isTerminal(failure) {
			return
		}
		waitForChange(ctx, changed)
	}
}

// isNewFailure reports whether a program may react to the failure differently than to the
// last one.
func isNewFailure(failure, last *capi.Failure) bool {
	if failure.Status == capi.Timeout { // The last snapshot is still the newest.
		return false
	}
	return last == nil || failure.Status != last.Status || failure.Retryable != last.Retryable
}

// isTerminal reports whether a failure ends the loop. All other failures are transient, or
// an operator can still fix their cause.
func isTerminal(failure *capi.Failure) bool {
	if failure == nil || isTransient(failure) {
		return false
	}
	return failure.Status != capi.SelfExcluded && failure.Status != capi.NoIdentity
}
