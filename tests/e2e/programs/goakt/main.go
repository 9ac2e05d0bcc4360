// Command goakt is examples/goakt with settings and pages for the scenarios.
//
// It serves its state over HTTP: /members, /ready, /peers, /nodes, /explain, /health
// and /start-times. Its settings come from the environment.
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

// memberTimeout is how long the other members have to answer. GoAkt's default of 1 s is
// too short for a busy machine: 4.1.0 does not start then, or panics.
const memberTimeout = 30 * time.Second

func main() {
	e, err := readEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	e.delay()
	if err := run(e); err != nil {
		log.Fatal(err) // Kubernetes restarts the container.
	}
}

func run(e environment) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	provider, err := newProvider(e)
	if err != nil {
		return err
	}
	recorder := &recorder{Provider: provider}
	system, err := actor.NewActorSystem("demo",
		actor.WithLogger(goaktlog.NewSlog(goaktlog.WarningLevel)),
		actor.WithRemote(remote.NewConfig(e.host, e.remotingPort)),
		actor.WithCluster(actor.NewClusterConfig().
			WithDiscovery(recorder).
			WithDiscoveryPort(e.gossipPort).
			WithPeersPort(e.peersPort).
			// The bootstrap timeout keeps its default, because a fresh start waits for half of it.
			WithReadTimeout(memberTimeout).
			WithWriteTimeout(memberTimeout).
			WithKinds(new(greeter))))
	if err != nil {
		return err
	}
	// It serves before the cluster has formed, so that /explain can say why it has not.
	status := &status{environment: e, system: system, provider: provider, recorder: recorder}
	if err := status.serve(); err != nil {
		return err
	}
	started := make(chan error, 1)
	go func() { started <- system.Start(context.Background()) }()
	select {
	case <-ctx.Done():
		return nil // The node is not a member yet, so it need not leave.
	case err := <-started:
		if err != nil {
			return err
		}
	}
	<-ctx.Done()
	return system.Stop(context.Background()) // The node leaves the cluster.
}

// greeter is an actor. GoAkt does not start a cluster without a kind of actors.
type greeter struct{}

func (*greeter) PreStart(*actor.Context) error         { return nil }
func (*greeter) Receive(context *actor.ReceiveContext) { context.Unhandled() }
func (*greeter) PostStop(*actor.Context) error         { return nil }
