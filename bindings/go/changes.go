package kubepeers

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// changes tell all waiters of a session, by one descriptor and one goroutine,
// that there may be something new to ask the library for. Both are there as long
// as somebody waits.
type changes struct {
	mutex      sync.Mutex
	waiters    int
	descriptor *os.File
	told       chan struct{} // closed, and replaced, at the next change
}

// join is for whoever is about to wait. leave belongs to it, if there is no failure.
func (c *changes) join(handle capi.Provider) *capi.Failure {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiters == 0 {
		fd, failure := handle.ChangeDescriptor()
		if failure != nil {
			return failure
		}
		descriptor := os.NewFile(fd, "kubepeers changes")               // The netpoller's, since it does not block.
		if err := descriptor.SetReadDeadline(time.Time{}); err != nil { // Not the netpoller's, as epoll has a limit.
			descriptor.Close()
			return &capi.Failure{Status: capi.NoResources, Message: "the change descriptor cannot be polled: " + err.Error(), Retryable: true}
		}
		c.descriptor = descriptor
		c.told = make(chan struct{})
		go c.read(c.descriptor)
	}
	c.waiters++
	return nil
}

func (c *changes) leave() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.waiters--; c.waiters == 0 {
		c.descriptor.Close() // ends read
		c.descriptor = nil
	}
}

// next is closed at the next change. It must be taken before the library is
// asked: what changes after the answer is then told.
func (c *changes) next() <-chan struct{} {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.told
}

// read reports every change, until the provider has ended or there is no waiter.
// What has changed is for the library to say.
func (c *changes) read(descriptor *os.File) {
	buffer := make([]byte, 512)
	for {
		_, err := descriptor.Read(buffer)
		if !c.tell(descriptor) || err != nil {
			return
		}
	}
}

// tell says whether anybody waits still for what the descriptor tells.
func (c *changes) tell(descriptor *os.File) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.descriptor != descriptor {
		return false
	}
	close(c.told)
	c.told = make(chan struct{})
	return true
}

// wait blocks until the next change, or until the context ends.
func wait(ctx context.Context, told <-chan struct{}) {
	select {
	case <-told:
	case <-ctx.Done():
	}
}
