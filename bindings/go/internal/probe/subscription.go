package main

import (
	"context"
	"errors"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// subscription is one Watch.
type subscription struct {
	updates <-chan kubepeers.Update // nil without one
	cancel  context.CancelFunc
	told    bool // something, so that it began before the provider was closed
}

func (s *subscription) begin(provider *kubepeers.Provider) {
	ctx, cancel := context.WithCancel(context.Background())
	s.updates, s.cancel, s.told = provider.Watch(ctx), cancel, false
}

func (s *subscription) end() {
	if s.updates != nil {
		s.cancel()
		s.updates = nil
	}
}

// That nothing came is told without a word, as is the end of a subscription:
// there is nothing to say about either.
var (
	nothingCame = &kubepeers.Error{Status: kubepeers.ErrTimeout}
	isOver      = &kubepeers.Error{Status: kubepeers.ErrClosed}
)

// next tells the next peers, or the error that ends the subscription. What
// mends itself is waited out.
func (p *probe) next(timeout time.Duration) string {
	if p.subscription.updates == nil {
		p.subscription.begin(p.provider)
	}
	over := time.After(timeout)
	for {
		select {
		case update, open := <-p.subscription.updates:
			switch {
			case open && update.Err == nil:
				p.subscription.told = true
				return line("next", snapshot(update.Snapshot), nil)
			case open && kubepeers.IsRetryable(update.Err):
				continue
			}
			p.subscription.end()
			if p.subscription.told && errors.Is(update.Err, kubepeers.ErrClosed) {
				return line("next", "", isOver)
			}
			return line("next", "", update.Err)
		case <-over:
			return line("next", "", nothingCame)
		}
	}
}
