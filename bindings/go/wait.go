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

// changeNotifier wakes all waiting goroutines of a session whenever a library call may
// have a new outcome. It has a descriptor and a goroutine only while there are waiters.
type changeNotifier struct {
	mutex      sync.Mutex
	waiters    int
	descriptor *os.File
	changed    chan struct{} // closed and replaced at every change
}

// subscribe adds a waiter. If it succeeds, the caller must call unsubscribe.
func (c *changeNotifier) subscribe(handle capi.Provider) *capi.Failure {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiters == 0 {
		fd, failure := handle.ChangeDescriptor()
		if failure != nil {
			return failure
		}
		descriptor := os.NewFile(fd, "kubepeers changes")
		// The runtime polls a non-blocking descriptor unless epoll has reached its limit.
		// SetReadDeadline fails only in that case.
		if err := descriptor.SetReadDeadline(time.Time{}); err != nil {
			descriptor.Close()
			return &capi.Failure{
				Status:    capi.NoResources,
				Message:   "the change descriptor cannot be polled: " + err.Error(),
				Retryable: true,
			}
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

// next returns a channel that is closed at the next change. A waiter must call next
// before it calls the library. Otherwise it would miss a change between the two calls.
func (c *changeNotifier) next() <-chan struct{} {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.changed
}

// read wakes the waiters at every change until the provider is closed or no waiter is
// left.
func (c *changeNotifier) read(descriptor *os.File) {
	buffer := make([]byte, 512)
	for {
		_, err := descriptor.Read(buffer)
		if !c.notify(descriptor) || err != nil {
			return
		}
	}
}

// notify wakes the waiters. It returns false if the descriptor is no longer in use.
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

// callSlots limits the number of concurrent calls of the library. The library serves one
// call at a time, and a goroutine that waits in the library occupies an OS thread. A
// goroutine that waits for a slot does not.
var callSlots = make(chan struct{}, runtime.NumCPU())

// call makes a library call that does not wait.
func call[T any](f func() (T, *capi.Failure)) (T, *capi.Failure) {
	callSlots <- struct{}{}
	defer func() { <-callSlots }()
	return f()
}

// waitContext calls f, which must not wait, until f succeeds, f fails with an error that
// is not transient, or ctx ends. With an error, the result is zero.
func waitContext[T any](
	ctx context.Context, s *session, f func() (T, *capi.Failure),
) (T, error) {
	var zero T
	if err := contextEnded(ctx); err != nil {
		return zero, err
	}
	result, failure := poll(ctx, s, f)
	switch {
	case isTransient(failure):
		return zero, s.contextError(ctx, failure)
	case failure != nil:
		return zero, s.error(failure)
	}
	return result, nil
}

// poll calls f at every change until f succeeds, f fails with an error that is not
// transient, or ctx ends. It returns the last outcome.
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

// isTransient reports whether the library's own blocking call would keep waiting. A failure
// can be transient without being retryable, such as NOT_SYNCED because of a missing Role.
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

// contextEnded returns an error if the context has ended already or is nil.
func contextEnded(ctx context.Context) error {
	if ctx == nil {
		return invalidArgument("the context is nil")
	}
	return ctx.Err()
}

func invalidArgument(format string, arguments ...any) error {
	return &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf(format, arguments...)}
}

// clampedMilliseconds converts a time that is not negative to the type of the
// library. It replaces longer times by the maximum of that type, 24 days.
func clampedMilliseconds(d time.Duration) int32 {
	return int32(min(milliseconds(d), math.MaxInt32))
}
