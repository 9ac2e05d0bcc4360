package io.kubepeers.internal;

import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Runs a task in an executor, in one thread at a time. The task runs at least once after each
 * request.
 */
final class SerialTask {
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
     * Requests a run. Returns false if the executor rejects the task. Does not throw, because the
     * caller has other tasks to request.
     */
    boolean request() {
        return state.getAndUpdate(now -> now == IDLE ? BUSY : AGAIN) != IDLE || execute();
    }

    private boolean execute() {
        try {
            executor.execute(this::run);
            return true;
        } catch (Throwable e) { // An executor without threads throws an OutOfMemoryError.
            state.set(IDLE);
            Failures.log(
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
        } catch (Throwable e) {
            // If the executor runs tasks in the calling thread, that thread must continue.
            Failures.log(System.Logger.Level.ERROR, "a notification has failed", e);
        } finally {
            if (!state.compareAndSet(BUSY, IDLE)) {
                execute();
            }
        }
    }
}
