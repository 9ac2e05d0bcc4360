package goakt_test

import (
	"errors"
	"fmt"

	"github.com/tochemey/goakt/v4/actor"
	"github.com/tochemey/goakt/v4/discovery"
	"github.com/tochemey/goakt/v4/remote"

	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

// Only the import of "kubernetes" differs from a program with GoAkt's own provider.
func Example() {
	provider := kubernetes.NewDiscovery(&kubernetes.Config{
		Namespace:         "default",
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "demo"},
	})
	system, err := actor.NewActorSystem("demo",
		actor.WithRemote(remote.NewConfig("10.0.0.1", 3320)),
		actor.WithCluster(actor.NewClusterConfig().
			WithDiscovery(provider).
			WithDiscoveryPort(3322).
			WithPeersPort(3321).
			WithKinds(new(greeter))))
	fmt.Println(system.Name(), err) // The program then calls system.Start.
	// Output: demo <nil>
}

func ExampleConfig_Validate() {
	err := kubernetes.Config{Namespace: "Not A Name"}.Validate()
	fmt.Println(errors.Is(err, discovery.ErrInvalidConfig))
	// Output: true
}
