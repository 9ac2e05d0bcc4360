package io.kubepeers;

import static io.kubepeers.Fixtures.HANG_TIMEOUT;
import static io.kubepeers.Fixtures.offline;
import static io.kubepeers.Fixtures.waitUntil;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.jna.NativeLibrary;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ResourceBundle;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;

/** The library and the JVM in one process. Each test has a JVM of its own. */
class ProcessTest {
    private static final int SIGSEGV = 11;

    @TempDir Path folder;

    /** Runs the scenario of its first argument. The second argument is a folder. */
    public static final class Program {
        public static void main(String[] arguments) throws Exception {
            Path folder = Path.of(arguments[1]);
            switch (arguments[0]) {
                case "exit" -> {
                    waitInThreads(folder, true);
                    System.exit(3);
                }
                case "return" -> waitInThreads(folder, true);
                case "serve" -> {
                    waitInThreads(folder, false);
                    System.out.println("ready");
                    while (System.in.read() >= 0) {}
                    System.exit(0);
                }
                case "providers" -> manyProviders(folder);
                case "collect" -> collect(folder);
                case "faults" -> faults(folder);
                case "failures" -> failures(folder);
                default -> throw new IllegalArgumentException(arguments[0]);
            }
        }

        private static void waitInThreads(Path folder, boolean daemon) throws Exception {
            Provider provider = offline(folder).build();
            provider.register();
            provider.subscribe(peers -> {});
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                Thread thread = new Thread(() -> wait(provider));
                thread.setDaemon(daemon);
                thread.start();
                threads.add(thread);
            }
            waitUntil(() -> threads.stream().allMatch(Fixtures::isWaiting));
        }

        private static void wait(Provider provider) {
            try {
                provider.snapshot(HANG_TIMEOUT);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        private static void manyProviders(Path folder) throws Exception {
            List<Provider> providers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                Provider provider = offline(folder).build();
                provider.register();
                provider.subscribe(peers -> {});
                providers.add(provider);
            }
            providers.forEach(Provider::health);
            providers.forEach(Provider::close);
        }

        private static void collect(Path folder) throws Exception {
            try (Provider provider = offline(folder).build()) {
                provider.register();
                List<byte[]> garbage = new ArrayList<>();
                for (int i = 0; i < 20_000; i++) {
                    provider.health();
                    garbage.add(new byte[20_000]);
                    if (garbage.size() > 500) {
                        garbage.clear();
                    }
                    if (i % 2_000 == 0) {
                        System.gc();
                    }
                }
            }
        }

        /** Causes faults that the JVM handles in its signal handlers. */
        private static void faults(Path folder) throws Exception {
            try (Provider provider = offline(folder).build()) {
                provider.register();
                int failures = 0;
                for (int i = 0; i < 200_000; i++) {
                    failures += lengthOrOne(i % 1_000 == 0 ? null : "a");
                }
                for (int i = 0; i < 20; i++) {
                    try {
                        failures += depth(0);
                    } catch (StackOverflowError e) {
                        failures++;
                    }
                }
                provider.health();
                System.out.println(failures);
            }
        }

        /** Causes failures in the thread that waits for changes, and failures of their reports. */
        private static void failures(Path folder) throws Exception {
            AtomicInteger calls = new AtomicInteger();
            Executor failing =
                    task -> {
                        calls.incrementAndGet();
                        throw new IllegalStateException("no thread");
                    };
            try (Provider provider = offline(folder).executor(failing).build()) {
                provider.register();
                provider.subscribe(peers -> {});
                while (calls.get() < 3) {
                    int before = calls.get();
                    provider.deregister();
                    waitUntil(() -> calls.get() > before);
                    provider.register();
                }
            }
        }

        private static int lengthOrOne(String text) {
            try {
                return text.length() - 1;
            } catch (NullPointerException e) {
                return 1;
            }
        }

        private static int depth(int depth) {
            return depth(depth + 1) + 1;
        }
    }

    /** Creates loggers that fail, like those of a class loader that has been closed. */
    public static final class FailingLoggers extends System.LoggerFinder {
        @Override
        public System.Logger getLogger(String name, Module module) {
            return new Recorder() {
                @Override
                public void log(Level level, ResourceBundle bundle, String text, Throwable e) {
                    throw new NoClassDefFoundError("the class loader has been closed");
                }

                @Override
                public void log(Level level, ResourceBundle bundle, String text, Object... p) {
                    throw new NoClassDefFoundError("the class loader has been closed");
                }
            };
        }
    }

    private Process start(String scenario, String... options) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-Xmx128m", "--enable-native-access=ALL-UNNAMED"));
        command.add("-XX:ErrorFile=" + folder.resolve("hs_err"));
        command.addAll(List.of(options));
        command.addAll(
                List.of(
                        "-cp",
                        folder + File.pathSeparator + classPath(),
                        Program.class.getName(),
                        scenario));
        command.add(folder.toString());
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .directory(folder.toFile())
                .start();
    }

    private static String classPath() {
        return System.getProperty(
                "surefire.test.class.path", System.getProperty("java.class.path"));
    }

    /** Returns the output of a scenario that must end with a status. */
    private String run(int expected, String scenario, String... options) throws Exception {
        return end(start(scenario, options), expected);
    }

    private static String end(Process process, int expected) throws Exception {
        process.getOutputStream().close();
        String output;
        try (BufferedReader reader = process.inputReader()) {
            output = reader.lines().collect(Collectors.joining("\n"));
        }
        assertTrue(process.waitFor(HANG_TIMEOUT.toSeconds(), TimeUnit.SECONDS), output);
        assertEquals(expected, process.exitValue(), output);
        return output;
    }

    @Test
    void exitEndsAProcessWithWaitingCalls() throws Exception {
        assertEquals("", run(3, "exit"));
    }

    @Test
    void providerDoesNotKeepTheProcessAlive() throws Exception {
        assertEquals("", run(0, "return"));
    }

    @Test
    void twoHundredProvidersShareOnePoller() throws Exception {
        assertEquals("", run(0, "providers"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"-XX:+UseG1GC", "-XX:+UseZGC"})
    void garbageCollectorsRunDuringCalls(String collector) throws Exception {
        assertEquals("", run(0, "collect", collector));
    }

    @Test
    void jvmHandlesItsOwnFaultsWhileTheWatcherRuns() throws Exception {
        assertEquals("220", run(0, "faults"));
    }

    @Test
    void waitingContinuesIfTheLoggerFails() throws Exception {
        Path services = folder.resolve("META-INF/services");
        Files.createDirectories(services);
        Files.writeString(
                services.resolve("java.lang.System$LoggerFinder"), FailingLoggers.class.getName());
        assertEquals("", run(0, "failures"));
    }

    @Test
    void quitSignalPrintsThreads() throws Exception {
        Process process = start("serve");
        awaitReady(process);
        new ProcessBuilder("kill", "-QUIT", Long.toString(process.pid())).start().waitFor();
        BufferedReader output = process.inputReader();
        // The JVM prints its threads, among them the one of this package, and continues.
        while (!output.readLine().contains("kubepeers-poller")) {}
        end(process, 0);
    }

    @Test
    void faultOfTheWatcherLeavesAnErrorFile() throws Exception {
        Process process = start("serve", "-XX:-CreateCoredumpOnCrash");
        awaitReady(process);
        int pid = (int) process.pid();
        NativeLibrary.getProcess()
                .getFunction("tgkill")
                .invokeInt(new Object[] {pid, watcher(pid), SIGSEGV});
        // Without a core dump, the JVM exits instead of aborting.
        end(process, 1);
        assertTrue(Files.readString(folder.resolve("hs_err")).contains("SIGSEGV"));
    }

    private static void awaitReady(Process process) throws IOException {
        assertEquals("ready", process.inputReader().readLine());
    }

    /** Returns the thread of the library, which has no name in Java. */
    private static int watcher(int pid) {
        Path tasks = Path.of("/proc", Integer.toString(pid), "task");
        for (String task : new File(tasks.toString()).list()) {
            try {
                if (Files.readString(tasks.resolve(task).resolve("comm")).equals("kubepeers\n")) {
                    return Integer.parseInt(task);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        throw new AssertionError("the process has no watcher");
    }
}
