package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.Status;

import java.util.function.Supplier;

/** Waits for the outcome of calls that do not wait themselves. */
public final class Waiting {
    private Waiting() {}

    /**
     * Calls {@code attempt} at every change until it succeeds, and returns its result. A transient
     * error does not end the wait, even if it is not retryable, because an operator may fix the
     * cause.
     *
     * @param nanos the time after which the last error is thrown
     * @throws IllegalStateException if the call must wait in the thread that would wake it
     */
    public static <T> T until(Session session, Supplier<T> attempt, long nanos)
            throws InterruptedException {
        long begin = System.nanoTime();
        try {
            return attempt.get();
        } catch (KubepeersException e) {
            if (nanos == 0 || !isTransient(e)) {
                throw e;
            }
        }
        ChangeNotifier changes = session.changes();
        if (changes.isWaker(Thread.currentThread())) {
            throw new IllegalStateException(
                    "cannot wait in the thread that waits for changes: the executor of the provider"
                            + " runs tasks in the calling thread; use an executor with threads of"
                            + " its own");
        }
        changes.enter();
        try {
            while (true) {
                long seen = changes.changes();
                long left = nanos - (System.nanoTime() - begin);
                try {
                    return attempt.get();
                } catch (KubepeersException e) {
                    if (left <= 0 || !isTransient(e)) {
                        throw e;
                    }
                }
                changes.await(seen, left);
            }
        } finally {
            changes.leave();
        }
    }

    /**
     * Returns whether the library's own blocking call would keep waiting. An error can be transient
     * without being retryable, such as NOT_SYNCED because of a missing Role.
     */
    static boolean isTransient(KubepeersException e) {
        return switch (e.status()) {
            case NOT_SYNCED, SELF_NOT_VISIBLE, STALE, TIMEOUT -> true;
            default -> false;
        };
    }

    /**
     * Returns whether a subscription ends. An operator can still fix the causes of all other
     * errors.
     */
    static boolean isTerminal(KubepeersException e) {
        return !isTransient(e)
                && e.status() != Status.SELF_EXCLUDED
                && e.status() != Status.NO_IDENTITY;
    }
}
