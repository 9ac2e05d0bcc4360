package io.kubepeers.internal;

import io.kubepeers.LibraryException;

/** Creates the backend for Java 22 and newer. */
final class BackendFactory {
    private static final System.Logger LOGGER = System.getLogger("io.kubepeers");

    private BackendFactory() {}

    static Backend create() {
        Module module = BackendFactory.class.getModule();
        String flag =
                "--enable-native-access=" + (module.isNamed() ? module.getName() : "ALL-UNNAMED");
        if (!module.isNativeAccessEnabled()) {
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "kubepeers calls a native library: start java with {0} to allow this."
                            + " Java warns without the option, and a later version will refuse",
                    flag);
        }
        try {
            return new ForeignBackend();
        } catch (IllegalCallerException e) {
            throw new LibraryException(
                    "Java does not allow kubepeers to call its native library: start java with "
                            + flag,
                    e);
        }
    }
}
