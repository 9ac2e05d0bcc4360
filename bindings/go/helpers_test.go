package kubepeers_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// patience limits waits that should be short. It is not an expectation, because the
// machines that run tests are busy.
const patience = time.Minute

func validConfig() kubepeers.Config {
	return kubepeers.Config{
		Namespace:         "default",
		PodLabels:         map[string]string{"app": "demo"},
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
	}
}

// must has two parameter lists, so that it can take a call with two results.
func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		succeed(t, err)
		return value
	}
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want returns the error of this package in err, which must have the status.
func want(t *testing.T, err error, status kubepeers.Status) *kubepeers.Error {
	t.Helper()
	var failure *kubepeers.Error
	if !errors.Is(err, status) || !errors.As(err, &failure) {
		t.Fatalf("got %v, want %v", err, status)
	}
	return failure
}

// eventually repeats a question until the answer is true.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ask(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// create creates a provider that the test closes at its end.
func create(t *testing.T, config kubepeers.Config) *kubepeers.Provider {
	t.Helper()
	provider := must[*kubepeers.Provider](t)(kubepeers.New(config))
	t.Cleanup(func() { provider.Close() })
	return provider
}

// waiting creates a provider that is registered with an API server that does not
// answer, so that calls wait.
func waiting(t *testing.T) *kubepeers.Provider {
	t.Helper()
	provider := create(t, unreachable(t))
	succeed(t, provider.Register(t.Context()))
	return provider
}

// unreachable returns the configuration of an observer in a cluster whose API server
// is away. Register does not wait.
func unreachable(t *testing.T) kubepeers.Config {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close() // From here on its port refuses connections.
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	succeed(t, err)
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)

	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	succeed(t, os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600))
	succeed(t, os.WriteFile(filepath.Join(dir, "token"), []byte("token"), 0o600))
	config := validConfig()
	config.Membership = kubepeers.Observer
	config.ServiceAccountDir = dir
	config.RegisterTimeout = -1
	return config
}

// untilDeadline calls with a deadline that is soon over. On a busy machine it may be
// over before the library is called, and then the error is that of the context alone:
// the call is repeated with a later deadline.
func untilDeadline(call func(context.Context) error) error {
	for timeout := time.Millisecond; ; timeout *= 2 {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		err := call(ctx)
		cancel()
		if err != context.DeadlineExceeded || timeout > patience {
			return err
		}
	}
}

// discover returns the error of DiscoverPeers that waits only for a moment.
func discover(provider *kubepeers.Provider) error {
	return untilDeadline(func(ctx context.Context) error { return errorOf(provider.DiscoverPeers(ctx)) })
}

// errorOf also checks that there is no result besides an error.
func errorOf[T any](result T, err error) error {
	if err != nil && !reflect.ValueOf(&result).Elem().IsZero() {
		return fmt.Errorf("%+v besides %v", result, err)
	}
	return err
}

// calls are all calls that need a provider that is open. Those without a context do
// not wait.
var calls = map[string]func(context.Context, *kubepeers.Provider) error{
	"Register":      func(ctx context.Context, p *kubepeers.Provider) error { return p.Register(ctx) },
	"Deregister":    withoutContext((*kubepeers.Provider).Deregister),
	"Health":        withoutContext(func(p *kubepeers.Provider) error { return errorOf(p.Health()) }),
	"Explain":       withoutContext(func(p *kubepeers.Provider) error { return errorOf(p.Explain()) }),
	"ExplainTable":  withoutContext(func(p *kubepeers.Provider) error { return errorOf(p.ExplainTable()) }),
	"Metrics":       withoutContext(func(p *kubepeers.Provider) error { return errorOf(p.Metrics()) }),
	"DiscoverPeers": func(ctx context.Context, p *kubepeers.Provider) error { return errorOf(p.DiscoverPeers(ctx)) },
	"Self":          func(ctx context.Context, p *kubepeers.Provider) error { return errorOf(p.Self(ctx)) },
	"WaitForPeers":  func(ctx context.Context, p *kubepeers.Provider) error { return errorOf(p.WaitForPeers(ctx, 1, 0)) },
	"Refresh":       func(ctx context.Context, p *kubepeers.Provider) error { return p.Refresh(ctx) },
	"Watch":         lastOfWatch,
}

// waits are the calls that wait until their context ends.
var waits = []string{"DiscoverPeers", "Self", "WaitForPeers", "Refresh"}

func withoutContext(call func(*kubepeers.Provider) error) func(context.Context, *kubepeers.Provider) error {
	return func(_ context.Context, provider *kubepeers.Provider) error { return call(provider) }
}

// lastOfWatch returns the error with which a Watch ends.
func lastOfWatch(ctx context.Context, provider *kubepeers.Provider) (last error) {
	for snapshot, err := range provider.Watch(ctx) {
		last = errorOf(snapshot, err)
	}
	return last
}

// cluster is a namespace on the real API server.
type cluster struct {
	*testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	for _, name := range []string{"TESTENV", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: this test needs a Kubernetes, which `make test` starts", name)
		}
	}
	c := cluster{t, fmt.Sprintf("go-%d", time.Now().UnixNano())}
	c.run("namespace", c.namespace)
	c.run("account", "--namespace", c.namespace, "demo")
	return c
}

func (c cluster) run(arguments ...string) string {
	c.Helper()
	output, err := exec.Command(os.Getenv("TESTENV"), arguments...).CombinedOutput()
	if err != nil {
		c.Fatalf("cluster %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

// pod creates or changes a Running pod.
func (c cluster) pod(name string, ips ...string) {
	c.Helper()
	c.podInPhase("Running", name, ips...)
}

func (c cluster) podInPhase(phase, name string, ips ...string) {
	c.Helper()
	arguments := []string{"pod", "--namespace", c.namespace, "--service-account", "demo",
		"--label", "app=demo", "--port", "gossip=3322", "--port", "remoting=3323", "--phase", phase}
	for _, ip := range ips {
		arguments = append(arguments, "--ip", ip)
	}
	c.run(append(arguments, name)...)
}

// pendingSelf creates a pod that has no address yet.
func (c cluster) pendingSelf() {
	c.Helper()
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=demo",
		"--port", "gossip=3322", "--port", "remoting=3323", "self")
}

func (c cluster) terminate(name string) {
	c.Helper()
	c.run("terminate", "--namespace", c.namespace, name)
}

// allow sets what the service account of the pods may do with pods.
func (c cluster) allow(verbs string) {
	c.Helper()
	c.run("account", "--namespace", c.namespace, "--verbs", verbs, "demo")
}

// uid returns the uid that the API server has given to a pod.
func (c cluster) uid(pod string) string {
	c.Helper()
	var answer struct{ Metadata struct{ UID string } }
	text := c.run("get", "/api/v1/namespaces/"+c.namespace+"/pods/"+pod)
	succeed(c.T, json.Unmarshal([]byte(text), &answer))
	return answer.Metadata.UID
}

// config returns the configuration of a process in a pod.
func (c cluster) config(pod string) kubepeers.Config {
	c.Helper()
	config := validConfig()
	config.Namespace = c.namespace
	config.RegisterTimeout = patience
	config.ServiceAccountDir = c.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "demo", "--pod", pod, config.ServiceAccountDir)
	return config
}

// register registers a provider of a process in a pod, with these changes of its
// configuration.
func (c cluster) register(pod string, changes ...func(*kubepeers.Config)) *kubepeers.Provider {
	c.Helper()
	config := c.config(pod)
	for _, change := range changes {
		change(&config)
	}
	provider := create(c.T, config)
	succeed(c.T, provider.Register(c.Context()))
	return provider
}

// pollingRarely makes Refresh the only cause of a second list.
func pollingRarely(config *kubepeers.Config) {
	config.WatchMode = kubepeers.PollOnly
	config.PollInterval = time.Hour
}

func (c cluster) discover(provider *kubepeers.Provider) kubepeers.Snapshot {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	return must[kubepeers.Snapshot](c.T)(provider.DiscoverPeers(ctx))
}

func (c cluster) eventually(provider *kubepeers.Provider, peers ...string) {
	c.Helper()
	var last []string
	eventually(c.T, fmt.Sprintf("the peers are %q", peers), func() bool {
		now := c.discover(provider).Addresses()
		if !slices.Equal(now, last) {
			c.Logf("%q", now)
			last = now
		}
		return slices.Equal(now, peers)
	})
}
