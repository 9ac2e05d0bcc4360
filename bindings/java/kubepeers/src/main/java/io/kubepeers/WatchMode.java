package io.kubepeers;

/** Says how the provider finds changes of the pods. */
public enum WatchMode {
    /**
     * The provider watches the pods. It polls them if the service account may list but not watch
     * them. This is the default.
     */
    AUTO,
    /** The provider always polls. */
    POLL
}
