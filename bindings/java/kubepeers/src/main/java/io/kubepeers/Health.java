package io.kubepeers;

import java.time.Duration;
import java.util.Optional;

/**
 * How reliable the results of a provider are at one moment.
 *
 * @param synced whether the pods have been listed since {@link Provider#register()}. It is also
 *     true while {@link Provider#discoverPeers()} fails because of this pod.
 * @param age the time since the result was last confirmed by a list, an event, a bookmark or a new
 *     watch. Bookmarks come about once a minute, and a watch that is silent for 90 s is opened
 *     again, so a quiet cluster does not look old. Before the first list it is {@link #NEVER}, so
 *     that any limit compares as exceeded.
 * @param stale whether {@code age} exceeds the option {@code maxStale}, or the pods have not been
 *     listed yet. Without {@code maxStale} the limit is 120 s, or the time of three polls if the
 *     pods are polled and that is longer.
 * @param watching whether a watch is open. It is false for a moment between two watches.
 * @param polling whether the pods are polled, because of {@link WatchMode#POLL} or because the
 *     service account may not watch the pods. In the latter case {@code error} explains why.
 * @param error the last error since the last confirmation, or the error that causes the pods to be
 *     polled. Its status is {@link Status#UNAVAILABLE}, or one that {@link Provider#register()}
 *     throws. Polling because of {@link WatchMode#POLL} is no error.
 * @param errorClass the class of {@code error}, or "" if there is none. The metrics use the same
 *     words: "unreachable", "no-such-host", "timed-out", "tls", "unauthorized", "forbidden",
 *     "gone", "not-supported", "refused", "incomplete", "malformed", "credentials", "resources".
 *     Newer libraries may add values. kubepeers_health_error_class in the C header kubepeers.h
 *     explains them.
 */
public record Health(
        boolean synced,
        Duration age,
        boolean stale,
        boolean watching,
        boolean polling,
        Optional<KubepeersException> error,
        String errorClass) {
    /** The age before the first list: 292 years. */
    public static final Duration NEVER = Duration.ofNanos(Long.MAX_VALUE);
}
