package capi

// #include <kubepeers.h>
import "C"

// Peers is a copy of a peer list.
type Peers struct {
	Generation uint64
	Addresses  []string // never nil after success
}

// take copies a list and frees it. NULL, which a failed call leaves, gives no peers.
func take(peers *C.kubepeers_peers) Peers {
	defer C.kubepeers_peers_free(peers)
	addresses := make([]string, C.kubepeers_peers_len(peers))
	for i := range addresses {
		addresses[i] = C.GoString(C.kubepeers_peers_address(peers, C.size_t(i)))
	}
	return Peers{uint64(C.kubepeers_peers_generation(peers)), addresses}
}
