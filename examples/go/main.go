// Command go prints the addresses of this pod's peers, one line at each change.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

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
	}, kubepeers.WithServiceAccountDir(*account), kubepeers.WithDiscoverTimeout(250*time.Millisecond))
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	// The end of a pipe on stdin stops too. A pod's stdin is /dev/null, at its end from the start.
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		go func() { io.Copy(io.Discard, os.Stdin); stop <- os.Interrupt }()
	}
	go func() { <-stop; provider.Close() }() // Ends DiscoverPeers too, if it waits.

	err := provider.Initialize()
	if err == nil {
		err = provider.Register()
	}
	for last := ""; err == nil; time.Sleep(50 * time.Millisecond) {
		var peers []string
		peers, err = provider.DiscoverPeers()
		line := "peers: " + strings.Join(peers, " ")
		var failure *kubepeers.Error
		if errors.As(err, &failure) && failure.Retryable {
			line, err = "waiting: "+failure.Status.String(), nil
		} else if len(peers) == 0 {
			line = "peers: none, alone"
		}
		if err == nil && line != last {
			fmt.Println(line)
			last = line
		}
	}
	if !errors.Is(err, kubepeers.ErrClosed) {
		log.Fatal(err)
	}
}
