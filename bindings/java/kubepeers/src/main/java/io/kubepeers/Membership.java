package io.kubepeers;

/** Says whether this process runs in one of the pods. */
public enum Membership {
    /**
     * This process runs in one of the pods. The provider identifies that pod and excludes it from
     * the result. This is the default.
     */
    MEMBER,
    /** This process runs in none of the pods, for example outside Kubernetes. */
    OBSERVER
}
