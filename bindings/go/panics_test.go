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

func TestPanicInCallIsInternalError(t *testing.T) {
	provider := unsyncedProvider(t)
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			capi.WantPanic(inCall)
			requireStatus(t, call(t.Context(), provider), kubepeers.ErrInternal)
			if capi.WantPanic(nowhere) != nowhere {
				t.Error("the library did not panic")
			}
		})
	}
	requireStatus(t, discoverError(provider), kubepeers.ErrNotSynced) // It still works.
}

func TestPanicInTaskEndsRegistration(t *testing.T) {
	for name, place := range map[string]int32{"watcher": inWatcher, "request": inRequest} {
		t.Run(name, func(t *testing.T) {
			provider := unsyncedProvider(t)
			returned := make(chan error)
			go func() { returned <- calls["DiscoverPeers"](t.Context(), provider) }()
			capi.WantPanic(place)
			requireStatus(t, provider.Refresh(t.Context()), kubepeers.ErrInternal)
			requireStatus(t, receive(t, returned), kubepeers.ErrInternal)
			requireStatus(t, calls["Health"](t.Context(), provider), kubepeers.ErrInternal)
			requireNoError(t, provider.Deregister())
			requireNoError(t, provider.Register(t.Context()))
			requireNoError(t, provider.Close())
		})
	}
}
