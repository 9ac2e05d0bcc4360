// Command go prints the addresses of this pod's peers, one line at each change.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

func main() {
	namespace := flag.String("namespace", "default", "namespace of the pods")
	selector := flag.String("selector", "app=demo", "label of the peers, `k=v`")
	port := flag.String("port", "gossip", "name of the container port")
	account := flag.String("service-account-dir", "/var/run/secrets/kubernetes.io/serviceaccount", "folder with token and ca.crt")
	flag.Parse()

	key, value, _ := strings.Cut(*selector, "=")
	provider := kubepeers.New(kubepeers.Config{
		Namespace:         *namespace,
		DiscoveryPortName: *port,
		RemotingPortName:  *port,
		PeersPortName:     *port,
		PodLabels:         map[string]string{key: value},
	}, kubepeers.WithServiceAccountDir(*account))
	defer provider.Close()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The end of a pipe on stdin stops too. A pod's stdin is /dev/null, at its end from the start.
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		go func() { io.Copy(io.Discard, os.Stdin); stop() }()
	}

	err := provider.Initialize()
	if err == nil {
		err = provider.RegisterContext(ctx)
	}
	if err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
	last := ""
	for update := range provider.Watch(ctx) {
		line := "peers: " + strings.Join(update.Addresses(), " ")
		var failure *kubepeers.Error
		if errors.As(update.Err, &failure) && failure.Retryable {
			line = "waiting: " + failure.Status.String()
		} else if update.Err != nil {
			log.Fatal(update.Err)
		} else if len(update.Nodes) == 0 {
			line = "peers: none, alone"
		}
		if line != last {
			fmt.Println(line)
			last = line
		}
	}
}
