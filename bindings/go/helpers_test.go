package kubepeers_test

import (
	"encoding/pem"
	"errors"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// patience bounds waits that should be short. It is no expectation: machines
// that run tests are busy.
const patience = time.Minute

func validConfig() kubepeers.Config {
	return kubepeers.Config{
		Namespace:         "default",
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "demo"},
	}
}

// must has two parameters so that it can take a call that gives two results.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err error, status kubepeers.Status) *kubepeers.Error {
	t.Helper()
	var failure *kubepeers.Error
	if !errors.Is(err, status) || !errors.As(err, &failure) {
		t.Fatalf("got %v, want %v", err, status)
	}
	return failure
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ask(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// initialized makes a provider that the test closes at its end.
func initialized(t *testing.T, config kubepeers.Config, options ...kubepeers.Option) *kubepeers.Provider {
	t.Helper()
	provider := kubepeers.New(config, options...)
	t.Cleanup(func() { provider.Close() })
	succeed(t, provider.Initialize())
	return provider
}

// waiting makes a provider that is registered with an API server that does not
// answer: whoever asks it waits, up to the timeout.
func waiting(t *testing.T, timeout time.Duration) *kubepeers.Provider {
	t.Helper()
	provider := kubepeers.New(validConfig(), unreachable(t, timeout)...)
	t.Cleanup(func() { provider.Close() })
	succeed(t, provider.Initialize())
	succeed(t, provider.Register())
	return provider
}

// unreachable makes this process one in a cluster, but not a pod, whose API
// server is away.
func unreachable(t *testing.T, timeout time.Duration) []kubepeers.Option {
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
		kubepeers.WithDiscoverTimeout(timeout),
	}
}
