package kubepeers

import (
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/kubepeers/kubepeers/bindings/go/internal/capi"
)

// Node is all that is known of a peer.
type Node struct {
	// Name is the name of the pod.
	Name string
	// UID is the pod's: it is never given to another pod, as a name is.
	UID string
	// Host is the IP address of the pod, IPv6 without brackets.
	Host string
	// DiscoveryPort is the port of Config.DiscoveryPortName.
	DiscoveryPort uint16
	// RemotingPort is the port of Config.RemotingPortName. It is 0 if the pod has
	// none and there is no WithDefaultRemotingPort.
	RemotingPort uint16
	// PeersPort is the port of Config.PeersPortName. It is 0 if the pod has none
	// and there is no WithDefaultPeersPort.
	PeersPort uint16
	// Ready: the pod is ready, in the sense of Kubernetes.
	Ready bool
	// NodeName is the name of the Kubernetes node that the pod runs on.
	NodeName string
	// Revision says which version of its template the pod was made from: the
	// label controller-revision-hash of a StatefulSet or DaemonSet, or the label
	// pod-template-hash of a Deployment; "" for neither.
	Revision string
}

// Address is what DiscoverPeers tells of the node.
func (n Node) Address() string {
	return net.JoinHostPort(n.Host, strconv.Itoa(int(n.DiscoveryPort)))
}

// Nodes is DiscoverPeers with all that is known of each peer, in the same order.
func (p *Provider) Nodes() ([]Node, error) {
	found, err := ask(p, func(handle capi.Provider) (capi.Nodes, *capi.Failure) {
		return handle.DiscoverNodes(capi.DefaultTimeout)
	})
	return nodesFrom(found, err)
}

// WaitForPeers waits until there are at least min peers and their addresses
// have been the same for stableFor (0: no matter), at most as long as timeout,
// and gives them as Nodes does. It is for a process that is about to form a
// cluster. While the API server cannot be heard nobody knows whether the
// addresses are still the same: the wait goes on.
//
// If there were too few, or not for long enough, it gives ErrTimeout; else what
// DiscoverPeers gives. A call that waits occupies a thread.
func (p *Provider) WaitForPeers(min int, stableFor, timeout time.Duration) ([]Node, error) {
	if min < 0 { // It would become a large number of the library's own type.
		return nil, &Error{Status: ErrInvalidArgument, Message: fmt.Sprintf("`min` is %d: less than nothing", min)}
	}
	found, err := ask(p, func(handle capi.Provider) (capi.Nodes, *capi.Failure) {
		return handle.WaitForPeers(uint(min), milliseconds(stableFor), milliseconds(timeout))
	})
	return nodesFrom(found, err)
}

func nodesFrom(found capi.Nodes, err error) ([]Node, error) {
	if err != nil {
		return nil, err
	}
	nodes := make([]Node, len(found.Nodes))
	for i, node := range found.Nodes {
		nodes[i] = Node(node)
	}
	return nodes, nil
}
