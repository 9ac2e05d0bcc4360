package capi

/*
#include <string.h>
#include <kubepeers.h>

// A record whose texts belong to its list. The texts are in the order of the fields of Node.
typedef struct {
	const char *texts[5];
	size_t lengths[5];
	uint16_t remoting_port, peers_port;
	int32_t is_ready;
} node;

// Reads all records and returns the total length of their texts. One call reads all of
// them, because a call from Go costs more than reading a record.
static size_t read_nodes(const kubepeers_peers *peers, node *nodes, size_t length)
{
	size_t total = 0;
	for (size_t i = 0; i < length; i++) {
		node *node = &nodes[i];
		node->texts[0] = kubepeers_peers_name(peers, i);
		node->texts[1] = kubepeers_peers_uid(peers, i);
		node->texts[2] = kubepeers_peers_address(peers, i);
		node->texts[3] = kubepeers_peers_node_name(peers, i);
		node->texts[4] = kubepeers_peers_revision(peers, i);
		for (size_t t = 0; t < 5; t++)
			total += node->lengths[t] = strlen(node->texts[t]);
		node->remoting_port = kubepeers_peers_remoting_port(peers, i);
		node->peers_port = kubepeers_peers_peers_port(peers, i);
		node->is_ready = kubepeers_peers_is_ready(peers, i);
	}
	return total;
}

// Reads the addresses of all records and returns their total length.
static size_t read_addresses(const kubepeers_peers *peers, const char **texts,
	size_t *lengths, size_t length)
{
	size_t total = 0;
	for (size_t i = 0; i < length; i++) {
		texts[i] = kubepeers_peers_address(peers, i);
		total += lengths[i] = strlen(texts[i]);
	}
	return total;
}

#cgo noescape read_nodes
#cgo nocallback read_nodes
#cgo noescape read_addresses
#cgo nocallback read_addresses
#cgo nocallback kubepeers_generation
*/
import "C"

import "unsafe"

// List is a list of peers in the memory of the library. The caller must free it exactly
// once. Until then it is valid, even after its provider is closed.
type List struct{ peers *C.kubepeers_peers }

// Node is the record of a peer.
type Node struct {
	Name         string
	UID          string
	Address      string // "ip:port", with an IPv6 address in brackets
	NodeName     string
	Revision     string
	RemotingPort uint16 // 0 if there is none
	PeersPort    uint16 // 0 if there is none
	Ready        bool
}

// Generation returns the generation of the list that DiscoverPeers would return. In the
// cases that kubepeers.h lists, it returns 0.
func (p Provider) Generation() uint64 {
	return uint64(C.kubepeers_generation(C.kubepeers_provider(p)))
}

// DiscoverPeers returns the peers.
func (p Provider) DiscoverPeers() (List, *Failure) {
	var list List
	var err *C.kubepeers_error
	status := C.kubepeers_discover_peers(C.kubepeers_provider(p), 0, &list.peers, &err)
	return list, outcome(status, &err)
}

// Wait returns the peers if their generation is greater than after.
func (p Provider) Wait(after uint64) (List, *Failure) {
	var list List
	var err *C.kubepeers_error
	status := C.kubepeers_wait(C.kubepeers_provider(p), C.uint64_t(after), 0, &list.peers, &err)
	return list, outcome(status, &err)
}

// WaitForPeers returns the peers if there are at least min of them and their
// addresses have been the same for stableForMS.
func (p Provider) WaitForPeers(min uint, stableForMS int32) (List, *Failure) {
	var list List
	var err *C.kubepeers_error
	status := C.kubepeers_wait_for_peers(C.kubepeers_provider(p),
		C.size_t(min), C.int32_t(stableForMS), 0, &list.peers, &err)
	return list, outcome(status, &err)
}

// Self returns this pod, or an empty list for an observer.
func (p Provider) Self() (List, *Failure) {
	var list List
	var err *C.kubepeers_error
	status := C.kubepeers_get_self(C.kubepeers_provider(p), 0, &list.peers, &err)
	return list, outcome(status, &err)
}

// Free frees the list.
func (l List) Free() { C.kubepeers_peers_free(l.peers) }

// Generation returns the generation of the list.
func (l List) Generation() uint64 { return uint64(C.kubepeers_peers_generation(l.peers)) }

// Len returns the number of records.
func (l List) Len() int { return int(C.kubepeers_peers_len(l.peers)) }

// Addresses returns a copy of the addresses.
func (l List) Addresses() []string {
	texts := make([]*C.char, l.Len())
	lengths := make([]C.size_t, len(texts))
	total := C.read_addresses(l.peers,
		unsafe.SliceData(texts), unsafe.SliceData(lengths), C.size_t(len(texts)))
	arena := make(arena, 0, total)
	addresses := make([]string, len(texts))
	for i, text := range texts {
		addresses[i] = arena.copy(text, lengths[i])
	}
	return addresses
}

// Nodes returns a copy of the records.
func (l List) Nodes() []Node {
	borrowed := make([]C.node, l.Len())
	total := C.read_nodes(l.peers, unsafe.SliceData(borrowed), C.size_t(len(borrowed)))
	arena := make(arena, 0, total)
	nodes := make([]Node, len(borrowed))
	for i := range borrowed {
		n := &borrowed[i]
		nodes[i] = Node{
			Name:         arena.copy(n.texts[0], n.lengths[0]),
			UID:          arena.copy(n.texts[1], n.lengths[1]),
			Address:      arena.copy(n.texts[2], n.lengths[2]),
			NodeName:     arena.copy(n.texts[3], n.lengths[3]),
			Revision:     arena.copy(n.texts[4], n.lengths[4]),
			RemotingPort: uint16(n.remoting_port),
			PeersPort:    uint16(n.peers_port),
			Ready:        n.is_ready != 0,
		}
	}
	return nodes
}

// arena holds all texts of a copied list in one allocation, because thousands of small
// ones would cost more than the copy itself. Its capacity must be the total length.
type arena []byte

func (a *arena) copy(text *C.char, length C.size_t) string {
	start := len(*a)
	*a = append(*a, unsafe.Slice((*byte)(unsafe.Pointer(text)), int(length))...)
	return unsafe.String(unsafe.SliceData((*a)[start:]), int(length))
}
