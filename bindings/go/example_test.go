package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var config = kubepeers.Config{
	PodLabels:         map[string]string{"app": "demo"},
	DiscoveryPortName: "gossip",
}

func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	provider, err := kubepeers.Open(ctx, kubepeers.Config{
		PodLabels:         map[string]string{"app": "demo"},
		DiscoveryPortName: "gossip",
		Logger:            slog.Default(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()

	peers, err := provider.DiscoverPeers(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if peers.Len() == 0 {
		fmt.Println("this pod is alone")
	}
	for peer := range peers.Nodes() {
		fmt.Println(peer.Name, peer.AddrPort(), peer.Ready)
	}
}

// New reports all missing fields before it does any I/O.
func ExampleNew() {
	_, err := kubepeers.New(kubepeers.Config{Namespace: "default"})
	fmt.Println(err)
	fmt.Println(errors.Is(err, kubepeers.ErrInvalidConfig))
	// Output:
	// kubepeers: INVALID_CONFIG: Config.PodLabels and Config.DiscoveryPortName are required
	// true
}

// A process outside Kubernetes uses a kubeconfig and is an observer.
func ExampleConfig_kubeconfig() {
	provider, err := kubepeers.Open(context.Background(), kubepeers.Config{
		Namespace:         "staging",
		PodLabels:         map[string]string{"app": "demo"},
		DiscoveryPortName: "gossip",
		Membership:        kubepeers.Observer,
		Kubeconfig:        "/home/me/.kube/config",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()
}

// An error says whether a retry may help and which manifest fixes it.
func ExampleProvider_DiscoverPeers() {
	provider, err := kubepeers.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	_, err = provider.DiscoverPeers(ctx)
	var failure *kubepeers.Error
	switch {
	case errors.Is(err, kubepeers.ErrNotRegistered):
		fmt.Println("not registered: call Register first")
	case kubepeers.IsRetryable(err):
		fmt.Println("not yet:", err)
	case errors.As(err, &failure) && failure.Manifest != "":
		fmt.Println("kubectl apply this:", failure.Manifest)
	}
	// Output: not registered: call Register first
}

// Self returns the address to advertise. The other ports have the same IP address.
func ExampleProvider_Self() {
	provider, err := kubepeers.Open(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()
	self, err := provider.Self(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("gossip:", self.AddrPort())
	fmt.Println("remoting:", netip.AddrPortFrom(self.Addr, self.RemotingPort))
}

// A process reacts to every change of its peers until it is terminated.
func ExampleProvider_Watch() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	provider, err := kubepeers.Open(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()
	for peers, err := range provider.Watch(ctx) {
		if err != nil {
			log.Print(err) // Keep the last peers. The loop continues after most errors.
			continue
		}
		fmt.Println(peers.Addresses())
	}
	if ctx.Err() == nil {
		log.Fatal("the watch has ended")
	}
}

// A process waits until there are two peers and their addresses have been the same for
// five seconds. It then forms a cluster.
func ExampleProvider_WaitForPeers() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	provider, err := kubepeers.Open(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()
	peers, err := provider.WaitForPeers(ctx, 2, 5*time.Second)
	if errors.Is(err, kubepeers.ErrTimeout) {
		log.Fatal("not enough peers: ", err)
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(peers.Addresses())
}

// Explain says why a pod is not a peer.
func ExampleProvider_Explain() {
	provider, err := kubepeers.Open(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	defer provider.Close()
	explanation, err := provider.Explain()
	if err != nil {
		log.Fatal(err)
	}
	for _, pod := range explanation.Pods {
		if pod.Verdict == kubepeers.VerdictNoDiscoveryPort {
			fmt.Printf("%s has the ports %v\n", pod.Name, pod.Ports)
		}
	}
}

// A program that ends when discovery fails can print the report before that.
func ExampleDoctor() {
	report, err := kubepeers.Doctor(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(report)
	if report.Manifest != "" {
		fmt.Println("A manifest fixes it.")
	}
}

// The same status can be transient or permanent.
func ExampleIsRetryable() {
	unreachable := &kubepeers.Error{
		Status: kubepeers.ErrNotSynced, Message: "…: connection refused", Retryable: true,
	}
	forbidden := &kubepeers.Error{
		Status: kubepeers.ErrNotSynced, Message: "…: add a Role", HTTPStatus: 403,
	}
	fmt.Println(kubepeers.IsRetryable(fmt.Errorf("join: %w", unreachable)))
	fmt.Println(kubepeers.IsRetryable(forbidden))
	// Output:
	// true
	// false
}
