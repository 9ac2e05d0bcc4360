//go:build panics

package kubepeers_test

import (
	"testing"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Places of src/panics.rs.
const (
	nowhere = iota
	inCall
	inWatcher
	_
	inRequest
)

func TestPanicInCall(t *testing.T) {
	provider := waiting(t)
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			capi.WantPanic(inCall)
			want(t, call(t.Context(), provider), kubepeers.ErrInternal)
			if capi.WantPanic(nowhere) != nowhere {
				t.Error("nothing has panicked")
			}
		})
	}
	want(t, discover(provider), kubepeers.ErrNotSynced) // The provider is unharmed.
}

func TestPanicInTask(t *testing.T) {
	for name, place := range map[string]int32{"watcher": inWatcher, "request": inRequest} {
		t.Run(name, func(t *testing.T) {
			provider := waiting(t)
			ended := make(chan error)
			go func() { ended <- calls["DiscoverPeers"](t.Context(), provider) }()
			capi.WantPanic(place)
			want(t, provider.Refresh(t.Context()), kubepeers.ErrInternal)
			want(t, <-ended, kubepeers.ErrInternal)
			want(t, calls["Health"](t.Context(), provider), kubepeers.ErrInternal)
			succeed(t, provider.Deregister())
			succeed(t, provider.Register(t.Context()))
			succeed(t, provider.Close())
		})
	}
}
