// Command demo is the Go program of `make demo`. It prints the addresses of this pod's
// peers, or the reason why there is no result, now and after every change.
// examples/demo/demo.py compares its lines with those of the programs in other languages.
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
	selector := flag.String("selector", "app=demo", "label of the peers, `key=value`")
	port := flag.String("port", "gossip", "name of the container port")
	account := flag.String("service-account-dir", "",
		"directory with token and ca.crt (default that of Kubernetes)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The end of a pipe on stdin also stops the program, so that it does not outlive demo.py.
	// In a pod, stdin is /dev/null, which must not stop it.
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		go func() { io.Copy(io.Discard, os.Stdin); stop() }()
	}

	key, value, _ := strings.Cut(*selector, "=")
	provider, err := kubepeers.Open(ctx, kubepeers.Config{
		Namespace:         *namespace,
		PodLabels:         map[string]string{key: value},
		DiscoveryPortName: *port,
		ServiceAccountDir: *account,
	})
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()

	last := ""
	for peers, err := range provider.Watch(ctx) {
		line := "peers: " + strings.Join(peers.Addresses(), " ")
		var failure *kubepeers.Error
		switch {
		case errors.As(err, &failure) && failure.Retryable:
			line = "waiting: " + failure.Status.String()
		case err != nil:
			log.Fatal(err)
		case peers.Len() == 0:
			line = "peers: none, alone"
		}
		if line != last {
			fmt.Println(line)
			last = line
		}
	}
}
