package kubepeers

import (
	"context"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// register occupies a thread while it waits: whether what is wrong ends it, such
// as a missing Role, the library's own call alone says.
func (s *session) register(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Whoever undoes a registration must know that it is the one that it has begun.
	if err := s.lockRegistering(ctx); err != nil {
		return err
	}
	defer s.registering.Unlock()
	if ctx.Done() == nil {
		return errorFrom(s.handle.Register(capi.DefaultTimeout))
	}
	// As nobody else can begin one meanwhile, what is not registered stays so.
	if err := s.notRegistered(); err != nil {
		return err
	}
	done := make(chan *capi.Failure, 1)
	go func() { done <- s.handle.Register(capi.DefaultTimeout) }()
	select {
	case failure := <-done:
		return errorFrom(failure)
	case <-ctx.Done():
		return s.undo(ctx, done)
	}
}

// lockRegistering waits for another call of register that has been ended, and
// not for one that goes on. Which of these it is, no change tells.
func (s *session) lockRegistering(ctx context.Context) error {
	for !s.registering.TryLock() {
		if err := s.notRegistered(); err != nil {
			return err
		}
		wait(ctx, nil, time.Millisecond)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// notRegistered gives an error for everything else.
func (s *session) notRegistered() error {
	switch _, failure := s.handle.Health(); {
	case failure == nil:
		return &Error{Status: ErrAlreadyRegistered, Message: "register was called before"}
	case failure.Status != capi.NotRegistered:
		return errorFrom(failure)
	}
	return nil
}

// undo ends a registration, whether it is complete, waits, or still reads files
// and cannot be told. Only the last takes more than one turn. It gives the error
// of the context, with what was missing until then.
func (s *session) undo(ctx context.Context, done <-chan *capi.Failure) error {
	_, missing := s.newer(0)
	for {
		s.handle.Deregister()
		select {
		case failure := <-done:
			s.handle.Deregister() // It may have become complete in between.
			return undone(ctx, missing, failure)
		case <-time.After(time.Millisecond):
		}
	}
}

// undone prefers the failure of the call itself, unless undoing it was its reason.
func undone(ctx context.Context, missing, failure *capi.Failure) error {
	switch {
	case failure != nil && failure.Status != capi.NotRegistered:
		return ended(ctx, failure)
	case passes(missing):
		return ended(ctx, missing)
	}
	return ctx.Err() // It had only just begun, or was complete.
}
