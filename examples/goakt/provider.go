package main

import (
	"fmt"

	"github.com/tochemey/goakt/v4/discovery"
	goaktkubernetes "github.com/tochemey/goakt/v4/discovery/kubernetes"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

func (e environment) provider() (discovery.Provider, error) {
	config := kubernetes.Config{
		Namespace:         e.namespace,
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         e.podLabels,
	}
	switch e.kind {
	case "kubepeers":
		return kubernetes.NewDiscovery(&config, e.options()...), nil
	case "goakt": // GoAkt's own, to compare with.
		own := goaktkubernetes.Config(config)
		return goaktkubernetes.NewDiscovery(&own), nil
	}
	return nil, fmt.Errorf("PROVIDER is %q: give kubepeers or goakt", e.kind)
}

func (e environment) options() (options []kubepeers.Option) {
	if e.ipFamily != "" {
		options = append(options, kubepeers.WithIPFamily(e.ipFamily))
	}
	if e.pending == "include" {
		options = append(options, kubepeers.WithPending())
	}
	return options
}
