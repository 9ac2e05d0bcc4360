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

// unreachable makes this process one in a cluster, but not a pod, whose API
// server is away.
func unreachable(t *testing.T) []kubepeers.Option {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close() // From here on its port refuses.
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	succeed(t, err)
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	succeed(t, os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600))
	succeed(t, os.WriteFile(filepath.Join(dir, "token"), []byte("token"), 0o600))
	return []kubepeers.Option{
		kubepeers.WithoutSelf(),
		kubepeers.WithServiceAccountDir(dir),
		kubepeers.WithRegisterTimeout(0),
		kubepeers.WithDiscoverTimeout(0),
	}
}

func TestEachMethodGivesTheErrorsOfGoAkt(t *testing.T) {
	provider := kubernetes.NewDiscovery(config("default"), unreachable(t)...)
	t.Cleanup(func() { provider.Close() })
	_, err := provider.DiscoverPeers()
	want(t, err, discovery.ErrNotInitialized, kubepeers.ErrNotInitialized)
	want(t, provider.Register(), discovery.ErrNotInitialized)
	want(t, provider.Deregister(), discovery.ErrNotInitialized)
	for range 2 { // It begins anew after Close.
		succeed(t, provider.Initialize())
		want(t, provider.Initialize(), discovery.ErrAlreadyInitialized)
		_, err = provider.DiscoverPeers()
		want(t, err, discovery.ErrNotRegistered)
		want(t, provider.Deregister(), discovery.ErrNotRegistered)
		succeed(t, provider.Provider.Register())
		want(t, provider.Register(), discovery.ErrAlreadyRegistered)
		succeed(t, provider.Deregister())
		succeed(t, provider.Close())
		_, err = provider.DiscoverPeers()
		want(t, err, discovery.ErrNotInitialized, kubepeers.ErrClosed)
	}
	if provider.ID() != discovery.ProviderKubernetes {
		t.Errorf("GoAkt does not know a provider named %q", provider.ID())
	}
}

func TestRegisterDoesNotSucceedBeforeThereIsAnAnswer(t *testing.T) {
	provider := kubernetes.NewDiscovery(config("default"), unreachable(t)...)
	t.Cleanup(func() { provider.Close() })
	succeed(t, provider.Initialize())
	for range 2 { // After the failure it is not registered.
		want(t, provider.RegisterSoon(), kubepeers.ErrNotSynced)
	}
	want(t, provider.Deregister(), discovery.ErrNotRegistered)
}

func TestRegisterEndsInTimeWhateverDiscoverPeersMayTake(t *testing.T) {
	options := append(unreachable(t), kubepeers.WithDiscoverTimeout(time.Hour), kubepeers.WithRegisterTimeout(time.Hour))
	provider := kubernetes.NewDiscovery(config("default"), options...).Impatient()
	t.Cleanup(func() { provider.Close() })
	succeed(t, provider.Initialize())
	want(t, provider.Register(), context.DeadlineExceeded)
	want(t, provider.Deregister(), discovery.ErrNotRegistered)
}

func TestRegisterContextWaitsForAnAnswerToo(t *testing.T) {
	provider := kubernetes.NewDiscovery(config("default"), unreachable(t)...)
	t.Cleanup(func() { provider.Close() })
	succeed(t, provider.Initialize())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	want(t, provider.RegisterContext(ctx), context.DeadlineExceeded)
	want(t, provider.Deregister(), discovery.ErrNotRegistered)
}

func TestNoConfigIsAnEmptyOne(t *testing.T) {
	want(t, kubernetes.NewDiscovery(nil).Initialize(), discovery.ErrInvalidConfig)
}

func TestAllFieldsAreRequired(t *testing.T) {
	for name, spoil := range map[string]func(*kubernetes.Config){
		"Namespace":         func(c *kubernetes.Config) { c.Namespace = "" },
		"DiscoveryPortName": func(c *kubernetes.Config) { c.DiscoveryPortName = "" },
		"RemotingPortName":  func(c *kubernetes.Config) { c.RemotingPortName = "" },
		"PeersPortName":     func(c *kubernetes.Config) { c.PeersPortName = "" },
		"PodLabels":         func(c *kubernetes.Config) { c.PodLabels = nil },
	} {
		c := config("default")
		spoil(c)
		err := c.Validate()
		want(t, err, kubepeers.ErrInvalidConfig, discovery.ErrInvalidConfig)
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestCloseEndsRegister(t *testing.T) {
	provider := kubernetes.NewDiscovery(config("default"), unreachable(t)...).Patient()
	succeed(t, provider.Initialize())
	ended := make(chan error)
	go func() { ended <- provider.Register() }()
	for waits := false; !waits; {
		_, err := provider.DiscoverPeers()
		waits = errors.Is(err, kubepeers.ErrNotSynced)
	}
	succeed(t, provider.Close())
	want(t, <-ended, kubepeers.ErrClosed, discovery.ErrNotInitialized)
}

func TestValidate(t *testing.T) {
	succeed(t, config("default").Validate())
	for _, damage := range []func(*kubernetes.Config){
		func(c *kubernetes.Config) { c.Namespace = "" },
		func(c *kubernetes.Config) { c.DiscoveryPortName = "" },
		func(c *kubernetes.Config) { c.RemotingPortName = "" },
		func(c *kubernetes.Config) { c.PeersPortName = "" },
		func(c *kubernetes.Config) { c.PodLabels = nil },
	} {
		c := config("default")
		damage(c)
		want(t, c.Validate(), discovery.ErrInvalidConfig, kubepeers.ErrInvalidConfig)
	}
}
