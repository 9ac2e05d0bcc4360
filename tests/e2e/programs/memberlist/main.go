// Command memberlist is examples/memberlist with pages for the scenarios. It shares
// ring.go with the example.
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

type member struct {
	provider *kubepeers.Provider
	ring     *memberlist.Memberlist
	ready    atomic.Bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		log.Fatal(err) // Kubernetes restarts the container.
	}
}

func run(ctx context.Context) error {
	provider, err := kubepeers.Open(ctx, kubepeers.Config{
		PodLabels:         map[string]string{"app": "memberlist-node"},
		DiscoveryPortName: "gossip",
		Logger:            slog.Default(),
	})
	if err != nil {
		return err
	}
	defer provider.Close()
	m := &member{provider: provider}
	routes := m.serve()

	self, err := provider.Self(ctx)
	if err != nil {
		return err
	}
	if m.ring, err = memberlist.Create(ringConfig(self)); err != nil {
		return err
	}
	defer m.ring.Shutdown()
	m.serveRing(routes)
	setReady := func() { m.ready.Store(true) }
	return errors.Join(follow(ctx, provider, m.ring, setReady), m.ring.Leave(5*time.Second))
}
