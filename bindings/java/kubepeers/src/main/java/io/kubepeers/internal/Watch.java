package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.Snapshot;
import io.kubepeers.Status;

import java.util.concurrent.Executor;

/**
 * Reports the newest state to a subscriber whenever it has changed. The methods of the subscriber
 * run in an executor, in one thread at a time.
 */
public abstract class Watch {
    /** The provider, until the end. The change notifier refers to this watch until then. */
    @SuppressWarnings("unused")
    private Object owner;

    private final Session session;
    private final SerialTask task;
    private final Runnable listener;

    /** The generation of the last reported snapshot, or 0 to report any. */
    private long generation;

    /** Null after a snapshot. */
    private KubepeersException lastError;

    /** The error that prevented the start, or null. */
    private volatile KubepeersException startError;

    /** Whether the subscriber has the watch, and may be called. */
    private volatile boolean started;

    private volatile boolean ended;

    /**
     * Creates a watch that has not started.
     *
     * @param owner an object that is not collected while the watch has not ended
     */
    protected Watch(Object owner, Session session, Executor executor) {
        this.owner = owner;
        this.session = session;
        this.task = new SerialTask(executor, this::run);
        this.listener = task::request;
    }

    /** Starts to report. */
    public final void start() {
        try {
            session.changes().enter(listener);
        } catch (KubepeersException e) {
            startError = e;
        }
        if (ended) {
            // It ended before it was a listener.
            session.changes().leave(listener);
        }
        started = true;
        task.request();
    }

    /** Reports nothing more. A method of the subscriber that is running continues. */
    public final void end() {
        ended = true;
        owner = null;
        session.changes().leave(listener);
    }

    /** Requests another attempt to report. */
    protected final void request() {
        task.request();
    }

    /** Ends the watch if the subscriber has made an invalid request. */
    protected abstract void checkRequests();

    /** Returns whether the last state is reported again when an error has passed. */
    protected abstract boolean repeatsAfterErrors();

    /** Returns whether the subscriber wants a snapshot now. */
    protected abstract boolean isReady();

    /** Reports a snapshot. */
    protected abstract void report(Snapshot snapshot);

    /**
     * Reports an error, once for each status.
     *
     * @param isLast whether the watch has ended
     */
    protected abstract void report(KubepeersException error, boolean isLast);

    private void run() {
        while (started && !ended) {
            checkRequests();
            if (ended) {
                return;
            }
            try {
                if (startError != null) {
                    throw startError;
                }
                Snapshot snapshot = session.newerThan(generation);
                if (ended || !isReady()) {
                    return;
                }
                generation = snapshot.generation();
                lastError = null;
                report(snapshot);
            } catch (KubepeersException e) {
                handle(e);
                return;
            }
        }
    }

    private void handle(KubepeersException error) {
        if (ended || error.status() == Status.TIMEOUT) {
            return; // After TIMEOUT, the last snapshot is still the newest.
        }
        boolean isLast = Waiting.isTerminal(error);
        if (isLast) {
            end();
        }
        // A program may react differently than to the last one.
        if (lastError == null
                || lastError.status() != error.status()
                || lastError.isRetryable() != error.isRetryable()) {
            generation = repeatsAfterErrors() ? 0 : generation;
            lastError = error;
            report(error, isLast);
        }
    }
}
