// Command gohost is the host of the Go binding.
package main

import (
	"context"
	"log"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

func main() {
	ctx := context.Background()
	provider, err := kubepeers.Open(ctx, kubepeers.Config{
		Namespace:         host.Namespace(),
		DiscoveryPortName: host.DiscoveryPort,
		RemotingPortName:  host.RemotingPort,
		PeersPortName:     host.PeersPort,
		PodLabels:         map[string]string{"app": "bench"},
		RegisterTimeout:   time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}
	// The other clients return addresses, so this one copies them, too.
	discover := func() ([]string, error) {
		peers, err := provider.DiscoverPeers(ctx)
		if err != nil {
			return nil, err
		}
		return peers.Addresses(), nil
	}
	(&host.Host{Discover: discover}).Run()
}
