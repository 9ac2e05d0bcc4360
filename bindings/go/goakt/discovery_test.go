package goakt_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

func TestMethodsReturnGoAktErrors(t *testing.T) {
	c := newCluster(t)
	provider := c.node("self", "127.0.0.2", "Running").provider
	t.Cleanup(func() { provider.Close() })
	if got := provider.ID(); got != "kubernetes" {
		t.Errorf("got ID %q; want %q", got, "kubernetes")
	}
	for range 2 { // After Close the provider can be initialized again.
		_, err := provider.DiscoverPeers()
		requireErrors(t, err, discovery.ErrNotInitialized)
		requireErrors(t, provider.Register(), discovery.ErrNotInitialized)
		requireErrors(t, provider.Deregister(), discovery.ErrNotInitialized)
		_, err = provider.Provider().Health()
		requireErrors(t, err, kubepeers.ErrClosed)
		requireNoError(t, provider.Close())

		requireNoError(t, provider.Initialize())
		requireErrors(t, provider.Initialize(), discovery.ErrAlreadyInitialized)
		requireNoError(t, provider.Register())
		requireNoError(t, provider.Register())
		peers, err := provider.DiscoverPeers()
		requireNoError(t, err)
		if peers == nil || len(peers) != 0 {
			t.Errorf("got peers %#v; want none, and not nil", peers)
		}
		requireNoError(t, provider.Deregister())
		_, err = provider.DiscoverPeers()
		requireErrors(t, err, discovery.ErrNotRegistered, kubepeers.ErrNotRegistered)
		requireErrors(t, provider.Deregister(), discovery.ErrNotRegistered)
		requireNoError(t, provider.Register())
		requireNoError(t, provider.Close())
	}
}

func TestInitializeFailsWithoutResult(t *testing.T) {
	for name, timeout := range map[string]time.Duration{
		"Register waits": time.Hour, "Register does not wait": -1,
	} {
		t.Run(name, func(t *testing.T) {
			config := unreachableConfig(t)
			config.RegisterTimeout = timeout
			provider := kubernetes.New(config)
			for range 2 { // GoAkt calls Initialize again after an error.
				err := initializeWithDeadline(provider)
				requireErrors(t, err, kubepeers.ErrNotSynced, context.DeadlineExceeded)
				if provider.Provider() != nil {
					t.Error("got a provider after the error; want nil")
				}
			}
			eventually(t, "no thread of the library is left without Close", func() bool {
				return libraryThreads(t) == 0
			})
		})
	}
}

// initializeWithDeadline calls Initialize with a short timeout. On a busy machine the
// timeout may expire before the library is called. Then it repeats the call with a
// longer one.
func initializeWithDeadline(provider *kubernetes.Discovery) (err error) {
	for timeout := 50 * time.Millisecond; timeout < testTimeout; timeout *= 2 {
		err = provider.WithRegisterTimeout(timeout).Initialize()
		if err != context.DeadlineExceeded {
			break
		}
	}
	return err
}

func TestInitializeReturnsPermanentErrorAtOnce(t *testing.T) {
	c := newCluster(t)
	n := c.node("self", "127.0.0.2", "Running")
	c.run("account", "--namespace", c.namespace, "--verbs", "", "demo")
	err := n.provider.WithRegisterTimeout(time.Hour).Initialize()
	requireErrors(t, err, kubepeers.ErrForbidden)
	var failure *kubepeers.Error
	if !errors.As(err, &failure) || failure.Manifest == "" {
		t.Errorf("got %+v; want a manifest", failure)
	}
	c.run("account", "--namespace", c.namespace, "demo")
	requireNoError(t, n.provider.Initialize())
	requireNoError(t, n.provider.Close())
}

func TestRegisterDeregistersAfterError(t *testing.T) {
	c := newCluster(t)
	n := c.node("self", "127.0.0.2", "Running")
	t.Cleanup(func() { n.provider.Close() })
	requireNoError(t, n.provider.Initialize())
	requireNoError(t, n.provider.Deregister())
	c.run("pod", "--namespace", c.namespace, "--phase", "Pending", "self")
	err := n.provider.WithRegisterTimeout(500 * time.Millisecond).Register()
	requireErrors(t, err, context.DeadlineExceeded)
	requireErrors(t, n.provider.Deregister(), discovery.ErrNotRegistered)
}

func TestNewCopiesConfig(t *testing.T) {
	c := newCluster(t)
	config := c.node("self", "127.0.0.2", "Running").config
	provider := kubernetes.New(config)
	config.PodLabels["app"] = "two words"
	requireNoError(t, provider.Initialize())
	requireNoError(t, provider.Close())
}

func TestCloseEndsInitialize(t *testing.T) {
	provider := kubernetes.New(unreachableConfig(t)).WithRegisterTimeout(time.Hour)
	returned := make(chan error)
	go func() { returned <- provider.Initialize() }()
	eventually(t, "Initialize waits", func() bool {
		_, err := provider.Provider().Explain()
		return errors.Is(err, kubepeers.ErrNotSynced)
	})
	requireErrors(t, provider.Initialize(), discovery.ErrAlreadyInitialized)
	requireNoError(t, provider.Close())
	requireErrors(t, <-returned, kubepeers.ErrClosed, discovery.ErrNotInitialized)
}
