// Command memberlist is a member of a gossip ring. The ring uses hashicorp/memberlist and
// finds its members with kubepeers. deploy/memberlist.yaml runs the program in pods.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/memberlist"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var config = kubepeers.Config{
	PodLabels:         map[string]string{"app": "memberlist-node"},
	DiscoveryPortName: "gossip",
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "doctor" {
		doctor()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		log.Fatal(err) // Kubernetes restarts the container.
	}
}

func run(ctx context.Context) error {
	provider, err := kubepeers.Open(ctx, config)
	if err != nil {
		return err
	}
	defer provider.Close()
	self, err := provider.Self(ctx)
	if err != nil {
		return err
	}
	// Create opens the port. It must come before DiscoverPeers: of two pods that start
	// together, one may find no peers, and the other must then be able to join it.
	ring, err := memberlist.Create(ringConfig(self))
	if err != nil {
		return err
	}
	defer ring.Shutdown()
	return errors.Join(follow(ctx, provider, ring, sync.OnceFunc(serve)), ring.Leave(5*time.Second))
}

// doctor prints what is wrong with discovery in this pod, and how to fix it:
//
//	kubectl exec POD -- memberlist-node doctor
func doctor() {
	report, err := kubepeers.Doctor(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(report)
	if report.Outcome == kubepeers.StepWrong {
		os.Exit(1)
	}
	os.Exit(0)
}

// serve makes the pod Ready.
func serve() {
	http.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	go func() { log.Fatal(http.ListenAndServe(":8080", nil)) }()
}
