// Command goakt is a node of a GoAkt cluster whose members find each other by
// kubepeers. deployment.yaml runs it in Kubernetes.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/tochemey/goakt/v4/actor"
	goaktlog "github.com/tochemey/goakt/v4/log"
	"github.com/tochemey/goakt/v4/remote"
)

func main() {
	tell("process started", nil)
	environment, err := readEnvironment()
	if err != nil {
		log.Fatal(err)
	}
	if err := run(environment); err != nil {
		log.Fatal(err) // Kubernetes starts it again.
	}
}

func run(e environment) error {
	stop, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if !pause(stop, e.startDelay) {
		return nil
	}
	provider, err := e.provider()
	if err != nil {
		return err
	}
	system, err := actor.NewActorSystem("example",
		actor.WithLogger(goaktlog.NewSlog(goaktlog.WarningLevel, os.Stderr)),
		actor.WithRemote(remote.NewConfig(e.podIP, e.remotingPort)),
		actor.WithCluster(actor.NewClusterConfig().
			WithDiscovery(&observed{Provider: provider}).
			WithDiscoveryPort(e.gossipPort).
			WithPeersPort(e.peersPort).
			WithKinds(new(greeter))))
	if err != nil {
		return err
	}

	// The server is there before the cluster: /explain says why there is none yet.
	failed := serve(e, node{system, provider, e.minMembers})
	started := make(chan error, 1)
	go func() { started <- system.Start(context.Background()) }()
	select {
	case err = <-started:
	case err = <-failed:
	case <-stop.Done():
		return nil // Not a member yet, so there is nothing to leave.
	}
	if err != nil {
		return fmt.Errorf("this node did not start: %w", err)
	}
	tell("cluster started", nil)

	select {
	case err = <-failed:
	case <-stop.Done():
	}
	if leave := system.Stop(context.Background()); err == nil {
		err = leave
	}
	return err
}
