package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.Snapshot;

import java.util.concurrent.Executor;
import java.util.function.Consumer;

/** Reports to two functions. */
public final class ListenerWatch extends Watch {
    private final Consumer<? super Snapshot> onPeers;
    private final Consumer<? super KubepeersException> onError;

    public ListenerWatch(
            Object owner,
            Session session,
            Executor executor,
            Consumer<? super Snapshot> onPeers,
            Consumer<? super KubepeersException> onError) {
        super(owner, session, executor);
        this.onPeers = onPeers;
        this.onError = onError;
    }

    @Override
    protected void checkRequests() {
        // Functions request everything.
    }

    @Override
    protected boolean repeatsAfterErrors() {
        return true;
    }

    @Override
    protected boolean isReady() {
        return true;
    }

    @Override
    protected void report(Snapshot snapshot) {
        call(onPeers, snapshot);
    }

    @Override
    protected void report(KubepeersException error, boolean isLast) {
        call(onError, error);
    }

    private static <T> void call(Consumer<? super T> consumer, T value) {
        try {
            consumer.accept(value);
        } catch (Throwable e) { // Other languages of the JVM throw checked exceptions, too.
            Failures.log(
                    System.Logger.Level.ERROR, "a subscriber has failed; it remains subscribed", e);
        }
    }
}
