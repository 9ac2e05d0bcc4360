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
	switch e.provider {
	case "kubepeers":
		// kubernetes.NewDiscovery takes the same Config as GoAkt's own provider. This program needs
		// two more settings.
		return kubernetes.New(kubepeers.Config{
			Namespace:         e.namespace,
			DiscoveryPortName: gossipPortName,
			RemotingPortName:  remotingPortName,
			PeersPortName:     peersPortName,
			PodLabels:         e.labels,
			IPFamily:          e.ipFamily,
			Pending:           e.pending,
		}), nil
	case "goakt": // for comparison
		return goaktkubernetes.NewDiscovery(&goaktkubernetes.Config{
			Namespace:         e.namespace,
			DiscoveryPortName: gossipPortName,
			RemotingPortName:  remotingPortName,
			PeersPortName:     peersPortName,
			PodLabels:         e.labels,
		}), nil
	}
	return nil, fmt.Errorf("invalid PROVIDER %q: expected kubepeers or goakt", e.provider)
}

// A witness records when GoAkt calls the provider, and the first result.
type witness struct {
	discovery.Provider
	mutex sync.Mutex
	moments
}

// moments are in ms since 1970, or 0 before they come.
type moments struct {
	Initialize       float64 `json:"initializeUnixMs"`  // GoAkt calls Initialize for the first time
	FirstAnswer      float64 `json:"firstAnswerUnixMs"` // GoAkt has a result that is not an error
	FirstAnswerPeers int     `json:"firstAnswerPeers"`
}

func (w *witness) Initialize() error {
	w.note(func(m *moments) {
		if m.Initialize == 0 {
			m.Initialize = now()
		}
	})
	return w.Provider.Initialize()
}

func (w *witness) DiscoverPeers() ([]string, error) {
	peers, err := w.Provider.DiscoverPeers()
	w.note(func(m *moments) {
		if err == nil && m.FirstAnswer == 0 {
			m.FirstAnswer, m.FirstAnswerPeers = now(), len(peers)
		}
	})
	return peers, err
}

func (w *witness) note(what func(*moments)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	what(&w.moments)
}

func (w *witness) noted() (m moments) {
	w.note(func(noted *moments) { m = *noted })
	return m
}

func now() float64 { return float64(time.Now().UnixMicro()) / 1000 }
