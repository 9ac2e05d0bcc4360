package io.kubepeers;

/** Says whether Pending pods can be peers. */
public enum Pending {
    /** Peers and this pod must be Running. This is the default. */
    EXCLUDE,
    /**
     * Peers and this pod may also be Pending, if they have an address. This is for native sidecars,
     * whose pod is Pending until its main containers start.
     */
    INCLUDE
}
