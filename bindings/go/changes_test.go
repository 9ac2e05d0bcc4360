package kubepeers

import (
	"context"
	"testing"
	"time"
)

// The end of a context that comes just before a wait ends that wait.
func TestNoWaitAfterTheEndOfTheContext(t *testing.T) {
	provider := New(Config{
		Namespace: "demo", DiscoveryPortName: "a", RemotingPortName: "b", PeersPortName: "c", PodLabels: map[string]string{"app": "demo"},
	})
	if err := provider.Initialize(); err != nil {
		t.Fatal(err)
	}
	defer provider.Close()
	ctx, cancel := context.WithCancel(t.Context())
	changes, failure := provider.current().changes(ctx)
	if failure != nil {
		t.Fatal(failure.Message)
	}
	defer changes.close()
	changes.next(0) // It is readable from the start.
	cancel()
	time.Sleep(20 * time.Millisecond) // By now whatever the end does is done.
	returned := make(chan struct{})
	go func() { changes.next(0); close(returned) }()
	select {
	case <-returned:
	case <-time.After(time.Minute):
		t.Fatal("still waits")
	}
}
