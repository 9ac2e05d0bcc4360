package capi

/*
#include <kubepeers.h>

// What is known of a peer, borrowed from its list.
typedef struct {
	const char *name, *uid, *host, *node_name, *revision;
	uint16_t discovery_port, remoting_port, peers_port;
	int32_t is_ready;
} node;

// All peers in one call: each crossing costs more than what it reads.
static void read_nodes(const kubepeers_peers *peers, node *nodes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		nodes[i].name = kubepeers_peers_name(peers, i);
		nodes[i].uid = kubepeers_peers_uid(peers, i);
		nodes[i].host = kubepeers_peers_host(peers, i);
		nodes[i].node_name = kubepeers_peers_node_name(peers, i);
		nodes[i].revision = kubepeers_peers_revision(peers, i);
		nodes[i].discovery_port = kubepeers_peers_discovery_port(peers, i);
		nodes[i].remoting_port = kubepeers_peers_remoting_port(peers, i);
		nodes[i].peers_port = kubepeers_peers_peers_port(peers, i);
		nodes[i].is_ready = kubepeers_peers_is_ready(peers, i);
	}
}
*/
import "C"

import "unsafe"

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
	if peers == nil {
		return Nodes{}
	}
	defer C.kubepeers_peers_free(peers)
	borrowed := make([]C.node, C.kubepeers_peers_len(peers))
	C.read_nodes(peers, unsafe.SliceData(borrowed), C.size_t(len(borrowed)))
	nodes := make([]Node, len(borrowed))
	for i := range borrowed {
		nodes[i] = copyNode(&borrowed[i])
	}
	return Nodes{uint64(C.kubepeers_peers_generation(peers)), nodes}
}

func copyNode(borrowed *C.node) Node {
	return Node{
		Name:          C.GoString(borrowed.name),
		UID:           C.GoString(borrowed.uid),
		Host:          C.GoString(borrowed.host),
		DiscoveryPort: uint16(borrowed.discovery_port),
		RemotingPort:  uint16(borrowed.remoting_port),
		PeersPort:     uint16(borrowed.peers_port),
		Ready:         borrowed.is_ready != 0,
		NodeName:      C.GoString(borrowed.node_name),
		Revision:      C.GoString(borrowed.revision),
	}
}
