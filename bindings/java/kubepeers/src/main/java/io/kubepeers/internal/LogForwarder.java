package io.kubepeers.internal;

import io.kubepeers.KubepeersException;

import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Forwards the log records of one session to a logger, from the first registration on.
 *
 * <p>An executor calls the logger, because a slow logger must not delay the thread that waits for
 * changes, and the thread that closes the provider may hold a lock that the logger needs.
 */
final class LogForwarder {
    /** The library keeps at most this many records. */
    private static final int MAX_SAVED = 256;

    /** Seconds for which closing waits for a logger that has not finished. */
    private static final int CLOSE_TIMEOUT_S = 1;

    private final Session session;
    private final System.Logger logger;
    private final SerialTask task;
    private final Runnable listener;
    private final ReentrantLock lock = new ReentrantLock();

    /** Records that were fetched when the provider was closed. Guarded by the lock. */
    private final Queue<Session.LogRecord> saved = new ArrayDeque<>();

    private final CountDownLatch ended = new CountDownLatch(1);
    private boolean started;
    private volatile boolean closing;

    LogForwarder(Session session, System.Logger logger, Executor executor) {
        this.session = session;
        this.logger = logger;
        this.task = new SerialTask(executor, this::forward);
        this.listener = task::request;
    }

    /** Starts to forward, unless it has started. */
    void start() {
        lock.lock();
        try {
            if (!started) {
                session.changes().enter(listener);
                started = true;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Fetches the remaining records, because closing the provider drops them. */
    void save() {
        lock.lock();
        try {
            while (saved.size() < MAX_SAVED) {
                Session.LogRecord record = session.nextLogRecord();
                if (record == null) {
                    return;
                }
                saved.add(record);
            }
        } catch (KubepeersException e) {
            // The provider is closed.
        } finally {
            lock.unlock();
        }
    }

    /** Ends, and waits until the logger has handled the saved records, but not for long. */
    void end() {
        session.changes().leave(listener);
        if (closing) {
            return;
        }
        closing = true;
        if (!task.request()) {
            return;
        }
        try {
            ended.await(CLOSE_TIMEOUT_S, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void forward() {
        boolean isLast = closing;
        for (Session.LogRecord record = next(); record != null; record = next()) {
            handle(record);
        }
        if (isLast) {
            ended.countDown();
        }
    }

    private Session.LogRecord next() {
        lock.lock();
        try {
            return saved.isEmpty() ? session.nextLogRecord() : saved.remove();
        } catch (KubepeersException e) {
            return null; // The provider is closed.
        } finally {
            lock.unlock();
        }
    }

    private void handle(Session.LogRecord record) {
        System.Logger.Level level =
                switch (record.level()) {
                    case 1 -> System.Logger.Level.ERROR;
                    case 2 -> System.Logger.Level.WARNING;
                    case 3 -> System.Logger.Level.INFO;
                    default -> System.Logger.Level.DEBUG;
                };
        try {
            // With a parameter list, the message would be a format.
            logger.log(level, record.message());
        } catch (Throwable e) {
            // The logger failed. There is no caller to report it to.
        }
    }
}
