// Package kubepeers finds the peers of a process in Kubernetes and reports how
// reliable the answer is.
//
//	provider, err := kubepeers.Open(ctx, kubepeers.Config{
//		PodLabels:         map[string]string{"app": "demo"},
//		DiscoveryPortName: "gossip",
//	})
//	if err != nil {
//		return err
//	}
//	defer provider.Close()
//	peers, err := provider.DiscoverPeers(ctx)
//	if err != nil {
//		return err
//	}
//	fmt.Println(peers.Addresses()) // [10.0.0.7:3322 10.0.0.8:3322]
//
// A peer is a pod in the namespace that has all the labels, is Running, is not
// terminating, and has an address and the port. It need not be Ready. The pod that
// the process runs in ("this pod") is not one of its own peers.
//
// An empty [Snapshot] without an error means that no other pod is a peer now. "Not
// synced yet" and "API server unreachable" are errors, never an empty snapshot.
//
// # Calls
//
// [New] validates a [Config]. [Provider.Register] starts a watcher, which keeps the
// peers in memory. [Open] does both. A registered provider has these methods:
//
//   - [Provider.DiscoverPeers] returns the current peers.
//   - [Provider.Watch] yields the current peers and, after each change, the newest
//     ones.
//   - [Provider.WaitForPeers] waits until there are enough peers and they have
//     stopped changing. A process calls it before it forms a cluster.
//   - [Provider.Self] returns this pod with the address to advertise.
//   - [Provider.Refresh] waits for a list that is at least as new as the call.
//   - [Provider.Health] and [Provider.Metrics] report how reliable the results are.
//   - [Provider.Explain] reports why a pod is not a peer.
//
// [Doctor] needs no provider. It examines every step of discovery, and reports what
// is wrong and how to fix it.
//
// While the API server is unreachable, DiscoverPeers keeps returning the last
// result. Config.MaxStale limits its age.
//
// # Errors
//
// Every error is or wraps an [*Error], with two exceptions: [ErrIncompatibleLibrary],
// and the error of a context that had ended before the call. errors.Is matches an
// error against a [Status] such as [ErrNotSynced]. [IsRetryable] reports whether the
// same call may succeed later. If the context ends a waiting call, the error wraps
// both the context's error and the reason:
//
//	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
//	defer cancel()
//	_, err := provider.DiscoverPeers(ctx)
//	errors.Is(err, context.DeadlineExceeded) // true
//	errors.Is(err, kubepeers.ErrNotSynced)   // true
//
// # Permissions
//
// The pod's service account must be allowed to list and watch pods in the namespace.
// If it may not list them, Register fails, or later calls return ErrNotSynced. In
// both cases [Error.Manifest] contains the missing Role and RoleBinding. If it may
// list but not watch them, the library polls.
//
// # Building
//
// The package is a thin layer over the shared library libkubepeers.so. A build
// needs Go 1.24 or newer, cgo, a C compiler, pkg-config, and the library's
// kubepeers.h and kubepeers.pc. With CGO_ENABLED=0 the build fails. A container
// image must contain the library, because the program does not start without it. If
// the library is not in a directory that the linker searches, set PKG_CONFIG_PATH
// for the build and LD_LIBRARY_PATH for the program. The library changes no signal
// handler and never calls into Go.
//
// Do not call os.Setenv while a provider is registered. In a program with cgo,
// os.Setenv also changes the C environment, which a thread of the library reads when
// it resolves a name.
package kubepeers
