package io.kubepeers;

import java.io.Serial;

/**
 * The exception of all calls that need the shared library, if it cannot be loaded or is
 * incompatible with this package. The message says which library was found and which one is needed.
 */
public final class LibraryException extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    /**
     * Creates an exception.
     *
     * @param message what failed, why, and what to do
     */
    public LibraryException(String message) {
        super(message);
    }

    /**
     * Creates an exception with a cause.
     *
     * @param message what failed, why, and what to do
     * @param cause the cause
     */
    public LibraryException(String message, Throwable cause) {
        super(message, cause);
    }
}
