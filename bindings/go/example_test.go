package kubepeers_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

var config = kubepeers.Config{
	Namespace:         "default",
	DiscoveryPortName: "gossip",
	RemotingPortName:  "remoting",
	PeersPortName:     "peers",
	PodLabels:         map[string]string{"app": "demo"},
}

// A mistake in the configuration is found by Initialize, before there is any network.
func Example() {
	provider := kubepeers.New(kubepeers.Config{
		Namespace:         "default",
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "demo"},
	}, kubepeers.WithKubeconfig("", "staging"))
	defer provider.Close()

	err := provider.Initialize()
	fmt.Println(err)
	fmt.Println(errors.Is(err, kubepeers.ErrInvalidConfig))
	// Output:
	// kubepeers: INVALID_CONFIG: `kubeconfig`: is empty
	// true
}

// Whether to ask again is said by the error, not by its Status.
func ExampleIsRetryable() {
	unreachable := &kubepeers.Error{Status: kubepeers.ErrNotSynced, Message: "…: connection refused", Retryable: true}
	forbidden := &kubepeers.Error{Status: kubepeers.ErrNotSynced, Message: "…: add a Role", HTTPStatus: 403}
	fmt.Println(kubepeers.IsRetryable(fmt.Errorf("joining: %w", unreachable)))
	fmt.Println(kubepeers.IsRetryable(forbidden))
	// Output:
	// true
	// false
}

// The end of a context does not hide what was waited for until then.
func ExampleProvider_DiscoverPeersContext() {
	provider := kubepeers.New(config)
	defer provider.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()

	_, err := provider.DiscoverPeersContext(ctx)
	var failure *kubepeers.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Status, failure.Retryable)
	}
	fmt.Println(errors.Is(err, kubepeers.ErrNotInitialized), errors.Is(err, context.DeadlineExceeded))
	// Output:
	// NOT_INITIALIZED false
	// true false
}

// A process that does something whenever its peers are others, until it is told to end.
func ExampleProvider_Watch() {
	provider := kubepeers.New(config, kubepeers.WithLogger(slog.Default()))
	defer provider.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := provider.Initialize(); err != nil {
		log.Fatal(err)
	}
	if err := provider.RegisterContext(ctx); err != nil {
		log.Fatal(err)
	}
	for update := range provider.Watch(ctx) {
		if update.Err != nil {
			log.Print("no answer: ", update.Err)
			continue
		}
		for _, node := range update.Nodes {
			fmt.Println(node.Name, node.Address(), node.Ready)
		}
	}
}

// A process that forms a cluster once there are two others, and all have been the same for five seconds.
func ExampleProvider_WaitForPeers() {
	provider := kubepeers.New(config)
	defer provider.Close()
	if err := provider.Initialize(); err != nil {
		log.Fatal(err)
	}
	if err := provider.Register(); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	snapshot, err := provider.WaitForPeers(ctx, 2, 5*time.Second)
	if errors.Is(err, kubepeers.ErrTimeout) {
		log.Fatal("too few: ", err)
	}
	fmt.Println(snapshot.Addresses())
}
