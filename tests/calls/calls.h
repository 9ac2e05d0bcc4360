/* One random call of each export. */
#ifndef CALLS_H
#define CALLS_H

#include "caller.h"

typedef void random_call(struct caller *caller);

random_call call_config_new, call_config_set, call_config_free;
random_call call_init, call_register, call_discover_peers, call_get_self, call_generation, call_wait, call_wait_for_peers, call_refresh,
    call_deregister, call_close;
random_call call_copy_addresses, call_change_fd, call_log_next;
random_call call_peers_len, call_peers_generation, call_peers_address, call_peers_host, call_peers_discovery_port,
    call_peers_remoting_port, call_peers_peers_port, call_peers_name, call_peers_uid, call_peers_node_name,
    call_peers_revision, call_peers_is_ready, call_peers_free;
random_call call_get_health, call_health_age_ms, call_health_is_stale, call_health_is_watching, call_health_is_polling, call_health_error,
    call_health_error_class, call_health_free;
random_call call_explain, call_metrics, call_text_free;
random_call call_error_status, call_error_message, call_error_manifest, call_error_is_retryable, call_error_http_status, call_error_free;
random_call call_status_name, call_version_number, call_version, call_id;

/* Calls something at random, and counts it. */
void call_something(struct caller *caller);
void close_descriptors(struct caller *caller);

/* One complete configuration of each kind, for this thread. */
void make_configs(struct caller *caller);
void free_configs(struct caller *caller);

#endif
