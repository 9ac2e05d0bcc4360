// Command goakt is the host of GoAkt's own discovery provider, which lists the pods at
// every call.
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
	// Its client is limited to five requests a second. Without the pause, the benchmark would
	// measure that limit.
	(&host.Host{Discover: provider.DiscoverPeers, Pause: 210 * time.Millisecond}).Run()
}
