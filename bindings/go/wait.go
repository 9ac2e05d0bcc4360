package kubepeers

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// changeNotifier wakes all waiting goroutines of a session whenever the library
// may have a new result. It has a descriptor and a goroutine while any goroutine
// waits.
type changeNotifier struct {
	mutex      sync.Mutex
	waiters    int
	descriptor *os.File
	changed    chan struct{} // closed, and replaced, at the next change
}

// subscribe must be followed by unsubscribe if it succeeds.
func (c *changeNotifier) subscribe(handle capi.Provider) *capi.Failure {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiters == 0 {
		fd, failure := handle.ChangeDescriptor()
		if failure != nil {
			return failure
		}
		// It does not block, so the netpoller takes it, unless epoll has reached its limit.
		descriptor := os.NewFile(fd, "kubepeers changes")
		if err := descriptor.SetReadDeadline(time.Time{}); err != nil {
			descriptor.Close()
			return &capi.Failure{Status: capi.NoResources, Message: "the change descriptor cannot be polled: " + err.Error(), Retryable: true}
		}
		c.descriptor = descriptor
		c.changed = make(chan struct{})
		go c.read(descriptor)
	}
	c.waiters++
	return nil
}

func (c *changeNotifier) unsubscribe() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiters--; c.waiters == 0 {
		c.descriptor.Close() // ends read
		c.descriptor = nil
	}
}

// next returns a channel that is closed at the next change. A waiter must take it
// before it calls the library, so that a change after that call wakes it.
func (c *changeNotifier) next() <-chan struct{} {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.changed
}

// read notifies of changes until the provider is closed or there is no waiter.
func (c *changeNotifier) read(descriptor *os.File) {
	buffer := make([]byte, 512)
	for {
		_, err := descriptor.Read(buffer)
		if !c.notify(descriptor) || err != nil {
			return
		}
	}
}

// notify reports whether the descriptor is still in use.
func (c *changeNotifier) notify(descriptor *os.File) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.descriptor != descriptor {
		return false
	}
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

func waitForChange(ctx context.Context, changed <-chan struct{}) {
	select {
	case <-changed:
	case <-ctx.Done():
	}
}

// callSlots limits the calls that are in the library at once. The library serves
// one at a time: a goroutine that waits here needs no thread, but one that waits
// there does.
var callSlots = make(chan struct{}, runtime.NumCPU())

// call is for calls that do not wait.
func call[T any](f func() (T, *capi.Failure)) (T, *capi.Failure) {
	callSlots <- struct{}{}
	defer func() { <-callSlots }()
	return f()
}

// waitContext calls f, which does not wait, until it succeeds, fails permanently,
// or ctx ends. The result is zero after an error.
func waitContext[T any](ctx context.Context, s *session, f func() (T, *capi.Failure)) (result T, err error) {
	if err := contextEnded(ctx); err != nil {
		return result, err
	}
	found, failure := poll(ctx, s, f)
	switch {
	case isTransient(failure):
		return result, s.contextError(ctx, failure)
	case failure != nil:
		return result, s.error(failure)
	}
	return found, nil
}

// poll calls f at every change until its failure is not transient or ctx has
// ended, and returns the last outcome.
func poll[T any](ctx context.Context, s *session, f func() (T, *capi.Failure)) (T, *capi.Failure) {
	result, failure := f()
	if !isTransient(failure) || ctx.Err() != nil {
		return result, failure
	}
	if failure := s.changes.subscribe(s.handle); failure != nil {
		return result, failure
	}
	defer s.changes.unsubscribe()
	for {
		changed := s.changes.next()
		result, failure = f()
		if !isTransient(failure) || ctx.Err() != nil {
			return result, failure
		}
		waitForChange(ctx, changed)
	}
}

// isTransient reports whether the library's own calls would wait.
func isTransient(failure *capi.Failure) bool {
	if failure == nil {
		return false
	}
	switch failure.Status {
	case capi.NotSynced, capi.SelfNotVisible, capi.Stale, capi.Timeout:
		return true
	}
	return false
}

// contextEnded returns the error of a context that has ended before the call.
func contextEnded(ctx context.Context) error {
	if ctx == nil {
		return invalidArgument("the context is nil")
	}
	return ctx.Err()
}

func invalidArgument(format string, arguments ...any) error {
	return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}

// clampedMilliseconds returns a time that is not negative as the library takes it:
// 24 days stand for all that is longer.
func clampedMilliseconds(d time.Duration) int32 {
	return int32(min(milliseconds(d), math.MaxInt32))
}
