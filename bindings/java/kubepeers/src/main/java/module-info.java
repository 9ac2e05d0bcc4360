/** Finds the peers of a process in Kubernetes, and reports how reliable the answer is. */
module io.kubepeers {
    requires static com.sun.jna;

    exports io.kubepeers;
}
