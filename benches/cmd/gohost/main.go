// Command gohost is the host of the Go binding.
package main

import (
	"log"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

func main() {
	provider := kubepeers.New(kubepeers.Config{
		Namespace:         host.Namespace(),
		DiscoveryPortName: host.DiscoveryPort,
		RemotingPortName:  host.RemotingPort,
		PeersPortName:     host.PeersPort,
		PodLabels:         map[string]string{"app": "bench"},
	}, kubepeers.WithRegisterTimeout(time.Minute), kubepeers.WithDiscoverTimeout(time.Minute))
	if err := provider.Initialize(); err != nil {
		log.Fatal(err)
	}
	if err := provider.Register(); err != nil {
		log.Fatal(err)
	}
	(&host.Host{Discover: provider.DiscoverPeers}).Run()
}
