package io.kubepeers;

import java.io.Serial;
import java.util.Objects;
import java.util.Optional;

/**
 * The exception of calls that fail. {@link LibraryException} is the only other exception that this
 * package defines. Invalid arguments cause the usual {@link IllegalArgumentException} and {@link
 * NullPointerException}. A call that must wait in the thread that would wake it throws an {@link
 * IllegalStateException}: see {@link Provider.Builder#executor}.
 *
 * <p>Test {@link #isRetryable()} rather than the status: {@link Status#NOT_SYNCED} because of a
 * missing Role is not retryable.
 */
public final class KubepeersException extends RuntimeException {
    @Serial private static final long serialVersionUID = 1;

    /** The kind of the error. */
    private final Status status;

    /** Whether the same call may succeed later. */
    private final boolean retryable;

    /** The HTTP status, or 0. */
    private final int httpStatus;

    /** The manifest, or null. */
    private final String manifest;

    /**
     * Creates an exception with the usual value of {@link #isRetryable()} for the status. Tests of
     * programs can use it.
     *
     * @param status the kind of the error
     * @param message what failed, why, and what to do
     */
    public KubepeersException(Status status, String message) {
        this(status, message, status.isUsuallyRetryable(), 0, null);
    }

    /**
     * Creates an exception.
     *
     * @param status the kind of the error
     * @param message what failed, why, and what to do
     * @param retryable whether the same call may succeed later
     * @param httpStatus the HTTP status of the API server's response, or 0
     * @param manifest the manifest that fixes the error, or null
     */
    public KubepeersException(
            Status status, String message, boolean retryable, int httpStatus, String manifest) {
        super(message);
        this.status = Objects.requireNonNull(status, "status");
        this.retryable = retryable;
        this.httpStatus = httpStatus;
        this.manifest = manifest;
    }

    /**
     * Returns the kind of the error.
     *
     * @return the status
     */
    public Status status() {
        return status;
    }

    /**
     * Returns whether the same call may succeed later without action by a user or an operator. Pods
     * may start, and an API server may return. A missing Role or a wrong option needs action.
     *
     * @return whether the error is retryable
     */
    public boolean isRetryable() {
        return retryable;
    }

    /**
     * Returns the HTTP status of the API server's response, for example 403, or 0 if there was no
     * response.
     *
     * @return the HTTP status, or 0
     */
    public int httpStatus() {
        return httpStatus;
    }

    /**
     * Returns the Kubernetes manifest (YAML) that fixes the error once it is applied, for example
     * the missing Role. It contains the placeholder THE-USER if the credentials do not name a
     * service account.
     *
     * @return the manifest, or empty if there is none
     */
    public Optional<String> manifest() {
        return Optional.ofNullable(manifest);
    }

    /**
     * Returns the status and the message.
     *
     * @return for example "io.kubepeers.KubepeersException: NOT_SYNCED: the pods have not been
     *     listed"
     */
    @Override
    public String toString() {
        return getClass().getName() + ": " + status + ": " + getMessage();
    }
}
