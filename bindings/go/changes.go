package kubepeers

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// often is how often the library is asked where no change tells of what is
// waited for: that an answer is too old, or no longer, or that time has passed.
const often = 50 * time.Millisecond

// changes tell all waiters of a session, by one descriptor and one goroutine,
// that there may be something new to ask the library for. Both are there as long
// as somebody waits.
type changes struct {
	mutex      sync.Mutex
	waiters    int
	descriptor *os.File
	told       chan struct{} // closed, and replaced, at the next change
	left       chan struct{} // closed when nobody waits any more
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
		c.descriptor = os.NewFile(fd, "kubepeers changes") // The netpoller's, since it does not block.
		c.told, c.left = make(chan struct{}), make(chan struct{})
		go c.read(c.descriptor, c.left)
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
		close(c.left)
	}
}

// next is closed at the next change. It must be taken before the library is
// asked: what changes after the answer is then told.
func (c *changes) next() <-chan struct{} {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.told
}

// read tells of whatever comes, also of the end of the provider: what it was is
// for the library to say.
func (c *changes) read(descriptor *os.File, left <-chan struct{}) {
	buffer := make([]byte, 512)
	for {
		_, err := descriptor.Read(buffer)
		if !c.tell(descriptor) {
			return
		}
		if err != nil { // The provider has ended, or the netpoller does not take the descriptor: it fails at once again.
			wait(context.Background(), left, often)
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

// wait returns when it is told, when the context has ended, and after so much
// time, if any is given.
func wait(ctx context.Context, told <-chan struct{}, after time.Duration) {
	var over <-chan time.Time
	if after > 0 {
		timer := time.NewTimer(after)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-told:
	case <-ctx.Done():
	case <-over:
	}
}
