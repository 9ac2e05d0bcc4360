package goakt_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
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

// patience limits waits that should be short. It is not an expectation, because the
// machines that run tests are busy.
const patience = time.Minute

// cluster is a namespace on the real API server.
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

// node is a GoAkt node whose pod has a loopback address with three ports.
type node struct {
	cluster
	config                  kubepeers.Config
	host                    string
	gossip, remoting, peers int
	provider                *kubernetes.Discovery
	bootstrapTimeout        time.Duration
	system                  actor.ActorSystem
}

// node creates a pod, and the provider of a process in it.
func (c cluster) node(name, host, phase string) *node {
	c.Helper()
	n := &node{cluster: c, host: host, bootstrapTimeout: patience}
	ports := freePorts(c.T, host, 3)
	n.gossip, n.remoting, n.peers = ports[0], ports[1], ports[2]
	c.run("pod", "--namespace", c.namespace, "--service-account", "demo", "--label", "app=demo",
		"--port", fmt.Sprint("gossip=", n.gossip), "--port", fmt.Sprint("remoting=", n.remoting), "--port", fmt.Sprint("peers=", n.peers),
		"--ip", host, "--phase", phase, name)
	n.config = base(c.namespace)
	n.config.ServiceAccountDir = c.TempDir()
	c.run("mount", "--namespace", c.namespace, "--service-account", "demo", "--pod", name, n.config.ServiceAccountDir)
	n.provider = kubernetes.New(n.config)
	return n
}

func freePorts(t *testing.T, host string, count int) (ports []int) {
	t.Helper()
	for range count {
		listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		succeed(t, err)
		defer listener.Close() // Not before all are open, so that they differ.
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
			// On a busy machine GoAkt's defaults are too short: 4.1.0 does not start then, or panics.
			WithReadTimeout(patience).WithWriteTimeout(patience).WithBootstrapTimeout(n.bootstrapTimeout).
			WithDiscovery(provider).WithDiscoveryPort(n.gossip).WithPeersPort(n.peers).WithKinds(new(greeter))))
	if err != nil {
		return err
	}
	return n.system.Start(context.Background())
}

func (n *node) stop() {
	n.Helper()
	succeed(n.T, n.system.Stop(context.Background()))
}

// gate stops a start at the point from which it depends on the other nodes. GoAkt
// cannot do what comes before for two nodes of a process at once.
type gate struct {
	*kubernetes.Discovery
	arrived chan<- bool
	open    <-chan bool
}

func (g *gate) Register() error {
	g.arrived <- true
	<-g.open
	return g.Discovery.Register()
}

// startAll lets the nodes register at the same time, and stops them after the test.
func startAll(t *testing.T, nodes ...*node) {
	t.Helper()
	arrived, open, started := make(chan bool), make(chan bool), make(chan error)
	for _, n := range nodes {
		go func() { started <- n.startWith(&gate{n.provider, arrived, open}) }()
		select {
		case <-arrived:
		case err := <-started:
			t.Fatal("it did not reach Register: ", err)
		}
	}
	close(open)
	for range nodes {
		succeed(t, <-started)
	}
	for _, n := range nodes {
		t.Cleanup(func() {
			if n.system.Running() {
				n.stop()
			}
		})
	}
}

// others returns the members that GoAkt itself knows.
func (n *node) others() (addresses []string) {
	n.Helper()
	peers, err := n.system.Peers(context.Background(), patience)
	succeed(n.T, err)
	for _, peer := range peers {
		addresses = append(addresses, net.JoinHostPort(peer.Host, strconv.Itoa(peer.DiscoveryPort)))
	}
	slices.Sort(addresses)
	return addresses
}

// together waits until the members of each node are all the other nodes.
func together(t *testing.T, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		var expected []string
		for _, other := range nodes {
			if other != n {
				expected = append(expected, net.JoinHostPort(other.host, strconv.Itoa(other.gossip)))
			}
		}
		slices.Sort(expected)
		for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			members := n.others()
			if slices.Equal(members, expected) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s has the members %q, not %q", n.host, members, expected)
			}
		}
	}
}

func TestThreeNodesThatStartTogetherAreOneCluster(t *testing.T) {
	c := newCluster(t)
	a, b, d := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Running"), c.node("d", "127.0.0.4", "Running")
	startAll(t, a, b, d)
	together(t, a, b, d)
}

func TestANodeLeavesAndComesBackWithTheSameProvider(t *testing.T) {
	c := newCluster(t)
	a, b := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Running")
	startAll(t, a, b)
	together(t, a, b)
	for range 2 {
		b.stop()
		together(t, a)
		startAll(t, b)
		together(t, a, b)
	}
}

func TestANodeAloneStarts(t *testing.T) {
	a := newCluster(t).node("a", "127.0.0.2", "Running")
	startAll(t, a)
	together(t, a)
}

// waits returns when the node that starts has listed the pods, and checks that it
// waits nevertheless, with its gossip port still closed.
func (n *node) waits(started <-chan error) {
	n.Helper()
	for listed := false; !listed; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-started:
			n.Fatal("it did not wait: ", err)
		default:
			_, err := n.provider.Provider().Explain()
			listed = err == nil
		}
	}
	if connection, err := net.Dial("tcp", net.JoinHostPort(n.host, strconv.Itoa(n.gossip))); err == nil {
		connection.Close()
		n.Error("the gossip port is open")
	}
}

// With GoAkt 4.1.0 Start tries once, since 4.4.0 three times.
func TestANodeThatIsNotSeenDoesNotFoundACluster(t *testing.T) {
	inAProcess(t, func() {
		c := newCluster(t)
		a, b := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Pending")
		startAll(t, a)
		b.provider.WithPatience(2 * time.Second)
		b.bootstrapTimeout = 5 * time.Second // GoAkt calls Initialize again for so long.
		want(t, b.start(), kubepeers.ErrSelfNotVisible)
		together(t, a)
	})
}

// inAProcess runs a test of this binary in another process: GoAkt 4.1.0 starts no
// other cluster in a process in which a start has failed.
func inAProcess(t *testing.T, body func()) {
	t.Helper()
	const variable = "KUBEPEERS_TEST_PROCESS"
	if os.Getenv(variable) == t.Name() {
		body()
		return
	}
	command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), variable+"="+t.Name())
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

func TestANodeWaitsUntilItIsSeen(t *testing.T) {
	c := newCluster(t)
	a, b := c.node("a", "127.0.0.2", "Running"), c.node("b", "127.0.0.3", "Pending")
	startAll(t, a)
	started := make(chan error, 1)
	b.provider.WithPatience(time.Hour)
	go func() { started <- b.start() }()
	b.waits(started)
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "--ip", b.host, "b")
	succeed(t, <-started)
	t.Cleanup(b.stop)
	together(t, a, b)
}
