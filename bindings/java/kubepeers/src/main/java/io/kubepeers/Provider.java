package io.kubepeers;

import io.kubepeers.internal.FlowWatch;
import io.kubepeers.internal.Library;
import io.kubepeers.internal.ListenerWatch;
import io.kubepeers.internal.Options;
import io.kubepeers.internal.Session;
import io.kubepeers.internal.Waiting;
import io.kubepeers.internal.Watch;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Finds the peers of this process. Any number of threads may use a provider at once.
 *
 * <pre>{@code
 * try (Provider provider = Provider.builder()
 *         .podLabels(Map.of("app", "demo"))
 *         .discoveryPortName("gossip")
 *         .build()) {
 *     provider.register();
 *     System.out.println(provider.discoverPeers()); // [10.0.0.7:3322, 10.0.0.8:3322]
 * }
 * }</pre>
 *
 * <h2>Waiting</h2>
 *
 * <p>Methods with a timeout wait until they have a result or the timeout expires. With {@link
 * Duration#ZERO} a method does not wait. A negative timeout causes an {@link
 * IllegalArgumentException}. To wait without limit, pass {@code ChronoUnit.FOREVER.getDuration()}.
 *
 * <p>While requests to the API server fail permanently, for example because of a missing Role,
 * these methods keep waiting, because an operator may still fix the cause. Only {@link #register()}
 * throws such an error before its timeout expires.
 *
 * <p>No thread of the program waits inside the native library. Virtual threads can therefore wait
 * without a carrier, and {@link Thread#interrupt()} ends a wait with an {@link
 * InterruptedException}. One daemon thread per process waits for changes of all providers.
 *
 * <h2>Common errors</h2>
 *
 * <p>Methods throw a {@link KubepeersException} with these statuses. {@link #close()}, {@link
 * #generation()}, {@link #doctor()} and {@link #toString()} do not. {@link #subscribe subscribe}
 * and {@link #changes()} report them to {@code onError}.
 *
 * <ul>
 *   <li>{@link Status#NOT_REGISTERED}: the provider is not registered (not thrown by {@code
 *       register}), or was deregistered during the call
 *   <li>{@link Status#CLOSED}: the provider is closed, or was closed during the call
 *   <li>{@link Status#NO_RESOURCES}: the call must wait, and there are no descriptors or threads
 *       left to wait with
 *   <li>{@link Status#INTERNAL}: the library has failed; close or deregister the provider
 * </ul>
 *
 * <p>The garbage collector eventually closes a provider that is no longer referenced. Do not rely
 * on it. A provider with a subscription is not collected.
 */
public final class Provider implements AutoCloseable {
    /** A new list takes up to 3.1 s if the API server's cache lags. */
    private static final Duration MIN_REFRESH_TIMEOUT = Duration.ofSeconds(5);

    private static final Duration DOCTOR_TIMEOUT = Duration.ofSeconds(8);

    private static final Cleaner CLEANER = Cleaner.create();

    private final Session session;
    private final Options options;
    private final Executor executor;
    private final Cleaner.Cleanable cleanable;
    private final Duration registerTimeout;
    private final Duration discoverTimeout;

    private Provider(Builder builder) {
        options = builder.options.copy();
        options.check();
        executor = builder.executor == null ? defaultExecutor() : builder.executor;
        session = new Session(options.pairs(), options.words(), builder.logger(), executor);
        // The library has validated the values.
        registerTimeout =
                Duration.ofMillis(
                        Long.parseLong(
                                options.pairs().getOrDefault("register_timeout_ms", "5000")));
        discoverTimeout =
                Duration.ofMillis(
                        Long.parseLong(
                                options.pairs().getOrDefault("discover_timeout_ms", "3000")));
        cleanable = CLEANER.register(this, closing(session));
    }

    // A lambda in the constructor could refer to the provider, which would then never be collected.
    private static Runnable closing(Session session) {
        return () -> {
            try {
                session.close();
            } catch (KubepeersException e) {
                // There is no caller to report it to.
            }
        };
    }

    /** Returns the executor of CompletableFuture, which has a thread even on one processor. */
    private static Executor defaultExecutor() {
        return new CompletableFuture<>().defaultExecutor();
    }

    /**
     * Returns a new builder. {@link Builder#podLabels podLabels} and {@link
     * Builder#discoveryPortName discoveryPortName} are required.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the version of the native library, for example "0.4.0". The call loads the library if
     * no provider has loaded it yet.
     *
     * @return the version
     * @throws LibraryException if the library cannot be loaded or is incompatible with this package
     */
    public static String libraryVersion() {
        return Library.load().version();
    }

    /**
     * Starts the watcher, and waits for the first list for at most the option {@code
     * registerTimeout}.
     *
     * @throws InterruptedException if the thread is interrupted; the provider is then not
     *     registered
     * @see #register(Duration)
     */
    public void register() throws InterruptedException {
        register(registerTimeout);
    }

    /**
     * Reads the credentials, identifies this pod, starts the watcher, and waits for the first list.
     *
     * <p>The call throws permanent errors, such as a missing Role. It returns when the pods have
     * been listed, and also when the timeout expires after only transient errors, for example
     * because the API server is unreachable or overloaded. A program can therefore start while the
     * API server is down: the watcher keeps retrying, and other calls wait, or throw {@link
     * Status#NOT_SYNCED} with the reason, until a list succeeds.
     *
     * <p>With a timeout of 0 the call reads the credentials, starts the watcher and returns. A
     * permanent error that is found after the call has returned makes other calls throw a {@code
     * NOT_SYNCED} that is not retryable. The watcher keeps retrying even then, so the program need
     * not register again once an operator has fixed the cause. The API server's responses 401 and
     * 403 count as permanent once they have lasted for two seconds, because an API server that is
     * starting denies valid requests for a moment. {@code register} does not throw them if its
     * timeout is shorter.
     *
     * <p>If the call fails or is interrupted, it leaves no watcher running and may be called again.
     * If the provider was registered before the call, that registration remains. The call writes
     * nothing to the cluster and does not check whether this pod can be a peer.
     *
     * <p>The credentials are those of the option {@code kubeconfig} if it is set. Otherwise they
     * are the files in {@code serviceAccountDir}, with the API server's address from the
     * environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. The files are read
     * again before every request, so that rotation needs no action. The Role must allow list and
     * watch on pods. With list alone, the watcher polls.
     *
     * <p>The library identifies this pod by the first of the following that is available. It
     * identifies no pod for an {@linkplain Membership#OBSERVER observer}.
     *
     * <ol>
     *   <li>the options {@code podUid}, {@code podName} and {@code podIp}, in this order
     *   <li>without {@code kubeconfig}: the pod that the service account's token is bound to
     *   <li>the environment variables POD_UID and POD_NAME; one of them is enough
     *   <li>without {@code kubeconfig}: the addresses of the network interfaces that the process
     *       sees; if several pods share an address (hostNetwork), only pods with the discovery port
     *       count
     *   <li>without {@code kubeconfig}: the environment variable HOSTNAME, if no pod with the
     *       labels has an address from the previous step
     * </ol>
     *
     * @param timeout how long to wait for the first list
     * @throws KubepeersException
     *     <ul>
     *       <li>{@link Status#ALREADY_REGISTERED}: the provider is registered; the registration
     *           remains
     *       <li>{@link Status#NOT_IN_CLUSTER}: there is no API server to contact
     *       <li>{@link Status#NO_CREDENTIALS}: the token, CA, namespace or kubeconfig is missing or
     *           unusable
     *       <li>{@link Status#NO_IDENTITY}: this pod cannot be identified
     *       <li>{@link Status#TLS}: the API server's certificate is not trusted, or TLS failed
     *       <li>{@link Status#UNAUTHORIZED}: the API server rejects the credentials (401)
     *       <li>{@link Status#FORBIDDEN}: the service account may not list pods (403); the manifest
     *           of the exception fixes it
     *       <li>{@link Status#NO_RESOURCES}: there are no descriptors or threads left, also with a
     *           timeout of 0
     *       <li>{@link Status#NOT_REGISTERED}: another thread deregistered the provider meanwhile
     *     </ul>
     *
     * @throws InterruptedException if the thread is interrupted; the provider is then not
     *     registered
     */
    public void register(Duration timeout) throws InterruptedException {
        long nanos = Options.nanoseconds("timeout", timeout);
        try {
            Object registration = session.register();
            if (nanos > 0) {
                awaitFirstSync(registration, nanos);
            }
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private void awaitFirstSync(Object registration, long nanos) throws InterruptedException {
        boolean keep = false;
        try {
            Waiting.until(
                    session,
                    () -> {
                        session.firstSync(registration);
                        return null;
                    },
                    nanos);
            keep = true;
        } catch (KubepeersException e) {
            if (e.status() != Status.NOT_SYNCED) {
                throw e;
            }
            keep = true; // The watcher keeps retrying.
        } finally {
            if (!keep) {
                session.undo(registration);
            }
        }
    }

    /**
     * Stops the watcher. Waiting calls throw {@link Status#NOT_REGISTERED}. The provider can be
     * registered again. The call takes milliseconds and sends nothing to the API server.
     */
    public void deregister() {
        reading(
                () -> {
                    session.deregister();
                    return null;
                });
    }

    /**
     * Deregisters and closes the provider permanently. Waiting calls throw {@link Status#CLOSED}.
     *
     * <p>The call takes milliseconds. If the provider logs, the call then waits for up to a second
     * until the logger has handled all records. Any thread may close the provider, and closing it
     * again has no effect.
     */
    @Override
    public void close() {
        cleanable.clean();
    }

    /**
     * Returns the current peers. Waits for at most the option {@code discoverTimeout}.
     *
     * @return the addresses; see {@link #discoverPeers(Duration)}
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public List<String> discoverPeers() throws InterruptedException {
        return snapshot().addresses();
    }

    /**
     * Returns the addresses of the current peers, sorted, as "ip:port" or "[ip]:port".
     *
     * <p>The result excludes this pod. The call waits until the pods have been listed and this pod
     * is among them, is Running and has an address. (An observer waits only until the pods have
     * been listed.) After that it returns from memory. It waits again only if the result is older
     * than {@code maxStale}, or if this pod no longer meets these conditions, for example because
     * it is no longer listed. Without {@code maxStale}, a call takes less than a microsecond while
     * nothing has changed, so make it whenever you need the peers.
     *
     * <p>An empty list always means that no other pod is a peer, as of the last confirmation (see
     * {@link Health#age()}). "Not synced yet" and "API server unreachable" are errors, never an
     * empty list. Until there is a first result, the call throws an exception when its timeout
     * expires. If the API server becomes unreachable later, or denies requests, the last result is
     * kept and returned. {@link #health()} returns its age, and {@code maxStale} limits it.
     *
     * <p>A result does not contain pods that start after it. Still, two pods that start together
     * cannot both believe that they are alone. If the call has returned in each of two pods with
     * different addresses or ports, and neither pod is terminating, at least one of the two results
     * contains the other pod. This does not hold with {@link Readiness#READY}, nor for observers.
     * docs/guarantee.md lists all assumptions.
     *
     * <p>A pod with the labels is a peer if it is Running, has an address and the discovery port,
     * is not terminating, and is not this pod. It need not be Ready. The options {@code pending},
     * {@code readiness}, {@code ipFamily} and {@code defaultDiscoveryPort} change these conditions.
     * If several pods have the same address and port, only the one that started last is a peer. If
     * this pod is one of them, none is. {@link #explain()} returns the verdict on each pod.
     *
     * @param timeout how long to wait
     * @return the addresses, as an unmodifiable list
     * @throws KubepeersException
     *     <ul>
     *       <li>{@link Status#NOT_SYNCED}, when the timeout expires: the pods have not been listed
     *       <li>{@link Status#SELF_NOT_VISIBLE}, when the timeout expires: this pod is not listed,
     *           not Running or has no address
     *       <li>{@link Status#STALE}, when the timeout expires: the result is older than {@code
     *           maxStale}
     *       <li>{@link Status#SELF_EXCLUDED}, at once: this pod cannot be a peer
     *       <li>{@link Status#NO_IDENTITY}, at once: several pods match this process
     *     </ul>
     *
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public List<String> discoverPeers(Duration timeout) throws InterruptedException {
        return snapshot(timeout).addresses();
    }

    /**
     * Returns the current peers with their generation. Waits for at most the option {@code
     * discoverTimeout}.
     *
     * @return the snapshot
     * @throws InterruptedException if the thread is interrupted while it waits
     * @see #discoverPeers(Duration)
     */
    public Snapshot snapshot() throws InterruptedException {
        return snapshot(discoverTimeout);
    }

    /**
     * Returns the current peers with their generation. Waits like {@link #discoverPeers(Duration)},
     * and throws the same exceptions.
     *
     * @param timeout how long to wait
     * @return the snapshot
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public Snapshot snapshot(Duration timeout) throws InterruptedException {
        long nanos = Options.nanoseconds("timeout", timeout);
        try {
            Snapshot cached = session.cached();
            return cached != null ? cached : Waiting.until(session, session::current, nanos);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Returns the generation of the snapshot that {@link #snapshot()} would return at once. While
     * it equals the generation of your last snapshot, that snapshot is current.
     *
     * <p>The generation is 0 if {@code snapshot} would wait or fail, if {@code maxStale} is set, or
     * if at least 1,024 other providers were open when this one was created. Reading it takes less
     * than a microsecond and throws no exception.
     *
     * @return the generation, or 0
     */
    public long generation() {
        return reading(session::generation);
    }

    /**
     * Returns the records of the current peers. Waits for at most the option {@code
     * discoverTimeout}.
     *
     * @return the records, sorted like the addresses
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public List<Node> nodes() throws InterruptedException {
        return nodes(discoverTimeout);
    }

    /**
     * Returns the records of the current peers, sorted like their addresses. Waits like {@link
     * #discoverPeers(Duration)}, and throws the same exceptions.
     *
     * @param timeout how long to wait
     * @return the records, as an unmodifiable list
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public List<Node> nodes(Duration timeout) throws InterruptedException {
        return waiting(session::nodes, timeout);
    }

    /**
     * Returns the record of this pod. Waits for at most the option {@code discoverTimeout}.
     *
     * @return the record, with the address and ports to advertise
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public Node self() throws InterruptedException {
        return self(discoverTimeout);
    }

    /**
     * Returns the record of this pod, with the address and ports to advertise. Waits like {@link
     * #discoverPeers(Duration)}, and throws the same exceptions. For an observer it throws {@link
     * Status#NO_IDENTITY}.
     *
     * @param timeout how long to wait
     * @return the record
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public Node self(Duration timeout) throws InterruptedException {
        return waiting(session::self, timeout);
    }

    /**
     * Returns the peers once their generation is above {@code afterGeneration}.
     *
     * <p>The call reports states, not events: it may skip intermediate states, but always reports
     * the current one. A new generation may have the same addresses.
     *
     * @param afterGeneration the generation of the last snapshot, or 0 for any
     * @param timeout how long to wait
     * @return the snapshot
     * @throws KubepeersException {@link Status#TIMEOUT}: there is no newer generation; also the
     *     statuses of {@link #discoverPeers(Duration)}
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public Snapshot awaitNewer(long afterGeneration, Duration timeout) throws InterruptedException {
        if (afterGeneration < 0) {
            throw new IllegalArgumentException(
                    "afterGeneration is " + afterGeneration + ": must not be negative");
        }
        return waiting(() -> session.newerThan(afterGeneration), timeout);
    }

    /**
     * Waits until there are at least {@code min} peers and their addresses are stable.
     *
     * <p>The call is meant for a process that is about to form a cluster. When the addresses have
     * been the same for {@code stableFor}, the library lists the pods again, because an open watch
     * may be dead. It delays this list by up to 5 ms per peer (at most 5 s), so that not all
     * members list at once. If the list confirms the addresses, the call returns. While requests
     * fail, it keeps waiting.
     *
     * <p>The time before the call counts toward {@code stableFor}, so a program may repeat the call
     * with short timeouts. If {@code stableFor} is 0, a list is needed only after requests have
     * failed. If {@code min} is 0, the call waits until the addresses are stable, even if there are
     * none.
     *
     * @param min the minimum number of peers, not counting this pod
     * @param stableFor how long the addresses must have been the same
     * @param timeout how long to wait. It should exceed {@code stableFor} by several seconds.
     * @return the snapshot
     * @throws KubepeersException {@link Status#TIMEOUT}: there are too few peers, or they are not
     *     stable yet; also the statuses of {@link #discoverPeers(Duration)}
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public Snapshot awaitPeers(int min, Duration stableFor, Duration timeout)
            throws InterruptedException {
        if (min < 0) {
            throw new IllegalArgumentException("min is " + min + ": must not be negative");
        }
        Options.nanoseconds("stableFor", stableFor);
        long stableForMs = Options.milliseconds(stableFor);
        return waiting(() -> session.enough(min, stableForMs), timeout);
    }

    /**
     * Forces a new list of the pods. Waits for at most 5 s, or the option {@code discoverTimeout}
     * if that is longer.
     *
     * @throws InterruptedException if the thread is interrupted while it waits
     * @see #refresh(Duration)
     */
    public void refresh() throws InterruptedException {
        refresh(
                discoverTimeout.compareTo(MIN_REFRESH_TIMEOUT) > 0
                        ? discoverTimeout
                        : MIN_REFRESH_TIMEOUT);
    }

    /**
     * Forces a new list of the pods and waits for it.
     *
     * <p>Later results are at least as new as this call, even with several API servers. Without a
     * refresh, results are as new as the watch, usually a few milliseconds behind.
     *
     * <p>The call is expensive for the API server: do not repeat it on a timer. All calls on a
     * provider together cause at most one list a second, and fewer while the API server refuses
     * them. If a list fails, the library requests another, and the call keeps waiting. With a
     * timeout of 0 the call requests the list and throws {@link Status#STALE} or {@link
     * Status#NOT_SYNCED}.
     *
     * @param timeout how long to wait
     * @throws KubepeersException {@link Status#STALE}: the list has not arrived; {@link
     *     Status#NOT_SYNCED}: the same, and the pods have never been listed
     * @throws InterruptedException if the thread is interrupted while it waits
     */
    public void refresh(Duration timeout) throws InterruptedException {
        waiting(session.refresher(), timeout);
    }

    /**
     * Calls a function with the current peers, and again with each newer state.
     *
     * <p>Errors are ignored. Use {@link #subscribe(Consumer, Consumer)} to receive them.
     *
     * @param onPeers receives each snapshot
     * @return the subscription, which should be closed
     */
    public Subscription subscribe(Consumer<? super Snapshot> onPeers) {
        return subscribe(onPeers, error -> {});
    }

    /**
     * Calls a function with the current peers, and again with each newer state. Calls another
     * function with errors.
     *
     * <p>The subscription reports states, not events: a slow function gets the newest state next,
     * and none of the states before it. A new generation may have the same addresses.
     *
     * <p>{@code onError} receives an error as soon as {@link #discoverPeers()} would fail or wait.
     * While the error lasts, it is reported again only if its status or {@link
     * KubepeersException#isRetryable()} changes. After a recovery the current state is reported,
     * even if nothing has changed since the last state. Without {@code maxStale}, an API server
     * that becomes unreachable after the first result is not an error; {@link #health()} reports
     * it.
     *
     * <p>The subscription continues after most errors, even permanent ones such as a missing Role,
     * because an operator may still fix the cause. It ends when it is closed, and after {@link
     * Status#CLOSED}, {@link Status#NOT_REGISTERED}, {@link Status#NO_RESOURCES} and {@link
     * Status#INTERNAL}.
     *
     * <p>The functions run in the executor of the provider, in one thread at a time. If one of them
     * throws an exception, {@code System.getLogger("io.kubepeers")} receives it, and the
     * subscription continues.
     *
     * @param onPeers receives each snapshot
     * @param onError receives each error
     * @return the subscription, which should be closed
     */
    public Subscription subscribe(
            Consumer<? super Snapshot> onPeers, Consumer<? super KubepeersException> onError) {
        Objects.requireNonNull(onPeers, "onPeers");
        Objects.requireNonNull(onError, "onError");
        Watch watch = new ListenerWatch(this, session, executor, onPeers, onError);
        watch.start();
        return watch::end;
    }

    /** A subscription of functions to the peers. */
    public interface Subscription extends AutoCloseable {
        /**
         * Ends the subscription. A function that is running or about to run still runs, and none
         * after it. Closing a subscription again has no effect.
         */
        @Override
        void close();
    }

    /**
     * Returns a publisher of snapshots: the current one first, then each newer one.
     *
     * <p>The publisher reports states, not events: a subscriber whose demand comes late gets the
     * newest state, and none of the states before it. Each subscriber starts with the current
     * state.
     *
     * <p>Call {@link #register()} before you subscribe. The publisher waits through {@linkplain
     * KubepeersException#isRetryable() retryable} errors. The subscription ends
     *
     * <ul>
     *   <li>with {@code onError} at the first error that is not retryable, for example a missing
     *       Role, and after {@link Status#NO_RESOURCES}. {@link #subscribe(Consumer, Consumer)
     *       subscribe} continues after a missing Role.
     *   <li>with {@code onError} ({@link Status#NOT_REGISTERED}) when the provider is deregistered
     *   <li>with {@code onComplete} when the provider is closed, or with {@code onError} ({@link
     *       Status#CLOSED}) if the subscriber has received nothing yet
     *   <li>without a call if {@code onNext} throws an exception, which {@code
     *       System.getLogger("io.kubepeers")} receives
     * </ul>
     *
     * <p>The program may subscribe again.
     *
     * <p>The methods of a subscriber run in the executor of the provider, in one thread at a time.
     * Only {@code onSubscribe} runs in the subscribing thread, before the others.
     *
     * @return the publisher
     */
    public Flow.Publisher<Snapshot> changes() {
        return subscriber -> {
            FlowWatch watch = new FlowWatch(this, session, executor, subscriber);
            subscriber.onSubscribe(watch);
            watch.start();
        };
    }

    /**
     * Returns how reliable the results are now. Does not wait.
     *
     * @return the health
     */
    public Health health() {
        return reading(session::health);
    }

    /**
     * Returns every pod that the labels select, with its verdict. Does not wait.
     *
     * @return the explanation
     * @throws KubepeersException {@link Status#NOT_SYNCED}: the pods have not been listed yet
     */
    public Explanation explain() {
        return reading(session::explain);
    }

    /**
     * Returns the explanation as a human-readable table, whose layout may change. Does not wait.
     *
     * @return the table
     * @throws KubepeersException {@link Status#NOT_SYNCED}: the pods have not been listed yet
     */
    public String explainTable() {
        return reading(session::explainTable);
    }

    /**
     * Returns the metrics in Prometheus text format. Does not wait.
     *
     * <p>The text may be appended to other metrics: all names begin with kubepeers_. All metrics
     * have the labels namespace and selector. Serve several providers under separate paths, because
     * an exposition may describe each metric only once. kubepeers_metrics in the C header
     * kubepeers.h lists the metrics.
     *
     * @return the metrics
     */
    public String metrics() {
        return reading(session::metrics);
    }

    /**
     * Examines every step of discovery with the options of this provider. The provider need not be
     * registered, and is not affected.
     *
     * @return the report
     * @throws InterruptedException if the thread is interrupted while it waits
     * @see Builder#doctor(Duration)
     */
    public Report doctor() throws InterruptedException {
        return examine(options, DOCTOR_TIMEOUT);
    }

    // The library blocks meanwhile, so it gets a thread of its own. An interrupt ends only the
    // wait.
    private static Report examine(Options options, Duration timeout) throws InterruptedException {
        Options.nanoseconds("timeout", timeout);
        long milliseconds = Options.milliseconds(timeout);
        CompletableFuture<Report> report = new CompletableFuture<>();
        Runnable examination =
                () -> {
                    try {
                        report.complete(
                                Session.examine(options.pairs(), options.words(), milliseconds));
                    } catch (Throwable e) {
                        report.completeExceptionally(e);
                    }
                };
        Thread thread = new Thread(null, examination, "kubepeers-doctor", 0, false);
        thread.setDaemon(true);
        thread.start();
        try {
            return report.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw (Error) e.getCause();
        }
    }

    private <T> T waiting(Supplier<T> attempt, Duration timeout) throws InterruptedException {
        long nanos = Options.nanoseconds("timeout", timeout);
        try {
            return Waiting.until(session, attempt, nanos);
        } finally {
            // Otherwise the provider could be collected, and closed, during the call.
            Reference.reachabilityFence(this);
        }
    }

    private <T> T reading(Supplier<T> call) {
        try {
            return call.get();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /**
     * Returns the labels and the port of the provider.
     *
     * @return a text for humans
     */
    @Override
    public String toString() {
        return "Provider["
                + options.pairs().get("pod_labels")
                + " port "
                + options.pairs().get("discovery_port_name")
                + "]";
    }

    /**
     * Collects the options of a provider. Each method replaces an earlier value, and returns the
     * builder. {@link #build()} validates the options. A builder may be used again, by one thread
     * at a time.
     */
    public static final class Builder {
        private final Options options = new Options();
        private System.Logger logger;
        private Executor executor;

        private Builder() {}

        /**
         * Sets the labels that every peer has. All of them must match. Required.
         *
         * @param labels the values by name
         * @return this builder
         */
        public Builder podLabels(Map<String, String> labels) {
            options.putLabels(labels);
            return this;
        }

        /**
         * Sets the name of the container port in a peer's address, for example "gossip". Required.
         *
         * @param name the name of the port
         * @return this builder
         */
        public Builder discoveryPortName(String name) {
            return put("discovery_port_name", name);
        }

        /**
         * Sets the namespace of the pods. Default: the namespace of this pod. With {@code
         * kubeconfig}: the namespace of the context, or "default" if it has none.
         *
         * @param namespace the namespace
         * @return this builder
         */
        public Builder namespace(String namespace) {
            return put("namespace", namespace);
        }

        /**
         * Sets the name of a second container port. The provider only reports it, as {@link
         * Node#remotingPort()}. A peer need not have it.
         *
         * @param name the name of the port
         * @return this builder
         */
        public Builder remotingPortName(String name) {
            return put("remoting_port_name", name);
        }

        /**
         * Sets the name of a third container port. The provider only reports it, as {@link
         * Node#peersPort()}. A peer need not have it.
         *
         * @param name the name of the port
         * @return this builder
         */
        public Builder peersPortName(String name) {
            return put("peers_port_name", name);
        }

        /**
         * Sets the port number (1 to 65535) to assume for pods that have no port named {@code
         * discoveryPortName}. Default: such pods are not peers.
         *
         * @param port the number of the port
         * @return this builder
         */
        public Builder defaultDiscoveryPort(int port) {
            return put("default_discovery_port", Integer.toString(port));
        }

        /**
         * Sets the port number to assume for pods that have no port named {@code remotingPortName},
         * which must also be set. Default: {@link Node#remotingPort()} is 0.
         *
         * @param port the number of the port
         * @return this builder
         */
        public Builder defaultRemotingPort(int port) {
            return put("default_remoting_port", Integer.toString(port));
        }

        /**
         * Sets the port number to assume for pods that have no port named {@code peersPortName},
         * which must also be set. Default: {@link Node#peersPort()} is 0.
         *
         * @param port the number of the port
         * @return this builder
         */
        public Builder defaultPeersPort(int port) {
            return put("default_peers_port", Integer.toString(port));
        }

        /**
         * Sets whether this process runs in one of the pods. Default: {@link Membership#MEMBER}.
         *
         * @param membership the membership
         * @return this builder
         */
        public Builder membership(Membership membership) {
            return put("membership", membership);
        }

        /**
         * Sets the uid of the pod that this process runs in. {@code podUid}, {@code podName} and
         * {@code podIp} take precedence over all other ways to identify this pod (see {@link
         * Provider#register(Duration)}), and are needed only if those fail. One is enough. The uid
         * is the most reliable.
         *
         * @param uid the uid
         * @return this builder
         */
        public Builder podUid(String uid) {
            return put("pod_uid", uid);
        }

        /**
         * Sets the name of the pod that this process runs in. Ignored if {@code podUid} is set.
         *
         * @param name the name
         * @return this builder
         */
        public Builder podName(String name) {
            return put("pod_name", name);
        }

        /**
         * Sets the IP address of the pod that this process runs in. Ignored if {@code podUid} or
         * {@code podName} is set.
         *
         * @param ip the address
         * @return this builder
         */
        public Builder podIp(String ip) {
            return put("pod_ip", ip);
        }

        /**
         * Sets whether peers must be Ready. Default: {@link Readiness#IGNORE}.
         *
         * @param readiness the condition
         * @return this builder
         */
        public Builder readiness(Readiness readiness) {
            return put("readiness", readiness);
        }

        /**
         * Sets whether Pending pods can be peers. Default: {@link Pending#EXCLUDE}.
         *
         * @param pending the condition
         * @return this builder
         */
        public Builder pending(Pending pending) {
            return put("pending", pending);
        }

        /**
         * Sets which address of a pod is used. Default: {@link IpFamily#PRIMARY}.
         *
         * @param family the family
         * @return this builder
         */
        public Builder ipFamily(IpFamily family) {
            return put("ip_family", family);
        }

        /**
         * Sets the maximum age of a result (1 s to 24 h). A call that finds an older result
         * requests a list. It throws {@link Status#STALE} if the list does not arrive in time.
         * Default: no limit. With less than about a minute, calls in a quiet cluster cause extra
         * lists, because a quiet watch is confirmed only about once a minute.
         *
         * @param age the maximum age
         * @return this builder
         */
        public Builder maxStale(Duration age) {
            return put("max_stale_ms", age, Duration.ofSeconds(1));
        }

        /**
         * Sets how the provider finds changes. Default: {@link WatchMode#AUTO}.
         *
         * @param mode the mode
         * @return this builder
         */
        public Builder watch(WatchMode mode) {
            return put("watch", mode);
        }

        /**
         * Sets the time between two polls (1 s to 24 h), varied at random by up to a fifth.
         * Default: 15 s.
         *
         * @param interval the time
         * @return this builder
         */
        public Builder pollInterval(Duration interval) {
            return put("poll_interval_ms", interval, Duration.ofSeconds(1));
        }

        /**
         * Sets the default timeout of {@link Provider#register()} (0 to 24 h). Default: 5 s.
         *
         * @param timeout the timeout
         * @return this builder
         */
        public Builder registerTimeout(Duration timeout) {
            return put("register_timeout_ms", timeout, Duration.ZERO);
        }

        /**
         * Sets the default timeout of {@link Provider#discoverPeers()}, {@link
         * Provider#snapshot()}, {@link Provider#nodes()} and {@link Provider#self()} (0 to 24 h).
         * Default: 3 s. {@link Provider#refresh()} uses 5 s if this is less.
         *
         * @param timeout the timeout
         * @return this builder
         */
        public Builder discoverTimeout(Duration timeout) {
            return put("discover_timeout_ms", timeout, Duration.ZERO);
        }

        /**
         * Sets how long the library waits for the start of a response of the API server, and for
         * each further part of the response (1 ms to 24 h). A whole list may take three times as
         * long. Default: 10 s.
         *
         * @param timeout the timeout
         * @return this builder
         */
        public Builder requestTimeout(Duration timeout) {
            return put("request_timeout_ms", timeout, Duration.ofMillis(1));
        }

        /**
         * Sets the directory of the files token, ca.crt and namespace. Default:
         * /var/run/secrets/kubernetes.io/serviceaccount.
         *
         * @param directory the directory
         * @return this builder
         */
        public Builder serviceAccountDir(Path directory) {
            return put("service_account_dir", directory.toString());
        }

        /**
         * Sets the kubeconfig to use instead of the service account, for processes outside
         * Kubernetes. With this option, {@code serviceAccountDir} has no effect. The provider does
         * not read the environment variable KUBECONFIG.
         *
         * @param file the path of the kubeconfig
         * @return this builder
         */
        public Builder kubeconfig(Path file) {
            return put("kubeconfig", file.toString());
        }

        /**
         * Sets the context of the kubeconfig, which must also be set. Default: its current context.
         *
         * @param context the name of the context
         * @return this builder
         */
        public Builder context(String context) {
            return put("context", context);
        }

        /**
         * Sets the logger that receives log records about the watcher. Default: no log.
         *
         * <p>This method reads the most verbose level that is enabled now. The library creates no
         * records beyond that level, also if the level changes later. The levels are:
         *
         * <ul>
         *   <li>ERROR: the library has failed
         *   <li>WARNING: a request failed, or something else needs an operator's attention
         *   <li>INFO: the registration, the result, or the way in which the provider gets the
         *       result has changed
         *   <li>DEBUG: everything else
         * </ul>
         *
         * <p>The executor of the provider calls the logger. If the logger is slow, the provider
         * keeps the newest 256 records, and the next record reports how many were dropped.
         *
         * @param logger the logger, for example {@code System.getLogger("io.kubepeers")}
         * @return this builder
         */
        public Builder logger(System.Logger logger) {
            this.logger = Objects.requireNonNull(logger, "logger");
            options.put("log", mostVerbose(logger));
            return this;
        }

        private static String mostVerbose(System.Logger logger) {
            if (logger.isLoggable(System.Logger.Level.DEBUG)) {
                return "debug";
            }
            if (logger.isLoggable(System.Logger.Level.INFO)) {
                return "info";
            }
            if (logger.isLoggable(System.Logger.Level.WARNING)) {
                return "warn";
            }
            return logger.isLoggable(System.Logger.Level.ERROR) ? "error" : "off";
        }

        /** Returns the logger for the key {@code log}, which may be set without a logger. */
        private System.Logger logger() {
            return logger == null ? System.getLogger("io.kubepeers") : logger;
        }

        /**
         * Sets the executor that calls subscribers and the logger. Default: the executor of {@link
         * CompletableFuture}, usually the common pool.
         *
         * <p>The executor must run tasks in threads of its own. A task in the calling thread delays
         * the notifications of all providers, and a method that must wait in such a task throws an
         * {@link IllegalStateException}. A task that waits for a free thread delays the
         * notifications of this provider. If the executor rejects a task, for example because its
         * queue is full, the subscriber gets the state only after the next change. Close the
         * provider before you shut the executor down.
         *
         * @param executor the executor
         * @return this builder
         */
        public Builder executor(Executor executor) {
            this.executor = Objects.requireNonNull(executor, "executor");
            return this;
        }

        /**
         * Sets an option by its key in the library, for frameworks that have options as text.
         * docs/configuration.md lists the keys, for example {@code discover_timeout_ms}. The key
         * {@code log} selects the level of records for the logger, by default {@code
         * System.getLogger("io.kubepeers")}.
         *
         * <p>Messages then name the keys instead of the methods of this builder.
         *
         * @param key the key
         * @param value the value, which {@link #build()} validates
         * @return this builder
         */
        public Builder option(String key, String value) {
            options.setKey(key, value);
            return this;
        }

        private Builder put(String key, String value) {
            options.put(key, value);
            return this;
        }

        private Builder put(String key, Enum<?> value) {
            return put(key, value.name().toLowerCase(Locale.ROOT));
        }

        private Builder put(String key, Duration value, Duration min) {
            options.putDuration(key, value, min);
            return this;
        }

        /**
         * Validates the options and creates a provider, which must be closed. The call contacts no
         * server and starts no watcher. The first provider of a process loads the library.
         *
         * @return a provider that is not registered
         * @throws KubepeersException
         *     <ul>
         *       <li>{@link Status#INVALID_CONFIG}: options are missing or invalid; the message
         *           names them
         *       <li>{@link Status#UNKNOWN_KEY}: {@link #option} was called with an unknown key
         *       <li>{@link Status#INVALID_UTF8}: an option contains a lone surrogate
         *       <li>{@link Status#NO_RESOURCES}: 65,536 providers are open
         *     </ul>
         *
         * @throws LibraryException if the library cannot be loaded or is incompatible with this
         *     package
         */
        public Provider build() {
            return new Provider(this);
        }

        /**
         * Examines every step of discovery, for at most 8 s.
         *
         * @return the report
         * @throws InterruptedException if the thread is interrupted while it waits
         * @see #doctor(Duration)
         */
        public Report doctor() throws InterruptedException {
            return doctor(DOCTOR_TIMEOUT);
        }

        /**
         * Examines every step of discovery, and returns what is wrong and how to fix it.
         *
         * <p>The steps lead from the configuration to the answer of {@link
         * Provider#discoverPeers()}. The call needs no provider and affects none. A service can
         * return the report from a debug endpoint, with the identity that it really has.
         *
         * <p>An invalid option causes an exception. The report contains all other errors, also
         * missing options, and no secrets. {@code registerTimeout}, {@code discoverTimeout} and
         * {@code logger} have no effect. {@code requestTimeout} is 3 s by default.
         *
         * @param timeout when the examination ends at the latest
         * @return the report
         * @throws KubepeersException
         *     <ul>
         *       <li>{@link Status#INVALID_CONFIG}: an option is invalid; the message names it
         *       <li>{@link Status#UNKNOWN_KEY}: {@link #option} was called with an unknown key
         *       <li>{@link Status#INVALID_UTF8}: an option contains a lone surrogate
         *     </ul>
         *
         * @throws LibraryException if the library cannot be loaded or is incompatible with this
         *     package
         * @throws InterruptedException if the thread is interrupted while it waits. The examination
         *     ends in the background.
         */
        public Report doctor(Duration timeout) throws InterruptedException {
            Options copy = options.copy();
            copy.check();
            return examine(copy, timeout);
        }
    }
}
