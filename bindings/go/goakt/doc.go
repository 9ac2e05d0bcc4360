// Package goakt is a Kubernetes discovery provider for GoAkt. It replaces GoAkt's own
// provider, github.com/tochemey/goakt/v4/discovery/kubernetes. In a program only the
// import changes:
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
// The result excludes this pod and includes pods that are not Ready. So a readiness
// probe may ask whether the node is in the cluster.
//
// An empty result always means that this pod is alone. GoAkt treats it as "I am the
// first node", and also founds a cluster after ten errors. Therefore
// [Discovery.Initialize], which ActorSystem.Start calls, waits until the peers are
// known. The gossip port of the node is still closed at that point. Otherwise other
// nodes would join a node that cannot answer yet.
//
// If the peers do not become known, Start fails with the reason and founds no
// cluster. Since GoAkt 4.4.0 Start calls Initialize three times, so that it fails
// after about a minute. It may then be called again in the same process. With earlier
// versions, end the process, so that Kubernetes restarts the container.
//
// Leave the bootstrap timeout at its default. GoAkt waits for half of it at every
// fresh start, and the wait of Initialize does not count towards it.
//
// The service account must be allowed to list and watch pods. If it may only list
// them, they are polled. The program needs cgo and libkubepeers.so; see package
// kubepeers.
package goakt
