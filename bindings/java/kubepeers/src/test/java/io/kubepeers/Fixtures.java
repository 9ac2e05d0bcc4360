package io.kubepeers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;

/** Options for a server that refuses connections, and for the cluster that `testenv run` starts. */
public final class Fixtures {
    /** Ends a test that would otherwise hang. No test depends on its length. */
    public static final Duration HANG_TIMEOUT = Duration.ofSeconds(120);

    private Fixtures() {}

    /** Returns the options that every provider needs. */
    public static Provider.Builder required() {
        return Provider.builder()
                .namespace("default")
                .podLabels(Map.of("app", "test"))
                .discoveryPortName("gossip")
                .membership(Membership.OBSERVER);
    }

    /** Returns options whose API server refuses connections, with timeouts of 0. */
    public static Provider.Builder offline(Path folder) {
        return required()
                .kubeconfig(unreachable(folder))
                .registerTimeout(Duration.ZERO)
                .discoverTimeout(Duration.ZERO);
    }

    /** Writes a kubeconfig whose API server refuses connections. */
    public static Path unreachable(Path folder) {
        Path kubeconfig = folder.resolve("kubeconfig");
        try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Files.writeString(
                    kubeconfig,
                    "{apiVersion: v1, kind: Config, current-context: c,\n"
                            + "contexts: [{name: c, context: {cluster: c, user: u}}],\n"
                            + "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:"
                            + closed.getLocalPort()
                            + "'}}],\n"
                            + "users: [{name: u, user: {token: a-token}}]}\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return kubeconfig;
    }

    /** Returns the name of a new namespace in the cluster. */
    public static String namespace() {
        String name = "java-" + UUID.randomUUID().toString().substring(0, 12).replace("-", "");
        cluster("namespace", name);
        cluster("account", "--namespace", name, "member");
        return name;
    }

    /** Returns options of an observer of the namespace. */
    public static Provider.Builder online(String namespace) {
        return required().namespace(namespace).kubeconfig(Path.of(variable("KUBECONFIG")));
    }

    /** An address that refuses connections until it forwards them to the API server. */
    public static final class Outage {
        private final int port;

        /** The cluster's kubeconfig with this address. */
        public final Path kubeconfig;

        /** Writes the kubeconfig to the folder. */
        public Outage(Path folder) {
            kubeconfig = folder.resolve("kubeconfig");
            try (ServerSocket closed = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = closed.getLocalPort();
                String real = Files.readString(Path.of(variable("KUBECONFIG")));
                Files.writeString(
                        kubeconfig, real.replaceAll("127.0.0.1:\\d+", "127.0.0.1:" + port));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Forwards connections from now on, until the process ends. */
        public void end() throws IOException {
            ServerSocket server = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
            daemon(
                    () -> {
                        while (true) {
                            Socket client = server.accept();
                            Socket target =
                                    new Socket(
                                            variable("KUBERNETES_SERVICE_HOST"),
                                            Integer.parseInt(variable("KUBERNETES_SERVICE_PORT")));
                            daemon(
                                    () ->
                                            client.getInputStream()
                                                    .transferTo(target.getOutputStream()));
                            daemon(
                                    () ->
                                            target.getInputStream()
                                                    .transferTo(client.getOutputStream()));
                        }
                    });
        }

        private static void daemon(Callable<?> task) {
            Thread thread =
                    new Thread(
                            () -> {
                                try {
                                    task.call();
                                } catch (Exception e) {
                                    // The connection has ended.
                                }
                            });
            thread.setDaemon(true);
            thread.start();
        }
    }

    /** Writes the credentials of a service account without a Role to a directory. */
    public static Path unauthorized(String namespace, Path directory) {
        cluster("account", "--namespace", namespace, "--verbs", "", "visitor");
        cluster(
                "mount",
                "--namespace",
                namespace,
                "--service-account=visitor",
                directory.toString());
        return directory;
    }

    /**
     * Returns three loopback addresses. Tests that run at the same time get different ones, because
     * all members have the same port.
     */
    public static List<String> loopbackAddresses() {
        String network =
                "127.%d.%d."
                        .formatted(
                                ThreadLocalRandom.current().nextInt(1, 255),
                                ThreadLocalRandom.current().nextInt(1, 255));
        return List.of(network + 1, network + 2, network + 3);
    }

    /** Creates a Running pod with the labels and the port. */
    public static void createPod(String namespace, String name, String ip) {
        cluster(
                "pod",
                "--namespace",
                namespace,
                "--service-account=member",
                "--label=app=test",
                "--port=gossip=3322",
                "--phase=Running",
                "--ip=" + ip,
                name);
    }

    public static void deletePod(String namespace, String name) {
        cluster("delete", "--namespace", namespace, name);
    }

    private static void cluster(String... arguments) {
        List<String> command = new ArrayList<>(List.of(variable("TESTENV")));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command).inheritIO().start();
            assertEquals(0, process.waitFor(), () -> command.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Returns an environment variable. A skipped test would look like one that passed. */
    public static String variable(String name) {
        String value = System.getenv(name);
        return value != null ? value : fail(name + " is not set: run the tests with `testenv run`");
    }

    /** Waits until the condition holds. */
    public static void waitUntil(BooleanSupplier condition) {
        long begin = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - begin > HANG_TIMEOUT.toNanos()) {
                fail("the condition does not become true");
            }
            try {
                Thread.sleep(2);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    /** Returns the number of open descriptors of this process. */
    public static int descriptors() {
        String[] names = new java.io.File("/proc/self/fd").list();
        return names == null ? 0 : names.length;
    }

    /** Returns whether the thread waits for a change. */
    public static boolean isWaiting(Thread thread) {
        return thread.getState() == Thread.State.TIMED_WAITING;
    }

    /** Returns the keys in docs/configuration.md, which is generated from their table. */
    public static List<String> documentedKeys() {
        try (var lines = Files.lines(Path.of("../../../docs/configuration.md"))) {
            return lines.filter(line -> line.startsWith("### `"))
                    .map(line -> line.replaceAll("[#` ]", ""))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
