// Package kubepeers finds the peers of a process in Kubernetes, and says how
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
// The peers are the pods in the namespace that have all the labels, are Running
// and not terminating, and have an address and the port. They need not be Ready.
// This pod is not among them. An empty [Snapshot] without an error means that no
// other pod is a peer now. "Not synced yet" and "API server unreachable" are errors,
// never an empty snapshot.
//
// # Calls
//
// [New] validates a [Config]. [Provider.Register] starts a watcher, which keeps the
// peers in memory. [Open] does both. Then
//
//   - [Provider.DiscoverPeers] returns the current peers
//   - [Provider.Watch] yields the current peers, and then the newest after each
//     change
//   - [Provider.WaitForPeers] waits until enough peers have been stable, to form a
//     cluster
//   - [Provider.Self] returns this pod, for example the address to advertise
//   - [Provider.Refresh] requests a list that is at least as new as the call
//   - [Provider.Health] and [Provider.Metrics] say how reliable the results are
//   - [Provider.Explain] says why a pod is not a peer
//
// [Doctor] needs no provider. It examines every step of discovery, and says what is
// wrong and how to fix it.
//
// While the API server is unreachable, the last result is kept and returned.
// Config.MaxStale limits its age.
//
// # Errors
//
// Every error is or wraps an [*Error], except for [ErrIncompatibleLibrary] and the
// error of a context that had already ended. Each [Status], such as [ErrNotSynced],
// is an error for errors.Is. [IsRetryable] reports whether the same call may succeed
// later. If the context ends a waiting call, the error wraps the error of the
// context and the reason:
//
//	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
//	defer cancel()
//	_, err := provider.DiscoverPeers(ctx)
//	errors.Is(err, context.DeadlineExceeded) // true
//	errors.Is(err, kubepeers.ErrNotSynced)   // true
//
// # Permissions
//
// The service account of the pod must be allowed to list and watch pods in the
// namespace. If it may not list them, Register fails, or later calls report
// ErrNotSynced, and [Error.Manifest] is the missing Role with its RoleBinding. If it
// may not watch them, they are polled.
//
// # Building
//
// The package is a thin layer over the shared library libkubepeers.so. A build
// needs Go 1.24, cgo, a C compiler, pkg-config, and the library's kubepeers.h and
// kubepeers.pc. With CGO_ENABLED=0 it fails. A container image needs the library;
// without it the program does not start. If the library is not in a directory of
// the system, set PKG_CONFIG_PATH for the build and LD_LIBRARY_PATH for the
// program. The library changes no signal handler, and never calls into Go.
//
// Do not call os.Setenv while a provider is registered. In a program with cgo it
// changes the environment of C, which name resolution reads in another thread.
package kubepeers
