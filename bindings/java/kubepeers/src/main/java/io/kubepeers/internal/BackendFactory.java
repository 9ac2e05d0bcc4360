package io.kubepeers.internal;

import io.kubepeers.LibraryException;

/** Creates the backend for Java 17 to 21. The jar has another version of this class for Java 22. */
final class BackendFactory {
    private BackendFactory() {}

    static Backend create() {
        try {
            return new JnaBackend();
        } catch (LinkageError e) {
            if (e.getCause() instanceof ClassNotFoundException) {
                throw new LibraryException(
                        "JNA is missing: kubepeers needs it on Java "
                                + Runtime.version().feature()
                                + "; add net.java.dev.jna:jna to the dependencies (on the module"
                                + " path also --add-modules com.sun.jna), or use Java 22 or newer",
                        e);
            }
            // After the first failure, only the cause has the reason.
            throw new LibraryException(
                    "JNA cannot be loaded: "
                            + (e.getCause() == null ? e : e.getCause()).getMessage()
                            + "; set the system property jna.tmpdir to a directory that is writable"
                            + " and allows executable files, or use Java 22 or newer",
                    e);
        }
    }
}
