package io.kubepeers.internal;

import io.kubepeers.LibraryException;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * Finds and opens libkubepeers.
 *
 * <p>The places are the environment variable {@code KUBEPEERS_LIBRARY}, the resource of a jar with
 * a classifier, and the system's shared libraries.
 */
final class LibraryLocator {
    static final String VARIABLE = "KUBEPEERS_LIBRARY";
    static final String SONAME = "libkubepeers.so.0";

    private static final String JAR_FIX =
            "add the jar for this system, or set " + VARIABLE + " to the path of libkubepeers";

    private static final String ORIGIN = "from the environment variable " + VARIABLE;

    private static final long MFD_CLOEXEC = 1;

    private LibraryLocator() {}

    /**
     * Opens the library, and returns the place where it was.
     *
     * @param explicit the value of the environment variable, or null
     */
    static String open(Backend backend, String explicit) {
        if (explicit != null && !explicit.isEmpty()) {
            // If the named library cannot be loaded, this is an error: another one is no
            // substitute.
            open(
                    backend,
                    absolute(explicit),
                    explicit,
                    ORIGIN,
                    "set it to the path of libkubepeers "
                            + Library.required()
                            + " for this system, or unset it");
            return explicit;
        }
        String resource = resource();
        try (InputStream content =
                LibraryLocator.class.getClassLoader() == null
                        ? ClassLoader.getSystemResourceAsStream(resource)
                        : LibraryLocator.class.getClassLoader().getResourceAsStream(resource)) {
            if (content != null) {
                openCopy(backend, content.readAllBytes(), resource);
                return resource;
            }
        } catch (IOException e) {
            throw new LibraryException("cannot copy the resource " + resource + ": " + e, e);
        }
        try {
            backend.open(SONAME);
            return SONAME;
        } catch (LinkageError e) {
            throw new LibraryException(
                    SONAME
                            + " was not found: the environment variable "
                            + VARIABLE
                            + " is not set, no jar has the"
                            + " resource "
                            + resource
                            + ", and the system has none ("
                            + e.getMessage()
                            + "); add the jar of kubepeers with the classifier "
                            + classifier()
                            + " to the dependencies, install libkubepeers "
                            + Library.required()
                            + " where the system finds it (LD_LIBRARY_PATH, ldconfig), or set "
                            + VARIABLE
                            + " to its path",
                    e);
        }
    }

    private static String absolute(String path) {
        try {
            return Path.of(path).toAbsolutePath().toString();
        } catch (InvalidPathException e) {
            // Java cannot represent all paths in the encoding of the locale.
            throw new LibraryException(
                    "cannot load "
                            + path
                            + " ("
                            + ORIGIN
                            + "): "
                            + e.getReason()
                            + "; set LC_ALL=C.UTF-8, or move the file to a path in ASCII",
                    e);
        }
    }

    private static void open(
            Backend backend, String path, String place, String origin, String fix) {
        try {
            backend.open(path);
        } catch (LinkageError e) {
            throw new LibraryException(
                    "cannot load " + place + " (" + origin + "): " + e.getMessage() + "; " + fix,
                    e);
        }
    }

    /** Returns the resource of the library for this system. */
    static String resource() {
        return "META-INF/native/" + classifier() + "/" + SONAME;
    }

    /** Returns the classifier of the jar for this system, with the words of os-maven-plugin. */
    static String classifier() {
        String architecture =
                switch (System.getProperty("os.arch")) {
                    case "amd64", "x86_64" -> "x86_64";
                    case "aarch64", "arm64" -> "aarch_64";
                    default -> System.getProperty("os.arch");
                };
        return "linux-" + architecture + (isMusl() ? "-musl" : "");
    }

    private static boolean isMusl() {
        try {
            return isMusl(Files.readString(Path.of("/proc/self/maps")));
        } catch (IOException e) {
            return false; // It is not Linux, or /proc is not mounted.
        }
    }

    /**
     * Returns whether a process with these maps uses musl. Its loader is its libc. Maps have the
     * name of the file: Alpine's is the loader, and musl's own {@code make install} links the
     * loader to libc.so.
     */
    static boolean isMusl(String maps) {
        return maps.lines()
                .anyMatch(line -> line.contains("/ld-musl-") || line.endsWith("/libc.so"));
    }

    private static void openCopy(Backend backend, byte[] content, String resource)
            throws IOException {
        LibraryException failure = null;
        try {
            // The root file system may be read-only.
            if (openInMemory(backend, content, resource)) {
                return;
            }
        } catch (LibraryException e) {
            failure = e; // For example, memory files may not be executable.
        }
        try {
            openFile(backend, content, resource);
        } catch (IOException e) {
            if (failure != null) {
                throw failure;
            }
            throw e;
        }
    }

    /** Opens a copy in memory. Returns false if there cannot be one. */
    private static boolean openInMemory(Backend backend, byte[] content, String resource) {
        int fd = memoryFile(backend);
        if (fd >= 0) {
            try {
                Path path = Path.of("/proc/self/fd/" + fd);
                Files.write(path, content);
                open(backend, path.toString(), resource, "from the class path", JAR_FIX);
                return true;
            } catch (IOException e) {
                // For example, /proc may not be mounted.
            } finally {
                backend.call(CFunction.CLOSE, fd);
            }
        }
        return false;
    }

    private static void openFile(Backend backend, byte[] content, String resource)
            throws IOException {
        Path file = Files.createTempFile("libkubepeers", ".so");
        try {
            Files.write(file, content);
            open(
                    backend,
                    file.toString(),
                    resource,
                    "from the class path, copied to " + file,
                    JAR_FIX);
        } finally {
            Files.delete(file);
        }
    }

    private static int memoryFile(Backend backend) {
        if (!backend.has(CFunction.MEMFD_CREATE)) {
            return -1;
        }
        long name = Library.copy(backend, SONAME);
        try {
            return (int) backend.call(CFunction.MEMFD_CREATE, name, MFD_CLOEXEC);
        } finally {
            backend.call(CFunction.FREE, name);
        }
    }
}
