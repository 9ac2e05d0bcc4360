// Command goakt is a node of a GoAkt cluster. kubepeers finds the other nodes.
// deploy/goakt.yaml runs it in pods.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tochemey/goakt/v4/actor"
	"github.com/tochemey/goakt/v4/remote"

	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

func main() {
	provider := kubernetes.NewDiscovery(&kubernetes.Config{
		Namespace:         os.Getenv("POD_NAMESPACE"),
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "goakt-node"},
	})
	system, err := actor.NewActorSystem("demo",
		actor.WithRemote(remote.NewConfig(os.Getenv("POD_IP"), 3320)),
		actor.WithCluster(actor.NewClusterConfig().
			WithDiscovery(provider).
			WithDiscoveryPort(3322).
			WithPeersPort(3321).
			// GoAkt's default of 1 s is too short for a busy machine.
			WithReadTimeout(30*time.Second).
			WithWriteTimeout(30*time.Second).
			WithKinds(new(greeter))))
	if err != nil {
		log.Fatal(err)
	}
	if err := system.Start(context.Background()); err != nil {
		// Kubernetes restarts the container. A second Start would run without a cluster.
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	// Three of five members are a majority, so of two clusters at most one is Ready.
	http.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) {
		if others, err := system.Peers(r.Context(), time.Second); err != nil || len(others) < 2 {
			http.Error(w, "fewer than three members", http.StatusServiceUnavailable)
		}
	})
	go func() { log.Fatal(http.ListenAndServe(":8080", nil)) }()
	<-ctx.Done()
	if err := system.Stop(context.Background()); err != nil { // leaves the cluster
		log.Fatal(err)
	}
}

// greeter exists because GoAkt does not start a cluster without a kind of actor.
type greeter struct{}

func (*greeter) PreStart(*actor.Context) error         { return nil }
func (*greeter) Receive(context *actor.ReceiveContext) { context.Unhandled() }
func (*greeter) PostStop(*actor.Context) error         { return nil }
