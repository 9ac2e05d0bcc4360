package kubepeers

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
	"github.com/kubepeers/kubepeers/bindings/go/internal/settings"
)

// until asks until there is an answer or the context ends.
func until[T any](ctx context.Context, s *session, ask func() (T, *capi.Failure)) (T, error) {
	if ctx.Err() != nil { // Lest a loop that asks goes on for as long as there are answers.
		var none T
		return none, ctx.Err()
	}
	result, failure := await(ctx, s, ask)
	if passes(failure) {
		var none T
		return none, ended(ctx, failure)
	}
	return answer(result, failure)
}

// forAsLong asks until there is an answer or the time of WithDiscoverTimeout is over.
func forAsLong[T any](s *session, ask func() (T, *capi.Failure)) (T, error) {
	result, failure := ask()
	if passes(failure) {
		ctx, cancel := context.WithTimeout(context.Background(), s.discoverTimeout)
		defer cancel()
		result, failure = await(ctx, s, ask)
	}
	return answer(result, failure)
}

// await asks at every change until the answer is none that passes or the context
// has ended: then it is the last one. The library answers at once, so that no
// thread is parked meanwhile.
func await[T any](ctx context.Context, s *session, ask func() (T, *capi.Failure)) (T, *capi.Failure) {
	result, failure := ask()
	if !passes(failure) || ctx.Err() != nil {
		return result, failure
	}
	if noChanges := s.changes.join(s.handle); noChanges != nil {
		return result, noChanges
	}
	defer s.changes.leave()
	for {
		told := s.changes.next()
		result, failure = ask()
		if !passes(failure) || ctx.Err() != nil {
			return result, failure
		}
		wait(ctx, told)
	}
}

// passes says whether a failure is what the library's own calls wait out.
func passes(failure *capi.Failure) bool {
	if failure == nil {
		return false
	}
	switch failure.Status {
	case capi.NotSynced, capi.SelfNotVisible, capi.Stale, capi.Timeout:
		return true
	}
	return false
}

// ended is the error of a context that has ended, with what was missing until then.
func ended(ctx context.Context, failure *capi.Failure) error {
	return fmt.Errorf("%w: %w", ctx.Err(), errorFrom(failure))
}

// milliseconds is a time as the library takes it: 24 days stand for all that is
// longer, and one number for all that is negative.
func milliseconds(d time.Duration) int32 {
	return int32(max(-1, min(settings.Milliseconds(d), math.MaxInt32)))
}
