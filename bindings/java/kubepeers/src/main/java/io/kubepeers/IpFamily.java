package io.kubepeers;

/** Selects among the addresses of a pod. */
public enum IpFamily {
    /** The primary address of the pod, status.podIP. This is the default. */
    PRIMARY,
    /** The first IPv4 address of the pod. */
    IPV4,
    /** The first IPv6 address of the pod. */
    IPV6
}
