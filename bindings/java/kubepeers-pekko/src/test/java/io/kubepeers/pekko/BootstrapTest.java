package io.kubepeers.pekko;

import static io.kubepeers.Fixtures.createPod;
import static io.kubepeers.Fixtures.loopbackAddresses;
import static io.kubepeers.Fixtures.namespace;
import static io.kubepeers.Fixtures.unauthorized;
import static io.kubepeers.Fixtures.unreachable;
import static io.kubepeers.Fixtures.variable;
import static io.kubepeers.Fixtures.waitUntil;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;

import io.kubepeers.Fixtures.Outage;
import io.kubepeers.KubepeersException;
import io.kubepeers.Status;

import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.cluster.Cluster;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.discovery.Discovery;
import org.apache.pekko.discovery.Lookup;
import org.apache.pekko.discovery.ServiceDiscovery.Resolved;
import org.apache.pekko.discovery.ServiceDiscovery.ResolvedTarget;
import org.apache.pekko.management.cluster.bootstrap.ClusterBootstrap;
import org.apache.pekko.management.javadsl.PekkoManagement;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.stream.StreamSupport;

/** {@link KubepeersServiceDiscovery} with Cluster Bootstrap and a real API server. */
class BootstrapTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private final String namespace = namespace();
    private final List<String> addresses = loopbackAddresses();
    private final List<ActorSystem> systems = new ArrayList<>();

    @TempDir private Path folder;

    @AfterEach
    void terminate() throws Exception {
        systems.forEach(ActorSystem::terminate);
        for (ActorSystem system : systems) {
            system.getWhenTerminated().toCompletableFuture().get();
        }
    }

    @Test
    void threeNodesFormOneCluster() {
        for (int i = 0; i < 3; i++) {
            createPod(namespace, "pod-" + i, addresses.get(i));
            bootstrap(system(i, 3, "kubeconfig = \"" + variable("KUBECONFIG") + "\""));
        }
        waitUntil(this::isOneCluster);
    }

    @Test
    void nodesFormOneClusterOnceTheApiServerIsReachable() throws Exception {
        Outage outage = new Outage(folder);
        for (int i = 0; i < 3; i++) {
            createPod(namespace, "pod-" + i, addresses.get(i));
            bootstrap(system(i, 1, "kubeconfig = \"" + outage.kubeconfig + "\""));
        }
        Thread.sleep(TIMEOUT.toMillis());
        assertTrue(systems.stream().allMatch(BootstrapTest::isAlone));
        outage.end();
        waitUntil(this::isOneCluster);
    }

    @Test
    void nodeWithoutARoleStartsNoCluster() throws Exception {
        createPod(namespace, "pod-0", addresses.get(0));
        ActorSystem system = system(0, 1, withoutRole());
        bootstrap(system);
        Thread.sleep(2 * TIMEOUT.toMillis());
        assertTrue(isAlone(system));
    }

    @Test
    void lookupReturnsThisPodAndThePeers() throws Exception {
        createPod(namespace, "pod-0", addresses.get(0));
        ActorSystem system = system(0, 3, "kubeconfig = \"" + variable("KUBECONFIG") + "\"");
        Resolved alone = lookup(system);
        assertEquals(1, alone.getAddresses().size());
        ResolvedTarget target = alone.getAddresses().get(0);
        assertEquals(addresses.get(0), target.host());
        assertEquals(3322, target.getPort().get());
        assertEquals(addresses.get(0), target.getAddress().get().getHostAddress());

        createPod(namespace, "pod-1", "fd00::1");
        waitUntil(() -> hosts(system).size() == 2);
        assertEquals(List.of(addresses.get(0), "fd00::1"), hosts(system));
    }

    @Test
    void lookupFailsWhileTheApiServerIsUnreachable() {
        ActorSystem system = system(0, 3, "kubeconfig = \"" + unreachable(folder) + "\"");
        KubepeersException e = failure(system);
        assertEquals(Status.NOT_SYNCED, e.status());
        assertTrue(e.isRetryable(), e::toString);
    }

    @Test
    void lookupFailsWithoutARole() {
        KubepeersException e = failure(system(0, 3, withoutRole()));
        assertEquals(Status.NOT_SYNCED, e.status());
        assertFalse(e.isRetryable(), e::toString);
        assertEquals(403, e.httpStatus());
    }

    @Test
    void lookupAfterTheSystemHasTerminatedFails() throws Exception {
        ActorSystem system = system(0, 3, "kubeconfig = \"" + unreachable(folder) + "\"");
        var discovery = Discovery.get(system).loadServiceDiscovery("kubepeers");
        var waiting =
                discovery
                        .lookup(Lookup.create("test"), Duration.ofMinutes(5))
                        .toCompletableFuture();
        Thread.sleep(100);
        system.terminate();
        ExecutionException e = assertThrows(ExecutionException.class, waiting::get);
        assertEquals(
                Status.CLOSED, assertInstanceOf(KubepeersException.class, e.getCause()).status());
    }

    @Test
    void keyWithoutAValueIsIgnored() {
        ActorSystem system = system(0, 3, "max-stale-ms = null");
        Discovery.get(system).loadServiceDiscovery("kubepeers");
    }

    @Test
    void unknownKeyFailsTheStart() {
        ActorSystem system = system(0, 3, "pod-lables = \"app=test\"");
        KubepeersException e =
                assertThrows(
                        KubepeersException.class,
                        () -> Discovery.get(system).loadServiceDiscovery("kubepeers"));
        assertEquals(Status.UNKNOWN_KEY, e.status());
        assertTrue(e.getMessage().contains("pod_lables"), e::toString);
    }

    private String withoutRole() {
        return "service-account-dir = \"" + unauthorized(namespace, folder) + "\"";
    }

    private ActorSystem system(int number, int required, String options) {
        Config config =
                ConfigFactory.parseString(
                        """
                        pekko {
                          loglevel = WARNING
                          actor.provider = cluster
                          cluster.jmx.multi-mbeans-in-same-jvm = on
                          coordinated-shutdown.exit-jvm = off
                          remote.artery.canonical { hostname = "%1$s", port = 0 }
                          management.http { hostname = "%1$s", port = 3322 }
                          management.cluster.bootstrap.contact-point-discovery {
                            discovery-method = kubepeers
                            service-name = test
                            required-contact-point-nr = %2$d
                            stable-margin = 1s
                          }
                          discovery.kubepeers {
                            namespace = "%3$s"
                            discovery-port-name = gossip
                            pod-name = "pod-%4$d"
                            %5$s
                          }
                        }
                        """
                                .formatted(
                                        addresses.get(number),
                                        required,
                                        namespace,
                                        number,
                                        options));
        ActorSystem system =
                ActorSystem.create("system", config.withFallback(ConfigFactory.load()));
        systems.add(system);
        return system;
    }

    private static void bootstrap(ActorSystem system) {
        PekkoManagement.get(system).start();
        ClusterBootstrap.get(system).start();
    }

    private boolean isOneCluster() {
        return systems.stream()
                .allMatch(
                        system -> {
                            List<Member> members = members(system);
                            return members.size() == 3
                                    && members.stream()
                                            .allMatch(m -> m.status() == MemberStatus.up());
                        });
    }

    private static boolean isAlone(ActorSystem system) {
        return members(system).isEmpty();
    }

    private static List<Member> members(ActorSystem system) {
        return StreamSupport.stream(Cluster.get(system).state().getMembers().spliterator(), false)
                .toList();
    }

    private static Resolved lookup(ActorSystem system) throws Exception {
        return Discovery.get(system)
                .loadServiceDiscovery("kubepeers")
                .lookup(Lookup.create("test"), TIMEOUT)
                .toCompletableFuture()
                .get();
    }

    private static List<String> hosts(ActorSystem system) {
        try {
            return lookup(system).getAddresses().stream().map(ResolvedTarget::host).toList();
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static KubepeersException failure(ActorSystem system) {
        ExecutionException e = assertThrows(ExecutionException.class, () -> lookup(system));
        return assertInstanceOf(KubepeersException.class, e.getCause());
    }
}
