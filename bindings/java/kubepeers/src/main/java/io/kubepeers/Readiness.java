package io.kubepeers;

/** Says whether peers must be Ready. */
public enum Readiness {
    /** A peer need not be Ready, because on a cold start no pod is Ready. This is the default. */
    IGNORE,
    /**
     * Only Ready pods are peers. This is for clients of a cluster, not for its members: two members
     * could both believe that they are alone.
     */
    READY
}
