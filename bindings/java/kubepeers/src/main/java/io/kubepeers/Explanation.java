package io.kubepeers;

import java.util.List;

/**
 * Every pod that the labels select, with its verdict.
 *
 * <p>The gate is "open", or it says why this pod keeps {@link Provider#discoverPeers()} from
 * returning a result. Newer libraries may add gates. The gates are:
 *
 * <ul>
 *   <li>"open": this pod allows a result; always so for an observer
 *   <li>"self-absent": this pod is not among the listed pods ({@link Status#SELF_NOT_VISIBLE})
 *   <li>"self-not-yet": this pod is not Running yet (see {@link Pending}) or has no address yet
 *       ({@link Status#SELF_NOT_VISIBLE})
 *   <li>"self-excluded": this pod has no discovery port or no address of the option {@code
 *       ipFamily}, has ended, or is malformed ({@link Status#SELF_EXCLUDED})
 *   <li>"self-unselected": this pod exists, but lacks the labels ({@link Status#SELF_EXCLUDED})
 *   <li>"self-unclear": several pods match this process ({@link Status#NO_IDENTITY})
 * </ul>
 *
 * @param namespace the namespace of the pods
 * @param selector the option {@code podLabels} as a label selector
 * @param self a human-readable description of this pod
 * @param gate "open", or why there is no result
 * @param pods the pods, sorted by name
 */
public record Explanation(
        String namespace, String selector, String self, String gate, List<ExplainedPod> pods) {
    /**
     * Creates a record, and copies the list.
     *
     * @param namespace the namespace of the pods
     * @param selector the labels as a label selector
     * @param self a human-readable description of this pod
     * @param gate "open", or why there is no result
     * @param pods the pods, sorted by name
     */
    public Explanation {
        pods = List.copyOf(pods);
    }
}
