// Package goakt is a Kubernetes discovery provider for GoAkt. It replaces GoAkt's own
// provider, github.com/tochemey/goakt/v4/discovery/kubernetes. Only the import of a
// program changes:
//
//	import kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
//
// The rest stays the same:
//
//	provider := kubernetes.NewDiscovery(&kubernetes.Config{
//		Namespace:         "default",
//		DiscoveryPortName: "gossip",
//		RemotingPortName:  "remoting",
//		PeersPortName:     "peers",
//		PodLabels:         map[string]string{"app": "demo"},
//	})
//	cluster := actor.NewClusterConfig().WithDiscovery(provider)
//
// # Differences
//
// The result excludes the calling pod and includes pods that are not Ready. A readiness
// probe may therefore check whether the node is in the cluster.
//
// An empty result always means that the calling pod is alone. GoAkt treats an empty
// result as "I am the first node". GoAkt also founds a cluster after ten failed
// attempts to join, and an error of DiscoverPeers is such an attempt. Therefore
// [Discovery.Initialize] waits until the peers are known.
//
// # Start
//
// ActorSystem.Start opens the remoting port and the peers port, calls Initialize, opens
// the gossip port, and then calls DiscoverPeers. While Initialize waits, other nodes
// cannot join this node, because its gossip port is still closed. When DiscoverPeers
// returns, other nodes can already join this node, even if the result is empty. (With
// actor.WithTLS, GoAkt opens the gossip port before Initialize but does not answer on
// it until Initialize has returned.)
//
// If the peers do not become known, Start fails and founds no cluster. Exit then, so that
// Kubernetes restarts the container. Do not call Start again on the same actor system:
// GoAkt 4.4.3 then returns nil and runs without a cluster. Since GoAkt 4.4.0, Start calls
// Initialize up to three times. If the peers do not become known, Start then fails after
// about a minute. See docs/goakt.md.
//
// Leave WithBootstrapTimeout at its default. Since GoAkt 4.4.0, every fresh start waits
// for half of it, in addition to the wait in Initialize.
//
// # Requirements
//
// The service account must be allowed to list and watch pods. If it may only list
// them, the library polls. The program needs cgo and libkubepeers.so; see package
// kubepeers.
package goakt
