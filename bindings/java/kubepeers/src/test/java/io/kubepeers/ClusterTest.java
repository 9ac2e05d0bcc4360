package io.kubepeers;

import static io.kubepeers.Fixtures.HANG_TIMEOUT;
import static io.kubepeers.Fixtures.createPod;
import static io.kubepeers.Fixtures.deletePod;
import static io.kubepeers.Fixtures.namespace;
import static io.kubepeers.Fixtures.online;
import static io.kubepeers.Fixtures.waitUntil;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicInteger;

/** {@link Provider} with a real API server. tests/conformance has the cases of all languages. */
class ClusterTest {
    private static final String ADDRESS = "10.0.0.2:3322";

    private final String namespace = namespace();

    @Test
    void resultsFollowAPod() throws Exception {
        try (Provider provider = online(namespace).build()) {
            provider.register(HANG_TIMEOUT);
            assertEquals(List.of(), provider.discoverPeers());
            Snapshot alone = provider.awaitNewer(0, HANG_TIMEOUT);
            assertEquals(new Snapshot(1, List.of()), alone);
            assertEquals(1, provider.generation());
            assertSame(provider.snapshot(), provider.snapshot());
            CompletableFuture<Snapshot> enough =
                    CompletableFuture.supplyAsync(() -> enough(provider));

            createPod(namespace, "a", "fd00::1");
            Snapshot first = provider.awaitNewer(alone.generation(), HANG_TIMEOUT);
            assertEquals(List.of("[fd00::1]:3322"), first.addresses());
            assertEquals(first, provider.snapshot());
            assertEquals(first, enough.get());
            Node node = provider.nodes().get(0);
            assertEquals("a", node.name());
            assertEquals("[fd00::1]:3322", node.address());
            assertEquals("peer", provider.explain().pods().get(0).verdict());
            assertTrue(provider.explainTable().contains("fd00::1"));
            assertTrue(provider.metrics().contains("kubepeers_peers"));
            assertTrue(provider.health().synced());

            deletePod(namespace, "a");
            provider.refresh(HANG_TIMEOUT);
            assertEquals(List.of(), provider.discoverPeers());
        }
    }

    private static Snapshot enough(Provider provider) {
        try {
            return provider.awaitPeers(1, Duration.ofMillis(100), HANG_TIMEOUT);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void selfOfAnObserverIsAnError() throws InterruptedException {
        try (Provider provider = online(namespace).build()) {
            provider.register(HANG_TIMEOUT);
            KubepeersException e = assertThrows(KubepeersException.class, provider::self);
            assertEquals(Status.NO_IDENTITY, e.status());
        }
    }

    @Test
    void subscriptionFollowsAPod() throws InterruptedException {
        List<List<String>> found = Collections.synchronizedList(new ArrayList<>());
        try (Provider provider = online(namespace).build()) {
            provider.register(HANG_TIMEOUT);
            provider.subscribe(
                    peers -> {
                        found.add(peers.addresses());
                        if (found.size() == 1) {
                            throw new IllegalStateException(
                                    "a failure does not end the subscription");
                        }
                    });
            waitUntil(() -> found.size() == 1);
            createPod(namespace, "a", "10.0.0.2");
            waitUntil(() -> found.contains(List.of(ADDRESS)));
            int before = found.size();
            try (Provider.Subscription second =
                    provider.subscribe(peers -> found.add(peers.addresses()))) {
                waitUntil(() -> found.size() == before + 1);
            }
            deletePod(namespace, "a");
            waitUntil(() -> found.size() == before + 2);
            assertEquals(List.of(), found.get(found.size() - 1));
        }
    }

    @Test
    void publisherReportsTheNewestStateOnDemand() throws InterruptedException {
        Collector collector = new Collector();
        try (Provider provider = online(namespace).build()) {
            provider.register(HANG_TIMEOUT);
            provider.changes().subscribe(collector);
            collector.subscription.request(1);
            waitUntil(() -> collector.found.size() == 1);
            createPod(namespace, "a", "10.0.0.2");
            createPod(namespace, "b", "10.0.0.3");
            provider.refresh(HANG_TIMEOUT);
            assertEquals(1, collector.found.size());
            collector.subscription.request(Long.MAX_VALUE);
            waitUntil(() -> collector.found.size() == 2);
            assertEquals(List.of(ADDRESS, "10.0.0.3:3322"), collector.found.get(1).addresses());
        }
        waitUntil(() -> collector.end != null);
        assertEquals("complete", collector.end);
    }

    @Test
    void publisherOfAClosedProviderReportsAnError() {
        Collector collector = new Collector();
        Provider provider = online(namespace).build();
        provider.close();
        provider.changes().subscribe(collector);
        waitUntil(() -> collector.end != null);
        assertEquals(Status.CLOSED, ((KubepeersException) collector.end).status());
    }

    @Test
    void requestForNothingIsAnError() throws InterruptedException {
        Collector collector = new Collector();
        try (Provider provider = online(namespace).build()) {
            provider.register(HANG_TIMEOUT);
            provider.changes().subscribe(collector);
            collector.subscription.request(0);
            waitUntil(() -> collector.end instanceof IllegalArgumentException);
        }
    }

    @Test
    void failedSubscriberReceivesNothingMore() throws InterruptedException {
        AtomicInteger calls = new AtomicInteger();
        Collector failing =
                new Collector() {
                    @Override
                    public void onNext(Snapshot snapshot) {
                        calls.incrementAndGet();
                        throw new AssertionError("a subscriber must not throw");
                    }
                };
        Collector other = new Collector();
        try (Provider provider = online(namespace).build()) {
            provider.register(HANG_TIMEOUT);
            provider.changes().subscribe(failing);
            provider.changes().subscribe(other);
            failing.subscription.request(Long.MAX_VALUE);
            other.subscription.request(Long.MAX_VALUE);
            waitUntil(() -> calls.get() == 1);
            createPod(namespace, "a", "10.0.0.2");
            waitUntil(() -> other.found.size() == 2);
        }
        waitUntil(() -> other.end != null);
        assertEquals(1, calls.get());
        assertNull(failing.end);
    }

    @Test
    void waitInTheThreadThatWakesItIsAnError() throws InterruptedException {
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        try (Provider provider = online(namespace).executor(Runnable::run).build()) {
            provider.register(HANG_TIMEOUT);
            Thread subscribing = Thread.currentThread();
            provider.subscribe(
                    peers -> {
                        if (Thread.currentThread() != subscribing) {
                            try {
                                provider.awaitNewer(peers.generation(), HANG_TIMEOUT);
                            } catch (Throwable e) {
                                failures.add(e);
                            }
                        }
                    });
            createPod(namespace, "a", "10.0.0.2");
            waitUntil(() -> !failures.isEmpty());
        }
        assertInstanceOf(IllegalStateException.class, failures.get(0));
    }

    private static class Collector implements Flow.Subscriber<Snapshot> {
        final List<Snapshot> found = Collections.synchronizedList(new ArrayList<>());
        Flow.Subscription subscription;
        volatile Object end;

        @Override
        public void onSubscribe(Flow.Subscription started) {
            subscription = started;
        }

        @Override
        public void onNext(Snapshot snapshot) {
            found.add(snapshot);
        }

        @Override
        public void onError(Throwable error) {
            end = error;
        }

        @Override
        public void onComplete() {
            end = "complete";
        }
    }

    @Test
    void loggerReceivesAllRecordsBeforeCloseReturns() throws InterruptedException {
        Recorder recorder = new Recorder();
        try (Provider provider = online(namespace).logger(recorder).build()) {
            provider.register(HANG_TIMEOUT);
        }
        assertTrue(
                recorder.records.stream().anyMatch(record -> record.startsWith("INFO ")),
                () -> recorder.records.toString());
        assertTrue(recorder.records.stream().noneMatch(record -> record.startsWith("DEBUG ")));
    }
}
