/**
 * Finds the peers of a process in Kubernetes, and reports how reliable the answer is.
 *
 * <p>A peer is a pod in the namespace that has all the labels, is Running and not terminating, and
 * has an address and the discovery port. It need not be Ready. The result excludes this pod, which
 * is the pod that the process runs in.
 *
 * <p>An empty list always means that no other pod is a peer. "Not synced yet" and "API server
 * unreachable" are errors, never an empty list. Until there is a first result, calls wait, and
 * throw an exception when their timeout expires. If the API server becomes unreachable later, the
 * last result is kept and returned. The option {@code maxStale} limits its age.
 *
 * <p>{@link io.kubepeers.Provider#builder()} collects the options, and {@link
 * io.kubepeers.Provider#register()} starts the watcher, which keeps the peers in memory. After
 * that:
 *
 * <ul>
 *   <li>{@link io.kubepeers.Provider#discoverPeers()} returns the current peers.
 *   <li>{@link io.kubepeers.Provider#subscribe(java.util.function.Consumer) subscribe} and {@link
 *       io.kubepeers.Provider#changes() changes} report each new state.
 *   <li>{@link io.kubepeers.Provider#awaitPeers awaitPeers} waits until there are enough peers and
 *       they have stopped changing. A program calls it before it forms a cluster.
 *   <li>{@link io.kubepeers.Provider#self()} returns this pod, for example to advertise its
 *       address.
 *   <li>{@link io.kubepeers.Provider#refresh()} waits for a list that is at least as new as the
 *       call.
 *   <li>{@link io.kubepeers.Provider#health()} and {@link io.kubepeers.Provider#metrics()} return
 *       how reliable the results are.
 *   <li>{@link io.kubepeers.Provider#explain()} returns why a pod is not a peer.
 * </ul>
 *
 * <p>{@link io.kubepeers.Provider.Builder#doctor()} examines every step of discovery, and returns
 * what is wrong and how to fix it.
 *
 * <p>The service account of the pod must be allowed to list and watch pods in the namespace. If it
 * may not list them, {@code register} throws {@link io.kubepeers.Status#FORBIDDEN}, or later calls
 * throw {@link io.kubepeers.Status#NOT_SYNCED}. In both cases the manifest of the exception is the
 * missing Role. If it may only list them, the watcher polls.
 *
 * <h2>The native library</h2>
 *
 * <p>The package is a thin layer over the shared library libkubepeers.so for Linux on x86_64 and
 * aarch64. The first provider loads it from the first of these places that has it:
 *
 * <ol>
 *   <li>the environment variable KUBEPEERS_LIBRARY, which contains a path
 *   <li>a jar of kubepeers with a classifier such as linux-x86_64 or linux-x86_64-musl. With Java
 *       22 and newer, it also works with a read-only root file system.
 *   <li>the system's libraries (LD_LIBRARY_PATH, ldconfig)
 * </ol>
 *
 * <p>On Java 22 and newer, start {@code java} with {@code --enable-native-access=ALL-UNNAMED}, or
 * with {@code --enable-native-access=io.kubepeers} if kubepeers is on the module path. On older
 * versions, add net.java.dev.jna:jna to the dependencies.
 *
 * <p>The modules of JNA and of the jar with a classifier are optional. If they are on the module
 * path, add {@code --add-modules com.sun.jna} or, for example, {@code --add-modules
 * io.kubepeers.linux.x86_64}.
 */
package io.kubepeers;
