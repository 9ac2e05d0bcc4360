package goakt_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tochemey/goakt/v4/actor"
	"github.com/tochemey/goakt/v4/discovery"
	"github.com/tochemey/goakt/v4/log"
	"github.com/tochemey/goakt/v4/remote"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
	kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
)

// testTimeout limits waits that should be short. It is long because the machines that
// run tests are busy.
const testTimeout = time.Minute

func requireNoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("got error %v; want none", err)
	}
}

// requireErrors fails the test unless err wraps all the errors.
func requireErrors(t *testing.T, err error, errs ...error) {
	t.Helper()
	for _, want := range errs {
		if !errors.Is(err, want) {
			t.Errorf("got error %v; want it to wrap %v", err, want)
		}
	}
}

// eventually waits until the condition is true.
func eventually(t *testing.T, condition string, isTrue func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testTimeout); !isTrue(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out after %v waiting until %s", testTimeout, condition)
		}
	}
}

func validConfig(namespace string) *kubernetes.Config {
	return &kubernetes.Config{
		Namespace:         namespace,
		DiscoveryPortName: "gossip",
		RemotingPortName:  "remoting",
		PeersPortName:     "peers",
		PodLabels:         map[string]string{"app": "demo"},
	}
}

// validKubepeersConfig returns validConfig as a kubepeers.Config.
func validKubepeersConfig(namespace string) kubepeers.Config {
	c := validConfig(namespace)
	return kubepeers.Config{
		Namespace:         c.Namespace,
		DiscoveryPortName: c.DiscoveryPortName,
		RemotingPortName:  c.RemotingPortName,
		PeersPortName:     c.PeersPortName,
		PodLabels:         c.PodLabels,
	}
}

// unreachableConfig returns the configuration of an observer whose API server is
// unreachable.
func unreachableConfig(t *testing.T) kubepeers.Config {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close() // From here on its port refuses connections.
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	requireNoError(t, err)
	t.Setenv("KUBERNETES_SERVICE_HOST", host)
	t.Setenv("KUBERNETES_SERVICE_PORT", port)
	dir := t.TempDir()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	requireNoError(t, os.WriteFile(filepath.Join(dir, "ca.crt"), ca, 0o600))
	requireNoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("token"), 0o600))
	config := validKubepeersConfig("default")
	config.Membership = kubepeers.Observer
	config.RegisterTimeout = -1
	config.ServiceAccountDir = dir
	return config
}

func libraryThreads(t *testing.T) (count int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/comm")
	requireNoError(t, err)
	for _, task := range tasks {
		name, err := os.ReadFile(task)
		if err == nil && strings.HasPrefix(string(name), "kubepeers") { // err: the thread has ended.
			count++
		}
	}
	return count
}

// runInSubprocess runs a test of this binary in another process, because GoAkt 4.1.0
// cannot start another cluster in a process in which a start has failed.
func runInSubprocess(t *testing.T, body func()) {
	t.Helper()
	const variable = "KUBEPEERS_TEST_PROCESS"
	if os.Getenv(variable) == t.Name() {
		body()
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), variable+"="+t.Name())
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("the test failed in its process: %v\n%s", err, output)
	}
}

// cluster is a namespace on a real API server.
type cluster struct {
	*testing.T
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	if os.Getenv("TESTENV") == "" {
		t.Fatal("TESTENV is not set: this test needs a Kubernetes, which `make test` starts")
	}
	t.Setenv("HOME", t.TempDir()) // GoAkt writes a file there.
	c := cluster{t, fmt.Sprintf("goakt-%d", time.Now().UnixNano())}
	c.run("namespace", c.namespace)
	c.run("account", "--namespace", c.namespace, "demo")
	return c
}

func (c cluster) run(arguments ...string) {
	c.Helper()
	output, err := exec.Command(os.Getenv("TESTENV"), arguments...).CombinedOutput()
	if err != nil {
		c.Fatalf("cluster %s: %v\n%s", strings.Join(arguments, " "), err, output)
	}
}

// node is a GoAkt node. Its pod has a loopback address and three ports.
type node struct {
	cluster
	config                  kubepeers.Config
	host                    string
	gossip, remoting, peers int
	provider                *kubernetes.Discovery
	bootstrapTimeout        time.Duration
	system                  actor.ActorSystem
}

// node creates a pod and the provider of a process in it.
func (c cluster) node(name, host, phase string) *node {
	c.Helper()
	n := &node{cluster: c, host: host, bootstrapTimeout: testTimeout}
	ports := freePorts(c.T, host, 3)
	n.gossip, n.remoting, n.peers = ports[0], ports[1], ports[2]
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=demo",
		"--port", fmt.Sprint("gossip=", n.gossip),
		"--port", fmt.Sprint("remoting=", n.remoting),
		"--port", fmt.Sprint("peers=", n.peers),
		"--ip", host, "--phase", phase, name)
	n.config = validKubepeersConfig(c.namespace)
	n.config.ServiceAccountDir = c.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "demo",
		"--pod", name, n.config.ServiceAccountDir)
	n.provider = kubernetes.New(n.config)
	return n
}

func freePorts(t *testing.T, host string, count int) (ports []int) {
	t.Helper()
	for range count {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		requireNoError(t, err)
		defer listener.Close() // The listeners stay open together, so that the ports differ.
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// start starts an actor system with the node's provider.
func (n *node) start() error { return n.startWith(n.provider) }

func (n *node) startWith(provider discovery.Provider) error {
	var err error
	n.system, err = actor.NewActorSystem("demo",
		actor.WithLogger(log.DiscardLogger),
		actor.WithRemote(remote.NewConfig(n.host, n.remoting)),
		actor.WithCluster(actor.NewClusterConfig().
			// GoAkt's defaults are too short for a busy machine: 4.1.0 does not start, or panics.
			WithReadTimeout(testTimeout).
			WithWriteTimeout(testTimeout).
			WithBootstrapTimeout(n.bootstrapTimeout).
			WithDiscovery(provider).
			WithDiscoveryPort(n.gossip).
			WithPeersPort(n.peers).
			WithKinds(new(greeter))))
	if err != nil {
		return err
	}
	return n.system.Start(context.Background())
}

func (n *node) stop() {
	n.Helper()
	requireNoError(n.T, n.system.Stop(context.Background()))
}

// registerBarrier delays Register until open is closed. Two nodes of one process cannot
// run the earlier steps of a start at the same time.
type registerBarrier struct {
	*kubernetes.Discovery
	arrived chan<- bool
	open    <-chan bool
}

func (b *registerBarrier) Register() error {
	b.arrived <- true
	<-b.open
	return b.Discovery.Register()
}

// startAll starts nodes that register at the same time. It stops them after the test.
func startAll(t *testing.T, nodes ...*node) {
	t.Helper()
	arrived, open, started := make(chan bool), make(chan bool), make(chan error)
	for _, n := range nodes {
		go func() { started <- n.startWith(&registerBarrier{n.provider, arrived, open}) }()
		select {
		case <-arrived:
		case err := <-started:
			t.Fatalf("Start of %s returned %v before Register", n.host, err)
		}
	}
	close(open)
	for range nodes {
		requireNoError(t, <-started)
	}
	for _, n := range nodes {
		t.Cleanup(func() {
			if n.system.Running() {
				n.stop()
			}
		})
	}
}

// members returns the other members that GoAkt knows.
func (n *node) members() (addresses []string) {
	n.Helper()
	peers, err := n.system.Peers(context.Background(), testTimeout)
	requireNoError(n.T, err)
	for _, peer := range peers {
		addresses = append(addresses, net.JoinHostPort(peer.Host, strconv.Itoa(peer.DiscoveryPort)))
	}
	slices.Sort(addresses)
	return addresses
}

// waitForCluster waits until the members of each node are all the other nodes.
func waitForCluster(t *testing.T, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		var want []string
		for _, other := range nodes {
			if other != n {
				want = append(want, net.JoinHostPort(other.host, strconv.Itoa(other.gossip)))
			}
		}
		slices.Sort(want)
		var got []string
		for deadline := time.Now().Add(testTimeout); ; time.Sleep(50 * time.Millisecond) {
			if got = n.members(); slices.Equal(got, want) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: got members %q; want %q", n.host, got, want)
			}
		}
	}
}

// requireWaiting waits until a starting node has listed the pods. It fails the test if
// Start has returned or the gossip port is open.
func (n *node) requireWaiting(started <-chan error) {
	n.Helper()
	for listed := false; !listed; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-started:
			n.Fatalf("Start returned %v; want it to wait", err)
		default:
			_, err := n.provider.Provider().Explain()
			listed = err == nil
		}
	}
	connection, err := net.Dial("tcp", net.JoinHostPort(n.host, strconv.Itoa(n.gossip)))
	if err == nil {
		connection.Close()
		n.Error("the gossip port is open; want it closed")
	}
}
