package io.kubepeers.internal;

/**
 * The C functions that this package calls.
 *
 * <p>A signature is the type of the result, followed by the types of the parameters: {@code V} is
 * void, {@code C} is uint16_t, {@code I} is a 32-bit integer, and {@code J} is a 64-bit integer or
 * a pointer. On all supported systems, size_t has 64 bits.
 */
public enum CFunction {
    MALLOC("malloc", "JJ"),
    FREE("free", "VJ"),
    STRLEN("strlen", "JJ"),
    POLL("poll", "IJJI"),
    READ("read", "JIJJ"),
    WRITE("write", "JIJJ"),
    CLOSE("close", "II"),
    EVENTFD("eventfd", "III"),
    MEMFD_CREATE("memfd_create", "IJI"),
    DLOPEN("dlopen", "JJI"),
    DLERROR("dlerror", "J"),

    CONFIG_NEW("kubepeers_config_new", "J"),
    CONFIG_SET("kubepeers_config_set", "IJJJJ"),
    CONFIG_FREE("kubepeers_config_free", "VJ"),
    INIT("kubepeers_init", "IJJJ"),
    REGISTER("kubepeers_register", "IJIJ"),
    DISCOVER_PEERS("kubepeers_discover_peers", "IJIJJ"),
    GET_SELF("kubepeers_get_self", "IJIJJ"),
    WAIT_FOR_PEERS("kubepeers_wait_for_peers", "IJJIIJJ"),
    REFRESH("kubepeers_refresh", "IJJIJ"),
    CHANGE_FD("kubepeers_change_fd", "IJJJ"),
    GENERATION("kubepeers_generation", "JJ"),
    COPY_ADDRESSES("kubepeers_copy_addresses", "IJJIJJJJJ"),
    DEREGISTER("kubepeers_deregister", "IJJ"),
    PROVIDER_CLOSE("kubepeers_close", "IJJ"),

    PEERS_LEN("kubepeers_peers_len", "JJ"),
    PEERS_GENERATION("kubepeers_peers_generation", "JJ"),
    PEERS_ADDRESS("kubepeers_peers_address", "JJJ"),
    PEERS_HOST("kubepeers_peers_host", "JJJ"),
    PEERS_DISCOVERY_PORT("kubepeers_peers_discovery_port", "CJJ"),
    PEERS_REMOTING_PORT("kubepeers_peers_remoting_port", "CJJ"),
    PEERS_PEERS_PORT("kubepeers_peers_peers_port", "CJJ"),
    PEERS_NAME("kubepeers_peers_name", "JJJ"),
    PEERS_UID("kubepeers_peers_uid", "JJJ"),
    PEERS_NODE_NAME("kubepeers_peers_node_name", "JJJ"),
    PEERS_REVISION("kubepeers_peers_revision", "JJJ"),
    PEERS_IS_READY("kubepeers_peers_is_ready", "IJJ"),
    PEERS_FREE("kubepeers_peers_free", "VJ"),

    GET_HEALTH("kubepeers_get_health", "IJJJ"),
    HEALTH_AGE_MS("kubepeers_health_age_ms", "JJ"),
    HEALTH_IS_STALE("kubepeers_health_is_stale", "IJ"),
    HEALTH_IS_WATCHING("kubepeers_health_is_watching", "IJ"),
    HEALTH_IS_POLLING("kubepeers_health_is_polling", "IJ"),
    HEALTH_ERROR("kubepeers_health_error", "JJ"),
    HEALTH_ERROR_CLASS("kubepeers_health_error_class", "JJ"),
    HEALTH_FREE("kubepeers_health_free", "VJ"),

    EXPLAIN("kubepeers_explain", "IJIJJ"),
    METRICS("kubepeers_metrics", "IJJJ"),
    DOCTOR("kubepeers_doctor", "IJIIJJJ"),
    LOG_NEXT("kubepeers_log_next", "IJJJJJ"),
    TEXT_FREE("kubepeers_text_free", "VJ"),

    ERROR_STATUS("kubepeers_error_status", "IJ"),
    ERROR_MESSAGE("kubepeers_error_message", "JJ"),
    ERROR_MANIFEST("kubepeers_error_manifest", "JJ"),
    ERROR_IS_RETRYABLE("kubepeers_error_is_retryable", "IJ"),
    ERROR_HTTP_STATUS("kubepeers_error_http_status", "IJ"),
    ERROR_FREE("kubepeers_error_free", "VJ"),
    VERSION_NUMBER("kubepeers_version_number", "I"),
    VERSION("kubepeers_version", "J");

    private final String symbol;
    private final String signature;

    CFunction(String symbol, String signature) {
        this.symbol = symbol;
        this.signature = signature;
    }

    public String symbol() {
        return symbol;
    }

    public char result() {
        return signature.charAt(0);
    }

    public String parameters() {
        return signature.substring(1);
    }

    /** Returns whether the function belongs to libkubepeers, and not to the C library. */
    public boolean isKubepeers() {
        return symbol.startsWith("kubepeers_");
    }
}
