package goakt_test

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tochemey/goakt/v4/discovery"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

func config(namespace string) *kubernetes.Config {
	return &kubernetes.Config{
		Namespace:         namespace,
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "demo"},
	}
}

// base is the same for kubepeers.
func base(namespace string) kubepeers.Config {
	c := config(namespace)
	return kubepeers.Config{
		Namespace:         c.Namespace,
		DiscoveryPortName: c.DiscoveryPortName,
		RemotingPortName:  c.RemotingPortName,
		PeersPortName:     c.PeersPortName,
		PodLabels:         c.PodLabels,
	}
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err error, all ...error) {
	t.Helper()
	for _, one := range all {
		if !errors.Is(err, one) {
			t.Errorf("%v is not %v", err, one)
		}
	}
}

// unreachable returns the configuration of an observer in a cluster whose API server
// is away.
func unreachable(t *testing.T) kubepeers.Config {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close() // From here on its port refuses connections.
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	succeed(t, err)
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	config := base("default")
	config.Membership = kubepeers.Observer
	config.RegisterTimeout = -1
	config.ServiceAccountDir = t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	succeed(t, os.WriteFile(filepath.Join(config.ServiceAccountDir, "ca.crt"), ca, 0o600))
	succeed(t, os.WriteFile(filepath.Join(config.ServiceAccountDir, "token"), []byte("token"), 0o600))
	return config
}

func TestMethodsReturnTheErrorsOfGoAkt(t *testing.T) {
	c := newCluster(t)
	provider := c.node("self", "127.0.0.2", "Running").provider
	t.Cleanup(func() { provider.Close() })
	for range 2 { // It can be used again after Close.
		_, err := provider.DiscoverPeers()
		want(t, err, discovery.ErrNotInitialized)
		want(t, provider.Register(), discovery.ErrNotInitialized)
		want(t, provider.Deregister(), discovery.ErrNotInitialized)
		if _, err := provider.Provider().Health(); !errors.Is(err, kubepeers.ErrClosed) {
			t.Error(err)
		}
		succeed(t, provider.Close())

		succeed(t, provider.Initialize())
		want(t, provider.Initialize(), discovery.ErrAlreadyInitialized)
		succeed(t, provider.Register())
		succeed(t, provider.Register())
		peers, err := provider.DiscoverPeers()
		if err != nil || peers == nil || len(peers) != 0 {
			t.Errorf("%#v, %v", peers, err)
		}
		succeed(t, provider.Deregister())
		_, err = provider.DiscoverPeers()
		want(t, err, discovery.ErrNotRegistered, kubepeers.ErrNotRegistered)
		want(t, provider.Deregister(), discovery.ErrNotRegistered)
		succeed(t, provider.Register())
		succeed(t, provider.Close())
	}
	if provider.ID() != "kubernetes" {
		t.Error(provider.ID())
	}
}

func TestInitializeDoesNotSucceedWithoutAResult(t *testing.T) {
	for name, timeout := range map[string]time.Duration{"Register waits": time.Hour, "Register does not wait": -1} {
		t.Run(name, func(t *testing.T) {
			config := unreachable(t)
			config.RegisterTimeout = timeout
			provider := kubernetes.New(config)
			var err error
			for range 2 { // As GoAkt does.
				// On a busy machine the time may be over before the library is called.
				for patience := 50 * time.Millisecond; patience < time.Minute; patience *= 2 {
					if err = provider.WithPatience(patience).Initialize(); err != context.DeadlineExceeded {
						break
					}
				}
				want(t, err, kubepeers.ErrNotSynced, context.DeadlineExceeded)
				if provider.Provider() != nil {
					t.Error("the provider is still there")
				}
			}
			// Without Close.
			for deadline := time.Now().Add(patience); libraryThreads(t) > 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("a thread is left")
				}
			}
		})
	}
}

func libraryThreads(t *testing.T) (count int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/comm")
	succeed(t, err)
	for _, task := range tasks {
		if name, err := os.ReadFile(task); err == nil && strings.HasPrefix(string(name), "kubepeers") {
			count++
		}
	}
	return count
}

func TestInitializeReportsAPermanentErrorAtOnce(t *testing.T) {
	c := newCluster(t)
	n := c.node("self", "127.0.0.2", "Running")
	c.run("account", "--namespace", c.namespace, "--verbs", "", "demo")
	err := n.provider.WithPatience(time.Hour).Initialize()
	want(t, err, kubepeers.ErrForbidden)
	var failure *kubepeers.Error
	if !errors.As(err, &failure) || failure.Manifest == "" {
		t.Errorf("%+v", failure)
	}
	c.run("account", "--namespace", c.namespace, "demo")
	succeed(t, n.provider.Initialize())
	succeed(t, n.provider.Close())
}

func TestRegisterThatFailsIsUndone(t *testing.T) {
	c := newCluster(t)
	n := c.node("self", "127.0.0.2", "Running")
	t.Cleanup(func() { n.provider.Close() })
	succeed(t, n.provider.Initialize())
	succeed(t, n.provider.Deregister())
	c.run("pod", "--namespace", c.namespace, "--phase", "Pending", "self")
	want(t, n.provider.WithPatience(500*time.Millisecond).Register(), context.DeadlineExceeded)
	want(t, n.provider.Deregister(), discovery.ErrNotRegistered)
}

func TestNilConfigIsAnEmptyConfig(t *testing.T) {
	want(t, kubernetes.NewDiscovery(nil).Initialize(), discovery.ErrInvalidConfig, kubepeers.ErrInvalidConfig)
}

func TestAllFieldsAreRequired(t *testing.T) {
	succeed(t, config("default").Validate())
	for name, spoil := range map[string]func(*kubernetes.Config){
		"Namespace":         func(c *kubernetes.Config) { c.Namespace = "" },
		"DiscoveryPortName": func(c *kubernetes.Config) { c.DiscoveryPortName = "" },
		"RemotingPortName":  func(c *kubernetes.Config) { c.RemotingPortName = "" },
		"PeersPortName":     func(c *kubernetes.Config) { c.PeersPortName = "" },
		"PodLabels":         func(c *kubernetes.Config) { c.PodLabels = nil },
	} {
		c := config("default")
		spoil(c)
		for _, err := range []error{c.Validate(), kubernetes.NewDiscovery(c).Initialize()} {
			want(t, err, kubepeers.ErrInvalidConfig, discovery.ErrInvalidConfig)
			if !strings.Contains(err.Error(), "set Config."+name) {
				t.Errorf("%v does not name %s", err, name)
			}
		}
	}
	err := kubernetes.Config{}.Validate()
	if text := "set Config.Namespace, Config.DiscoveryPortName, Config.RemotingPortName, Config.PeersPortName, Config.PodLabels"; !strings.HasSuffix(err.Error(), text) {
		t.Error(err)
	}
}

func TestInvalidFieldsAreRefused(t *testing.T) {
	c := config("Not A Name")
	want(t, c.Validate(), kubepeers.ErrInvalidConfig, discovery.ErrInvalidConfig)
	want(t, kubernetes.NewDiscovery(c).Initialize(), discovery.ErrInvalidConfig)
}

func TestConfigIsCopied(t *testing.T) {
	c := newCluster(t)
	config := c.node("self", "127.0.0.2", "Running").config
	provider := kubernetes.New(config)
	config.PodLabels["app"] = "two words"
	succeed(t, provider.Initialize())
	succeed(t, provider.Close())
}

func TestCloseEndsInitialize(t *testing.T) {
	provider := kubernetes.New(unreachable(t)).WithPatience(time.Hour)
	ended := make(chan error)
	go func() { ended <- provider.Initialize() }()
	for waits := false; !waits; {
		_, err := provider.Provider().Explain()
		waits = errors.Is(err, kubepeers.ErrNotSynced)
	}
	want(t, provider.Initialize(), discovery.ErrAlreadyInitialized)
	succeed(t, provider.Close())
	want(t, <-ended, kubepeers.ErrClosed, discovery.ErrNotInitialized)
}
