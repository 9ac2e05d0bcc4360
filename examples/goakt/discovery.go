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

// A witness notes when GoAkt asks for something, and what it is told.
type witness struct {
	discovery.Provider
	mutex sync.Mutex
	moments
}

// moments are in ms since 1970, 0 until they come.
type moments struct {
	Register         float64 `json:"registerUnixMs"`    // GoAkt has the provider begin
	FirstAnswer      float64 `json:"firstAnswerUnixMs"` // and has its first answer that is no error
	FirstAnswerPeers int     `json:"firstAnswerPeers"`
}

func (w *witness) Register() error {
	w.note(func(m *moments) { m.Register = now() })
	return w.Provider.Register()
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
