package io.kubepeers.internal;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The thread that waits for the change descriptors of all providers.
 *
 * <p>Apart from the thread of an examination, it is the only thread that waits in C, because a
 * virtual thread that does so keeps its carrier, and no thread that does so can be interrupted. The
 * thread ends when it has had nothing to wait for during ten seconds, so that it does not keep a
 * class loader alive.
 */
final class Poller {
    private static final int IDLE_MS = 10_000;

    private static final int EFD_NONBLOCK = 0x800;
    private static final int EFD_CLOEXEC = 0x80000;
    private static final short POLLIN = 1;

    /** The size of struct pollfd: an int and two shorts. */
    private static final int POLLFD = 8;

    private static Poller instance;

    private final Library library;
    private final ReentrantLock lock = new ReentrantLock();

    /** The notifiers by descriptor. A descriptor that has ended has none. Guarded by the lock. */
    private final Map<Integer, ChangeNotifier> notifiers = new HashMap<>();

    /** Descriptors to close. Only the thread closes them, because it may be polling them. */
    private final List<Integer> removed = new ArrayList<>();

    /** Calls of poll that failed, one after the other. Only the thread uses it. */
    private int failures;

    private volatile Thread thread;
    private int wakeup = -1;

    private Poller(Library library) {
        this.library = library;
    }

    static synchronized Poller get(Library library) {
        if (instance == null) {
            instance = new Poller(library);
        }
        return instance;
    }

    /**
     * Waits for a descriptor from now on. Returns false if there are no descriptors or threads
     * left.
     */
    boolean add(int fd, ChangeNotifier notifier) {
        lock.lock();
        try {
            if (thread == null && !start()) {
                return false;
            }
            notifiers.put(fd, notifier);
            wake();
            return true;
        } finally {
            lock.unlock();
        }
    }

    private boolean start() {
        wakeup = (int) library.call(CFunction.EVENTFD, 0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (wakeup < 0) {
            return false;
        }
        try {
            Thread started = new Thread(null, this::run, "kubepeers-poller", 0, false);
            started.setDaemon(true);
            started.setContextClassLoader(null);
            started.start();
            thread = started;
            return true;
        } catch (OutOfMemoryError e) { // There are no threads left.
            library.call(CFunction.CLOSE, wakeup);
            return false;
        }
    }

    /** Returns whether a thread is the one that waits for the descriptors. */
    boolean isThread(Thread candidate) {
        return candidate == thread;
    }

    /** Closes a descriptor, and no longer waits for it. */
    void remove(int fd) {
        lock.lock();
        try {
            notifiers.remove(fd);
            if (thread == null) {
                library.call(CFunction.CLOSE, fd);
            } else {
                removed.add(fd);
                wake();
            }
        } finally {
            lock.unlock();
        }
    }

    private void wake() {
        long one = library.allocate(Long.BYTES);
        try {
            library.write(one, new byte[] {1, 1, 1, 1, 1, 1, 1, 1});
            library.call(CFunction.WRITE, wakeup, one, Long.BYTES);
        } finally {
            library.free(one);
        }
    }

    private void run() {
        while (true) {
            try {
                if (!poll()) {
                    return;
                }
            } catch (Throwable e) {
                // For example an OutOfMemoryError. Without this thread, no wait would ever end.
                Failures.log(
                        System.Logger.Level.ERROR,
                        "the thread that waits for changes has failed; it continues",
                        e);
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            // No caller interrupts this thread.
        }
    }

    /** Waits once. Returns false if the thread must end. */
    private boolean poll() {
        int[] fds = descriptors();
        if (fds == null) {
            return false;
        }
        byte[] readable = new byte[fds.length * POLLFD];
        ByteBuffer entries = ByteBuffer.wrap(readable).order(ByteOrder.nativeOrder());
        for (int fd : fds) {
            entries.putInt(fd).putShort(POLLIN).putShort((short) 0);
        }
        long memory = library.allocate(readable.length);
        long count;
        try {
            library.write(memory, readable);
            int timeout = fds.length == 1 ? IDLE_MS : -1;
            count = library.call(CFunction.POLL, memory, fds.length, timeout);
            entries =
                    ByteBuffer.wrap(library.bytes(memory, readable.length))
                            .order(ByteOrder.nativeOrder());
        } finally {
            library.free(memory);
        }
        if (count < 0) {
            failures++;
            if (failures > 3) {
                pause(); // ENOMEM. EINTR rarely repeats at once.
            }
            return true;
        }
        failures = 0;
        if (count == 0) {
            return !endIfIdle();
        }
        for (int i = 0; i < fds.length; i++) {
            if (entries.getShort(i * POLLFD + 6) != 0) {
                handle(fds[i]);
            }
        }
        return true;
    }

    /** Returns the descriptors to poll, of which the first is the one that wakes the thread. */
    private int[] descriptors() {
        lock.lock();
        try {
            while (!removed.isEmpty()) {
                // If the call fails, a lost descriptor is better than closing its number twice.
                int fd = removed.remove(removed.size() - 1);
                library.call(CFunction.CLOSE, fd);
            }
            int[] fds = new int[notifiers.size() + 1];
            fds[0] = wakeup;
            int i = 1;
            for (int fd : notifiers.keySet()) {
                fds[i++] = fd;
            }
            return fds;
        } finally {
            lock.unlock();
        }
    }

    private boolean endIfIdle() {
        lock.lock();
        try {
            if (!notifiers.isEmpty() || !removed.isEmpty()) {
                return false;
            }
            library.call(CFunction.CLOSE, wakeup);
            thread = null;
            return true;
        } finally {
            lock.unlock();
        }
    }

    private void handle(int fd) {
        boolean open = clear(fd);
        ChangeNotifier notifier;
        lock.lock();
        try {
            // The descriptor of a closed provider stays readable.
            notifier = open ? notifiers.get(fd) : notifiers.remove(fd);
        } finally {
            lock.unlock();
        }
        // It is null for the descriptor that wakes the thread.
        if (notifier != null) {
            notifier.notifyChange();
        }
    }

    /** Makes the descriptor unreadable until the next change. Returns false if it is at its end. */
    private boolean clear(int fd) {
        int size = 512;
        long buffer = library.allocate(size);
        try {
            long count;
            do {
                count = library.call(CFunction.READ, fd, buffer, size);
            } while (count == size);
            return count != 0;
        } finally {
            library.free(buffer);
        }
    }
}
