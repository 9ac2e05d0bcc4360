package io.kubepeers.hazelcast;

import static io.kubepeers.Fixtures.createPod;
import static io.kubepeers.Fixtures.documentedKeys;
import static io.kubepeers.Fixtures.isWaiting;
import static io.kubepeers.Fixtures.loopbackAddresses;
import static io.kubepeers.Fixtures.namespace;
import static io.kubepeers.Fixtures.unauthorized;
import static io.kubepeers.Fixtures.unreachable;
import static io.kubepeers.Fixtures.variable;
import static io.kubepeers.Fixtures.waitUntil;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.hazelcast.config.Config;
import com.hazelcast.config.DiscoveryStrategyConfig;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.NetworkConfig;
import com.hazelcast.config.properties.PropertyDefinition;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.logging.Logger;
import com.hazelcast.spi.discovery.DiscoveryStrategy;

import io.kubepeers.Fixtures.Outage;
import io.kubepeers.KubepeersException;
import io.kubepeers.Status;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** {@link KubepeersDiscoveryStrategy} in members, with a real API server. */
class MemberTest {
    private final String namespace = namespace();
    private final List<String> addresses = loopbackAddresses();
    private final List<CompletableFuture<HazelcastInstance>> starting = new ArrayList<>();

    @TempDir private Path folder;

    @AfterEach
    void terminate() {
        Hazelcast.shutdownAll();
    }

    @Test
    void threeMembersFormOneCluster() {
        startThree(Map.of("kubeconfig", variable("KUBECONFIG")));
        waitUntil(this::isOneCluster);
    }

    @Test
    void membersWaitForTheApiServer() throws Exception {
        Outage outage = new Outage(folder);
        startThree(Map.of("kubeconfig", outage.kubeconfig.toString()));
        Thread.sleep(8_000); // Longer than register waits.
        assertTrue(starting.stream().noneMatch(CompletableFuture::isDone));
        outage.end();
        waitUntil(this::isOneCluster);
    }

    @Test
    void startThrowsWithoutARole() {
        createPod(namespace, "pod-0", addresses.get(0));
        Config config =
                config(
                        0,
                        Map.of("service-account-dir", unauthorized(namespace, folder).toString()));
        KubepeersException e = failure(config);
        assertEquals(Status.FORBIDDEN, e.status());
        assertTrue(e.manifest().isPresent());
    }

    @Test
    void everyKeyWithAnEffectIsAProperty() {
        Set<String> withoutEffect =
                Set.of(
                        "discover_timeout_ms",
                        "remoting_port_name",
                        "peers_port_name",
                        "default_remoting_port",
                        "default_peers_port");
        assertEquals(
                documentedKeys().stream()
                        .filter(key -> !withoutEffect.contains(key))
                        .map(key -> key.replace('_', '-'))
                        .sorted()
                        .toList(),
                new KubepeersDiscoveryStrategyFactory()
                        .getConfigurationProperties().stream()
                                .map(PropertyDefinition::key)
                                .sorted()
                                .toList());
    }

    @Test
    void invalidPropertyIsAnError() {
        KubepeersException e = failure(config(0, Map.of("readiness", "never")));
        assertEquals(Status.INVALID_CONFIG, e.status());
        assertTrue(e.getMessage().contains("readiness"), e::toString);
    }

    @Test
    void destroyEndsAWait() throws Exception {
        DiscoveryStrategy strategy = waitingStrategy(folder);
        CompletableFuture<Throwable> outcome = new CompletableFuture<>();
        Thread thread = new Thread(() -> outcome.complete(outcome(strategy)));
        thread.start();
        waitUntil(() -> isWaiting(thread));
        strategy.destroy();
        KubepeersException e = assertInstanceOf(KubepeersException.class, outcome.get());
        assertEquals(Status.CLOSED, e.status());
    }

    private static Throwable outcome(DiscoveryStrategy strategy) {
        try {
            strategy.discoverNodes();
            return null;
        } catch (RuntimeException e) {
            return e;
        }
    }

    /** Returns a strategy that has started, and whose API server is unreachable. */
    @SuppressWarnings("rawtypes") // Hazelcast's own type.
    private static DiscoveryStrategy waitingStrategy(Path folder) {
        Map<String, Comparable> properties =
                Map.of(
                        "pod-labels", "app=test",
                        "discovery-port-name", "gossip",
                        "namespace", "default",
                        "pod-name", "pod-0",
                        "register-timeout-ms", "0",
                        "kubeconfig", unreachable(folder).toString());
        DiscoveryStrategy strategy =
                new KubepeersDiscoveryStrategyFactory()
                        .newDiscoveryStrategy(null, Logger.getLogger(MemberTest.class), properties);
        strategy.start();
        return strategy;
    }

    /** Waits for the peers in a process that has no descriptors left. */
    public static final class Program {
        public static void main(String[] arguments) throws Exception {
            DiscoveryStrategy strategy = waitingStrategy(Path.of(arguments[0]));
            Thread thread = new Thread(() -> outcome(strategy));
            // The first calls need descriptors, because they load classes and files.
            waitUntil(() -> !isWaiting(thread));
            Logger.getLogger(MemberTest.class).warning("The program will open all files.");
            List<InputStream> files = new ArrayList<>();
            try {
                while (true) {
                    files.add(new FileInputStream("/dev/null"));
                }
            } catch (IOException e) {
                // There are no descriptors left.
            }
            thread.start();
            waitUntil(() -> isWaiting(thread));
            strategy.destroy();
            thread.join();
        }
    }

    @Test
    void waitWithoutDescriptorsSleeps() throws Exception {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Process process =
                new ProcessBuilder(
                                "sh",
                                "-c",
                                "ulimit -n 100 && exec \"$0\" \"$@\"",
                                java,
                                "-XX:-MaxFDLimit",
                                "--enable-native-access=ALL-UNNAMED",
                                "-cp",
                                System.getProperty(
                                        "surefire.test.class.path",
                                        System.getProperty("java.class.path")),
                                Program.class.getName(),
                                folder.toString())
                        .redirectErrorStream(true)
                        .start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("Still waiting for the peers: no descriptor"), output);
    }

    private void startThree(Map<String, String> properties) {
        for (int i = 0; i < 3; i++) {
            createPod(namespace, "pod-" + i, addresses.get(i));
            Config config = config(i, properties);
            starting.add(
                    CompletableFuture.supplyAsync(
                            () -> Hazelcast.newHazelcastInstance(config),
                            task -> new Thread(task).start()));
        }
    }

    private boolean isOneCluster() {
        return starting.stream()
                .allMatch(
                        member ->
                                member.isDone()
                                        && member.join().getCluster().getMembers().size() == 3);
    }

    private Config config(int number, Map<String, String> properties) {
        DiscoveryStrategyConfig strategy =
                new DiscoveryStrategyConfig(KubepeersDiscoveryStrategy.class.getName());
        strategy.addProperty("pod-labels", "app=test");
        strategy.addProperty("discovery-port-name", "gossip");
        strategy.addProperty("namespace", namespace);
        strategy.addProperty("pod-name", "pod-" + number);
        properties.forEach(strategy::addProperty);

        Config config = new Config();
        config.setClusterName(namespace);
        config.setProperty("hazelcast.discovery.enabled", "true");
        // No interface lists these loopback addresses, so Hazelcast cannot pick them itself.
        config.setProperty("hazelcast.local.localAddress", addresses.get(number));
        config.setProperty("hazelcast.socket.bind.any", "false");
        config.setProperty("hazelcast.phone.home.enabled", "false");
        NetworkConfig network = config.getNetworkConfig();
        network.setPort(3322).setPortAutoIncrement(false);
        JoinConfig join = network.getJoin();
        join.getAutoDetectionConfig().setEnabled(false);
        join.getMulticastConfig().setEnabled(false);
        join.getDiscoveryConfig().addDiscoveryStrategyConfig(strategy);
        return config;
    }

    private static KubepeersException failure(Config config) {
        Throwable e = assertThrows(Exception.class, () -> Hazelcast.newHazelcastInstance(config));
        while (e.getCause() != null && !(e instanceof KubepeersException)) {
            e = e.getCause();
        }
        return assertInstanceOf(KubepeersException.class, e);
    }
}
