package kubepeers_test

import (
	"errors"
	"fmt"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// A mistake in the configuration is found by Initialize, before there is any network.
func Example() {
	provider := kubepeers.New(kubepeers.Config{
		Namespace:         "default",
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "demo"},
	}, kubepeers.WithKubeconfig("", "staging"))
	defer provider.Close()

	err := provider.Initialize()
	fmt.Println(err)
	fmt.Println(errors.Is(err, kubepeers.ErrInvalidConfig))
	// Output:
	// kubepeers: INVALID_CONFIG: `kubeconfig`: is empty
	// true
}
