//! `kubepeers_init` to `kubepeers_close`.

use std::ffi::c_char;
use std::os::fd::IntoRawFd;
use std::time::Duration;

use super::boundary::{call, required, shared, store};
use super::ready::Held;
#[cfg(test)]
use super::tests::fake::connect;
use super::{
    fork, handles, kubepeers_config, kubepeers_error, kubepeers_peers, kubepeers_provider, kubepeers_status,
    refuse_in_callback, signals, timeout,
};
use crate::error::{Error, Result};
#[cfg(not(test))]
use crate::kube_api::connect;
use crate::provider::Provider;
use crate::status::Status;

/// Validates the whole configuration and makes a provider of it. Does not block; no I/O, no network, no thread.
///
/// Set `*provider` to 0 before: if it is a live provider the call is refused. It holds the new one after success and is left
/// alone otherwise. End the provider with kubepeers_close(), which does not reset your variable. `config` is only read: it may be freed or used again afterwards.
///
/// Errors: KUBEPEERS_INVALID_CONFIG (a required key is missing: the message names it), KUBEPEERS_ALREADY_INITIALIZED
/// (`*provider` is a live provider), KUBEPEERS_INVALID_ARGUMENT (NULL).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_init(
    config: *const kubepeers_config,
    provider: *mut kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable, for a live `config` and for a readable and writable
    // `provider`; each is checked for NULL before use.
    unsafe {
        call(error, || {
            required(provider, "provider")?;
            let config = shared(config, "config")?.0.clone();
            handles::refuse_live(*provider)?;
            let handle = handles::insert(Provider::new(config, signals::spawn_masked, connect)?)?;
            store(provider, || handle);
            Ok(())
        })
    }
}

/// Finds the credentials and this process's own pod, starts the watcher on a thread of its own, and waits for the
/// first complete view of the pods, at most `timeout_ms` (0: does not wait; negative: `register_timeout_ms`).
///
/// Credentials: `kubeconfig` if set, else KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT with the files of
/// `service_account_dir`. Token and CA are read again before every request, so that rotation needs nothing.
/// The Role needs exactly `list` and `watch` on `pods` in the namespace. With `list` alone the pods are polled (kubepeers_health_is_polling()).
///
/// Own pod, first that answers: `pod_uid`, else `pod_name`, else `pod_ip`; the pod that the service account's token is bound to
/// (every token that the kubelet mounts is); the environment variables POD_UID and POD_NAME; in a cluster the pod that has one of
/// the addresses of this machine's interfaces (and, where several have it, as on the network of a host, the discovery port); the pod
/// named by HOSTNAME. Not looked for with `self` = "none".
///
/// What may mend itself (server unreachable, slow or overloaded) is not an error here: the watcher keeps trying,
/// and kubepeers_discover_peers() answers KUBEPEERS_NOT_SYNCED with the reason until it succeeds.
/// So KUBEPEERS_OK does not say that the pods have been read; discover_peers does. What only shows after the timeout, such as a
/// missing Role, is told by discover_peers too, as KUBEPEERS_NOT_SYNCED that is not retryable; with a timeout of 0 that is so with all
/// that the watcher finds. A 401 or 403 is an error here only once it has lasted for two seconds: an API server that is
/// starting refuses valid clients for a moment.
/// After an error nothing is left running and register may be called again.
///
/// Errors: KUBEPEERS_NO_RESOURCES, KUBEPEERS_NOT_IN_CLUSTER, KUBEPEERS_NO_CREDENTIALS, KUBEPEERS_NO_IDENTITY, KUBEPEERS_TLS,
/// KUBEPEERS_UNAUTHORIZED, KUBEPEERS_FORBIDDEN, KUBEPEERS_ALREADY_REGISTERED; KUBEPEERS_NOT_REGISTERED and KUBEPEERS_CLOSED
/// if another thread deregistered or closed meanwhile; KUBEPEERS_WOULD_DEADLOCK (in a log callback); the handle's own: KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_register(
    provider: kubepeers_provider,
    timeout_ms: i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable.
    unsafe {
        call(error, || {
            refuse_in_callback()?;
            let provider = handles::get(provider)?;
            fork::prepare_process()?;
            provider.register(timeout(timeout_ms))
        })
    }
}

/// The peers now: `ip:discovery_port` of each Running pod of the selector that has an address (see `ip_family`) and the port and is not terminating, without this process's own pod.
/// The port of that name is looked for in the containers and in native sidecars; under hostNetwork it is the hostPort, if set.
/// Readiness is not asked for by default: on a cold start nobody is ready yet.
///
/// Answers from memory, without the network. Waits, at most `timeout_ms` (0: does not wait; negative:
/// `discover_timeout_ms`), only while the pods have not been read or the own pod is not seen yet. That wait is what makes
/// an empty list mean "alone" and never "not known yet", and it guarantees that of any two pods that got an answer and are
/// not terminating, at least one sees the other.
///
/// A failure of the API server is never an empty list: while it cannot be reached, or refuses (401, 403), the last peers stand
/// and are given out as OK. kubepeers_get_health() tells how old they are. With `max_stale_ms` an answer that is older is not given
/// out: the pods are listed anew, and if that does not succeed within the timeout the call is KUBEPEERS_STALE.
///
/// `*peers` is written only on success; free it with kubepeers_peers_free().
///
/// Errors: KUBEPEERS_NOT_SYNCED and KUBEPEERS_SELF_NOT_VISIBLE (retry; the message says what is waited for),
/// KUBEPEERS_SELF_EXCLUDED (the own pod has no port of that name, or other labels, or has ended), KUBEPEERS_NO_IDENTITY (several pods
/// may be the own one), KUBEPEERS_STALE, KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED (also when another thread closes during the wait),
/// KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_discover_peers(
    provider: kubepeers_provider,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `peers` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(peers, "peers")?;
            let list = discovered(provider, timeout_ms)?;
            store(peers, || kubepeers_peers::of(list));
            Ok(())
        })
    }
}

/// The list that lies ready, or the next one that may be given out.
fn discovered(provider: kubepeers_provider, timeout_ms: i32) -> Result<Held> {
    match handles::ready(provider) {
        Some(list) => Ok(list),
        None => handles::get(provider)?.discover_peers(timeout(timeout_ms)).map(Held::new),
    }
}

/// The generation of the list that kubepeers_discover_peers() would give at once; 0 if it would have to wait, or would fail, or
/// `max_stale_ms` is set, or more than a thousand providers were open when it was made, and for what is no provider. Keep the last list and compare: while this is its generation, it is what
/// discover_peers would give. Takes no lock and makes no object: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_generation(provider: kubepeers_provider) -> u64 {
    handles::shown(provider)
}

/// The addresses of the list that kubepeers_discover_peers() would give, and nothing else, in one call: for bindings, to which every
/// call is dear. They are written to `buffer` one after the other, each ended by NUL, in the order of the list.
///
/// `*generation` is that of the list. If it is `known_generation` (of a list that you have; 0: none), the addresses are the same
/// still: nothing is copied, and `*length` is 0. Else `*length` is how many bytes all addresses take; if that is more than `size`
/// nothing was copied: call again with a larger buffer. So an empty list has a new generation and a length of 0. `buffer` may be NULL if
/// `size` is 0. It waits like kubepeers_discover_peers(), at most `timeout_ms`.
///
/// Errors: KUBEPEERS_INVALID_ARGUMENT (`length` or `generation` is NULL, or `buffer` is while `size` is not 0), and those of
/// kubepeers_discover_peers().
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
    // SAFETY: the header asks for `buffer` writable for `size` bytes, `length` and `generation` writable, all checked for NULL, and
    // `error` NULL or writable.
    unsafe {
        call(error, || {
            required(length, "length")?;
            required(generation, "generation")?;
            if size > 0 {
                required(buffer, "buffer")?;
            }
            let snapshot = &discovered(provider, timeout_ms)?.snapshot;
            let is_new = snapshot.generation() != known_generation;
            let needed = if is_new { snapshot.addresses().map(str::len).sum() } else { 0 };
            if is_new && needed <= size {
                copy(snapshot.addresses(), buffer);
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
        // SAFETY: the caller vouches for the room; nobody else knows of the texts' memory, which is borrowed here.
        unsafe {
            buffer.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
            buffer = buffer.add(text.len());
        }
    }
}

/// Makes a descriptor for an event loop (poll, epoll, asyncio, Go's netpoller): it is readable when there may be something new: peers,
/// a state of the own pod, trouble of another kind or its end, the end of a registration, or a log record. Works before
/// kubepeers_register(), and across deregister and register.
///
/// When it is readable read all of it (it is a non-blocking stream of bytes that mean nothing), then ask for what you want to know, e.g. with
/// kubepeers_wait() and a timeout of 0, or kubepeers_generation(). It is readable from the start, and sometimes without anything new.
/// With `max_stale_ms`, an answer that becomes too old does not make it readable. After kubepeers_close() it stays readable: read() gives 0.
///
/// The descriptor is yours: end it with close(), before or after kubepeers_close(). Each call makes another one; they do not influence each
/// other. It is close-on-exec. The library uses one more for each, which it may close a little later than you close yours.
///
/// Errors: KUBEPEERS_NO_RESOURCES (no descriptors left), KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_CLOSED,
/// KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_change_fd(
    provider: kubepeers_provider,
    fd: *mut i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `fd` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(fd, "fd")?;
            let descriptor = handles::get(provider)?.change_descriptor()?;
            store(fd, || descriptor.into_raw_fd());
            Ok(())
        })
    }
}

/// Waits for peers newer than `after_generation` (from kubepeers_peers_generation(); 0 for any), at most `timeout_ms`
/// (0: does not wait; negative: `discover_timeout_ms`). It reports states, not events: changes that came
/// and went in between are not seen, and no state that lasts can be missed. With `after_generation` 0 it is kubepeers_discover_peers().
///
/// `*peers` is written only on success; free it with kubepeers_peers_free().
///
/// Errors: KUBEPEERS_TIMEOUT (nothing newer: ask again), and those of kubepeers_discover_peers().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_wait(
    provider: kubepeers_provider,
    after_generation: u64,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `peers` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(peers, "peers")?;
            let snapshot = handles::get(provider)?.wait(after_generation, timeout(timeout_ms))?;
            store(peers, || kubepeers_peers::of(Held::new(snapshot)));
            Ok(())
        })
    }
}

/// Waits until there are at least `min` peers whose addresses have been the same for `stable_for_ms`. For a process that is
/// about to form a cluster.
///
/// The addresses count as stable once they have been the same for `stable_for_ms` and a list requested after that
/// confirms them. An open watch is not enough: it may be dead, or its server may have lost etcd. The library delays this
/// list by up to 5 ms per peer (at most 5 s). A list that arrived up to 5 s before the call (or `stable_for_ms`, if that is
/// longer) counts, too. With a `stable_for_ms` of 0, the call needs no list.
///
/// While requests fail, the call keeps waiting, whatever `stable_for_ms` is.
///
/// `timeout_ms`: 0 does not wait; a negative value means `discover_timeout_ms`.
///
/// `*peers` is written only on success; free it with kubepeers_peers_free().
///
/// Errors: KUBEPEERS_TIMEOUT (too few peers, not stable for long enough, or not confirmed; the message states how many peers
/// there are and how many are needed), KUBEPEERS_INVALID_ARGUMENT (also for a negative `stable_for_ms`), and those of
/// kubepeers_discover_peers().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_wait_for_peers(
    provider: kubepeers_provider,
    min: usize,
    stable_for_ms: i32,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `peers` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(peers, "peers")?;
            let stable_for = stable_for(stable_for_ms)?;
            let snapshot = handles::get(provider)?.wait_for_peers(min, stable_for, timeout(timeout_ms))?;
            store(peers, || kubepeers_peers::of(Held::new(snapshot)));
            Ok(())
        })
    }
}

fn stable_for(ms: i32) -> Result<Duration> {
    let negative = |_| Error::new(Status::InvalidArgument, format!("`stable_for_ms` is {ms}: must not be negative"));
    u64::try_from(ms).map(Duration::from_millis).map_err(negative)
}

/// Forces a new list and waits for it. On success, later results are at least as new as this call, even with several API
/// servers. Without it, results are as new as the watch, usually some milliseconds behind.
///
/// For a process that is about to found a cluster. The call is expensive for the API server, so do not repeat it on a
/// timer. All callers together cause at most one list a second, and fewer while the API server refuses lists.
///
/// `timeout_ms`: 0 only requests the list and returns KUBEPEERS_STALE; a negative value means `discover_timeout_ms`, but
/// at least 5000: an API server whose cache lags takes up to 3.1 s to answer.
///
/// Errors: KUBEPEERS_STALE (nothing newer in time; the message says why), KUBEPEERS_NOT_SYNCED (nothing has ever been read),
/// KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED, KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_refresh(
    provider: kubepeers_provider,
    timeout_ms: i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable.
    unsafe { call(error, || handles::get(provider)?.refresh(timeout(timeout_ms))) }
}

/// Stops the watcher, joins its thread, and fails every waiting call with KUBEPEERS_NOT_REGISTERED.
/// kubepeers_register() may be called again. Blocks for milliseconds; nothing is sent to the API server.
///
/// Errors: KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED, KUBEPEERS_WOULD_DEADLOCK (in a log callback), KUBEPEERS_NOT_INITIALIZED,
/// KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_deregister(
    provider: kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable.
    unsafe {
        call(error, || {
            refuse_in_callback()?;
            handles::get(provider)?.deregister()
        })
    }
}

/// Ends the provider: deregisters if needed, fails every waiting call with KUBEPEERS_CLOSED, joins the thread. Safe beside any other
/// call on the same provider. Closing 0 is KUBEPEERS_OK, and so is closing again, at once, even while the first close is still
/// joining. Peer lists and errors that were given out stay valid.
///
/// Errors: KUBEPEERS_WOULD_DEADLOCK (in a log callback), KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_close(
    provider: kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable.
    unsafe {
        call(error, || {
            refuse_in_callback()?;
            if let Some(ended) = handles::remove(provider)? {
                ended.close();
            }
            Ok(())
        })
    }
}
