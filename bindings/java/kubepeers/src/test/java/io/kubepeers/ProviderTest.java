package io.kubepeers;

import static io.kubepeers.Fixtures.HANG_TIMEOUT;
import static io.kubepeers.Fixtures.isWaiting;
import static io.kubepeers.Fixtures.offline;
import static io.kubepeers.Fixtures.waitUntil;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.lang.ref.WeakReference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.ResourceBundle;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** {@link Provider} without an API server. */
class ProviderTest {
    private static final Duration NO_TIME = Duration.ZERO;

    /** A call that may wait. */
    private interface Call {
        Object run(Provider provider) throws InterruptedException;
    }

    private static final List<Call> WAITS =
            List.of(
                    provider -> provider.discoverPeers(HANG_TIMEOUT),
                    provider -> provider.snapshot(HANG_TIMEOUT),
                    provider -> provider.nodes(HANG_TIMEOUT),
                    provider -> provider.self(HANG_TIMEOUT),
                    provider -> provider.awaitNewer(0, HANG_TIMEOUT),
                    provider -> provider.awaitPeers(1, Duration.ofSeconds(1), HANG_TIMEOUT),
                    provider -> {
                        provider.refresh(HANG_TIMEOUT);
                        return null;
                    });

    private static final List<Call> READS =
            List.of(
                    Provider::health,
                    Provider::explain,
                    Provider::explainTable,
                    Provider::metrics,
                    provider -> {
                        provider.deregister();
                        return null;
                    });

    @TempDir Path folder;

    private Provider provider;

    @BeforeEach
    void create() {
        provider = offline(folder).build();
    }

    @AfterEach
    void close() {
        provider.close();
    }

    private static Status status(Call call, Provider provider) {
        return assertThrows(KubepeersException.class, () -> call.run(provider)).status();
    }

    private static List<Call> allCalls() {
        List<Call> calls = new ArrayList<>(WAITS);
        calls.addAll(READS);
        return calls;
    }

    @Test
    void callsFailBeforeRegisterAndAfterClose() throws InterruptedException {
        for (Call call : allCalls()) {
            assertEquals(Status.NOT_REGISTERED, status(call, provider));
        }
        provider.register(NO_TIME);
        assertEquals(
                Status.ALREADY_REGISTERED,
                assertThrows(KubepeersException.class, provider::register).status());
        provider.deregister();
        provider.register();
        provider.close();
        provider.close();
        for (Call call : allCalls()) {
            assertEquals(Status.CLOSED, status(call, provider));
        }
        assertEquals(0, provider.generation());
    }

    @Test
    void waitsEndAtTheirTimeout() throws InterruptedException {
        provider.register();
        for (Duration timeout : List.of(NO_TIME, Duration.ofMillis(50))) {
            KubepeersException e =
                    assertThrows(KubepeersException.class, () -> provider.snapshot(timeout));
            assertEquals(Status.NOT_SYNCED, e.status());
            assertTrue(e.isRetryable());
            assertThrows(KubepeersException.class, () -> provider.awaitPeers(0, NO_TIME, timeout));
            assertThrows(KubepeersException.class, () -> provider.refresh(timeout));
        }
    }

    @Test
    void registerReturnsAtItsTimeout() throws InterruptedException {
        provider.register(Duration.ofMillis(50));
        Health health = provider.health();
        assertFalse(health.synced());
        assertEquals(Health.NEVER, health.age());
        assertTrue(health.stale());
    }

    @Test
    void registerReportsPermanentErrors() {
        try (Provider other = offline(folder).kubeconfig(Path.of("/does not exist")).build()) {
            KubepeersException e = assertThrows(KubepeersException.class, other::register);
            assertEquals(Status.NO_CREDENTIALS, e.status());
            assertFalse(e.isRetryable());
            assertEquals(Status.NOT_REGISTERED, status(Provider::health, other));
        }
    }

    @Test
    void interruptEndsEveryWait() throws InterruptedException {
        provider.register();
        for (Call call : WAITS) {
            assertInstanceOf(InterruptedException.class, outcomeAfter(call, Thread::interrupt));
        }
        provider.health();
    }

    @Test
    void interruptedRegisterLeavesNothingRunning() throws InterruptedException {
        Call register =
                provider -> {
                    provider.register(HANG_TIMEOUT);
                    return null;
                };
        assertInstanceOf(InterruptedException.class, outcomeAfter(register, Thread::interrupt));
        assertEquals(Status.NOT_REGISTERED, status(Provider::health, provider));
        provider.register();
    }

    @Test
    void closeEndsEveryWait() throws InterruptedException {
        for (Call call : WAITS) {
            provider.close();
            provider = offline(folder).build();
            provider.register();
            Throwable outcome = outcomeAfter(call, thread -> provider.close());
            assertEquals(
                    Status.CLOSED, assertInstanceOf(KubepeersException.class, outcome).status());
        }
    }

    @Test
    void deregisterInAnotherThreadEndsRegister() throws InterruptedException {
        Call register =
                provider -> {
                    provider.register(HANG_TIMEOUT);
                    return null;
                };
        Throwable outcome = outcomeAfter(register, thread -> provider.deregister());
        assertEquals(
                Status.NOT_REGISTERED,
                assertInstanceOf(KubepeersException.class, outcome).status());
        // Another registration does not take the place of the first.
        outcome =
                outcomeAfter(
                        register,
                        thread -> {
                            provider.deregister();
                            try {
                                provider.register();
                            } catch (InterruptedException e) {
                                throw new AssertionError(e);
                            }
                        });
        assertEquals(
                Status.NOT_REGISTERED,
                assertInstanceOf(KubepeersException.class, outcome).status());
        provider.health();
    }

    /**
     * Runs an action when a call in another thread waits, and returns the exception of the call.
     */
    private Throwable outcomeAfter(Call call, java.util.function.Consumer<Thread> action)
            throws InterruptedException {
        AtomicReference<Throwable> outcome = new AtomicReference<>();
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                call.run(provider);
                            } catch (Throwable e) {
                                outcome.set(e);
                            }
                        });
        thread.start();
        waitUntil(() -> isWaiting(thread));
        action.accept(thread);
        thread.join(HANG_TIMEOUT.toMillis());
        return outcome.get();
    }

    @Test
    void manyWaitsShareOneThread() throws Exception {
        provider.register();
        long before = nativeThreads();
        ExecutorService pool = virtualThreads();
        List<Future<?>> waits = new ArrayList<>();
        AtomicInteger begun = new AtomicInteger();
        for (int i = 0; i < 500; i++) {
            waits.add(
                    pool.submit(
                            () -> {
                                begun.incrementAndGet();
                                return provider.snapshot(HANG_TIMEOUT);
                            }));
        }
        waitUntil(() -> begun.get() == 500 && pollers() == 1);
        // On Java 17 the pool has threads of its own.
        if (Runtime.version().feature() >= 21) {
            assertTrue(
                    nativeThreads() - before < 50,
                    () -> "there are " + nativeThreads() + " threads");
        }
        assertEquals(1, pollers());
        provider.close();
        for (Future<?> wait : waits) {
            assertThrows(java.util.concurrent.ExecutionException.class, wait::get);
        }
        pool.shutdown();
    }

    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        return Runtime.version().feature() < 21
                ? Executors.newCachedThreadPool()
                : (ExecutorService)
                        Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    private static long nativeThreads() {
        String[] names = new java.io.File("/proc/self/task").list();
        return names == null ? 0 : names.length;
    }

    private static long pollers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("kubepeers-poller"))
                .count();
    }

    @Test
    void waitsAndProvidersLeaveNoDescriptors() throws InterruptedException {
        useOnce();
        int before = Fixtures.descriptors();
        for (int i = 0; i < 20; i++) {
            useOnce();
        }
        // The library closes its descriptor some time after the binding.
        waitUntil(() -> Fixtures.descriptors() <= before + 1);
    }

    @Test
    void closeFreesDescriptorsWithoutTheExecutor() throws InterruptedException {
        List<Executor> executors =
                List.of(
                        task -> {}, // As after shutdownNow().
                        task -> {
                            throw new RejectedExecutionException();
                        },
                        task -> {
                            throw new OutOfMemoryError("unable to create native thread");
                        });
        for (Executor executor : executors) {
            useOnce();
            int before = Fixtures.descriptors();
            for (int i = 0; i < 20; i++) {
                try (Provider other = offline(folder).executor(executor).build()) {
                    other.register();
                    other.subscribe(peers -> {});
                }
            }
            waitUntil(() -> Fixtures.descriptors() <= before + 1);
        }
    }

    @Test
    void subscriptionSurvivesAFailureOfTheExecutor() throws InterruptedException {
        AtomicInteger calls = new AtomicInteger();
        Executor failingOnce =
                task -> {
                    if (calls.incrementAndGet() == 1) {
                        throw new IllegalStateException("no thread");
                    }
                    task.run();
                };
        try (Provider other = offline(folder).executor(failingOnce).build()) {
            other.register();
            List<Status> errors = Collections.synchronizedList(new ArrayList<>());
            other.subscribe(peers -> {}, error -> errors.add(error.status()));
            waitUntil(() -> errors.contains(Status.NOT_SYNCED));
        }
    }

    @Test
    void failureOfTheLoggerDoesNotEndTheLog() throws InterruptedException {
        Recorder failing =
                new Recorder() {
                    @Override
                    public void log(Level level, ResourceBundle bundle, String text, Object... p) {
                        super.log(level, bundle, text, p);
                        throw new NoClassDefFoundError("the class loader has been closed");
                    }
                };
        List<Runnable> tasks = Collections.synchronizedList(new ArrayList<>());
        try (Provider other = offline(folder).logger(failing).executor(tasks::add).build()) {
            other.register();
            // Each of these causes a record.
            waitUntil(() -> !tasks.isEmpty() && other.health().error().isPresent());
            tasks.get(0).run();
            assertTrue(failing.records.size() > 1, failing.records::toString);
        }
    }

    private void useOnce() throws InterruptedException {
        try (Provider other = offline(folder).logger(new Recorder()).build()) {
            other.register();
            other.subscribe(peers -> {});
            assertThrows(KubepeersException.class, () -> other.snapshot(Duration.ofMillis(5)));
        }
    }

    @Test
    void forgottenProviderIsClosed() throws InterruptedException {
        // A provider of another test may not be closed yet.
        waitUntil(() -> watchers() == 0);
        Provider forgotten = offline(folder).build();
        forgotten.register();
        waitUntil(() -> watchers() == 1);
        WeakReference<Provider> reference = new WeakReference<>(forgotten);
        forgotten = null;
        waitUntil(
                () -> {
                    System.gc();
                    return reference.get() == null && watchers() == 0;
                });
    }

    /** Returns the number of watchers, whose threads the library creates. */
    private static int watchers() {
        int count = 0;
        for (String task : new java.io.File("/proc/self/task").list()) {
            try {
                String name =
                        java.nio.file.Files.readString(Path.of("/proc/self/task", task, "comm"));
                count += name.equals("kubepeers\n") ? 1 : 0;
            } catch (java.io.IOException e) {
                // The thread has ended.
            }
        }
        return count;
    }

    @Test
    void subscribedProviderIsNotCollected() throws InterruptedException {
        Provider subscribed = offline(folder).build();
        subscribed.register();
        Provider.Subscription subscription = subscribed.subscribe(peers -> {});
        WeakReference<Provider> reference = new WeakReference<>(subscribed);
        subscribed = null;
        for (int i = 0; i < 5; i++) {
            System.gc();
            Thread.sleep(5);
        }
        assertTrue(reference.get() != null);
        subscription.close();
        waitUntil(
                () -> {
                    System.gc();
                    return reference.get() == null;
                });
    }

    @Test
    void subscriptionReportsEachErrorOnce() throws InterruptedException {
        List<Status> errors = java.util.Collections.synchronizedList(new ArrayList<>());
        provider.register();
        provider.subscribe(peers -> {}, error -> errors.add(error.status()));
        waitUntil(() -> !errors.isEmpty());
        Thread.sleep(300); // The watcher fails several times.
        provider.close();
        waitUntil(() -> errors.size() > 1);
        assertEquals(List.of(Status.NOT_SYNCED, Status.CLOSED), errors);
    }

    @Test
    void invalidArgumentsAreRejected() throws InterruptedException {
        provider.register();
        Duration negative = Duration.ofMillis(-1);
        assertThrows(IllegalArgumentException.class, () -> provider.snapshot(negative));
        assertThrows(IllegalArgumentException.class, () -> provider.register(negative));
        assertThrows(IllegalArgumentException.class, () -> provider.refresh(negative));
        assertThrows(IllegalArgumentException.class, () -> provider.awaitNewer(-1, NO_TIME));
        assertThrows(
                IllegalArgumentException.class, () -> provider.awaitPeers(-1, NO_TIME, NO_TIME));
        assertThrows(
                IllegalArgumentException.class, () -> provider.awaitPeers(0, negative, NO_TIME));
        assertThrows(IllegalArgumentException.class, () -> offline(folder).doctor(negative));
        assertThrows(NullPointerException.class, () -> provider.snapshot(null));
        Map<String, String> withoutValue = Collections.singletonMap("app", null);
        assertThrows(NullPointerException.class, () -> Fixtures.required().podLabels(withoutValue));
    }

    @Test
    void buildNamesAllInvalidOptions() {
        KubepeersException e =
                assertThrows(
                        KubepeersException.class,
                        () ->
                                Fixtures.required()
                                        .podLabels(java.util.Map.of("app", "a,b"))
                                        .maxStale(Duration.ofMillis(1))
                                        .namespace("a\0b")
                                        .build());
        assertEquals(Status.INVALID_CONFIG, e.status());
        assertEquals(
                "`podLabels`: label \"app\": \"a,b\" must not contain a comma or an equals sign; "
                        + "`maxStale`: PT0.001S must be between PT1S and PT24H; "
                        + "`namespace`: must not contain a NUL character",
                e.getMessage());
    }

    @Test
    void messagesNameMethodsOrKeys() {
        String methods =
                assertThrows(KubepeersException.class, () -> Provider.builder().build())
                        .getMessage();
        assertTrue(
                methods.contains("`podLabels`") && methods.contains("`discoveryPortName`"),
                methods);
        String keys =
                assertThrows(
                                KubepeersException.class,
                                () -> Provider.builder().option("namespace", "a").build())
                        .getMessage();
        assertTrue(keys.contains("`pod_labels`") && keys.contains("`discovery_port_name`"), keys);
        assertEquals(
                Status.UNKNOWN_KEY,
                assertThrows(
                                KubepeersException.class,
                                () -> Provider.builder().option("nope", "a").build())
                        .status());
    }

    @Test
    void loneSurrogatesAreNotUtf8() {
        assertEquals(
                Status.INVALID_UTF8,
                assertThrows(
                                KubepeersException.class,
                                () -> Fixtures.required().namespace("\ud800").build())
                        .status());
    }

    @Test
    void doctorReportsWhatIsWrong() throws InterruptedException {
        Report report = provider.doctor();
        assertEquals("wrong", report.outcome());
        assertTrue(report.toString().startsWith("WRONG"), report.toString());
        assertTrue(
                report.steps().stream()
                        .anyMatch(
                                step ->
                                        step.name().equals("API server")
                                                && step.state().equals("wrong")));
        assertEquals("wrong", Provider.builder().doctor().outcome());
    }

    @Test
    void toStringNamesLabelsAndPort() {
        assertEquals("Provider[app=test port gossip]", provider.toString());
        assertNull(new KubepeersException(Status.CLOSED, "closed").manifest().orElse(null));
    }
}
