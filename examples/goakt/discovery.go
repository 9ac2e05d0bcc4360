package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/tochemey/goakt/v4/discovery"
	goaktkubernetes "github.com/tochemey/goakt/v4/discovery/kubernetes"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

const (
	gossipPortName   = "gossip"
	remotingPortName = "remoting"
	peersPortName    = "peers"
)

func newProvider(e environment) (discovery.Provider, error) {
	config := &kubernetes.Config{
		Namespace:         e.namespace,
		DiscoveryPortName: gossipPortName,
		RemotingPortName:  remotingPortName,
		PeersPortName:     peersPortName,
		PodLabels:         e.labels,
	}
	switch e.provider {
	case "kubepeers":
		options := []kubepeers.Option{kubepeers.WithIPFamily(e.ipFamily)}
		if e.pending {
			options = append(options, kubepeers.WithPending())
		}
		return kubernetes.NewDiscovery(config, options...), nil
	case "goakt": // to compare with
		return goaktkubernetes.NewDiscovery((*goaktkubernetes.Config)(config)), nil
	}
	return nil, fmt.Errorf("PROVIDER=%s: neither kubepeers nor goakt", e.provider)
}

// A witness notes what GoAkt is told.
type witness struct {
	discovery.Provider
	mutex sync.Mutex
	moments
}

// moments are in ms since 1970.
type moments struct {
	FirstAnswer      float64 `json:"firstAnswerUnixMs"` // 0 until there is one that is no error
	FirstAnswerPeers int     `json:"firstAnswerPeers"`
}

func (w *witness) DiscoverPeers() ([]string, error) {
	peers, err := w.Provider.DiscoverPeers()
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if err == nil && w.FirstAnswer == 0 {
		w.moments = moments{float64(time.Now().UnixMicro()) / 1000, len(peers)}
	}
	return peers, err
}

func (w *witness) noted() moments {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.moments
}
