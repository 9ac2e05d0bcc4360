/*
 * Every export, how often it is called in relation to the others, and the function that calls it.
 * tests/abi/exports compares this table with the library.
 */
#ifndef EXPORTS_H
#define EXPORTS_H

#include "caller.h"

#define EXPORTS(EXPORT) \
    EXPORT(config_new, 20, call_config_new) \
    EXPORT(config_set, 120, call_config_set) \
    EXPORT(config_free, 6, call_config_free) \
    EXPORT(init, 30, call_init) \
    EXPORT(register, 120, call_register) \
    EXPORT(discover_peers, 120, call_discover_peers) \
    EXPORT(get_self, 40, call_get_self) \
    EXPORT(wait, 40, call_wait) \
    EXPORT(wait_for_peers, 30, call_wait_for_peers) \
    EXPORT(refresh, 20, call_refresh) \
    EXPORT(change_fd, 10, call_change_fd) \
    EXPORT(generation, 40, call_generation) \
    EXPORT(copy_addresses, 40, call_copy_addresses) \
    EXPORT(deregister, 20, call_deregister) \
    EXPORT(close, 4, call_close) \
    EXPORT(peers_len, 20, read_list) EXPORT(peers_generation, 20, read_list) \
    EXPORT(peers_address, 20, read_peer) EXPORT(peers_host, 20, read_peer) \
    EXPORT(peers_discovery_port, 20, read_peer) EXPORT(peers_remoting_port, 20, read_peer) \
    EXPORT(peers_peers_port, 20, read_peer) EXPORT(peers_name, 20, read_peer) \
    EXPORT(peers_uid, 20, read_peer) EXPORT(peers_node_name, 20, read_peer) \
    EXPORT(peers_revision, 20, read_peer) EXPORT(peers_is_ready, 20, read_peer) \
    EXPORT(peers_free, 10, call_peers_free) \
    EXPORT(get_health, 40, call_get_health) \
    EXPORT(health_age_ms, 10, read_health) EXPORT(health_is_stale, 10, read_health) \
    EXPORT(health_is_watching, 10, read_health) EXPORT(health_is_polling, 10, read_health) \
    EXPORT(health_error, 10, read_health) EXPORT(health_error_class, 10, read_health) \
    EXPORT(health_free, 10, call_health_free) \
    EXPORT(explain, 40, call_explain) \
    EXPORT(metrics, 40, call_metrics) \
    EXPORT(doctor, 4, call_doctor) \
    EXPORT(text_free, 20, call_text_free) \
    EXPORT(log_next, 20, call_log_next) \
    EXPORT(error_status, 20, read_error) EXPORT(error_message, 20, read_error) \
    EXPORT(error_manifest, 20, read_error) EXPORT(error_is_retryable, 20, read_error) \
    EXPORT(error_http_status, 20, read_error) \
    EXPORT(error_free, 20, call_error_free) \
    EXPORT(status_name, 10, call_status_name) \
    EXPORT(version_number, 5, read_version) EXPORT(version, 5, read_version) \
    EXPORT(id, 5, read_version)

typedef void random_call(struct caller *caller);

#define DECLARE(name, weight, function) random_call function;
EXPORTS(DECLARE)

/* A complete configuration of each kind, for this thread. */
void make_configs(struct caller *caller);
void free_configs(struct caller *caller);
void close_descriptors(struct caller *caller);

#endif
