package kubepeers_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	kubepeers "github.com/kubepeers/kubepeers/bindings/go"
)

// uid asks the API server.
func (c cluster) uid(pod string) string {
	c.Helper()
	var answer struct{ Metadata struct{ UID string } }
	text := c.run("get", "/api/v1/namespaces/"+c.namespace+"/pods/"+pod)
	succeed(c.T, json.Unmarshal([]byte(text), &answer))
	return answer.Metadata.UID
}

func TestNodesAreWhatIsKnownOfThePeers(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("v6", "fd00::7")
	c.run("pod", "--namespace", c.namespace, "--ready=false", "v6")
	c.run("pod", "--namespace", c.namespace, "--phase", "Running", "--ip", "10.1.0.9", "--node", "node-7",
		"--label", "app=demo", "--label", "controller-revision-hash=demo-5d8",
		"--port", "gossip=1", "--port", "remoting=2", "--port", "peers=3", "full")
	full := kubepeers.Node{
		Name: "full", UID: c.uid("full"), Host: "10.1.0.9", DiscoveryPort: 1, RemotingPort: 2, PeersPort: 3,
		Ready: true, NodeName: "node-7", Revision: "demo-5d8",
	}
	v6 := kubepeers.Node{Name: "v6", UID: c.uid("v6"), Host: "fd00::7", DiscoveryPort: 3322, RemotingPort: 3323, NodeName: "node-1"}

	provider := c.register("self")
	nodes := must[[]kubepeers.Node](t)(provider.Nodes())
	if want := []kubepeers.Node{full, v6}; !reflect.DeepEqual(nodes, want) {
		t.Errorf("%+v, not %+v", nodes, want)
	}
	if peers := must[[]string](t)(provider.DiscoverPeers()); !slices.Equal(addresses(nodes), peers) {
		t.Errorf("%q, not %q", addresses(nodes), peers)
	}
}

func TestDefaultPortsOfNodes(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.run("pod", "--namespace", c.namespace, "--label", "app=demo", "--phase", "Running", "--ip", "10.1.0.2", "portless")
	provider := c.register("self", kubepeers.WithDefaultDiscoveryPort(4),
		kubepeers.WithDefaultRemotingPort(5), kubepeers.WithDefaultPeersPort(6))
	nodes := must[[]kubepeers.Node](t)(provider.Nodes())
	if len(nodes) != 1 || nodes[0].DiscoveryPort != 4 || nodes[0].RemotingPort != 5 || nodes[0].PeersPort != 6 {
		t.Errorf("%+v", nodes)
	}
}

func TestNoNodesAreNotNil(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	provider := c.register("self")
	for name, nodes := range map[string][]kubepeers.Node{
		"Nodes":        must[[]kubepeers.Node](t)(provider.Nodes()),
		"WaitForPeers": must[[]kubepeers.Node](t)(provider.WaitForPeers(0, 0, 0)),
	} {
		if nodes == nil || len(nodes) != 0 {
			t.Errorf("%s: %#v", name, nodes)
		}
	}
}

func TestWaitForPeers(t *testing.T) {
	c := newCluster(t)
	c.pod("self", "10.1.0.1")
	c.pod("a", "10.1.0.2")
	provider := c.register("self")
	_, err := provider.WaitForPeers(2, 0, 0)
	if failure := want(t, err, kubepeers.ErrTimeout); !strings.HasPrefix(failure.Message, "1 known now") {
		t.Errorf("%+v", failure)
	}
	_, err = provider.WaitForPeers(1, time.Hour, 0)
	want(t, err, kubepeers.ErrTimeout)

	waited := make(chan error)
	var found []kubepeers.Node
	go func() {
		var err error
		found, err = provider.WaitForPeers(2, 100*time.Millisecond, kubepeers.DefaultTimeout)
		waited <- err
	}()
	select {
	case err := <-waited:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(100 * time.Millisecond): // It might be too early to have waited; then nothing is lost.
	}
	c.pod("b", "10.1.0.3")
	succeed(t, <-waited)
	if got, want := addresses(found), []string{"10.1.0.2:3322", "10.1.0.3:3322"}; !slices.Equal(got, want) {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestWaitForPeersRefusesNegativeNumbers(t *testing.T) {
	provider := initialized(t, validConfig())
	for key, wait := range map[string]func() ([]kubepeers.Node, error){
		"min":           func() ([]kubepeers.Node, error) { return provider.WaitForPeers(-1, 0, 0) },
		"stable_for_ms": func() ([]kubepeers.Node, error) { return provider.WaitForPeers(0, -1, 0) },
	} {
		failure := want(t, failureOf(wait()), kubepeers.ErrInvalidArgument)
		if !strings.Contains(failure.Message, "`"+key+"`") {
			t.Errorf("%q does not name %s", failure.Message, key)
		}
	}
}

func addresses(nodes []kubepeers.Node) []string {
	addresses := make([]string, len(nodes))
	for i, node := range nodes {
		addresses[i] = node.Address()
	}
	return addresses
}
