package kubepeers

import (
	"context"
	"runtime"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Refresh forces a new list and waits for it. On success, later results are at
// least as new as this call. Without it, they are as new as the watch, usually
// some milliseconds behind. It is for a process that is about to form a cluster.
// Do not repeat it on a timer: it is expensive for the API server. All calls
// together cause at most one list a second.
//
// If ctx ends during the wait, the error wraps ctx.Err() and the reason:
// ErrStale, or ErrNotSynced if the pods have never been listed.
func (p *Provider) Refresh(ctx context.Context) error {
	defer runtime.KeepAlive(p)
	s := p.current()
	var request uint64
	_, err := until(ctx, s, func() (struct{}, *capi.Failure) { return struct{}{}, s.handle.Refresh(&request, 0) })
	return err
}
