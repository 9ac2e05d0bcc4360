package io.kubepeers.comparison;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Starts three members of a framework in three pods, and prints how they form a cluster and what
 * the API server sees. The arguments are the framework (pekko, jgroups, hazelcast), the plug-in
 * (own, kubepeers) and the scenario:
 *
 * <ul>
 *   <li>normal: the API server is available
 *   <li>norole: the service account may do nothing for 45 s
 *   <li>away: the API server is stopped before the start, for 45 s
 * </ul>
 *
 * <p>Run it with {@code testenv run}, because it stops the API server.
 */
public final class Comparison {
    private static final Duration WINDOW = Duration.ofSeconds(60);
    private static final Duration DENIAL = Duration.ofSeconds(45);
    private static final Duration OUTAGE = Duration.ofSeconds(45);
    private static final Duration LIMIT = Duration.ofSeconds(60);

    private final Frameworks.Framework framework;
    private final boolean own;
    private final Path credentials;
    private final String namespace = "comparison";
    private final List<Pod> pods = new ArrayList<>();

    private Comparison(String framework, boolean own) throws IOException {
        this.framework = Frameworks.named(framework);
        this.own = own;
        credentials = Files.createTempDirectory("comparison");
    }

    /**
     * Runs one scenario.
     *
     * @param args the framework, the plug-in and the scenario
     * @throws Exception if the test cluster fails
     */
    public static void main(String[] args) throws Exception {
        String result = new Comparison(args[0], args[1].equals("own")).run(args[2]);
        System.out.println("RESULT " + String.join(" ", args) + ": " + result);
        System.out.flush();
        Runtime.getRuntime().halt(0); // Members that still wait would keep the process alive.
    }

    private String run(String scenario) throws Exception {
        testenv("namespace", namespace);
        grant(scenario.equals("norole") ? "" : "get,list,watch");
        testenv("mount", "--namespace", namespace, "--service-account=member", credentials + "");
        for (int i = 0; i < 3; i++) {
            testenv(
                    "pod",
                    "--namespace",
                    namespace,
                    "--service-account=member",
                    "--label=app=demo",
                    "--port=gossip=3322",
                    "--phase=Running",
                    "--ip=" + address(i),
                    "pod-" + i);
        }
        return switch (scenario) {
            case "normal" -> normal();
            case "norole" -> withoutRole();
            case "away" -> away();
            default -> throw new IllegalArgumentException(scenario);
        };
    }

    private String normal() throws Exception {
        Requests before = Requests.read();
        long begin = System.nanoTime();
        start();
        String formed = awaitCluster(begin, WINDOW);
        Requests atCluster = Requests.read().minus(before);
        Thread.sleep(Math.max(0, WINDOW.toMillis() - millisSince(begin)));
        Requests atEnd = Requests.read().minus(before);
        return "%s; until then %s; in %d s %s"
                .formatted(formed, atCluster, WINDOW.toSeconds(), atEnd);
    }

    private String withoutRole() throws Exception {
        long before = refusals();
        start();
        Thread.sleep(DENIAL.toMillis());
        String denied = state() + ", " + (refusals() - before) + " refused requests";
        grant("get,list,watch");
        return "after %d s: %s; with the Role: %s"
                .formatted(DENIAL.toSeconds(), denied, awaitCluster(System.nanoTime(), LIMIT));
    }

    private String away() throws Exception {
        testenv("stop-server", "--dir", System.getenv("TESTENV_DIR"));
        start();
        Thread.sleep(OUTAGE.toMillis());
        String during = state();
        testenv("start-server", "--dir", System.getenv("TESTENV_DIR"));
        return "after %d s: %s; with the API server: %s"
                .formatted(OUTAGE.toSeconds(), during, awaitCluster(System.nanoTime(), LIMIT));
    }

    private void start() {
        for (int i = 0; i < 3; i++) {
            Pod pod =
                    new Pod(
                            framework,
                            new Frameworks.Place(
                                    address(i), namespace, "pod-" + i, credentials, own));
            pods.add(pod);
            new Thread(pod).start();
        }
    }

    private String awaitCluster(long begin, Duration limit) throws InterruptedException {
        while (!pods.stream().allMatch(pod -> pod.size() == 3)) {
            if (millisSince(begin) > limit.toMillis()) {
                return "no cluster of three within %d s: %s".formatted(limit.toSeconds(), state());
            }
            Thread.sleep(50);
        }
        return String.format(Locale.ROOT, "one cluster in %.1f s", millisSince(begin) / 1000.0);
    }

    private String state() {
        return pods.toString();
    }

    private static long millisSince(long begin) {
        return (System.nanoTime() - begin) / 1_000_000;
    }

    /** Returns addresses of this process, because comparisons may run at the same time. */
    private static String address(int number) {
        long pid = ProcessHandle.current().pid();
        return "127.%d.%d.%d".formatted(1 + pid % 251, 1 + pid / 251 % 251, number + 1);
    }

    private void grant(String verbs) throws Exception {
        testenv("account", "--namespace", namespace, "--verbs", verbs, "member");
    }

    private static String testenv(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getenv("TESTENV")));
        command.addAll(Arrays.asList(arguments));
        Process process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String output = new String(process.getInputStream().readAllBytes());
        if (process.waitFor() != 0) {
            throw new IllegalStateException(command + " failed: " + output);
        }
        return output;
    }

    /** Returns how many requests the API server has refused. It counts them separately. */
    private static long refusals() throws Exception {
        return testenv("get", "/metrics")
                .lines()
                .filter(line -> line.startsWith("authorization_attempts_total"))
                .filter(line -> !line.contains("result=\"allowed\""))
                .mapToLong(Comparison::value)
                .sum();
    }

    private static long value(String metric) {
        return (long) Double.parseDouble(metric.substring(metric.lastIndexOf(' ') + 1));
    }

    /** Requests for pods that the API server has counted. */
    private record Requests(long lists, long watches) {
        static Requests read() throws Exception {
            long lists = 0;
            long watches = 0;
            for (String line : testenv("get", "/metrics").split("\n")) {
                if (!line.contains("resource=\"pods\"")) {
                    continue;
                }
                long count = value(line);
                if (line.startsWith("apiserver_request_total") && line.contains("verb=\"LIST\"")) {
                    lists += count;
                }
                // Running watches are counted separately.
                boolean isWatch =
                        line.startsWith("apiserver_request_total")
                                || line.startsWith("apiserver_longrunning_requests");
                if (isWatch && line.contains("verb=\"WATCH\"")) {
                    watches += count;
                }
            }
            return new Requests(lists, watches);
        }

        Requests minus(Requests earlier) {
            return new Requests(lists - earlier.lists, watches - earlier.watches);
        }

        @Override
        public String toString() {
            return lists + " lists and " + watches + " watches";
        }
    }
}
