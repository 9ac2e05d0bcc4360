package io.kubepeers.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.kubepeers.Fixtures;
import io.kubepeers.LibraryException;
import io.kubepeers.Provider;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Finding and refusing libraries. Each case has a JVM of its own. */
class LibraryTest {
    /** A jar that an older JDK has built always uses JNA. */
    private static final boolean HAS_FOREIGN_FUNCTIONS =
            Runtime.version().feature() >= 22 && Boolean.getBoolean("kubepeers.foreign");

    @TempDir Path folder;

    /** Prints the version of the library, and calls it once. */
    public static final class Program {
        public static void main(String[] arguments) {
            for (int i = 0; i < Integer.getInteger("test.attempts", 1); i++) {
                load();
            }
        }

        private static void load() {
            try {
                System.out.println("version " + Provider.libraryVersion());
                Fixtures.required().build().close();
            } catch (LibraryException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    private String run(Map<String, String> environment, String classPath, String... options)
            throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-Xmx64m"));
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", classPath, Program.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("KUBEPEERS_LIBRARY");
        builder.environment().remove("LD_LIBRARY_PATH");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }

    private String run(Map<String, String> environment) throws Exception {
        return run(environment, classPath(), "--enable-native-access=ALL-UNNAMED");
    }

    private static String classPath() {
        return System.getProperty(
                "surefire.test.class.path", System.getProperty("java.class.path"));
    }

    @Test
    void versionIsThatOfThePackage() {
        assertEquals(Library.PACKAGE_VERSION, Provider.libraryVersion());
    }

    @Test
    void otherVersionsAreRefusedWithBothVersions() {
        Library.checkVersion(4_000, "x");
        Library.checkVersion(5_001, "x");
        for (int number : new int[] {3_009, 1_004_000}) {
            String message =
                    assertThrows(
                                    LibraryException.class,
                                    () -> Library.checkVersion(number, "/x.so"))
                            .getMessage();
            String version = number == 3_009 ? "0.3.9" : "1.4.0";
            assertEquals(
                    "/x.so is version "
                            + version
                            + ", but kubepeers 0.4.0 for Java needs 0.x from 0.4 on: "
                            + "install a library that is not older than the package",
                    message);
        }
    }

    @Test
    void variableNamesTheLibrary() throws Exception {
        assertEquals(
                "version 0.4.0\n",
                run(Map.of("KUBEPEERS_LIBRARY", Fixtures.variable("KUBEPEERS_LIBRARY"))));
    }

    @Test
    void systemLibraryIsFound() throws Exception {
        String directory = Path.of(Fixtures.variable("KUBEPEERS_LIBRARY")).getParent().toString();
        assertEquals("version 0.4.0\n", run(Map.of("LD_LIBRARY_PATH", directory)));
    }

    @Test
    void missingLibraryIsReported() throws Exception {
        String message = run(Map.of());
        assertTrue(message.startsWith("libkubepeers.so.0 was not found: "), message);
        assertTrue(message.contains(LibraryLocator.classifier()), message);
        // JNA lists the whole class path.
        assertEquals(1, message.lines().count(), message);
        assertFalse(message.contains(classPath()), message);
    }

    @Test
    void variableWithAnUnusableFileIsReported() throws Exception {
        String message = run(Map.of("KUBEPEERS_LIBRARY", "/does/not/exist"));
        assertTrue(
                message.startsWith(
                        "cannot load /does/not/exist (from the environment variable"
                                + " KUBEPEERS_LIBRARY): "),
                message);
        // The reason of the loader.
        assertTrue(message.contains("No such file or directory"), message);
        // Without a locale, Java cannot represent the name.
        message = run(Map.of("KUBEPEERS_LIBRARY", "/é", "LC_ALL", "POSIX"));
        assertTrue(message.contains("(from the environment variable KUBEPEERS_LIBRARY)"), message);
        message = run(Map.of("KUBEPEERS_LIBRARY", folder.toString()));
        assertTrue(message.contains("cannot load " + folder), message);
        message = run(Map.of("KUBEPEERS_LIBRARY", otherLibrary()));
        assertTrue(message.contains("is not a kubepeers library"), message);
    }

    private static String otherLibrary() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/maps")).stream()
                .filter(line -> line.contains("/libc.") || line.contains("/ld-musl"))
                .map(line -> line.substring(line.indexOf('/')))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void backendIsThatOfTheJavaVersion() {
        assertEquals(
                HAS_FOREIGN_FUNCTIONS ? "ForeignBackend" : "JnaBackend",
                BackendFactory.create().getClass().getSimpleName());
    }

    @Test
    void libraryInAJarNeedsNoWritableFileSystem() throws Exception {
        // There is no directory for a copy. JNA needs one for its own library.
        String[] options =
                HAS_FOREIGN_FUNCTIONS
                        ? new String[] {
                            "--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=/does/not/exist"
                        }
                        : new String[] {};
        String output =
                run(
                        Map.of(),
                        classPathWithResource(Path.of(Fixtures.variable("KUBEPEERS_LIBRARY"))),
                        options);
        assertTrue(output.endsWith("version 0.4.0\n"), output);
    }

    @Test
    void unusableLibraryInAJarIsReportedWithoutAWritableFileSystem() throws Exception {
        String classPath = classPathWithResource(Path.of("/proc/self/status"));
        String[] options = {
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.io.tmpdir=/does/not/exist",
            "-Djna.tmpdir=" + folder
        };
        String output = run(Map.of(), classPath, options);
        assertTrue(output.contains("invalid ELF header"), output);
    }

    private String classPathWithResource(Path library) throws IOException {
        Path resource = folder.resolve(LibraryLocator.resource());
        Files.createDirectories(resource.getParent());
        Files.write(resource, Files.readAllBytes(library));
        return folder + File.pathSeparator + classPath();
    }

    @Test
    void eachAttemptReportsThatJnaCannotBeLoaded() throws Exception {
        assumeFalse(HAS_FOREIGN_FUNCTIONS);
        String output = run(Map.of(), classPath(), "-Djna.tmpdir=/proc/none", "-Dtest.attempts=2");
        assertEquals(2, output.split("JNA cannot be loaded: ", -1).length - 1, output);
    }

    @Test
    void muslIsDetectedByItsLoader() {
        String heap = "7f2a1c000000-7f2a1c021000 rw-p 00000000 00:00 0 \n";
        for (String file : List.of("/lib/ld-musl-x86_64.so.1", "/usr/lib/libc.so")) {
            String line = "7f2a2cf31000-7f2a2cf45000 r--p 00000000 fe:00 1319 " + file + "\n";
            assertTrue(LibraryLocator.isMusl(heap + line + heap), file);
        }
        for (String file : List.of("/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/libc-2.31.so")) {
            String line = "7f2a2cf31000-7f2a2cf45000 r--p 00000000 fe:00 1319 " + file + "\n";
            assertFalse(LibraryLocator.isMusl(heap + line + heap), file);
        }
    }

    @Test
    void missingNativeAccessCausesAHint() throws Exception {
        assumeTrue(HAS_FOREIGN_FUNCTIONS);
        Map<String, String> environment =
                Map.of("KUBEPEERS_LIBRARY", Fixtures.variable("KUBEPEERS_LIBRARY"));
        String output = run(environment, classPath());
        assertTrue(output.contains("start java with --enable-native-access=ALL-UNNAMED"), output);
        String deny =
                Runtime.version().feature() < 24
                        ? "--enable-native-access=java.base"
                        : "--illegal-native-access=deny";
        output = run(environment, classPath(), deny);
        assertTrue(
                output.contains("Java does not allow kubepeers to call its native library"),
                output);
    }
}
