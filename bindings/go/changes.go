package kubepeers

import (
	"context"
	"os"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// often is how often the library is asked where no change tells of what is
// waited for: that an answer is too old, or no longer, or that time has passed.
const often = 50 * time.Millisecond

// changes wait, by the netpoller, for something new to ask the library for.
// Each belongs to one goroutine.
type changes struct {
	ctx        context.Context
	descriptor *os.File
	unwatch    func() bool // ctx
}

func (s *session) changes(ctx context.Context) (*changes, *capi.Failure) {
	fd, failure := s.handle.ChangeDescriptor()
	if failure != nil {
		return nil, failure
	}
	descriptor := os.NewFile(fd, "kubepeers changes") // The netpoller's, since it does not block.
	unwatch := context.AfterFunc(ctx, func() { descriptor.SetReadDeadline(time.Unix(1, 0)) })
	return &changes{ctx, descriptor, unwatch}, nil
}

// next returns when there may have been a change since it was called last, when
// the context has ended, and after so much time, if any is given. The first time
// it returns at once.
func (c *changes) next(after time.Duration) {
	var deadline time.Time
	if after > 0 {
		deadline = time.Now().Add(after)
	}
	c.descriptor.SetReadDeadline(deadline)
	if c.ctx.Err() != nil {
		return // The deadline that its end has set may just have been replaced.
	}
	// Whether it was a change, the end of the provider, or of the time, is for the library to say.
	c.descriptor.Read(make([]byte, 64))
}

func (c *changes) close() {
	c.unwatch()
	c.descriptor.Close()
}
