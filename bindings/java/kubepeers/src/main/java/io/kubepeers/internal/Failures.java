package io.kubepeers.internal;

/** Logs failures that cannot be reported to a caller. */
final class Failures {
    private Failures() {}

    /** Logs a failure. Never throws, because a caller that must continue calls this. */
    static void log(System.Logger.Level level, String message, Throwable failure) {
        try {
            System.getLogger("io.kubepeers").log(level, message, failure);
        } catch (Throwable e) {
            // For example a NoClassDefFoundError, because the logger's class loader is closed.
        }
    }
}
