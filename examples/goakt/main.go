// Command goakt is a node of a GoAkt cluster in Kubernetes that finds its peers with
// kubepeers. deploy/goakt.yaml runs it.
//
// It serves its state over HTTP: /members, /ready, /peers, /nodes, /explain, /health
// and /moments. Its settings come from the environment.
package main

import (
	"context"
	"log"
	"os/signal"
	"syscall"
	"time"

	"github.com/tochemey/goakt/v4/actor"
	goaktlog "github.com/tochemey/goakt/v4/log"
	"github.com/tochemey/goakt/v4/remote"
)

// patience is how long the other members have to answer.
const patience = 30 * time.Second

func main() {
	e, err := readEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	e.delay()
	if err := run(e); err != nil {
		log.Fatal(err) // Kubernetes starts it again.
	}
}

func run(e environment) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	provider, err := newProvider(e)
	if err != nil {
		return err
	}
	noted := &witness{Provider: provider}
	system, err := actor.NewActorSystem("demo",
		actor.WithLogger(goaktlog.NewSlog(goaktlog.WarningLevel)),
		actor.WithRemote(remote.NewConfig(e.host, e.remotingPort)),
		actor.WithCluster(actor.NewClusterConfig().
			WithDiscovery(noted).
			WithDiscoveryPort(e.gossipPort).
			WithPeersPort(e.peersPort).
			// On a busy machine GoAkt's default of 1 s is too short for the others to answer: 4.1.0
			// does not start then, or panics. The bootstrap timeout keeps its default, because a
			// fresh start waits for half of it.
			WithReadTimeout(patience).
			WithWriteTimeout(patience).
			WithKinds(new(greeter))))
	if err != nil {
		return err
	}
	// This comes before the cluster has formed: /explain says why it has not.
	status := &status{environment: e, system: system, provider: provider, witness: noted}
	if err := status.serve(); err != nil {
		return err
	}
	started := make(chan error, 1)
	go func() { started <- system.Start(context.Background()) }()
	select {
	case <-ctx.Done():
		return nil // It is not a member yet, so it has nothing to leave.
	case err := <-started:
		if err != nil {
			return err
		}
	}
	<-ctx.Done()
	return system.Stop(context.Background()) // It leaves the cluster.
}

// greeter is an actor. GoAkt starts no cluster without a kind of actors.
type greeter struct{}

func (*greeter) PreStart(*actor.Context) error         { return nil }
func (*greeter) Receive(context *actor.ReceiveContext) { context.Unhandled() }
func (*greeter) PostStop(*actor.Context) error         { return nil }
