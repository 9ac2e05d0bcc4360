// Command goakt is the host of GoAkt's own discovery provider. It lists the
// pods at each call.
package main

import (
	"log"
	"time"

	"github.com/tochemey/goakt/v4/discovery/kubernetes"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

func main() {
	provider := kubernetes.NewDiscovery(&kubernetes.Config{
		Namespace:         host.Namespace(),
		DiscoveryPortName: host.DiscoveryPort,
		RemotingPortName:  host.RemotingPort,
		PeersPortName:     host.PeersPort,
		PodLabels:         map[string]string{"app": "bench"},
	})
	if err := provider.Initialize(); err != nil {
		log.Fatal(err)
	}
	if err := provider.Register(); err != nil {
		log.Fatal(err)
	}
	// Its client allows itself five requests a second; without the pause, that is what would be measured.
	(&host.Host{Discover: provider.DiscoverPeers, Pause: 210 * time.Millisecond}).Run()
}
