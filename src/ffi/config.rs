//! `kubepeers_config_*`.

use std::ffi::c_char;

use super::boundary::{Out, call, infallible, required, text, utf8};
use super::{kubepeers_error, kubepeers_status};
use crate::config::Config;

/// Opaque. Holds configuration keys and values. Only one thread at a time may
/// use it.
pub struct kubepeers_config(pub(super) Config);

/// Creates an empty configuration.
///
/// Returns the configuration, which must be freed with kubepeers_config_free().
/// No check for NULL is needed: kubepeers_config_set() and kubepeers_init()
/// refuse NULL with KUBEPEERS_INVALID_ARGUMENT.
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_config_new() -> *mut kubepeers_config {
    infallible(std::ptr::null_mut(), || {
        Box::into_raw(Box::new(kubepeers_config(Config::default())))
    })
}

/// Sets one key. A later value of the same key replaces the earlier one. If the
/// value is refused, the configuration does not change. Does not block.
///
/// Required keys:
///
///   pod_labels
///       Labels that every peer has: "key=value,key2=value2", without spaces.
///       All of them must match.
///   discovery_port_name
///       Name of the container port in a peer's address, e.g. "gossip".
///
/// Optional keys:
///
///   namespace
///       Namespace of the pods. Default with `kubeconfig`: the namespace of the
///       context, or "default" if the context has none. Default without it: the
///       namespace of this pod.
///   remoting_port_name, peers_port_name
///       Names of two more container ports, which the library only reports:
///       see kubepeers_peers_remoting_port() and kubepeers_peers_peers_port().
///       A peer need not have them.
///   default_discovery_port, default_remoting_port, default_peers_port
///       Port number to assume for pods that lack the container port, 1 to
///       65535. `default_remoting_port` also needs `remoting_port_name`, and
///       `default_peers_port` needs `peers_port_name`.
///   membership
///       "member" (default): this process runs in one of the selected pods. The
///       library identifies that pod and excludes it from the peers.
///       "observer": this process runs in none of them, e.g. outside
///       Kubernetes.
///   pod_uid, pod_name, pod_ip
///       Identify the pod that this process runs in. They take precedence over
///       all other ways (see kubepeers_register()). One of them is enough. If
///       several are set, the library uses the first in this order, because
///       the uid is the most reliable.
///   readiness
///       "ignore" (default): a peer need not be Ready, because on a cold start
///       no pod is Ready. "ready": only Ready pods are peers. Use "ready" for
///       clients of a cluster, not for its members: it voids the guarantee
///       that kubepeers_discover_peers() makes for two pods.
///   pending
///       "exclude" (default): only Running pods are peers. "include": Pending
///       pods with an address are also peers, and this pod may be Pending. Use
///       "include" for native sidecars, because their pod stays Pending until
///       its main containers start.
///   ip_family
///       "primary" (default): the address of a peer is status.podIP. "ipv4" or
///       "ipv6": the address is the first of that family in status.podIPs.
///   max_stale_ms
///       Maximum age of a result, 1000 to 86400000. A call that finds an older
///       result requests a list and waits for it. If no list arrives in time,
///       the call returns KUBEPEERS_STALE. Default: no limit. Values below
///       about 60000 cause extra lists in a quiet cluster, because a quiet
///       watch is confirmed only about once a minute.
///   watch
///       "auto" (default): watch the pods, or poll them if the service account
///       may only list them. "poll": always poll.
///   poll_interval_ms
///       Time between two polls, 1000 to 86400000. Default: 15000. The library
///       varies it at random by up to a fifth.
///   register_timeout_ms
///       Default timeout of kubepeers_register(), 0 to 86400000. Default: 5000.
///   discover_timeout_ms
///       Default timeout of the other calls that wait, 0 to 86400000. Default:
///       3000. kubepeers_refresh() uses 5000 if this is less.
///   request_timeout_ms
///       How long the library waits for the start of a response, and for each
///       further part of the response, 1 to 86400000. A whole list may take
///       three times as long. Default: 10000.
///   service_account_dir
///       Directory with `token`, `ca.crt` and `namespace`. Default:
///       /var/run/secrets/kubernetes.io/serviceaccount.
///   kubeconfig
///       Path of a kubeconfig to use instead of the service account. With this
///       key, `service_account_dir` has no effect. The library does not read
///       the environment variable KUBECONFIG.
///   context
///       Context of that kubeconfig. Default: its current context. Needs
///       `kubeconfig`.
///   log
///       Most verbose level of the log records that kubepeers_log_next()
///       returns: "off" (default), "error", "warn", "info" or "debug".
///
/// The library reads files when it needs them, not when the key is set. Use
/// absolute paths if the process changes its working directory.
///
/// Errors:
///   KUBEPEERS_UNKNOWN_KEY        there is no such key; the message lists all
///   KUBEPEERS_INVALID_CONFIG     the value is empty or invalid; the message
///                                says why
///   KUBEPEERS_INVALID_UTF8       the key or the value is not UTF-8
///   KUBEPEERS_INVALID_ARGUMENT   a pointer other than `error` is NULL
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_config_set(
    config: *mut kubepeers_config,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable, strings NUL-terminated, and a `config`
    // that is live and used by this thread alone.
    let (config, key, value, error) =
        unsafe { (config.as_mut(), text(key), text(value), Out::new(error)) };
    call(error, || {
        let config = required(config, "config")?;
        let key = utf8(required(key, "key")?, "key")?;
        // What is wrong with a value is said of its key.
        let value = utf8(required(value, "value")?, key)?;
        config.0.set(key, value)
    })
}

/// Frees a configuration. NULL is allowed. Providers created from it are not
/// affected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_config_free(config: *mut kubepeers_config) {
    if !config.is_null() {
        // SAFETY: not NULL, and the header requires a pointer from kubepeers_config_new() that was
        // not freed.
        infallible((), || drop(unsafe { Box::from_raw(config) }));
    }
}
