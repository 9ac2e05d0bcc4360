package io.kubepeers;

/**
 * The record of a peer or of this pod.
 *
 * @param name the name of the pod
 * @param uid the uid of the pod. Unlike a name, it is never reused.
 * @param host the IP address of the pod, without brackets
 * @param discoveryPort the port named by the option {@code discoveryPortName}. If the pod has none:
 *     {@code defaultDiscoveryPort}.
 * @param remotingPort the port named by the option {@code remotingPortName}. If the pod has none:
 *     {@code defaultRemotingPort}, or 0 without a default.
 * @param peersPort the port named by the option {@code peersPortName}. If the pod has none: {@code
 *     defaultPeersPort}, or 0 without a default.
 * @param ready whether the pod is Ready
 * @param nodeName the name of the Kubernetes node that the pod runs on
 * @param revision the revision of the pod's template: the value of the label
 *     controller-revision-hash (StatefulSet, DaemonSet) or pod-template-hash (Deployment), or "" if
 *     the pod has neither
 */
public record Node(
        String name,
        String uid,
        String host,
        int discoveryPort,
        int remotingPort,
        int peersPort,
        boolean ready,
        String nodeName,
        String revision) {
    /**
     * Returns the address of the pod, as in {@link Snapshot#addresses()}.
     *
     * @return the address as "ip:port" or "[ip]:port"
     */
    public String address() {
        return (host.contains(":") ? "[" + host + "]" : host) + ":" + discoveryPort;
    }
}
