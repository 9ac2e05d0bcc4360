package io.kubepeers;

/**
 * The kind of a {@link KubepeersException}. The names and numbers are the same in all languages.
 */
public enum Status {
    /** The call succeeded. No exception has this status. */
    OK(0),
    /** An argument of a call into the library is invalid. This package checks arguments itself. */
    INVALID_ARGUMENT(-1),
    /** An option is not valid UTF-8: it contains a lone surrogate. */
    INVALID_UTF8(-2),
    /** There is no such option. */
    UNKNOWN_KEY(-3),
    /** An option is missing or invalid. */
    INVALID_CONFIG(-4),
    /** The library does not know the provider. */
    INVALID_HANDLE(-5),
    /** The provider is closed, or was closed during the call. */
    CLOSED(-6),
    /** This process has closed the library's descriptors. */
    FORKED(-7),
    /** Only in C: the provider is already open. */
    ALREADY_INITIALIZED(-8),
    /** Only in C: the provider is 0. */
    NOT_INITIALIZED(-9),
    /** The provider is already registered. */
    ALREADY_REGISTERED(-10),
    /** The provider is not registered, or was deregistered during the call. */
    NOT_REGISTERED(-11),
    /** The pods have not been listed yet. Usually retryable. */
    NOT_SYNCED(-12),
    /**
     * This pod is not among the listed pods yet, is not Running yet (see {@link Pending}), or has
     * no address yet. Retryable.
     */
    SELF_NOT_VISIBLE(-13),
    /**
     * This pod cannot be a peer. It lacks the labels, the discovery port or an address of the
     * option {@code ipFamily}, has ended, or has a field that Kubernetes does not allow.
     */
    SELF_EXCLUDED(-14),
    /**
     * The timeout of {@link Provider#awaitNewer awaitNewer} or {@link Provider#awaitPeers
     * awaitPeers} expired. There is no newer result, or there are too few peers, or they are not
     * stable yet. Usually retryable.
     */
    TIMEOUT(-15),
    /**
     * There is no API server to contact: the process is not in a cluster, and the option {@code
     * kubeconfig} is not set.
     */
    NOT_IN_CLUSTER(-16),
    /** The token, CA, namespace or kubeconfig is missing or unusable. */
    NO_CREDENTIALS(-17),
    /**
     * The pod that this process runs in cannot be identified, several pods match this process, or
     * an observer has called {@link Provider#self() self}.
     */
    NO_IDENTITY(-18),
    /** The API server's certificate is not trusted, or TLS failed. */
    TLS(-19),
    /** The API server rejects the credentials (401). */
    UNAUTHORIZED(-20),
    /** The service account may not list or watch pods (403). */
    FORBIDDEN(-21),
    /** There are no file descriptors, threads or providers left. Retryable. */
    NO_RESOURCES(-22),
    /**
     * The API server is unreachable, does not answer or reports a failure. Only {@link
     * Health#error()} has this status.
     */
    UNAVAILABLE(-23),
    /**
     * The result is older than the option {@code maxStale}, or older than the call of {@link
     * Provider#refresh() refresh}, and no new list has arrived in time. Usually retryable.
     */
    STALE(-24),
    /** The library has failed. The process is not harmed. Close or deregister the provider. */
    INTERNAL(-99);

    private final int number;

    Status(int number) {
        this.number = number;
    }

    /**
     * Returns the number of the status in C.
     *
     * @return 0 or a negative number
     */
    public int number() {
        return number;
    }

    /**
     * Returns the status with a number, or {@link #INTERNAL} for a number that only a newer library
     * has.
     *
     * @param number the number of the status in C
     * @return the status
     */
    public static Status of(int number) {
        for (Status status : values()) {
            if (status.number == number) {
                return status;
            }
        }
        return INTERNAL;
    }

    /** Returns whether the errors of this status are usually retryable. */
    boolean isUsuallyRetryable() {
        return switch (this) {
            case NO_RESOURCES, NOT_SYNCED, SELF_NOT_VISIBLE, STALE, TIMEOUT, UNAVAILABLE -> true;
            default -> false;
        };
    }
}
