package kubepeers

import (
	"context"
	"iter"
	"runtime"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Watch returns an iterator over the results of [Provider.DiscoverPeers]: the
// current one at once, and then each new one.
//
//	for snapshot, err := range provider.Watch(ctx) {
//		if err != nil {
//			log.Print(err) // The loop goes on.
//			continue
//		}
//		update(snapshot.Addresses())
//	}
//
// Watch reports states, not events. If the loop is slow, it gets the newest state
// next, and none of the states before it. A new generation may have the same
// addresses.
//
// Watch yields an error, with a zero Snapshot, as soon as DiscoverPeers would
// fail or wait, and the next one if its Status or Retryable differs. After a
// recovery it yields the current state, even if it is the same as before. Without
// Config.MaxStale, an API server that becomes unreachable after the first result
// is not an error; [Provider.Health] reports it. Watch keeps waiting even on
// permanent errors such as a missing Role, ErrSelfExcluded and ErrNoIdentity,
// whose causes an operator may still fix. The loop ends when ctx ends, without an
// error, and after one of these errors:
//   - [ErrClosed] and [ErrNotRegistered]: the registration has ended
//   - [ErrNoResources]: there is no file descriptor left to wait with
//   - [ErrInternal]: the library has failed
//
// Each range over the iterator starts from the current state. It runs in the
// goroutine of its caller.
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
	var generation uint64      // that was reported last, or 0 if an error was
	var reported *capi.Failure // that was reported last, or nil if peers were
	for ctx.Err() == nil {
		changed := s.changes.next()
		snapshot, failure := s.newerThan(generation)
		switch {
		case failure == nil:
			generation, reported = snapshot.Generation(), nil
			if !yield(snapshot, nil) {
				return
			}
		case isNews(failure, reported):
			generation, reported = 0, failure
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

// isNews reports whether a failure differs from the last one in what a program
// acts upon.
func isNews(failure, last *capi.Failure) bool {
	if failure.Status == capi.Timeout { // There is nothing newer.
		return false
	}
	return last == nil || failure.Status != last.Status || failure.Retryable != last.Retryable
}

// isTerminal reports whether there can be no more peers without another call of
// the program.
func isTerminal(failure *capi.Failure) bool {
	if failure == nil || isTransient(failure) {
		return false
	}
	// An operator may change this pod's labels, or remove a pod that matches, too.
	return failure.Status != capi.SelfExcluded && failure.Status != capi.NoIdentity
}
