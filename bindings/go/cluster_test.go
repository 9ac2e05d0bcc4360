package kubepeers_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// cluster is a namespace of its own on the real API server.
type cluster struct {
	*testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	for _, name := range []string{"CLUSTER_TOOL", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"} {
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
	output, err := exec.Command(os.Getenv("CLUSTER_TOOL"), arguments...).CombinedOutput()
	if err != nil {
		c.Fatalf("cluster %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

// pod makes a running peer.
func (c cluster) pod(name string, ips ...string) {
	c.Helper()
	arguments := []string{"pod", "--namespace", c.namespace, "--service-account", "demo",
		"--label", "app=demo", "--port", "gossip=3322", "--port", "remoting=3323", "--phase", "Running"}
	for _, ip := range ips {
		arguments = append(arguments, "--ip", ip)
	}
	c.run(append(arguments, name)...)
}

func (c cluster) terminate(name string) {
	c.Helper()
	c.run("terminate", "--namespace", c.namespace, name)
}

// register makes a provider that runs in a pod, as far as it can tell.
func (c cluster) register(pod string, options ...kubepeers.Option) *kubepeers.Provider {
	c.Helper()
	dir := c.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "demo", "--pod", pod, dir)
	config := validConfig()
	config.Namespace = c.namespace
	usual := []kubepeers.Option{kubepeers.WithServiceAccountDir(dir),
		kubepeers.WithRegisterTimeout(patience), kubepeers.WithDiscoverTimeout(patience)}
	provider := initialized(c.T, config, append(usual, options...)...)
	succeed(c.T, provider.Register())
	return provider
}

func (c cluster) eventually(provider *kubepeers.Provider, peers ...string) {
	c.Helper()
	var last []string
	eventually(c.T, fmt.Sprintf("the peers are %q", peers), func() bool {
		now, err := provider.DiscoverPeers()
		succeed(c.T, err)
		if !slices.Equal(now, last) {
			c.Logf("%q", now)
			last = now
		}
		return slices.Equal(now, peers)
	})
}

func TestPeersAreTheOthers(t *testing.T) {
	c := newCluster(t)
	c.pod("a", "10.1.0.10")
	c.pod("b", "10.1.0.9")
	c.pod("self", "10.1.0.1")

	provider := c.register("self")
	c.eventually(provider, "10.1.0.9:3322", "10.1.0.10:3322")
	c.pod("v6", "fd00::7")
	c.eventually(provider, "10.1.0.9:3322", "10.1.0.10:3322", "[fd00::7]:3322")
	c.terminate("a")
	c.eventually(provider, "10.1.0.9:3322", "[fd00::7]:3322")
	c.terminate("b")
	c.terminate("v6")
	c.eventually(provider)

	succeed(t, provider.Deregister())
	want(t, discover(provider), kubepeers.ErrNotRegistered)
	c.pod("c", "10.1.0.3")
	succeed(t, provider.Register())
	c.eventually(provider, "10.1.0.3:3322")
}

func TestAloneIsEmptyAndNotNil(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	peers := must[[]string](t)(c.register("self").DiscoverPeers())
	if peers == nil || len(peers) != 0 {
		t.Errorf("%#v", peers)
	}
}

func TestChoices(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1", "fd00::1")
	c.pod("unready", "10.1.0.2", "fd00::2")
	c.run("pod", "--namespace", c.namespace, "--ready=false", "unready")
	c.pod("pending", "10.1.0.3")
	c.run("pod", "--namespace", c.namespace, "--phase", "Pending", "pending")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.4", "portless")
	for name, x := range map[string]struct {
		option kubepeers.Option
		peers  []string
	}{
		"ready only":   {kubepeers.WithReadyOnly(), nil},
		"pending":      {kubepeers.WithPending(), []string{"10.1.0.2:3322", "10.1.0.3:3322"}},
		"IPv6":         {kubepeers.WithIPFamily("ipv6"), []string{"[fd00::2]:3322"}},
		"default port": {kubepeers.WithDefaultDiscoveryPort(7), []string{"10.1.0.2:3322", "10.1.0.4:7"}},
	} {
		t.Run(name, func(t *testing.T) {
			peers := must[[]string](t)(c.register("self", x.option).DiscoverPeers())
			if !slices.Equal(peers, x.peers) {
				t.Errorf("%q, not %q", peers, x.peers)
			}
		})
	}
}

func TestEachSeesTheOther(t *testing.T) {
	c := newCluster(t)
	c.pod("a", "10.1.0.1")
	c.pod("b", "10.1.0.2")
	a, b := c.register("a"), c.register("b")
	c.eventually(a, "10.1.0.2:3322")
	c.eventually(b, "10.1.0.1:3322")
}

func TestForbiddenNamesTheRole(t *testing.T) {
	c := newCluster(t)
	c.run("account", "--namespace", c.namespace, "--verbs", "watch", "weak")
	dir := t.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "weak", dir)
	config := validConfig()
	config.Namespace = c.namespace
	provider := initialized(t, config, kubepeers.WithoutSelf(), kubepeers.WithServiceAccountDir(dir), kubepeers.WithRegisterTimeout(patience))
	failure := want(t, provider.Register(), kubepeers.ErrForbidden)
	if failure.HTTPStatus != 403 || failure.Retryable || !strings.Contains(failure.Message, "watch") || !strings.Contains(failure.Manifest, "kind: RoleBinding") {
		t.Errorf("%+v", failure)
	}
}
