package io.kubepeers.internal;

import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs a task in an executor, in one thread at a time. The task runs at least once after each
 * request.
 */
final class SerialTask {
    private static final System.Logger LOGGER = System.getLogger("io.kubepeers");

    /** The states: no run is due, a run is due or in progress, and another run is due after it. */
    private static final int IDLE = 0;

    private static final int BUSY = 1;
    private static final int AGAIN = 2;

    private final Executor executor;
    private final Runnable task;
    private final AtomicInteger state = new AtomicInteger(IDLE);

    SerialTask(Executor executor, Runnable task) {
        this.executor = executor;
        this.task = task;
    }

    /**
     * Requests a run. Neither blocks nor throws. Returns false if the executor rejects the task.
     */
    boolean request() {
        return state.getAndUpdate(now -> now == IDLE ? BUSY : AGAIN) != IDLE || execute();
    }

    private boolean execute() {
        try {
            executor.execute(this::run);
            return true;
        } catch (RejectedExecutionException e) {
            state.set(IDLE);
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "the executor has rejected a notification; check that it is not shut down",
                    e);
            return false;
        }
    }

    private void run() {
        state.set(BUSY);
        try {
            task.run();
        } finally {
            if (!state.compareAndSet(BUSY, IDLE)) {
                execute();
            }
        }
    }
}
