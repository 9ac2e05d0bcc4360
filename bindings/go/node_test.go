package kubepeers_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

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
	snapshot := kubepeers.Snapshot{Nodes: nodes}
	if peers := must[[]string](t)(provider.DiscoverPeers()); !slices.Equal(snapshot.Addresses(), peers) {
		t.Errorf("%q, not %q", snapshot.Addresses(), peers)
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
