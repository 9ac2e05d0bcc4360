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
		return kubernetes.New(kubepeers.Config{
			Namespace:         e.namespace,
			DiscoveryPortName: gossipPortName,
			RemotingPortName:  remotingPortName,
			PeersPortName:     peersPortName,
			PodLabels:         e.labels,
			IPFamily:          e.ipFamily,
			Pending:           e.pending,
		}), nil
	case "goakt":
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

// recorder records when GoAkt calls the provider, and the first result.
type recorder struct {
	discovery.Provider
	mutex sync.Mutex
	times startTimes
}

// startTimes are in ms since 1970, or 0 if the event has not occurred.
type startTimes struct {
	Initialize       float64 `json:"initializeUnixMs"`  // first call of Initialize
	FirstResult      float64 `json:"firstResultUnixMs"` // first DiscoverPeers without an error
	FirstResultPeers int     `json:"firstResultPeers"`
}

func (r *recorder) Initialize() error {
	r.mutex.Lock()
	if r.times.Initialize == 0 {
		r.times.Initialize = now()
	}
	r.mutex.Unlock()
	return r.Provider.Initialize()
}

func (r *recorder) DiscoverPeers() ([]string, error) {
	peers, err := r.Provider.DiscoverPeers()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil && r.times.FirstResult == 0 {
		r.times.FirstResult, r.times.FirstResultPeers = now(), len(peers)
	}
	return peers, err
}

func (r *recorder) startTimes() startTimes {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.times
}

func now() float64 { return float64(time.Now().UnixMicro()) / 1000 }
