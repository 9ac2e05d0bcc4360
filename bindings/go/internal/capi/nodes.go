package capi

// #include <kubepeers.h>
import "C"

// Node is all that is known of a peer.
type Node struct {
	Name, UID     string
	Host          string
	DiscoveryPort uint16
	RemotingPort  uint16 // 0 for none
	PeersPort     uint16 // 0 for none
	Ready         bool
	NodeName      string
	Revision      string
}

// Nodes is a copy of a peer list with all that is known of each peer.
type Nodes struct {
	Generation uint64
	Nodes      []Node // never nil after success
}

// takeNodes copies a list and frees it. NULL, which a failed call leaves, gives no nodes.
func takeNodes(peers *C.kubepeers_peers) Nodes {
	defer C.kubepeers_peers_free(peers)
	nodes := make([]Node, C.kubepeers_peers_len(peers))
	for i := range nodes {
		nodes[i] = node(peers, C.size_t(i))
	}
	return Nodes{uint64(C.kubepeers_peers_generation(peers)), nodes}
}

func node(peers *C.kubepeers_peers, i C.size_t) Node {
	return Node{
		Name:          C.GoString(C.kubepeers_peers_name(peers, i)),
		UID:           C.GoString(C.kubepeers_peers_uid(peers, i)),
		Host:          C.GoString(C.kubepeers_peers_host(peers, i)),
		DiscoveryPort: uint16(C.kubepeers_peers_discovery_port(peers, i)),
		RemotingPort:  uint16(C.kubepeers_peers_remoting_port(peers, i)),
		PeersPort:     uint16(C.kubepeers_peers_peers_port(peers, i)),
		Ready:         C.kubepeers_peers_is_ready(peers, i) != 0,
		NodeName:      C.GoString(C.kubepeers_peers_node_name(peers, i)),
		Revision:      C.GoString(C.kubepeers_peers_revision(peers, i)),
	}
}
