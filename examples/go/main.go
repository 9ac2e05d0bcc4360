// Command go prints the addresses of this pod's peers, now and after every change.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	provider, err := kubepeers.Open(ctx, kubepeers.Config{
		PodLabels:         map[string]string{"app": "demo"},
		DiscoveryPortName: "gossip",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()

	for peers, err := range provider.Watch(ctx) {
		if err != nil {
			log.Print(err) // Keep the last peers. The loop continues after most errors.
			continue
		}
		fmt.Println(peers.Addresses()) // [] means that this pod is alone.
	}
	if ctx.Err() == nil {
		log.Fatal("the watch has ended")
	}
}
