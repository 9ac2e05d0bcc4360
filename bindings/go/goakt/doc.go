// Package goakt is GoAkt's discovery in Kubernetes by kubepeers. It takes the
// place of GoAkt's own provider; one line of a program changes, the import:
//
//	import kubernetes "github.com/kubepeers/kubepeers/bindings/go/goakt"
//
// instead of "github.com/tochemey/goakt/v4/discovery/kubernetes". What was
// written with that stays as it is:
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
// # What is different
//
// The own pod is not in the answer, and pods need not be ready: a readiness
// probe may ask whether the node is in the cluster.
//
// GoAkt takes an empty answer for "I am the first", and after ten errors it
// takes the same for granted. So an empty answer means here that this pod is
// alone for certain, and Register, which GoAkt calls in ActorSystem.Start, waits
// until that is known. If it does not get known, Start fails with the reason,
// and no second cluster is founded. Let the process end then: Kubernetes starts
// it again, while GoAkt starts no other cluster in a process where one failed.
//
// The service account must be allowed to watch pods, not only to list them; if
// it may not, they are polled. The program needs cgo and libkubepeers.so: see
// package kubepeers, which also says what more a Discovery can tell.
package goakt
