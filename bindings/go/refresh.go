package kubepeers

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Refresh has the pods listed anew and waits for it: after success, what is
// answered is of the moment of this call or later. Without it, answers are as
// new as the watch, which as a rule is milliseconds behind. It is for a process
// that is about to found a cluster, not for every question: it costs the API
// server a list, of which there is at most one a second.
//
// If nothing newer comes before ctx ends the error is ErrStale too, or
// ErrNotSynced where nothing has ever been read; not so if ctx was cancelled. All
// calls together occupy one thread, and do so after they have ended, until the
// list, Deregister or Close.
func (p *Provider) Refresh(ctx context.Context) error {
	defer runtime.KeepAlive(p)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s := p.current()
	list := s.lists.order(s.handle)
	select {
	case <-list.came:
		return errorFrom(list.failure)
	case <-ctx.Done():
		return s.notRefreshed(ctx)
	}
}

func (s *session) notRefreshed(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	failure := s.handle.Refresh(0) // never succeeds, and says why
	if !passes(failure) {
		return errorFrom(failure)
	}
	return ended(ctx, failure)
}

// lists are those that somebody has ordered. The library's call waits for as
// long as it takes: one at a time, whoever still wants it.
type lists struct {
	mutex   sync.Mutex
	awaited *list // the library is asked for it
	next    *list // for who came when it had been: the awaited one may be older than that
}

type list struct {
	came    chan struct{}
	failure *capi.Failure
}

// order gives a list of this moment or later.
func (l *lists) order(handle capi.Provider) *list {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.next == nil {
		l.next = &list{came: make(chan struct{})}
	}
	ordered := l.next
	if l.awaited == nil {
		l.await(handle)
	}
	return ordered
}

// await begins with the next list, with the mutex locked.
func (l *lists) await(handle capi.Provider) {
	l.awaited, l.next = l.next, nil
	if l.awaited != nil {
		go func() { l.deliver(handle, handle.Refresh(math.MaxInt32)) }()
	}
}

func (l *lists) deliver(handle capi.Provider, failure *capi.Failure) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.awaited.deliver(failure)
	if failure != nil && l.next != nil { // What has ended one has ended all that were ordered before.
		l.next.deliver(failure)
		l.next = nil
	}
	l.await(handle)
}

func (l *list) deliver(failure *capi.Failure) {
	l.failure = failure
	close(l.came)
}
