import io.kubepeers.ExplainedPod;
import io.kubepeers.Explanation;
import io.kubepeers.Health;
import io.kubepeers.KubepeersException;
import io.kubepeers.NamedPort;
import io.kubepeers.Node;
import io.kubepeers.Provider;
import io.kubepeers.Report;
import io.kubepeers.Snapshot;
import io.kubepeers.Status;
import io.kubepeers.Step;
import io.kubepeers.internal.CFunction;
import io.kubepeers.internal.Library;
import io.kubepeers.internal.Words;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ResourceBundle;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Flow;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Runs the Java probes of the conformance cases, each for one connection. README.md documents the
 * commands and answers.
 *
 * <p>Usage: java ProbeServer SOCKET. It listens at the path SOCKET, and prints a line when it does.
 * A connection begins with the number of arguments, followed by the length and the bytes of each.
 * All numbers have 32 bits. Commands follow. The server exits at the end of its stdin.
 */
public final class ProbeServer {
    private ProbeServer() {}

    public static void main(String[] arguments) throws IOException {
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(arguments[0]));
        Thread acceptor = new Thread(() -> accept(listener));
        acceptor.setDaemon(true);
        acceptor.start();
        System.out.println("ready");
        while (System.in.read() >= 0) {}
        System.exit(0);
    }

    private static void accept(ServerSocketChannel listener) {
        try {
            while (true) {
                SocketChannel connection = listener.accept();
                Thread thread = new Thread(() -> serve(connection));
                thread.setDaemon(true);
                thread.start();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void serve(SocketChannel connection) {
        try (connection) {
            serve(Channels.newInputStream(connection), Channels.newOutputStream(connection));
        } catch (IOException e) {
            // The test has ended.
        }
    }

    private static void serve(InputStream requests, OutputStream answers) {
        try {
            DataInputStream input = new DataInputStream(requests);
            // All probes print UTF-8 in every locale.
            PrintStream output = new PrintStream(answers, true, StandardCharsets.UTF_8);
            Map<String, String> settings = new LinkedHashMap<>();
            for (int count = input.readInt(); count > 0; count--) {
                String argument = text(input.readNBytes(input.readInt()));
                int separator = argument.indexOf('=');
                settings.put(argument.substring(0, separator), argument.substring(separator + 1));
            }
            BufferedReader commands =
                    new BufferedReader(new InputStreamReader(input, StandardCharsets.UTF_8));
            try (Probe probe = new Probe(settings)) {
                for (String line = commands.readLine(); line != null; line = commands.readLine()) {
                    output.print(probe.answer(line.split(" ")) + "\n");
                    output.flush();
                }
            }
        } catch (Exception e) {
            // The tests fail if there is any output.
            e.printStackTrace();
        }
    }

    /** Returns the text. Bytes that are not UTF-8 become lone surrogates. */
    private static String text(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            StringBuilder builder = new StringBuilder();
            for (byte b : bytes) {
                builder.append((char) (b < 0 ? 0xdc00 + (b & 0xff) : b));
            }
            return builder.toString();
        }
    }
}

/** Runs commands on one provider. */
final class Probe implements AutoCloseable {
    private final Map<String, String> settings;
    private final RecordQueue log = new RecordQueue();
    private Provider provider;
    private boolean isOpen;
    private SnapshotQueue subscription;
    private String manifest = "";

    Probe(Map<String, String> settings) {
        this.settings = settings;
    }

    /** Runs one command and returns its line. */
    String answer(String[] command) throws InterruptedException {
        if (command[0].equals("manifest")) {
            return "manifest\tOK\t0\t0\t" + Payload.escaped(manifest);
        }
        try {
            String payload = run(command);
            manifest = "";
            return command[0] + "\tOK\t0\t0\t" + Payload.escaped(payload);
        } catch (KubepeersException e) {
            manifest = e.manifest().orElse("");
            return command[0]
                    + "\t"
                    + e.status()
                    + "\t"
                    + (e.isRetryable() ? 1 : 0)
                    + "\t"
                    + e.httpStatus()
                    + "\t"
                    + Payload.escaped(e.getMessage());
        }
    }

    private String run(String[] command) throws InterruptedException {
        switch (command[0]) {
            case "init" -> init();
            case "register" -> created().register();
            case "refresh" -> refresh(Long.parseLong(command[1]));
            case "deregister" -> created().deregister();
            case "close" -> close();
            case "watch", "unwatch" -> unwatch();
            default -> {
                return read(command);
            }
        }
        return "";
    }

    private String read(String[] command) throws InterruptedException {
        return switch (command[0]) {
            case "discover" -> String.join(" ", created().discoverPeers());
            case "generation" -> Long.toString(provider == null ? 0 : provider.generation());
            case "wait" ->
                    Payload.of(
                            created()
                                    .awaitNewer(
                                            Long.parseLong(command[1]),
                                            timeout(Long.parseLong(command[2]))));
            case "settle" ->
                    Payload.of(
                            created()
                                    .awaitPeers(
                                            Integer.parseInt(command[1]),
                                            Duration.ofMillis(Long.parseLong(command[2])),
                                            timeout(Long.parseLong(command[3]))));
            case "next" -> Payload.of(next(Long.parseLong(command[1])));
            case "nodes" -> Payload.of(created().nodes());
            case "self" -> self();
            case "health" -> Payload.of(created().health());
            case "metrics" -> created().metrics();
            case "explain" ->
                    command[1].equals("table")
                            ? created().explainTable()
                            : Payload.of(created().explain());
            case "doctor" -> doctor(command[1], Long.parseLong(command[2]));
            case "log" -> log.next(Long.parseLong(command[1]));
            default -> throw new IllegalArgumentException("no command " + command[0]);
        };
    }

    private Provider created() {
        // In the package, the builder comes before all calls. This is the library's message.
        if (provider == null) {
            throw new KubepeersException(
                    Status.NOT_INITIALIZED, "not initialized: call init first");
        }
        return provider;
    }

    private Provider.Builder builder() {
        Provider.Builder builder = Provider.builder();
        if (settings.containsKey("log")) {
            builder.logger(log);
        }
        settings.forEach(builder::option);
        return builder;
    }

    private void init() {
        if (isOpen) {
            initAgain();
        }
        provider = builder().build();
        isOpen = true;
    }

    /** Calls the library, because the package cannot initialize an open provider again. */
    private void initAgain() {
        Library library = Library.load();
        long config = library.call(CFunction.CONFIG_NEW);
        try (Library.Out out = library.out()) {
            out.set(1, handle());
            library.call(out, CFunction.INIT, Words.KEYS, config, out.address(1));
        } finally {
            library.call(CFunction.CONFIG_FREE, config);
        }
    }

    private long handle() {
        try {
            Field session = Provider.class.getDeclaredField("session");
            session.setAccessible(true);
            Field handle = session.getType().getDeclaredField("handle");
            handle.setAccessible(true);
            return handle.getLong(session.get(provider));
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    private Duration timeout(long milliseconds) {
        return Duration.ofMillis(
                milliseconds >= 0
                        ? milliseconds
                        : Long.parseLong(settings.getOrDefault("discover_timeout_ms", "3000")));
    }

    private void refresh(long milliseconds) throws InterruptedException {
        if (milliseconds < 0) {
            created().refresh();
        } else {
            created().refresh(Duration.ofMillis(milliseconds));
        }
    }

    private String self() throws InterruptedException {
        try {
            return Payload.of(List.of(created().self()));
        } catch (KubepeersException e) {
            // For an observer, the library returns an empty list and the package throws an
            // exception.
            if (e.status() == Status.NO_IDENTITY && "observer".equals(settings.get("membership"))) {
                return "";
            }
            throw e;
        }
    }

    private String doctor(String form, long milliseconds) throws InterruptedException {
        Report report = builder().doctor(Duration.ofMillis(milliseconds));
        return form.equals("text") ? report.toString() : Payload.of(report);
    }

    private Snapshot next(long milliseconds) throws InterruptedException {
        if (subscription == null) {
            subscription = new SnapshotQueue();
            created().changes().subscribe(subscription);
        }
        Object outcome = subscription.outcomes.poll(milliseconds, TimeUnit.MILLISECONDS);
        if (outcome instanceof Snapshot snapshot) {
            return snapshot;
        }
        if (outcome == null) {
            throw new KubepeersException(Status.TIMEOUT, "", false, 0, null);
        }
        unwatch();
        throw (KubepeersException) outcome;
    }

    private void unwatch() {
        if (subscription != null) {
            subscription.cancel();
            subscription = null;
        }
    }

    @Override
    public void close() {
        if (provider != null) {
            isOpen = false;
            provider.close();
        }
    }
}

/** Queues the snapshots of a subscription, and the error that ends it. */
final class SnapshotQueue implements Flow.Subscriber<Snapshot> {
    final BlockingQueue<Object> outcomes = new LinkedBlockingQueue<>();
    private Flow.Subscription subscription;

    @Override
    public void onSubscribe(Flow.Subscription started) {
        subscription = started;
        subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(Snapshot snapshot) {
        outcomes.add(snapshot);
    }

    @Override
    public void onError(Throwable error) {
        outcomes.add(error);
    }

    @Override
    public void onComplete() {
        // The empty message stands for the end of the subscription, which is no error of the
        // package.
        outcomes.add(new KubepeersException(Status.CLOSED, ""));
    }

    void cancel() {
        subscription.cancel();
    }
}

/** Queues the records that a provider logs. */
final class RecordQueue implements System.Logger {
    private final BlockingQueue<String> records = new LinkedBlockingQueue<>();

    String next(long milliseconds) throws InterruptedException {
        String record = records.poll(milliseconds, TimeUnit.MILLISECONDS);
        if (record == null) {
            throw new KubepeersException(Status.TIMEOUT, "", false, 0, null);
        }
        return record;
    }

    @Override
    public String getName() {
        return "probe";
    }

    @Override
    public boolean isLoggable(Level level) {
        return true;
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
        String name =
                level == Level.WARNING ? "warn" : level.name().toLowerCase(java.util.Locale.ROOT);
        records.add(name + " " + message);
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String format, Object... parameters) {
        log(level, bundle, format, (Throwable) null);
    }
}

/** Formats payloads. */
final class Payload {
    private Payload() {}

    static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t");
    }

    static String of(Snapshot snapshot) {
        return (snapshot.generation() + " " + String.join(" ", snapshot.addresses())).strip();
    }

    static String of(List<Node> nodes) {
        return nodes.stream()
                .map(
                        node ->
                                String.join(
                                        ",",
                                        node.name(),
                                        node.uid(),
                                        node.host(),
                                        Integer.toString(node.discoveryPort()),
                                        Integer.toString(node.remotingPort()),
                                        Integer.toString(node.peersPort()),
                                        flag(node.ready()),
                                        node.nodeName(),
                                        node.revision()))
                .collect(Collectors.joining(" "));
    }

    static String of(Health health) {
        String status = health.error().map(error -> error.status().name()).orElse("-");
        String errorClass = health.errorClass().isEmpty() ? "-" : health.errorClass();
        return String.join(
                " ",
                flag(health.synced()),
                flag(health.stale()),
                flag(health.watching()),
                flag(health.polling()),
                status,
                errorClass);
    }

    private static String flag(boolean value) {
        return value ? "1" : "0";
    }

    /** Returns the JSON that the library would return, built from the types of the package. */
    static String of(Explanation explanation) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("namespace", explanation.namespace());
        fields.put("selector", explanation.selector());
        fields.put("self", explanation.self());
        fields.put("gate", explanation.gate());
        fields.put("pods", explanation.pods().stream().map(Payload::fields).toList());
        return json(fields);
    }

    private static Map<String, Object> fields(ExplainedPod pod) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", pod.name());
        fields.put("verdict", pod.verdict());
        fields.put("address", pod.address().orElse(null));
        fields.put("ips", pod.ips());
        fields.put("phase", pod.phase());
        fields.put("ready", pod.ready());
        fields.put("terminating", pod.terminating());
        fields.put("node_name", pod.nodeName());
        fields.put("uid", pod.uid());
        fields.put("revision", pod.revision());
        fields.put("started", pod.started());
        fields.put("ports", pod.ports().stream().map(Payload::pair).toList());
        return fields;
    }

    private static List<Object> pair(NamedPort port) {
        return List.of(port.name(), port.number());
    }

    static String of(Report report) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("outcome", report.outcome());
        fields.put("summary", report.summary());
        fields.put("steps", report.steps().stream().map(Payload::fields).toList());
        fields.put("manifest", report.manifest().orElse(null));
        fields.put("text", report.text());
        return json(fields);
    }

    private static Map<String, Object> fields(Step step) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", step.name());
        fields.put("state", step.state());
        fields.put("facts", step.facts());
        fields.put("fix", step.fix());
        fields.put("manifest", step.manifest().orElse(null));
        return fields;
    }

    private static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(entry -> json(entry.getKey()) + ":" + json(entry.getValue()))
                    .collect(Collectors.joining(",", "{", "}"));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Payload::json).collect(Collectors.joining(",", "[", "]"));
        }
        return value instanceof String text ? quoted(text) : String.valueOf(value);
    }

    private static String quoted(String text) {
        StringBuilder builder = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                builder.append('\\').append(c);
            } else if (c < ' ') {
                builder.append(String.format("\\u%04x", (int) c));
            } else {
                builder.append(c);
            }
        }
        return builder.append('"').toString();
    }
}
