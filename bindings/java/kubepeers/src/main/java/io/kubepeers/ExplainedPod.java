package io.kubepeers;

import java.util.List;
import java.util.Optional;

/**
 * A pod with its verdict.
 *
 * <p>Newer libraries may add verdicts. The documentation of kubepeers_explain in kubepeers.h says
 * which verdict a pod has if several apply. The verdicts are:
 *
 * <ul>
 *   <li>"peer": a peer
 *   <li>"self": this pod
 *   <li>"not-running": it is not Running; see {@link Pending}
 *   <li>"terminating": it is being deleted
 *   <li>"no-ip": it has no address yet
 *   <li>"no-ip-of-family": it has no address of the option {@code ipFamily}
 *   <li>"no-discovery-port": it has no port named {@code discoveryPortName}, and {@code
 *       defaultDiscoveryPort} is not set
 *   <li>"not-ready": it is not Ready; only with {@link Readiness#READY}
 *   <li>"address-taken": its address and port are those of this pod, or of a pod that started later
 *   <li>"malformed": the API server sent a field that Kubernetes does not allow
 * </ul>
 *
 * @param name the name of the pod
 * @param verdict whether the pod is a peer, or why it is not one
 * @param address the address of a peer, as in {@link Snapshot#addresses()}. Empty unless the
 *     verdict is "peer".
 * @param ips all addresses of the pod
 * @param phase the phase of the pod, for example "Running"
 * @param ready whether the pod is Ready
 * @param terminating whether the pod is being deleted
 * @param nodeName the name of the Kubernetes node that the pod runs on
 * @param uid the uid of the pod
 * @param revision as {@link Node#revision()}
 * @param started the start time of the pod (RFC 3339, for example "2026-11-30T10:05:00Z"), or its
 *     creation time if it has not started. "" if the API server sent neither.
 * @param ports the named ports of the pod
 */
public record ExplainedPod(
        String name,
        String verdict,
        Optional<String> address,
        List<String> ips,
        String phase,
        boolean ready,
        boolean terminating,
        String nodeName,
        String uid,
        String revision,
        String started,
        List<NamedPort> ports) {
    /**
     * Creates a record, and copies the lists.
     *
     * @param name the name of the pod
     * @param verdict whether the pod is a peer, or why it is not one
     * @param address the address of a peer
     * @param ips all addresses of the pod
     * @param phase the phase of the pod
     * @param ready whether the pod is Ready
     * @param terminating whether the pod is being deleted
     * @param nodeName the name of the Kubernetes node
     * @param uid the uid of the pod
     * @param revision the revision of the pod's template
     * @param started the start time of the pod
     * @param ports the named ports of the pod
     */
    public ExplainedPod {
        ips = List.copyOf(ips);
        ports = List.copyOf(ports);
    }
}
