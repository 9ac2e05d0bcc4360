// Command memberlist is a member of a gossip ring of hashicorp/memberlist.
// kubepeers finds the other members. deploy/memberlist.yaml runs it in pods.
package main

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

const (
	joinsAtOnce  = 3
	joinInterval = time.Second
	patience     = 30 * time.Second // while all peers refuse
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

	// Create listens. It comes before DiscoverPeers, so that a pod that finds no peers can already
	// be joined: of two pods that start together, at least one finds the other.
	self, err := provider.Self(ctx)
	if err != nil {
		return err
	}
	if m.ring, err = memberlist.Create(ringConfig(self)); err != nil {
		return err
	}
	defer m.ring.Shutdown()
	m.serveRing(routes)
	return errors.Join(m.follow(ctx), m.ring.Leave(5*time.Second))
}

func ringConfig(self kubepeers.Node) *memberlist.Config {
	config := memberlist.DefaultLANConfig()
	// Memberlist refuses a known name at another address, which a pod of a StatefulSet has after a
	// restart. The UID is never used again.
	config.Name = self.UID
	config.BindAddr, config.BindPort = self.Addr.String(), int(self.DiscoveryPort)
	config.AdvertiseAddr, config.AdvertisePort = config.BindAddr, config.BindPort
	// A pod may get an address that a member of another ring had. The label keeps the rings apart.
	// It is no secret: set SecretKey, too, if the network is not trusted.
	config.Label = os.Getenv("POD_NAMESPACE") + "/memberlist-node"
	// The pods of a lost Kubernetes node stay Running for minutes, and do not even refuse.
	config.TCPTimeout = 3 * time.Second
	return config
}

// follow keeps this pod in one ring with its peers until ctx ends.
func (m *member) follow(ctx context.Context) error {
	peers, err := m.provider.DiscoverPeers(ctx)
	if err != nil {
		return err
	}
	changes := make(chan kubepeers.Snapshot)
	go m.watch(ctx, changes)
	for started := time.Now(); ; {
		m.joinSome(peers)
		// If all peers refuse, this pod is not alone: they may be starting, so do not serve yet.
		// But they may also crash again and again, so do not wait forever. If they are in a ring
		// that this pod cannot reach, there are two rings now. Later rounds merge them.
		if peers.Len() == 0 || m.ring.NumMembers() > 1 || time.Since(started) > patience {
			m.ready.Store(true)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(joinInterval):
		case newer, open := <-changes:
			if !open {
				return errors.New("the watch has ended")
			}
			peers = newer
		}
	}
}

func (m *member) watch(ctx context.Context, changes chan<- kubepeers.Snapshot) {
	defer close(changes)
	for peers, err := range m.provider.Watch(ctx) {
		if err != nil {
			log.Print(err) // The last peers are kept.
			continue
		}
		select {
		case changes <- peers:
		case <-ctx.Done():
		}
	}
}

// joinSome joins a few peers that are not members yet, chosen at random.
//
// Join exchanges the full state with every address, one after another, so it is
// slow with hundreds of them. The first peer that accepts reports all members it
// knows. Later rounds join only the peers that are still missing.
func (m *member) joinSome(peers kubepeers.Snapshot) {
	isMember := map[string]bool{}
	for _, node := range m.ring.Members() {
		isMember[node.Name] = true
	}
	var missing []string
	for peer := range peers.Nodes() {
		if !isMember[peer.UID] {
			missing = append(missing, peer.AddrPort().String())
		}
	}
	// A peer may be Running and not listen yet. Memberlist logs the error; the next round retries.
	var joins sync.WaitGroup
	for _, i := range rand.Perm(len(missing))[:min(joinsAtOnce, len(missing))] {
		joins.Go(func() { m.ring.Join(missing[i : i+1]) })
	}
	joins.Wait()
}
