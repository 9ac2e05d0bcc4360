package io.kubepeers.comparison;

import java.time.Duration;

/** A pod with one member, which it starts again if that fails, with the pauses of Kubernetes. */
final class Pod implements Runnable {
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(10);

    private final Frameworks.Framework framework;
    private final Frameworks.Place place;
    private volatile Frameworks.Member member;
    private volatile int failures;
    private volatile String reason = "";

    Pod(Frameworks.Framework framework, Frameworks.Place place) {
        this.framework = framework;
        this.place = place;
    }

    @Override
    public void run() {
        while (member == null) {
            try {
                member = framework.start(place);
            } catch (Exception e) {
                failures++;
                reason = rootCause(e);
                pause();
            }
        }
    }

    /** Kubernetes restarts at once, and then after 10, 20, 40 s, and so on. */
    private void pause() {
        try {
            if (failures > 1) {
                Thread.sleep(FIRST_PAUSE.toMillis() << (failures - 2));
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String rootCause(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getSimpleName();
    }

    /** Returns the number of members that this one knows, including itself. */
    int size() {
        return member == null ? 0 : member.size();
    }

    @Override
    public String toString() {
        String state = member == null ? "starting" : Integer.toString(size());
        return failures == 0 ? state : state + " after " + failures + " starts failed: " + reason;
    }
}
