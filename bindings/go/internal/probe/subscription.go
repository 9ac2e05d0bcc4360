package main

import (
	"context"
	"errors"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// subscription runs a Watch in a goroutine, so that the command next can have a
// timeout.
type subscription struct {
	updates  <-chan update // nil if there is no Watch
	cancel   context.CancelFunc
	hadState bool // The Watch began before the provider was closed.
}

type update struct {
	snapshot kubepeers.Snapshot
	err      error
}

func (s *subscription) begin(provider *kubepeers.Provider) {
	ctx, cancel := context.WithCancel(context.Background())
	updates := make(chan update, 1)
	go func() {
		defer close(updates)
		for snapshot, err := range provider.Watch(ctx) {
			sendLatest(updates, update{snapshot, err})
		}
	}()
	s.updates, s.cancel, s.hadState = updates, cancel, false
}

// sendLatest replaces an update that has not been received.
func sendLatest(updates chan update, newest update) {
	select {
	case <-updates:
	default:
	}
	updates <- newest // This never blocks, because no other goroutine sends.
}

func (s *subscription) end() {
	if s.updates != nil {
		s.cancel()
		s.updates = nil
	}
}

// In the protocol these two errors have no message.
var (
	errTimeout = &kubepeers.Error{Status: kubepeers.ErrTimeout}
	errClosed  = &kubepeers.Error{Status: kubepeers.ErrClosed}
)

// next returns the next snapshot, or the error that ends the subscription. It ignores
// retryable errors.
func (p *probe) next(timeout time.Duration) string {
	if p.subscription.updates == nil {
		p.subscription.begin(p.provider)
	}
	expired := time.After(timeout)
	for {
		select {
		case update, open := <-p.subscription.updates:
			switch {
			case open && update.err == nil:
				p.subscription.hadState = true
				return line("next", snapshot(update.snapshot), nil)
			case open && kubepeers.IsRetryable(update.err):
				continue
			}
			p.subscription.end()
			if p.subscription.hadState && errors.Is(update.err, kubepeers.ErrClosed) {
				return line("next", "", errClosed)
			}
			return line("next", "", update.err)
		case <-expired:
			return line("next", "", errTimeout)
		}
	}
}
