package kubepeers

import (
	"context"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// register waits for the first list until ctx ends, or for as long as
// WithRegisterTimeout says. What happens after that time is reported by the
// calls that need a list.
func (s *session) register(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	registration, failure := s.begin(ctx)
	if ctx.Err() != nil && registration == 0 {
		return ctx.Err()
	}
	if failure != nil || s.registerTimeout == 0 {
		return errorFrom(failure)
	}
	limited, cancel := context.WithTimeout(ctx, s.registerTimeout)
	defer cancel()
	_, failure = await(limited, s, func() (struct{}, *capi.Failure) { return struct{}{}, s.firstSync(registration) })
	switch {
	case failure == nil:
		return nil
	case !passes(failure):
		s.undo(registration)
		return errorFrom(failure)
	case ctx.Err() == nil:
		return nil
	}
	_, missing := s.newer(0)
	s.undo(registration)
	if passes(missing) {
		failure = missing
	}
	return ended(ctx, failure)
}

// begin registers without waiting, and returns the number of the registration,
// or 0 if ctx ends while another call reads files.
func (s *session) begin(ctx context.Context) (uint64, *capi.Failure) {
	select {
	case s.registering <- struct{}{}:
	case <-ctx.Done():
		return 0, nil
	}
	defer s.registered()
	failure := s.handle.Register(0)
	if failure == nil {
		s.registrations++
	}
	return s.registrations + 1, failure
}

// registered gives back what begin, firstSync and undo take.
func (s *session) registered() { <-s.registering }

// firstSync fails until the pods have been listed. The library's own call
// returns the same errors.
func (s *session) firstSync(registration uint64) *capi.Failure {
	s.registering <- struct{}{}
	defer s.registered()
	health, failure := s.handle.Health()
	switch {
	case failure != nil && failure.Status != capi.NotRegistered:
		return failure
	case failure != nil || s.registrations+1 != registration:
		return &capi.Failure{Status: capi.NotRegistered, Message: "not registered: deregister was called meanwhile"}
	case health.AgeMS >= 0:
		return nil
	case health.Failure != nil && !health.Failure.Retryable:
		return health.Failure
	}
	return &capi.Failure{Status: capi.NotSynced, Message: "the pods have not been listed yet", Retryable: true}
}

// undo ends a registration unless there is another one by now.
func (s *session) undo(registration uint64) {
	s.registering <- struct{}{}
	defer s.registered()
	if s.registrations+1 == registration {
		s.handle.Deregister()
	}
}
