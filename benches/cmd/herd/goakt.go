package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tochemey/goakt/v4/discovery/kubernetes"

	"github.com/kubepeers/kubepeers/benches/internal/host"
)

// period is the time between two calls of a GoAkt client.
const period = time.Second

type goAkt struct{ *kubernetes.Discovery }

// newGoAkt creates a provider with the files of its own directory. client-go reads a
// fixed directory, which is the link MOUNTS/current (see hosts/pod.c).
func newGoAkt(namespace, mounts string, i int) (client, error) {
	current := filepath.Join(mounts, "current")
	if err := os.Remove(current); err != nil {
		return nil, err
	}
	if err := os.Symlink(fmt.Sprint(i), current); err != nil {
		return nil, err
	}
	provider := kubernetes.NewDiscovery(&kubernetes.Config{
		Namespace:         namespace,
		DiscoveryPortName: host.DiscoveryPort,
		RemotingPortName:  host.RemotingPort,
		PeersPortName:     host.PeersPort,
		PodLabels:         map[string]string{"app": "bench"},
	})
	if err := provider.Initialize(); err != nil {
		return nil, err
	}
	return goAkt{provider}, provider.Register()
}

func (c goAkt) start() ([]string, error) { return c.DiscoverPeers() }

// run calls once a second, or as often as the API server responds. It ignores errors,
// because herd.py reads the number of rejected requests from the server.
func (c goAkt) run() {
	for range time.Tick(period) {
		_, _ = c.DiscoverPeers()
	}
}
