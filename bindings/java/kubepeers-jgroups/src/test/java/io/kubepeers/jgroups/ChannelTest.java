package io.kubepeers.jgroups;

import static io.kubepeers.Fixtures.createPod;
import static io.kubepeers.Fixtures.loopbackAddresses;
import static io.kubepeers.Fixtures.namespace;
import static io.kubepeers.Fixtures.unauthorized;
import static io.kubepeers.Fixtures.variable;
import static io.kubepeers.Fixtures.waitUntil;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.kubepeers.Fixtures.Outage;
import io.kubepeers.KubepeersException;
import io.kubepeers.Status;

import org.infinispan.configuration.cache.CacheMode;
import org.infinispan.configuration.cache.ConfigurationBuilder;
import org.infinispan.configuration.parsing.ParserRegistry;
import org.infinispan.manager.DefaultCacheManager;
import org.jgroups.JChannel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** {@link KUBEPEERS_PING} in channels and in Infinispan, with a real API server. */
class ChannelTest {
    private static final String STACK =
            """
            <config xmlns="urn:org:jgroups">
              <TCP bind_addr="%s" bind_port="3322" port_range="0"/>
              %s
              <MERGE3 min_interval="1000" max_interval="3000"/>
              <FD_ALL3/>
              <VERIFY_SUSPECT2/>
              <pbcast.NAKACK2/>
              <UNICAST3/>
              <pbcast.STABLE/>
              <pbcast.GMS join_timeout="2000"/>
            </config>
            """;

    private static final String INFINISPAN =
            """
            <infinispan>
              <jgroups>
                <stack name="kubepeers" extends="tcp">
                  <TCP bind_addr="%s" bind_port="3322" port_range="0"/>
                  %s
                </stack>
              </jgroups>
              <cache-container>
                <transport cluster="test" stack="kubepeers"/>
              </cache-container>
            </infinispan>
            """;

    private final String namespace = namespace();
    private final List<String> addresses = loopbackAddresses();
    private final List<JChannel> channels = new ArrayList<>();

    @TempDir private Path folder;

    @AfterEach
    void close() {
        channels.forEach(JChannel::close);
    }

    @Test
    void threeChannelsFormOneCluster() throws Exception {
        for (int i = 0; i < 3; i++) {
            createPod(namespace, "pod-" + i, addresses.get(i));
            channel(i, "kubeconfig=" + variable("KUBECONFIG"));
        }
        connectAll();
        waitUntil(this::isOneCluster);
    }

    @Test
    void channelsWaitForTheApiServer() throws Exception {
        Outage outage = new Outage(folder);
        for (int i = 0; i < 3; i++) {
            createPod(namespace, "pod-" + i, addresses.get(i));
            channel(i, "kubeconfig=" + outage.kubeconfig);
        }
        CompletableFuture<Void> connected = CompletableFuture.runAsync(this::connectAll);
        Thread.sleep(8_000); // Longer than register waits.
        assertTrue(channels.stream().allMatch(channel -> channel.getView() == null));
        outage.end();
        connected.get();
        waitUntil(this::isOneCluster);
    }

    @Test
    void channelConnectsAgain() throws Exception {
        createPod(namespace, "pod-0", addresses.get(0));
        JChannel channel = channel(0, "kubeconfig=" + variable("KUBECONFIG"));
        for (int i = 0; i < 2; i++) {
            channel.connect("test");
            assertEquals(1, channel.getView().size());
            channel.disconnect();
        }
    }

    @Test
    void connectThrowsWithoutARole() throws Exception {
        createPod(namespace, "pod-0", addresses.get(0));
        JChannel channel =
                channel(0, "service_account_dir=" + unauthorized(namespace, folder) + "; ");
        for (int i = 0; i < 2; i++) {
            Exception e = assertThrows(Exception.class, () -> channel.connect("test"));
            KubepeersException cause = cause(e);
            // NOT_SYNCED if the first list takes longer than register waits.
            assertEquals(403, cause.httpStatus(), cause::toString);
            assertFalse(cause.isRetryable());
        }
    }

    @Test
    void unknownKeyIsAnError() {
        Exception e = assertThrows(Exception.class, () -> channel(0, "pod_nam=a"));
        KubepeersException cause = cause(e);
        assertEquals(Status.UNKNOWN_KEY, cause.status());
        assertTrue(cause.getMessage().contains("pod_nam"), cause::toString);
    }

    @Test
    void blankOptionsAreIgnored() throws Exception {
        channel(0, " ; pod_ip = 10.0.0.1 ;; ");
    }

    @Test
    void initialDiscoveryWithoutAResultThrows() throws Exception {
        createPod(namespace, "pod-0", addresses.get(0));
        JChannel channel = channel(0, "kubeconfig=" + variable("KUBECONFIG"));
        channel.connect("test");
        KUBEPEERS_PING protocol = channel.getProtocolStack().findProtocol(KUBEPEERS_PING.class);
        protocol.stop();
        // In the thread of the caller, even if the discovery has a thread of its own.
        assertThrows(KubepeersException.class, () -> protocol.findMembers(null, true, true, 1_000));
    }

    @Test
    void threeCacheManagersFormOneCluster() throws Exception {
        List<DefaultCacheManager> managers = new ArrayList<>();
        try {
            for (int i = 0; i < 3; i++) {
                createPod(namespace, "pod-" + i, addresses.get(i));
                String protocol =
                        protocol(i, "kubeconfig=" + variable("KUBECONFIG"))
                                .replace(
                                        "/>",
                                        " stack.combine=\"REPLACE\" stack.position=\"MPING\"/>");
                managers.add(
                        new DefaultCacheManager(
                                new ParserRegistry()
                                        .parse(INFINISPAN.formatted(addresses.get(i), protocol)),
                                true));
            }
            waitUntil(() -> managers.stream().allMatch(m -> m.getMembers().size() == 3));
            var replicated = new ConfigurationBuilder();
            replicated.clustering().cacheMode(CacheMode.REPL_SYNC);
            managers.forEach(m -> m.defineConfiguration("cache", replicated.build()));
            managers.forEach(m -> m.getCache("cache"));
            managers.get(0).getCache("cache").put("key", "value");
            assertEquals("value", managers.get(2).getCache("cache").get("key"));
        } finally {
            managers.forEach(DefaultCacheManager::stop);
        }
    }

    private String protocol(int number, String options) {
        return """
        <io.kubepeers.jgroups.KUBEPEERS_PING pod_labels="app=test" discovery_port_name="gossip"
            namespace="%s" options="pod_name=pod-%d; %s"/>\
        """
                .formatted(namespace, number, options);
    }

    private JChannel channel(int number, String options) throws Exception {
        String stack = STACK.formatted(addresses.get(number), protocol(number, options));
        JChannel channel =
                new JChannel(new ByteArrayInputStream(stack.getBytes(StandardCharsets.UTF_8)));
        channels.add(channel);
        return channel;
    }

    private void connectAll() {
        CompletableFuture.allOf(
                        channels.stream()
                                .map(
                                        channel ->
                                                CompletableFuture.runAsync(
                                                        () -> connect(channel),
                                                        task -> new Thread(task).start()))
                                .toArray(CompletableFuture[]::new))
                .join();
    }

    private static void connect(JChannel channel) {
        try {
            channel.connect("test");
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private boolean isOneCluster() {
        return channels.stream().allMatch(channel -> channel.getView().size() == 3);
    }

    private static KubepeersException cause(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null && !(cause instanceof KubepeersException)) {
            cause = cause.getCause();
        }
        return assertInstanceOf(KubepeersException.class, cause);
    }
}
