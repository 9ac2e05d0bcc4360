// Package kubepeers tells a process in Kubernetes who its peers are, and how
// sure that is.
//
//	provider := kubepeers.New(kubepeers.Config{
//		Namespace:         "default",
//		DiscoveryPortName: "gossip",
//		RemotingPortName:  "remoting",
//		PeersPortName:     "peers",
//		PodLabels:         map[string]string{"app": "demo"},
//	})
//	defer provider.Close()
//	if err := provider.Initialize(); err != nil {
//		return err
//	}
//	if err := provider.Register(); err != nil {
//		return err
//	}
//	peers, err := provider.DiscoverPeers() // ["10.0.0.7:3322" "10.0.0.8:3322"]
//
// The pods of the namespace that have all the labels, run, have an address and
// have the port are peers, ready or not. The own pod is left out. An empty
// answer means alone; "not known yet" is an error that says so:
//
//	if kubepeers.IsRetryable(err) {
//		// Ask again: ErrNotSynced while the API server starts, ErrSelfNotVisible.
//	}
//
// While the API server is away the last answer stands: Health tells how old it
// is, and WithMaxStale sets a limit. DiscoverPeers costs next to nothing as long as
// the answer is the same: ask it whenever the peers are needed. Nodes
// returns details of each peer, Watch reports changes, WaitForPeers waits for
// enough peers to form a cluster, and Explain says why a pod is not a peer.
//
// Calls that wait have a form that takes a context, and its end does not hide why
// there was no answer:
//
//	_, err := provider.DiscoverPeersContext(ctx)
//	errors.Is(err, context.DeadlineExceeded) // true
//	errors.Is(err, kubepeers.ErrNotSynced)   // true, and the message says what is wrong
//
// Messages name configuration keys as kubepeers.h does; the comment of each
// Option says which key it sets.
//
// The service account of the pod must be allowed to list and watch pods in the
// namespace. If it may not list them, Register fails, and Error.Manifest is the
// Role to add; if it may not watch them, they are polled.
//
// # Building
//
// The package is a thin layer over the shared library libkubepeers.so. A build
// needs cgo, a C compiler, pkg-config and the library's kubepeers.h and
// kubepeers.pc; a container image needs the library. Outside the system's own
// folders, PKG_CONFIG_PATH and LD_LIBRARY_PATH say where they are. The library
// changes no signal handler and needs no call into Go.
package kubepeers
