package kubepeers

import (
	"context"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// register occupies a thread while it waits: what ends it before the pods have
// been read, such as a missing Role, is no change that the netpoller could tell.
func (s *session) register(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Whoever undoes a registration must know that it is the one that it has begun.
	if !s.registering.TryLock() {
		return &Error{Status: ErrAlreadyRegistered, Message: "another call of Register has not ended yet"}
	}
	defer s.registering.Unlock()
	if ctx.Done() == nil {
		return errorFrom(s.handle.Register(capi.DefaultTimeout))
	}
	switch _, failure := s.handle.Health(); {
	case failure == nil:
		return errorFrom(s.handle.Register(0)) // says that it is registered
	case failure.Status != capi.NotRegistered:
		return errorFrom(failure)
	}
	done := make(chan *capi.Failure, 1)
	go func() { done <- s.handle.Register(capi.DefaultTimeout) }()
	select {
	case failure := <-done:
		return errorFrom(failure)
	case <-ctx.Done():
		s.undo(done)
		return ctx.Err()
	}
}

// undo ends a registration, whether it is complete, waits, or still reads files
// and cannot be told. Only the last takes more than one turn.
func (s *session) undo(done <-chan *capi.Failure) {
	for {
		s.handle.Deregister()
		select {
		case <-done:
			s.handle.Deregister() // It may have become complete in between.
			return
		case <-time.After(time.Millisecond):
		}
	}
}
