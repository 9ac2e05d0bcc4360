package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.Status;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Wakes all waiters of a provider whenever a call may have a new outcome. It has a descriptor only
 * while there are waiters.
 */
final class ChangeNotifier {
    private final Session session;
    private final Poller poller;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
    private int waiters;
    private int fd;
    private long changes;
    private boolean closed;

    ChangeNotifier(Session session, Poller poller) {
        this.session = session;
        this.poller = poller;
    }

    /** Adds a waiter. If it succeeds, the caller must call {@link #leave}. */
    void enter() {
        lock.lock();
        try {
            // After close, the library throws the error.
            if (waiters == 0 || closed) {
                int opened = session.changeDescriptor();
                if (!poller.add(opened, this)) {
                    session.library().call(CFunction.CLOSE, opened);
                    throw new KubepeersException(
                            Status.NO_RESOURCES,
                            "cannot wait for changes: there are no descriptors or threads left");
                }
                fd = opened;
            }
            waiters++;
        } finally {
            lock.unlock();
        }
    }

    /** Removes a waiter. */
    void leave() {
        lock.lock();
        try {
            waiters--;
            if (waiters == 0 && !closed) {
                poller.remove(fd);
            }
        } finally {
            lock.unlock();
        }
    }

    /** Adds a waiter that is called at every change. It must not block. */
    void enter(Runnable listener) {
        lock.lock();
        try {
            enter();
            listeners.add(listener);
        } finally {
            lock.unlock();
        }
    }

    /** Removes a listener, unless it has been removed. */
    void leave(Runnable listener) {
        if (listeners.remove(listener)) {
            leave();
        }
    }

    /**
     * Wakes all waiters for the last time, after the provider has been closed. Frees the descriptor
     * even if there are listeners whose executor runs nothing more, and which therefore never
     * leave.
     */
    void close() {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            if (waiters > 0) {
                poller.remove(fd);
            }
        } finally {
            lock.unlock();
        }
        notifyChange();
        listeners.clear();
    }

    /** Returns whether waiting in this thread would keep all waiters from being woken. */
    boolean isWaker(Thread current) {
        return poller.isThread(current);
    }

    /**
     * Returns the number of changes so far. A waiter must call this before it calls the library.
     * Otherwise it would miss a change between the two calls.
     */
    long changes() {
        lock.lock();
        try {
            return changes;
        } finally {
            lock.unlock();
        }
    }

    /** Waits until there are more changes than {@code seen}, or the time has passed. */
    void await(long seen, long nanos) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            long left = nanos;
            while (changes == seen && left > 0) {
                left = changed.awaitNanos(left);
            }
        } finally {
            lock.unlock();
        }
    }

    void notifyChange() {
        lock.lock();
        try {
            changes++;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        listeners.forEach(Runnable::run);
    }
}
