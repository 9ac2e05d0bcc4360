package io.kubepeers.internal;

import io.kubepeers.KubepeersException;
import io.kubepeers.Snapshot;
import io.kubepeers.Status;

import java.util.concurrent.Executor;
import java.util.concurrent.Flow;
import java.util.concurrent.atomic.AtomicLong;

/** Reports to a {@link Flow.Subscriber}, only as much as it has requested. */
public final class FlowWatch extends Watch implements Flow.Subscription {
    private final Flow.Subscriber<? super Snapshot> subscriber;
    private final AtomicLong demand = new AtomicLong();
    private volatile IllegalArgumentException invalid;
    private boolean hasReported;

    public FlowWatch(
            Object owner,
            Session session,
            Executor executor,
            Flow.Subscriber<? super Snapshot> subscriber) {
        super(owner, session, executor);
        this.subscriber = subscriber;
    }

    @Override
    public void request(long count) {
        if (count > 0) {
            demand.getAndUpdate(now -> now + count < 0 ? Long.MAX_VALUE : now + count);
        } else {
            invalid =
                    new IllegalArgumentException(
                            "requested " + count + " snapshots: must be positive");
        }
        request();
    }

    @Override
    public void cancel() {
        end();
    }

    @Override
    protected void checkRequests() {
        if (invalid != null) {
            end();
            call(() -> subscriber.onError(invalid));
        }
    }

    // The subscriber does not receive retryable errors, so the last state still applies.
    @Override
    protected boolean repeatsAfterErrors() {
        return false;
    }

    @Override
    protected boolean isReady() {
        return demand.get() > 0;
    }

    @Override
    protected void report(Snapshot snapshot) {
        demand.getAndUpdate(now -> now == Long.MAX_VALUE ? now : now - 1);
        hasReported = true;
        call(() -> subscriber.onNext(snapshot));
    }

    @Override
    protected void report(KubepeersException error, boolean isLast) {
        if (error.isRetryable() && !isLast) {
            return;
        }
        end();
        if (error.status() == Status.CLOSED && hasReported) {
            call(subscriber::onComplete);
        } else {
            call(() -> subscriber.onError(error));
        }
    }

    private void call(Runnable signal) {
        try {
            signal.run();
        } catch (Throwable e) {
            // The specification forbids this.
            end();
            Failures.log(
                    System.Logger.Level.ERROR, "a subscriber has failed; its subscription ends", e);
        }
    }
}
