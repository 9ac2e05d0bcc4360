// Package goakt is the Kubernetes discovery of GoAkt by kubepeers. It replaces
// GoAkt's own provider. Only the import of a program changes:
//
//	import kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
//
// instead of "github.com/tochemey/goakt/v4/discovery/kubernetes". The rest remains:
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
// The result does not contain this pod, and it contains pods that are not Ready. So
// a readiness probe may ask whether the node is in the cluster.
//
// GoAkt treats an empty result as "I am the first node", and founds a cluster after
// ten errors, too. Here an empty result always means that this pod is alone, and
// [Discovery.Initialize], which ActorSystem.Start calls, waits until the peers are
// known. At that point the gossip port of the node is still closed: a node that
// waited later would be joined by the others although it cannot answer yet.
//
// If the peers do not become known, Start fails with the reason and founds no
// cluster. Since GoAkt 4.4.0 Start tries three times, so that it fails after about a
// minute, and may then be called again in the same process. With earlier versions,
// let the process end, so that Kubernetes starts it again.
//
// Leave the bootstrap timeout at its default: GoAkt waits for half of it at every
// fresh start, and the wait of Initialize does not count towards it.
//
// The service account must be allowed to list and watch pods. If it may only list
// them, they are polled. The program needs cgo and libkubepeers.so; see package
// kubepeers.
package goakt
