//! `kubepeers_init` to `kubepeers_close`.

use std::ffi::{c_char, c_int};
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::backend::KubeApi;
use super::boundary::{call, quick_call, required, shared, store};
use super::cancellation::Uncancellable;
#[cfg(test)]
use super::tests::fake::connect;
use super::{
    fork, handles, kubepeers_config, kubepeers_error, kubepeers_peers, kubepeers_provider,
    kubepeers_status, peer_texts, signals,
};
use crate::discovery::snapshot::Snapshot;
use crate::error::{Error, Result};
#[cfg(not(test))]
use crate::kube_api::connect;
use crate::provider::{Provider, Timeout};
use crate::status::Status;

/// What a provider is connected to.
pub(crate) const API_SERVER: KubeApi = KubeApi { spawn: signals::spawn_masked, connect };

/// Validates the configuration and creates a provider from it. Does no I/O,
/// starts no thread and does not block.
///
/// Set `*provider` to 0 before the call: if it still holds a live provider, the
/// call fails with KUBEPEERS_ALREADY_INITIALIZED. On success `*provider` is the
/// new provider, which must be closed with kubepeers_close(). `config` may be
/// freed, or used again, after the call.
///
/// Errors:
///   KUBEPEERS_INVALID_ARGUMENT      a pointer other than `error` is NULL
///   KUBEPEERS_INVALID_CONFIG        required keys are missing (the message
///                                   names all), or a key needs another one
///   KUBEPEERS_ALREADY_INITIALIZED   `*provider` is a live provider
///   KUBEPEERS_NO_RESOURCES          65,536 providers are open
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_init(
    config: *const kubepeers_config,
    provider: *mut kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable, for a live `config` and for a readable
    // and writable `provider`; each is checked for NULL before use.
    unsafe {
        call(error, || {
            required(provider, "provider")?;
            let config = shared(config, "config")?.0.clone();
            handles::refuse_live(*provider)?;
            let handle = handles::insert(Provider::new(config, Arc::new(API_SERVER))?)?;
            store(provider, || handle);
            Ok(())
        })
    }
}

/// Reads the credentials, identifies this pod, starts the watcher, and waits
/// until it has listed the pods. Blocks for at most `timeout_ms`; negative:
/// `register_timeout_ms`. With 0 it blocks only to read files.
///
/// KUBEPEERS_OK does not mean that the pods have been listed. The call also
/// returns it if the timeout expires without a permanent error, e.g. because the
/// API server is unreachable or overloaded. The watcher then keeps retrying, and
/// kubepeers_discover_peers() returns KUBEPEERS_NOT_SYNCED with the reason until
/// a list succeeds.
///
/// If a permanent error, such as a missing Role, is found after the timeout,
/// later calls return KUBEPEERS_NOT_SYNCED with the reason, and
/// kubepeers_error_is_retryable() returns 0 for it. After a timeout of 0, later
/// calls report every permanent error of the API server in this way. The watcher
/// keeps retrying, so that calls succeed without another kubepeers_register()
/// once an operator has fixed the cause. The API server's 401 and 403 count as
/// permanent once they have lasted for two seconds, because an API server that
/// is starting denies valid requests for a moment.
///
/// If the call fails, it leaves nothing running and may be called again. Only
/// KUBEPEERS_ALREADY_REGISTERED leaves the registration as it was.
///
/// The credentials are those of `kubeconfig` if it is set. Otherwise they are
/// the files in `service_account_dir`, with the API server's address from the
/// environment variables KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT.
/// Either way the library rereads the files before every request, so that
/// rotation needs no action. The Role must allow `list` and `watch` on `pods` in
/// the namespace. With `list` alone the library polls.
///
/// This pod is identified by the first of the following that is available:
///   1. `pod_uid`, `pod_name`, `pod_ip`
///   2. the pod that the service account's token is bound to; the kubelet binds
///      every token that it mounts
///   3. the environment variables POD_UID and POD_NAME; one of them is enough
///   4. in a cluster, the addresses of this machine's network interfaces; if
///      several pods share an address (hostNetwork), only pods with the
///      discovery port count
///   5. in a cluster, the environment variable HOSTNAME
///
/// Errors:
///   KUBEPEERS_ALREADY_REGISTERED   the provider is registered
///   KUBEPEERS_NOT_IN_CLUSTER       there is no API server to contact
///   KUBEPEERS_NO_CREDENTIALS       the token, CA, namespace or kubeconfig is
///                                  missing or unusable
///   KUBEPEERS_NO_IDENTITY          this pod cannot be identified
///   KUBEPEERS_TLS                  the API server's certificate is not trusted,
///                                  or TLS failed
///   KUBEPEERS_UNAUTHORIZED         the API server rejects the credentials (401)
///   KUBEPEERS_FORBIDDEN            the service account may not list pods (403);
///                                  kubepeers_error_manifest() returns the fix
///   KUBEPEERS_NO_RESOURCES         there are no descriptors or threads left
///   KUBEPEERS_NOT_REGISTERED       another thread deregistered meanwhile
///   KUBEPEERS_FORKED               also: this process has closed the library's
///                                  descriptors
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_register(
    provider: kubepeers_provider,
    timeout_ms: i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable.
    unsafe {
        call(error, || {
            let provider = handles::get(provider)?;
            fork::prepare_process()?;
            provider.register(Timeout::from_ms(timeout_ms))
        })
    }
}

/// Returns the current peers, without this pod. Blocks for at most `timeout_ms`,
/// and only until the pods have been listed, this pod is among them and Running
/// (see `pending`), and it has an address. (An observer waits only for the
/// list.) After that it answers from memory, unless the result is older than
/// `max_stale_ms`.
///
/// An empty list means that this pod is alone (for an observer: that there are
/// no peers). It never means "not known yet" or "the API server did not answer".
/// If this call has returned KUBEPEERS_OK in two pods with different addresses
/// or ports and neither is terminating, at least one of them has the other in
/// its list, so they cannot both believe that they are alone. This does not hold
/// if `readiness` is "ready".
///
/// While the API server is unreachable or denies requests, the last result is
/// kept and returned with KUBEPEERS_OK. kubepeers_get_health() returns its age,
/// and `max_stale_ms` limits it.
///
/// A pod with the labels is a peer if it is Running (see `pending`), is Ready if
/// `readiness` is "ready", has an address (see `ip_family`) and the discovery
/// port, is not terminating, and is not this pod. If several pods have the same
/// address and port, only the one that started last is a peer; if this pod is
/// one of them, none is. kubepeers_explain() returns the verdict on each pod.
/// The port may belong to a container or to a native sidecar. With hostNetwork
/// it is the hostPort, if that is set.
///
/// `*peers` must be freed with kubepeers_peers_free().
///
/// Errors:
///   KUBEPEERS_NOT_REGISTERED     the provider is not registered
///   KUBEPEERS_NOT_SYNCED         the pods have not been listed; the message
///                                says why
///   KUBEPEERS_SELF_NOT_VISIBLE   this pod is not among the listed pods yet, is
///                                not Running yet (see `pending`), or has no
///                                address yet
///   KUBEPEERS_SELF_EXCLUDED      this pod cannot be a peer: it lacks the labels
///                                or the discovery port, or has ended
///   KUBEPEERS_NO_IDENTITY        several pods match this process
///   KUBEPEERS_STALE              the result is older than `max_stale_ms`
///
/// NOT_SYNCED, SELF_NOT_VISIBLE and STALE are returned when the timeout expires,
/// the others at once.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_discover_peers(
    provider: kubepeers_provider,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `peers` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        quick_call(error, || {
            required(peers, "peers")?;
            let list = discovered(provider, timeout_ms)?;
            store(peers, || kubepeers_peers::of(list));
            Ok(())
        })
    }
}

/// Returns a list of one record: this pod, with the address and ports that it
/// has in the lists of its peers. All accessors of kubepeers_peers apply. For an
/// observer the list is empty.
///
/// Blocks like kubepeers_discover_peers() and has the same errors. `*self_peer`
/// must be freed with kubepeers_peers_free().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_get_self(
    provider: kubepeers_provider,
    timeout_ms: i32,
    self_peer: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `self_peer` writable, checked for NULL, and `error` NULL or
    // writable.
    unsafe {
        call(error, || {
            required(self_peer, "self_peer")?;
            let snapshot = handles::get(provider)?.self_peer(Timeout::from_ms(timeout_ms))?;
            store(self_peer, || kubepeers_peers::of(snapshot));
            Ok(())
        })
    }
}

/// The list that can be returned at once, or the next one that may be returned.
fn discovered(provider: kubepeers_provider, timeout_ms: i32) -> Result<Arc<Snapshot>> {
    match handles::snapshot(provider) {
        Some(list) => Ok(list),
        None => {
            let _uncancellable = Uncancellable::new();
            handles::get(provider)?.discover_peers(Timeout::from_ms(timeout_ms))
        }
    }
}

/// Returns the peers once their generation is above `after_generation`. Blocks
/// for at most `timeout_ms`.
///
/// Pass the generation of the last list (kubepeers_peers_generation()), or 0 for
/// any. The call reports states, not events: it may skip intermediate states,
/// but always reports the current one. A new generation may have the same
/// addresses. `*peers` must be freed with kubepeers_peers_free().
///
/// Errors: those of kubepeers_discover_peers(), and
///   KUBEPEERS_TIMEOUT   there is no newer generation
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_wait(
    provider: kubepeers_provider,
    after_generation: u64,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `peers` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(peers, "peers")?;
            let snapshot =
                handles::get(provider)?.wait(after_generation, Timeout::from_ms(timeout_ms))?;
            store(peers, || kubepeers_peers::of(snapshot));
            Ok(())
        })
    }
}

/// Returns the peers once there are at least `min` of them and the set of their
/// addresses has been the same for `stable_for_ms`. This pod does not count. It
/// is meant for a process that is about to form a cluster. Blocks for at most
/// `timeout_ms`, which should exceed `stable_for_ms` by several seconds.
///
/// The addresses count as stable once they have been the same for
/// `stable_for_ms`, before or during the call, and a list requested after that
/// confirms them. An open watch is not enough: it may be dead, or its server may
/// have lost etcd. The library delays this list by up to 5 ms per peer (at most
/// 5 s), so that not all members list at once. A confirming list that arrived
/// before the call counts if it is at most 5 s old (or `stable_for_ms`, if that
/// is longer). With a `stable_for_ms` of 0, no confirming list is needed unless
/// requests have failed; then the next successful list is.
///
/// With a timeout of 0, the call returns the peers if they are stable already.
/// Otherwise it requests what it needs and returns KUBEPEERS_TIMEOUT. Repeat it
/// when the descriptor of kubepeers_change_fd() is readable. `*peers` must be
/// freed with kubepeers_peers_free().
///
/// Errors: those of kubepeers_discover_peers(), and
///   KUBEPEERS_TIMEOUT            there are too few peers, or they are not
///                                stable yet
///   KUBEPEERS_INVALID_ARGUMENT   also if `stable_for_ms` is negative
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_wait_for_peers(
    provider: kubepeers_provider,
    min: usize,
    stable_for_ms: i32,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `peers` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(peers, "peers")?;
            let stable_for = stable_for(stable_for_ms)?;
            let snapshot = handles::get(provider)?.wait_for_peers(
                min,
                stable_for,
                Timeout::from_ms(timeout_ms),
            )?;
            store(peers, || kubepeers_peers::of(snapshot));
            Ok(())
        })
    }
}

fn stable_for(ms: i32) -> Result<Duration> {
    let negative = |_| {
        Error::new(
            Status::InvalidArgument,
            format!("`stable_for_ms` is {ms}: must not be negative"),
        )
    };
    u64::try_from(ms).map(Duration::from_millis).map_err(negative)
}

/// Forces a new list and waits for it. On success, later results are at least as
/// new as this call, even with several API servers. If `*request` held a number,
/// they are at least as new as the call that stored it. Without a refresh,
/// results are as new as the watch, usually a few milliseconds behind.
///
/// The call is expensive for the API server. The watch needs no refresh: do not
/// repeat the call on a timer. All callers of a provider together cause at most
/// one list a second, and fewer while the API server refuses them.
///
/// Blocks for at most `timeout_ms`; negative: the greater of 5000 and
/// `discover_timeout_ms`, because an API server whose cache lags takes up to
/// 3.1 s.
///
/// `request` lets an event loop wait without blocking, and may be NULL. Set
/// `*request` to 0 and call with a timeout of 0: this requests the list, stores
/// a number and fails with KUBEPEERS_STALE or KUBEPEERS_NOT_SYNCED. Repeat the
/// call with that number when the descriptor of kubepeers_change_fd() is
/// readable, until it returns KUBEPEERS_OK. If the list fails, the library
/// requests another, and the number stays valid. Set `*request` to 0 for the
/// next list, after kubepeers_deregister(), or to give up. KUBEPEERS_OK does
/// not reset `*request` to 0. The number needs no release.
///
/// Errors:
///   KUBEPEERS_STALE              the list has not arrived; the message says why
///   KUBEPEERS_NOT_SYNCED         the same, and there is no earlier list
///   KUBEPEERS_NOT_REGISTERED     the provider is not registered, or the
///                                registration of `*request` has ended
///   KUBEPEERS_INVALID_ARGUMENT   `*request` is a number that the call has not
///                                stored
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_refresh(
    provider: kubepeers_provider,
    request: *mut u64,
    timeout_ms: i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `request` and `error` NULL, or readable and writable.
    unsafe {
        call(error, || {
            let mut number = request.as_ref().copied().unwrap_or(0);
            let outcome =
                handles::get(provider)?.refresh(&mut number, Timeout::from_ms(timeout_ms));
            store(request, || number);
            outcome
        })
    }
}

/// Creates a file descriptor for an event loop (poll, epoll, kqueue emulations,
/// libuv, Netty). Does not block. It works before kubepeers_register(), and
/// across deregister and register.
///
/// The descriptor is readable when a call with a timeout of 0 may have a new
/// outcome, that is, after each of these:
///   - the peers or the state of this pod have changed
///   - kubepeers_health_error() has appeared, disappeared or changed class
///   - the first list after kubepeers_register() has succeeded or failed
///   - a list that kubepeers_refresh() requested has arrived or failed
///   - the peers may have become stable for kubepeers_wait_for_peers()
///   - the result has become older than `max_stale_ms`
///   - there is a new log record
///   - the registration has ended, or the watcher has failed
///
/// When it is readable, first read all bytes, which have no meaning; then call
/// what you need with a timeout of 0. It is readable once at the start, and may
/// be readable without anything new. After kubepeers_close() it stays readable
/// (POLLIN and POLLHUP) and read() returns 0. The preamble has an example.
///
/// The caller owns the descriptor and must close() it, before or after
/// kubepeers_close(). It is non-blocking and close-on-exec. Each call creates
/// an independent one, for which the library keeps a second descriptor. The
/// library closes that some time after you close yours.
///
/// Errors:
///   KUBEPEERS_NO_RESOURCES   there are no descriptors left
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_change_fd(
    provider: kubepeers_provider,
    fd: *mut c_int,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `fd` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(fd, "fd")?;
            let descriptor = handles::get(provider)?.change_descriptor()?;
            store(fd, || descriptor.into_raw_fd());
            Ok(())
        })
    }
}

/// Returns the generation of the list that kubepeers_discover_peers() would
/// return at once. While it equals the generation of your last list, that list
/// is still current. Takes a few nanoseconds and no lock.
///
/// Returns 0 if kubepeers_discover_peers() would block or fail, if
/// `max_stale_ms` is set, if more than 1,024 providers are open, or if
/// `provider` is not a provider.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_generation(provider: kubepeers_provider) -> u64 {
    handles::generation(provider)
}

/// Copies the addresses of the peers to `buffer`, each with a terminating NUL,
/// in the order of the list. It is meant for bindings, where every call is
/// expensive. Blocks like kubepeers_discover_peers().
///
/// `*generation` is the generation of the list. `known_generation` is that of
/// the list that you have, or 0 if you have none. If the two are equal, nothing
/// is copied and `*length` is 0. Otherwise `*length` is the number of bytes of
/// all addresses with their NULs, 0 if there are no peers. If `*length` exceeds
/// `size`, nothing is copied although the call returns KUBEPEERS_OK: repeat the
/// call with a larger buffer and the same `known_generation`.
///
/// `buffer` may be NULL if `size` is 0.
///
/// Errors: those of kubepeers_discover_peers().
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_copy_addresses(
    provider: kubepeers_provider,
    known_generation: u64,
    timeout_ms: i32,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
    generation: *mut u64,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `buffer` writable for `size` bytes, `length` and `generation`
    // writable, all checked for NULL, and `error` NULL or writable.
    unsafe {
        quick_call(error, || {
            required(length, "length")?;
            required(generation, "generation")?;
            if size > 0 {
                required(buffer, "buffer")?;
            }
            let snapshot = discovered(provider, timeout_ms)?;
            let is_new = snapshot.generation() != known_generation;
            let needed =
                if is_new { peer_texts::addresses(&snapshot).map(str::len).sum() } else { 0 };
            if is_new && needed <= size {
                copy(peer_texts::addresses(&snapshot), buffer);
            }
            store(length, || needed);
            store(generation, || snapshot.generation());
            Ok(())
        })
    }
}

/// Writes texts one after the other.
///
/// # Safety
/// `buffer` has room for all of them.
unsafe fn copy<'a>(texts: impl Iterator<Item = &'a str>, mut buffer: *mut c_char) {
    for text in texts {
        // SAFETY: the caller vouches for the room, which does not overlap the texts: they are
        // borrowed from the library's memory.
        unsafe {
            buffer.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
            buffer = buffer.add(text.len());
        }
    }
}

/// Stops the watcher. Waiting calls return KUBEPEERS_NOT_REGISTERED. The
/// provider can be registered again. Blocks until the watcher has ended, which
/// takes milliseconds. Sends nothing to the API server.
///
/// Errors:
///   KUBEPEERS_NOT_REGISTERED   the provider is not registered
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_deregister(
    provider: kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable.
    unsafe { call(error, || handles::get(provider)?.deregister()) }
}

/// Deregisters and closes the provider. Waiting calls return KUBEPEERS_CLOSED.
/// Blocks until the watcher has ended, which takes milliseconds.
///
/// May be called while other threads use the provider. Closing 0 or a closed
/// provider returns KUBEPEERS_OK, even while another thread is still closing
/// it. All objects, texts and descriptors that you have remain valid. Your
/// variable is not reset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_close(
    provider: kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable.
    unsafe {
        call(error, || {
            if let Some(ended) = handles::remove(provider)? {
                ended.close();
            }
            Ok(())
        })
    }
}
