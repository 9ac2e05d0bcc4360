package main

import (
	"context"
	"errors"
	"log"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

const (
	maxJoins     = 3 // at once
	joinInterval = time.Second
	readyAfter   = 30 * time.Second // while all peers refuse
)

func ringConfig(self kubepeers.Node) *memberlist.Config {
	config := memberlist.DefaultLANConfig()
	// Memberlist refuses a known name at another address, which a pod of a StatefulSet has after
	// a restart. The UID is never reused.
	config.Name = self.UID
	config.BindAddr, config.BindPort = self.Addr.String(), int(self.DiscoveryPort)
	config.AdvertiseAddr, config.AdvertisePort = config.BindAddr, config.BindPort
	// A pod may get an address that a member of another ring had. The label keeps the rings
	// apart. It is no secret: set SecretKey, too, if the network is not trusted.
	config.Label = os.Getenv("POD_NAMESPACE") + "/memberlist-node"
	// The pods of a lost Kubernetes node stay Running for minutes, and do not answer.
	config.TCPTimeout = 3 * time.Second
	return config
}

// follow keeps the ring together with the peers until ctx ends. It calls ready when the
// pod may serve, more than once.
func follow(
	ctx context.Context, provider *kubepeers.Provider, ring *memberlist.Memberlist, ready func(),
) error {
	peers, err := provider.DiscoverPeers(ctx)
	if err != nil {
		return err
	}
	changes := make(chan kubepeers.Snapshot)
	go watch(ctx, provider, changes)
	for started := time.Now(); ; {
		joinMissing(ring, peers)
		// If all peers refuse, this pod is not alone. They may be starting, so it does not serve
		// yet. They may also crash again and again, so it does not wait forever. If they are in
		// a ring that this pod cannot reach, there are two rings now. Later joins merge them.
		if peers.Len() == 0 || ring.NumMembers() > 1 || time.Since(started) > readyAfter {
			ready()
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

func watch(ctx context.Context, provider *kubepeers.Provider, changes chan<- kubepeers.Snapshot) {
	defer close(changes)
	for peers, err := range provider.Watch(ctx) {
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

// joinMissing joins a few peers that are not members yet, chosen at random.
//
// A join exchanges the full state with one address, so joining hundreds would be slow. The
// first peer that accepts reports all members it knows. Later calls join only the peers
// that are still missing.
func joinMissing(ring *memberlist.Memberlist, peers kubepeers.Snapshot) {
	isMember := map[string]bool{}
	for _, node := range ring.Members() {
		isMember[node.Name] = true
	}
	var missing []string
	for peer := range peers.Nodes() {
		if !isMember[peer.UID] {
			missing = append(missing, peer.AddrPort().String())
		}
	}
	// A Running peer may not listen yet. Memberlist logs the error; the next call retries.
	var joins sync.WaitGroup
	for _, i := range rand.Perm(len(missing))[:min(maxJoins, len(missing))] {
		joins.Go(func() { ring.Join(missing[i : i+1]) })
	}
	joins.Wait()
}
