package kubepeers

import (
	"context"
	"errors"
	"math"
	"runtime"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Refresh has the pods listed anew and waits for it: after success, what is
// answered is of the moment of this call or later. Without it, answers are as
// new as the watch, which as a rule is milliseconds behind. It is for a process
// that is about to found a cluster, not for every question: it costs the API
// server a list, of which there is at most one a second.
//
// If nothing newer comes before ctx ends the error is ErrStale too, or
// ErrNotSynced where nothing has ever been read. It occupies a thread, and does
// so after ctx was cancelled, until its deadline, the list, Deregister or Close.
func (p *Provider) Refresh(ctx context.Context) error {
	defer runtime.KeepAlive(p)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s, timeout := p.current(), time.Duration(math.MaxInt64)
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(0, time.Until(deadline))
	}
	// In one call: the moment that a list must be of would be another one in a second.
	done := make(chan *capi.Failure, 1)
	go func() { done <- s.handle.Refresh(milliseconds(timeout)) }()
	select {
	case failure := <-done:
		return refreshed(ctx, failure)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
		return refreshed(ctx, <-done) // Its own time is over too.
	}
}

func refreshed(ctx context.Context, failure *capi.Failure) error {
	if !passes(failure) {
		return errorFrom(failure)
	}
	<-ctx.Done() // at any moment
	return ended(ctx, failure)
}
