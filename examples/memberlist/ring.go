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
	maxJoins     = 3 // concurrent joins
	joinInterval = time.Second
	readyAfter   = 30 * time.Second // if all peers refuse
)

func ringConfig(self kubepeers.Node) *memberlist.Config {
	config := memberlist.DefaultLANConfig()
	// Memberlist rejects a known name at another address. A StatefulSet pod keeps its name but
	// has another address after it is recreated. The UID is never reused.
	config.Name = self.UID
	config.BindAddr, config.BindPort = self.Addr.String(), int(self.DiscoveryPort)
	config.AdvertiseAddr, config.AdvertisePort = config.BindAddr, config.BindPort
	// A pod may get an address that a member of another ring had. The label keeps the rings
	// apart. It is not a secret: also set SecretKey if the network is not trusted.
	config.Label = os.Getenv("POD_NAMESPACE") + "/memberlist-node"
	// The pods on a lost Kubernetes node stay Running for minutes but do not answer.
	config.TCPTimeout = 3 * time.Second
	return config
}

// follow joins peers that are not in the ring yet until ctx ends. It calls ready when the
// pod may serve, possibly more than once.
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
		// If all peers refuse, this pod is not alone. The peers may be starting, so this pod does
		// not serve yet. They may also be crash-looping, so it does not wait forever. If they
		// are in a ring that this pod cannot reach, there are two rings. Later joins merge them.
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
			log.Print(err) // Keep the last peers.
			continue
		}
		select {
		case changes <- peers:
		case <-ctx.Done():
		}
	}
}

// joinMissing joins a few peers that are not members yet. It chooses them at random.
//
// A join exchanges the full state with one peer, so joining hundreds would be slow. The
// first peer that accepts reports all members that it knows. Later calls join only the
// peers that are still missing.
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
	// A Running peer may not listen yet. Memberlist logs the error, and the next call retries.
	var joins sync.WaitGroup
	for _, i := range rand.Perm(len(missing))[:min(maxJoins, len(missing))] {
		joins.Go(func() { ring.Join(missing[i : i+1]) })
	}
	joins.Wait()
}
