package io.kubepeers.internal;

import io.kubepeers.ExplainedPod;
import io.kubepeers.Explanation;
import io.kubepeers.Health;
import io.kubepeers.KubepeersException;
import io.kubepeers.NamedPort;
import io.kubepeers.Node;
import io.kubepeers.Report;
import io.kubepeers.Snapshot;
import io.kubepeers.Status;
import io.kubepeers.Step;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A provider of the library, which is called only with timeouts of 0.
 *
 * <p>It does not refer to the {@link io.kubepeers.Provider}, so that an unreferenced provider can
 * be collected and closed.
 */
public final class Session implements AutoCloseable {
    private static final long JSON = 1;
    private static final long TABLE = 2;

    private final Library library = Library.load();
    private final Words words;
    private final long handle;
    private final ChangeNotifier changes;
    private final LogForwarder log;

    /** The last copied snapshot. It is current while the library has the same generation. */
    private volatile Snapshot snapshot = new Snapshot(-1, List.of());

    private volatile long bufferSize = 4096;

    /** Held while a call begins, checks or undoes a registration. */
    private final ReentrantLock registering = new ReentrantLock();

    private Object registration;

    /**
     * Validates the options and creates a provider.
     *
     * @param options keys and values of the library
     * @param logger the logger for the records that the key {@code log} selects
     * @param executor the executor that calls the logger
     */
    public Session(
            Map<String, String> options, Words words, System.Logger logger, Executor executor) {
        this.words = words;
        this.handle =
                withConfig(
                        library,
                        options,
                        words,
                        config -> {
                            try (Library.Out out = library.out()) {
                                library.call(out, CFunction.INIT, words, config, out.address(1));
                                return out.get(1);
                            }
                        });
        this.changes = new ChangeNotifier(this, Poller.get(library));
        this.log =
                options.getOrDefault("log", "off").equals("off")
                        ? null
                        : new LogForwarder(this, logger, executor);
    }

    private interface ConfigCall<T> {
        T with(long config);
    }

    private static <T> T withConfig(
            Library library, Map<String, String> options, Words words, ConfigCall<T> call) {
        long config = library.call(CFunction.CONFIG_NEW);
        try {
            options.forEach((key, value) -> set(library, config, key, value, words));
            return call.with(config);
        } finally {
            library.call(CFunction.CONFIG_FREE, config);
        }
    }

    private static void set(Library library, long config, String key, String value, Words words) {
        long keyText = library.allocate(key);
        long valueText = library.allocate(value);
        try (Library.Out out = library.out()) {
            library.call(out, CFunction.CONFIG_SET, words, config, keyText, valueText);
        } finally {
            library.free(keyText);
            library.free(valueText);
        }
    }

    Library library() {
        return library;
    }

    Words words() {
        return words;
    }

    public ChangeNotifier changes() {
        return changes;
    }

    // --- Registration ---

    /** Registers, and returns the registration. */
    public Object register() {
        if (log != null) {
            log.start();
        }
        registering.lock();
        try {
            call(CFunction.REGISTER, handle, 0);
            registration = new Object();
            return registration;
        } finally {
            registering.unlock();
        }
    }

    /** Fails until the pods have been listed. */
    public void firstSync(Object expected) {
        Health health;
        registering.lock();
        try {
            if (registration != expected) {
                throw new KubepeersException(
                        Status.NOT_REGISTERED, "not registered: deregister was called meanwhile");
            }
            health = health();
        } finally {
            registering.unlock();
        }
        if (health.synced()) {
            return;
        }
        if (health.error().isPresent() && !health.error().get().isRetryable()) {
            throw health.error().get();
        }
        throw new KubepeersException(Status.NOT_SYNCED, "the pods have not been listed yet");
    }

    /** Deregisters, unless the registration has been replaced. */
    public void undo(Object expected) {
        registering.lock();
        try {
            if (registration == expected) {
                deregister();
            }
        } catch (KubepeersException e) {
            // The provider was closed meanwhile.
        } finally {
            registering.unlock();
        }
    }

    public void deregister() {
        registering.lock();
        try {
            call(CFunction.DEREGISTER, handle);
            registration = null;
        } finally {
            registering.unlock();
        }
    }

    // --- Peers ---

    /** Returns the last copied snapshot if it is still current. Otherwise returns null. */
    public Snapshot cached() {
        Snapshot last = snapshot;
        return last.generation() == generation() ? last : null;
    }

    public long generation() {
        return library.generation(handle);
    }

    public Snapshot current() {
        Snapshot last = snapshot;
        while (true) {
            long size = bufferSize;
            long buffer = library.allocate(size);
            try (Library.Out out = library.out()) {
                long known = Math.max(last.generation(), 0);
                library.call(
                        out,
                        CFunction.COPY_ADDRESSES,
                        words,
                        handle,
                        known,
                        0,
                        buffer,
                        size,
                        out.address(1),
                        out.address(2));
                long length = out.get(1);
                if (out.get(2) == last.generation()) {
                    return last;
                }
                if (length <= size) {
                    List<String> addresses =
                            length == 0
                                    ? List.of()
                                    : List.of(library.string(buffer, length - 1).split("\0"));
                    Snapshot copied = new Snapshot(out.get(2), addresses);
                    // Another thread may store an older snapshot. Its generation differs, so it is
                    // not
                    // used.
                    snapshot = copied;
                    return copied;
                }
                // Twice as much, to leave room for new peers.
                bufferSize = 2 * length;
            } finally {
                library.free(buffer);
            }
        }
    }

    public Snapshot newerThan(long generation) {
        Snapshot current = current();
        if (Long.compareUnsigned(current.generation(), generation) <= 0) {
            throw new KubepeersException(
                    Status.TIMEOUT,
                    "there is nothing newer than generation " + Long.toUnsignedString(generation));
        }
        return current;
    }

    /** Returns the peers if there are enough and they are stable. */
    public Snapshot enough(int min, long stableForMs) {
        return peers(
                peers -> {
                    List<String> addresses = new ArrayList<>();
                    for (long i = 0; i < length(peers); i++) {
                        addresses.add(text(CFunction.PEERS_ADDRESS, peers, i));
                    }
                    return new Snapshot(library.call(CFunction.PEERS_GENERATION, peers), addresses);
                },
                CFunction.WAIT_FOR_PEERS,
                handle,
                min,
                stableForMs,
                0);
    }

    public List<Node> nodes() {
        return peers(this::copyNodes, CFunction.DISCOVER_PEERS, handle, 0);
    }

    public Node self() {
        List<Node> self = peers(this::copyNodes, CFunction.GET_SELF, handle, 0);
        if (self.isEmpty()) {
            throw new KubepeersException(
                    Status.NO_IDENTITY,
                    "an observer runs in none of the pods: `membership` = `observer`");
        }
        return self.get(0);
    }

    private interface PeersCall<T> {
        T with(long peers);
    }

    private <T> T peers(PeersCall<T> use, CFunction function, long... arguments) {
        return owned(use, CFunction.PEERS_FREE, function, arguments);
    }

    /** Calls a function that stores an object after its other arguments, and frees the object. */
    private <T> T owned(PeersCall<T> use, CFunction free, CFunction function, long... arguments) {
        try (Library.Out out = library.out()) {
            long[] all = Arrays.copyOf(arguments, arguments.length + 1);
            all[arguments.length] = out.address(1);
            library.call(out, function, words, all);
            long made = out.get(1);
            try {
                return use.with(made);
            } finally {
                library.call(free, made);
            }
        }
    }

    private long length(long peers) {
        return library.call(CFunction.PEERS_LEN, peers);
    }

    private String text(CFunction function, long... arguments) {
        return library.string(library.call(function, arguments));
    }

    private List<Node> copyNodes(long peers) {
        List<Node> nodes = new ArrayList<>();
        for (long i = 0; i < length(peers); i++) {
            nodes.add(
                    new Node(
                            text(CFunction.PEERS_NAME, peers, i),
                            text(CFunction.PEERS_UID, peers, i),
                            text(CFunction.PEERS_HOST, peers, i),
                            (int) library.call(CFunction.PEERS_DISCOVERY_PORT, peers, i),
                            (int) library.call(CFunction.PEERS_REMOTING_PORT, peers, i),
                            (int) library.call(CFunction.PEERS_PEERS_PORT, peers, i),
                            library.call(CFunction.PEERS_IS_READY, peers, i) != 0,
                            text(CFunction.PEERS_NODE_NAME, peers, i),
                            text(CFunction.PEERS_REVISION, peers, i)));
        }
        return List.copyOf(nodes);
    }

    /** Returns a function that requests a list once, and fails until it has arrived. */
    public Supplier<Void> refresher() {
        long[] request = {0};
        return () -> {
            try (Library.Out out = library.out()) {
                out.set(1, request[0]);
                try {
                    library.call(out, CFunction.REFRESH, words, handle, out.address(1), 0);
                } finally {
                    request[0] = out.get(1);
                }
                return null;
            }
        };
    }

    // --- Reports ---

    public Health health() {
        return owned(this::copyHealth, CFunction.HEALTH_FREE, CFunction.GET_HEALTH, handle);
    }

    private Health copyHealth(long health) {
        long ageMs = library.call(CFunction.HEALTH_AGE_MS, health);
        // The error belongs to the health record.
        long error = library.call(CFunction.HEALTH_ERROR, health);
        Optional<KubepeersException> exception =
                error == 0
                        ? Optional.empty()
                        : Optional.of(
                                library.exception(
                                        (int) library.call(CFunction.ERROR_STATUS, error),
                                        error,
                                        words));
        return new Health(
                ageMs >= 0,
                ageMs >= 0 ? Duration.ofMillis(ageMs) : Health.NEVER,
                library.call(CFunction.HEALTH_IS_STALE, health) != 0,
                library.call(CFunction.HEALTH_IS_WATCHING, health) != 0,
                library.call(CFunction.HEALTH_IS_POLLING, health) != 0,
                exception,
                text(CFunction.HEALTH_ERROR_CLASS, health));
    }

    public Explanation explain() {
        String text = ownedText(CFunction.EXPLAIN, handle, JSON);
        return parsed(
                "explanation",
                () -> {
                    // Fields that a newer library has added are ignored.
                    Map<String, Object> fields = Json.object(text);
                    List<ExplainedPod> pods = new ArrayList<>();
                    for (Object pod : list(fields, "pods")) {
                        pods.add(explained(Json.asObject(pod)));
                    }
                    return new Explanation(
                            string(fields, "namespace"),
                            string(fields, "selector"),
                            string(fields, "self"),
                            string(fields, "gate"),
                            pods);
                });
    }

    private static ExplainedPod explained(Map<String, Object> pod) {
        List<NamedPort> ports = new ArrayList<>();
        for (Object port : list(pod, "ports")) {
            List<?> pair = (List<?>) port;
            ports.add(new NamedPort((String) pair.get(0), ((Long) pair.get(1)).intValue()));
        }
        List<String> ips = new ArrayList<>();
        for (Object ip : list(pod, "ips")) {
            ips.add((String) ip);
        }
        return new ExplainedPod(
                string(pod, "name"),
                string(pod, "verdict"),
                Optional.ofNullable(string(pod, "address")),
                ips,
                string(pod, "phase"),
                (Boolean) pod.get("ready"),
                (Boolean) pod.get("terminating"),
                string(pod, "node_name"),
                string(pod, "uid"),
                string(pod, "revision"),
                string(pod, "started"),
                ports);
    }

    private static String string(Map<String, Object> fields, String name) {
        return (String) fields.get(name);
    }

    private static List<?> list(Map<String, Object> fields, String name) {
        return (List<?>) fields.get(name);
    }

    private static <T> T parsed(String what, Callable<T> parser) {
        try {
            return parser.call();
        } catch (Exception e) {
            KubepeersException failure =
                    new KubepeersException(
                            Status.INTERNAL,
                            "cannot parse the library's " + what + ": " + e.getMessage());
            failure.initCause(e);
            throw failure;
        }
    }

    public String explainTable() {
        return ownedText(CFunction.EXPLAIN, handle, TABLE);
    }

    public String metrics() {
        return ownedText(CFunction.METRICS, handle);
    }

    private String ownedText(CFunction function, long... arguments) {
        return owned(library::string, CFunction.TEXT_FREE, function, arguments);
    }

    /**
     * Examines every step of discovery. It blocks in C.
     *
     * @param options keys and values of the library
     */
    public static Report examine(Map<String, String> options, Words words, long timeoutMs) {
        Library library = Library.load();
        String text =
                withConfig(
                        library,
                        options,
                        words,
                        config -> {
                            try (Library.Out out = library.out()) {
                                try {
                                    library.call(
                                            out,
                                            CFunction.DOCTOR,
                                            words,
                                            config,
                                            timeoutMs,
                                            JSON,
                                            out.address(1),
                                            0);
                                    return library.string(out.get(1));
                                } finally {
                                    library.call(CFunction.TEXT_FREE, out.get(1));
                                }
                            }
                        });
        return parsed("report", () -> report(Json.object(text), words));
    }

    private static Report report(Map<String, Object> fields, Words words) {
        List<Step> steps = new ArrayList<>();
        for (Object element : list(fields, "steps")) {
            Map<String, Object> step = Json.asObject(element);
            List<String> facts = new ArrayList<>();
            for (Object fact : list(step, "facts")) {
                facts.add(words.in((String) fact));
            }
            steps.add(
                    new Step(
                            string(step, "name"),
                            string(step, "state"),
                            facts,
                            words.in(string(step, "fix")),
                            Optional.ofNullable(string(step, "manifest"))));
        }
        return new Report(
                string(fields, "outcome"),
                words.in(string(fields, "summary")),
                steps,
                Optional.ofNullable(string(fields, "manifest")),
                words.in(string(fields, "text")));
    }

    /** A log record of the library. */
    record LogRecord(int level, long unixMs, String message) {}

    /** Returns the oldest log record and removes it, or returns null. */
    LogRecord nextLogRecord() {
        try (Library.Out out = library.out()) {
            library.call(
                    out,
                    CFunction.LOG_NEXT,
                    words,
                    handle,
                    out.address(1),
                    out.address(2),
                    out.address(3));
            long message = out.get(3);
            if (message == 0) {
                return null;
            }
            try {
                return new LogRecord(
                        (int) out.get(1), out.get(2), words.in(library.string(message)));
            } finally {
                library.call(CFunction.TEXT_FREE, message);
            }
        }
    }

    // --- Waiting and closing ---

    /** Returns a new change descriptor, which the caller must close. */
    int changeDescriptor() {
        try (Library.Out out = library.out()) {
            library.call(out, CFunction.CHANGE_FD, words, handle, out.address(1));
            return (int) out.get(1);
        }
    }

    private void call(CFunction function, long... arguments) {
        try (Library.Out out = library.out()) {
            library.call(out, function, words, arguments);
        }
    }

    /** Closes the provider, and waits for the logger for at most a second. */
    @Override
    public void close() {
        try {
            if (log != null) {
                log.save();
            }
        } finally {
            try {
                call(CFunction.PROVIDER_CLOSE, handle);
            } finally {
                changes.close();
            }
        }
        if (log != null) {
            log.end();
        }
    }
}
