//! `kubepeers_config_*`.

use std::ffi::c_char;

use super::boundary::{call, infallible, required, text};
use super::{kubepeers_error, kubepeers_status};
use crate::config::Config;

/// A configuration being filled in. Opaque. One thread at a time.
pub struct kubepeers_config(pub(super) Config);

/// A new, empty configuration. Free it with kubepeers_config_free(), any time after kubepeers_init().
/// NULL only if memory has run out.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_config_new() -> *mut kubepeers_config {
    infallible(std::ptr::null_mut(), || Box::into_raw(Box::new(kubepeers_config(Config::default()))))
}

/// Sets one key. Does not block, no I/O. A later value of the same key replaces the earlier one.
/// Refused values leave the configuration as it was.
///
/// Required keys (kubepeers_init() fails without them):
///   namespace             the namespace whose pods are the peers, e.g. "default"
///   discovery_port_name   name of the container port that discover_peers answers with, e.g. "gossip"
///   remoting_port_name    name of the remoting port, for kubepeers_peers_remoting_port(); a peer need not have one
///   peers_port_name       name of the peers port, for kubepeers_peers_peers_port(); the same
///   pod_labels            labels that every peer has, "k=v,k2=v2" without blanks; equality, all must match
///
/// Optional keys:
///   self                  "auto" (default): find out which pod this is, and leave it out; "none": not a pod
///   pod_uid, pod_name, pod_ip  which pod this process runs in, where it cannot be found out; one is enough, the uid is surest
///   readiness             "ignore" (default); "ready": only ready pods are peers. On a cold start nobody is ready: for clients
///                         of a cluster, not for its members. It also ends what kubepeers_discover_peers() guarantees of two pods
///   pending               "exclude" (default); "include": a Pending pod with an address counts, self too: for a process in a
///                         native sidecar, whose pod is Pending until its main containers start
///   ip_family             "primary" (default): status.podIP; "ipv4", "ipv6": the first of status.podIPs that is one
///   default_discovery_port  for pods without a port of the name (service meshes make people hide their ports), 1 to 65535
///   default_remoting_port, default_peers_port  the same for the other two ports
///   max_stale_ms          peers of which nothing was heard for so long are not given out, 1000 to 86400000; default: there is no limit.
///                         A quiet watch is heard of about every minute: with less the pods are listed anew when somebody asks
///   watch                 "auto" (default): watch the pods, or poll them where only `list` is allowed; "poll": only poll
///   poll_interval_ms      time between two polls, varied by a fifth, 1000 to 86400000; default 15000
///   register_timeout_ms   default timeout of kubepeers_register(), 0 to 86400000; default 5000
///   discover_timeout_ms   default timeout of the other calls that wait, 0 to 86400000; default 3000
///   request_timeout_ms    how long one request to the API server may go unanswered, 1 to 86400000; default 10000
///   service_account_dir   folder with `token` and `ca.crt`; default /var/run/secrets/kubernetes.io/serviceaccount
///   kubeconfig            path of a kubeconfig to use instead of the service account, whose folder is then not looked at
///   context               context of that kubeconfig; default: its current one
///   log                   "off" (default), "error", "warn", "info", "debug": which log records are made; kubepeers_log_next(),
///                         kubepeers_log_set_callback()
/// Paths are used as they are, whenever a file is read: give absolute ones if the process changes its folder.
///
/// Errors: KUBEPEERS_UNKNOWN_KEY, KUBEPEERS_INVALID_CONFIG (the message names the key and says what is wrong),
/// KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_INVALID_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_config_set(
    config: *mut kubepeers_config,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable, strings NUL-terminated, and a `config` that is live
    // and used by this thread alone; each is checked for NULL before use.
    unsafe {
        call(error, || {
            required(config, "config")?;
            let key = text(key, "key")?;
            // What is wrong with a value is said of its key.
            let value = text(value, if value.is_null() { "value" } else { key })?;
            (*config).0.set(key, value)
        })
    }
}

/// Frees a configuration. NULL is allowed. Providers made from it live on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_config_free(config: *mut kubepeers_config) {
    if !config.is_null() {
        // SAFETY: not NULL, and the header asks for a pointer from kubepeers_config_new() that was not freed.
        infallible((), || drop(unsafe { Box::from_raw(config) }));
    }
}
