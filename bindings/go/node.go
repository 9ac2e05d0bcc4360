package kubepeers

import (
	"context"
	"net"
	"runtime"
	"strconv"

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

// Self returns this pod, with the address and ports that its peers get. It waits
// until ctx ends for the pods to be listed and this pod to be one of them. The
// result is nil if WithoutSelf is set.
func (p *Provider) Self(ctx context.Context) (*Node, error) {
	defer runtime.KeepAlive(p)
	s := p.current()
	found, err := until(ctx, s, func() (Snapshot, *capi.Failure) {
		return snapshotFrom(inTurn(func() (capi.Nodes, *capi.Failure) { return s.handle.Self(0) }))
	})
	if err != nil || len(found.Nodes) == 0 {
		return nil, err
	}
	return &found.Nodes[0], nil
}

// Nodes is DiscoverPeers with all that is known of each peer, in the same order.
// Wait and WaitForPeers also return nodes, and take a context.
func (p *Provider) Nodes() ([]Node, error) {
	defer runtime.KeepAlive(p)
	s := p.current()
	snapshot, err := forAsLong(s, func() (Snapshot, *capi.Failure) { return s.newer(0) })
	return snapshot.Nodes, err
}
