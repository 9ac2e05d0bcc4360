//! `kubepeers_init` to `kubepeers_close`.

use std::ffi::{c_char, c_int};
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::backend::KubeApi;
use super::boundary::{Buffer, InOut, Out, call, quick_call, required};
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
/// Set `*provider` to 0 before the call. If `*provider` is an open provider, the
/// call fails with KUBEPEERS_ALREADY_INITIALIZED. The call overwrites any other
/// number, e.g. that of a closed provider. On success `*provider` is the new
/// provider, which must be closed with kubepeers_close(). The provider has a
/// copy of the configuration: `config` may be changed or freed after the call.
///
/// Errors:
///   KUBEPEERS_INVALID_ARGUMENT      a pointer other than `error` is NULL
///   KUBEPEERS_INVALID_CONFIG        required keys are missing (the message
///                                   names all of them), or a key is set
///                                   without another key that it needs
///   KUBEPEERS_ALREADY_INITIALIZED   `*provider` is an open provider
///   KUBEPEERS_NO_RESOURCES          65,536 providers are open, or memory ran
///                                   out when the library was loaded
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_init(
    config: *const kubepeers_config,
    provider: *mut kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable, a live `config`, and a readable and
    // writable `provider`.
    let (config, provider, error) =
        unsafe { (config.as_ref(), InOut::new(provider), Out::new(error)) };
    call(error, || {
        let provider = required(provider, "provider")?;
        let config = required(config, "config")?.0.clone();
        handles::refuse_live(provider.read())?;
        provider.write(handles::insert(Provider::new(config, Arc::new(API_SERVER))?)?);
        Ok(())
    })
}

/// Reads the credentials, determines how to identify this pod, starts the
/// watcher, and waits until the watcher has listed the pods. After the files
/// have been read, it blocks for at most `timeout_ms` (negative:
/// `register_timeout_ms`).
///
/// KUBEPEERS_OK does not mean that the pods have been listed. The call also
/// returns KUBEPEERS_OK if the timeout expires without a permanent error, e.g.
/// because the API server is unreachable or overloaded. The watcher then keeps
/// retrying. Until a list succeeds, kubepeers_discover_peers() returns
/// KUBEPEERS_NOT_SYNCED with the reason.
///
/// The watcher may find a permanent error, such as a missing Role, only after
/// the timeout. Later calls then return KUBEPEERS_NOT_SYNCED with the reason,
/// and kubepeers_error_is_retryable() returns 0 for that error. With a timeout
/// of 0, every permanent error of the API server is reported in this way. The
/// watcher keeps retrying: once an operator has fixed the cause, calls succeed
/// without another kubepeers_register(). A 401 or 403 of the API server counts
/// as permanent only after it has lasted for two seconds, because an API server
/// that is starting denies valid requests for a moment.
///
/// If the call fails, no watcher is left running, and the call may be repeated.
/// The exception is KUBEPEERS_ALREADY_REGISTERED, which leaves the existing
/// registration as it was.
///
/// If `kubeconfig` is set, the library uses its credentials. Otherwise the
/// library uses the files in `service_account_dir`, and finds the API server
/// through the environment variables KUBERNETES_SERVICE_HOST and
/// KUBERNETES_SERVICE_PORT. In both cases it rereads the files before every
/// request, so rotation needs no action. The Role must allow `list` and `watch`
/// on `pods` in the namespace. With `list` alone the library polls.
///
/// The library identifies this pod by the first of the following that is
/// available. It identifies no pod for an observer.
///   1. `pod_uid`, `pod_name`, `pod_ip`
///   2. without `kubeconfig`: the pod that the service account's token is bound
///      to; the kubelet binds every token that it mounts
///   3. the environment variables POD_UID and POD_NAME; one of them is enough
///   4. without `kubeconfig`: the addresses of the network interfaces that the
///      process sees; if several pods share an address (hostNetwork), only pods
///      with the discovery port count
///   5. without `kubeconfig`: the environment variable HOSTNAME, if no selected
///      pod has an address from 4
///
/// Errors:
///   KUBEPEERS_ALREADY_REGISTERED   the provider is already registered
///   KUBEPEERS_NOT_IN_CLUSTER       there is no API server to contact
///   KUBEPEERS_NO_CREDENTIALS       the token, CA, namespace or kubeconfig is
///                                  missing or unusable
///   KUBEPEERS_NO_IDENTITY          nothing that could identify this pod is
///                                  available
///   KUBEPEERS_TLS                  the API server's certificate is not trusted,
///                                  or TLS failed
///   KUBEPEERS_UNAUTHORIZED         the API server rejects the credentials (401)
///   KUBEPEERS_FORBIDDEN            the service account may not list pods (403);
///                                  kubepeers_error_manifest() returns the fix
///   KUBEPEERS_NO_RESOURCES         there are no descriptors or threads left
///   KUBEPEERS_NOT_REGISTERED       another thread has called
///                                  kubepeers_deregister() meanwhile
///   KUBEPEERS_FORKED               also if this process has closed the
///                                  library's descriptors
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_register(
    provider: kubepeers_provider,
    timeout_ms: i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable.
    let error = unsafe { Out::new(error) };
    call(error, || {
        let provider = handles::get(provider)?;
        fork::prepare_process()?;
        provider.register(Timeout::from_ms(timeout_ms))
    })
}

/// Returns the current peers. The list excludes this pod and must be freed with
/// kubepeers_peers_free().
///
/// Blocks for at most `timeout_ms` (negative: `discover_timeout_ms`), and only
/// until this pod is among the listed pods, is Running (see `pending`) and has
/// an address. An observer waits only until the pods have been listed. After
/// that, the call returns the list from memory without blocking, also while this
/// pod terminates. It blocks again only if the result is older than
/// `max_stale_ms`, or if this pod no longer meets these conditions, e.g. because
/// it is no longer listed.
///
/// An empty list means that this pod is alone (for an observer: that there are
/// no peers). It never means "not known yet" or "the API server did not answer".
///
/// Guarantee for two pods: suppose that this call has returned KUBEPEERS_OK in
/// both, that their addresses or ports differ, and that neither is terminating.
/// Then at least one of them has the other in its list, so they cannot both
/// believe that they are alone. This does not hold if `readiness` is "ready",
/// nor for observers. docs/guarantee.md lists all assumptions.
///
/// While the API server is unreachable or denies requests, the library keeps the
/// last result, and the call returns it with KUBEPEERS_OK. `max_stale_ms` limits
/// the age of the result. kubepeers_get_health() returns the age.
///
/// A selected pod is a peer if all of the following are true:
///   - it is not this pod
///   - it is Running (see `pending`) and not terminating
///   - it is Ready, or `readiness` is "ignore"
///   - it has an address (see `ip_family`)
///   - it has the discovery port, or `default_discovery_port` is set
///
/// If several selected pods have the same address and port, only the one that
/// started last is a peer. If this pod is one of them, none of them is a peer.
///
/// The discovery port may belong to a container or to a native sidecar. With
/// hostNetwork the library uses the hostPort if there is one.
/// kubepeers_explain() returns the verdict on each pod.
///
/// Errors:
///   KUBEPEERS_NOT_REGISTERED     the provider is not registered
///   KUBEPEERS_NOT_SYNCED         the pods have not been listed; the message
///                                says why
///   KUBEPEERS_SELF_NOT_VISIBLE   this pod is not among the listed pods yet, is
///                                not Running yet (see `pending`), or has no
///                                address yet
///   KUBEPEERS_SELF_EXCLUDED      this pod cannot be a peer: it lacks the
///                                labels, the discovery port or an address of
///                                `ip_family`, has ended, or has a field that
///                                Kubernetes does not allow
///   KUBEPEERS_NO_IDENTITY        several pods match this process
///   KUBEPEERS_STALE              the result is older than `max_stale_ms`
///
/// The call returns NOT_SYNCED, SELF_NOT_VISIBLE and STALE when the timeout
/// expires, and the others at once.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_discover_peers(
    provider: kubepeers_provider,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires both writable or NULL.
    let (peers, error) = unsafe { (Out::new(peers), Out::new(error)) };
    quick_call(error, || {
        let peers = required(peers, "peers")?;
        peers.write(kubepeers_peers::of(discovered(provider, timeout_ms)?));
        Ok(())
    })
}

/// Returns a list with one record: this pod, with the address and ports that it
/// has in the lists of its peers. All functions kubepeers_peers_*() accept the
/// list, and it has the generation of the current peers. For an observer the
/// list is empty.
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
    // SAFETY: the header requires both writable or NULL.
    let (self_peer, error) = unsafe { (Out::new(self_peer), Out::new(error)) };
    call(error, || {
        let self_peer = required(self_peer, "self_peer")?;
        let snapshot = handles::get(provider)?.self_peer(Timeout::from_ms(timeout_ms))?;
        self_peer.write(kubepeers_peers::of(snapshot));
        Ok(())
    })
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

/// Waits until the generation of the peers is greater than `after_generation`,
/// and returns the peers. Blocks for at most `timeout_ms` (negative:
/// `discover_timeout_ms`).
///
/// Pass the generation of your last list (kubepeers_peers_generation()). With 0
/// the call is the same as kubepeers_discover_peers(). The call reports states,
/// not events: it may skip intermediate lists, but always returns the current
/// one. A list of a new generation may have the same addresses, e.g. if a pod
/// has become Ready. `*peers` must be freed with kubepeers_peers_free().
///
/// Errors: those of kubepeers_discover_peers(), and
///   KUBEPEERS_TIMEOUT   there is no newer list
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_wait(
    provider: kubepeers_provider,
    after_generation: u64,
    timeout_ms: i32,
    peers: *mut *mut kubepeers_peers,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires both writable or NULL.
    let (peers, error) = unsafe { (Out::new(peers), Out::new(error)) };
    call(error, || {
        let peers = required(peers, "peers")?;
        let snapshot =
            handles::get(provider)?.wait(after_generation, Timeout::from_ms(timeout_ms))?;
        peers.write(kubepeers_peers::of(snapshot));
        Ok(())
    })
}

/// Waits until there are at least `min` peers and the set of their addresses is
/// stable, and returns the peers. This pod does not count. The function is for a
/// process that is about to form a cluster. `*peers` must be freed with
/// kubepeers_peers_free().
///
/// Blocks for at most `timeout_ms` (negative: `discover_timeout_ms`). Pass a
/// timeout that exceeds `stable_for_ms` by several seconds: the default is
/// usually too short.
///
/// The set is stable if both of these are true:
///   - it has been the same for `stable_for_ms`; time before the call counts
///   - a list that was requested at the end of this time or later confirms it
///
/// The second condition has these rules:
///   - An open watch confirms nothing, because the watch may be dead, or its
///     server may have lost etcd.
///   - The library delays the confirming list by up to 5 ms per peer (at most
///     5 s), so that the members do not all list at once.
///   - A confirming list that arrived before the call counts if it is at most
///     5 s old (or `stable_for_ms`, if that is longer).
///   - With a `stable_for_ms` of 0, no confirming list is needed.
///   - If a request has failed since the last confirmation, the API server must
///     answer again first, even with a `stable_for_ms` of 0.
///
/// With a `min` of 0 the call waits until the set is stable, even if it is
/// empty.
///
/// With a timeout of 0 the call returns the peers if they are already stable.
/// Otherwise it returns KUBEPEERS_TIMEOUT. If only the confirming list is
/// missing and its delay is over, the call also requests that list. Repeat the
/// call when the descriptor of kubepeers_change_fd() is readable.
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
    // SAFETY: the header requires both writable or NULL.
    let (peers, error) = unsafe { (Out::new(peers), Out::new(error)) };
    call(error, || {
        let peers = required(peers, "peers")?;
        let stable_for = stable_for(stable_for_ms)?;
        let timeout = Timeout::from_ms(timeout_ms);
        let snapshot = handles::get(provider)?.wait_for_peers(min, stable_for, timeout)?;
        peers.write(kubepeers_peers::of(snapshot));
        Ok(())
    })
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

/// Requests a new list from the API server and waits for it. On success, later
/// results are at least as new as this call, even with several API servers.
/// Without a refresh, results are as new as the watch, which is usually a few
/// milliseconds behind.
///
/// Do not call this on a timer: it is expensive for the API server, and the
/// watch keeps the results up to date. All callers of a provider together cause
/// at most one list a second, and fewer while the API server refuses lists.
///
/// Blocks for at most `timeout_ms`. A negative number means the greater of 5000
/// and `discover_timeout_ms`, because an API server whose cache lags takes up to
/// 3.1 s.
///
/// `request` lets an event loop wait without blocking. A program that may block
/// passes NULL.
///   1. Set `*request` to 0 and call with a timeout of 0. The call requests the
///      list, stores a number in `*request`, and fails with KUBEPEERS_STALE or
///      KUBEPEERS_NOT_SYNCED.
///   2. Repeat the call with that number whenever the descriptor of
///      kubepeers_change_fd() is readable, until the call returns KUBEPEERS_OK.
///      Later results are then at least as new as the first call. If the list
///      fails, the library requests another, and the number stays valid.
///   3. Set `*request` to 0 before the next refresh. KUBEPEERS_OK does not
///      reset it.
///
/// To give up, stop calling: the number needs no release. It becomes invalid
/// when the registration ends.
///
/// Errors:
///   KUBEPEERS_STALE              the list has not arrived; the message says why
///   KUBEPEERS_NOT_SYNCED         the same, and there is no earlier list
///   KUBEPEERS_NOT_REGISTERED     the provider is not registered, or the
///                                registration of `*request` has ended
///   KUBEPEERS_INVALID_ARGUMENT   `*request` is a number that this function has
///                                not stored
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_refresh(
    provider: kubepeers_provider,
    request: *mut u64,
    timeout_ms: i32,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `request` and `error` NULL, or readable and writable.
    let (request, error) = unsafe { (InOut::new(request), Out::new(error)) };
    call(error, || {
        let mut number = request.map_or(0, InOut::read);
        let outcome = handles::get(provider)?.refresh(&mut number, Timeout::from_ms(timeout_ms));
        if let Some(request) = request {
            request.write(number);
        }
        outcome
    })
}

/// Creates a file descriptor for an event loop (poll, epoll, kqueue emulations,
/// libuv, Netty). Does not block. The provider need not be registered, and the
/// descriptor stays valid when the provider is deregistered or registered again.
///
/// The descriptor becomes readable when a call with a timeout of 0 may have a
/// new outcome, that is, after each of these:
///   - a registration has begun or ended, or the watcher has failed
///   - the first list after kubepeers_register() has succeeded or failed
///   - the peers or the state of this pod have changed
///   - the error of kubepeers_health_error() has appeared, disappeared or
///     changed (its class, or whether it is retryable)
///   - a list that kubepeers_refresh() requested has arrived or failed
///   - the peers may have become stable for kubepeers_wait_for_peers()
///   - the result has become older than `max_stale_ms`, or has been confirmed
///     after that
///   - there is a new log record
///
/// When the descriptor is readable, first read all bytes, and then make your
/// calls with a timeout of 0. In the other order, a change between the two would
/// be missed. The bytes have no meaning. A new descriptor is readable at once,
/// and a descriptor may become readable although nothing is new. After
/// kubepeers_close() the descriptor stays readable (POLLIN and POLLHUP), and
/// read() returns 0. EVENT LOOPS in the preamble has an example.
///
/// The caller owns the descriptor and must close() it, before or after
/// kubepeers_close(). The descriptor is non-blocking and close-on-exec. Each
/// call creates an independent one. For each, the library keeps a second
/// descriptor, which it closes some time after the caller has closed the first.
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
    // SAFETY: the header requires both writable or NULL.
    let (fd, error) = unsafe { (Out::new(fd), Out::new(error)) };
    call(error, || {
        let fd = required(fd, "fd")?;
        fd.write(handles::get(provider)?.change_descriptor()?.into_raw_fd());
        Ok(())
    })
}

/// Returns the generation of the list that kubepeers_discover_peers() would
/// return at once. While it equals the generation of your last list, that list
/// is still current. Takes a few nanoseconds and no lock.
///
/// Returns 0 in the following cases. Call kubepeers_discover_peers() then.
///   - kubepeers_discover_peers() would block or fail
///   - `max_stale_ms` is set
///   - at least 1,024 other providers were open when `provider` was created
///   - `provider` is closed or not a provider
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_generation(provider: kubepeers_provider) -> u64 {
    handles::generation(provider)
}

/// Copies the addresses of the peers to `buffer`, each with a terminating NUL,
/// in the order of the list. The function is for bindings, where every call is
/// expensive. Blocks like kubepeers_discover_peers().
///
/// `known_generation` is the generation of the list that you have, or 0 if you
/// have none. `*generation` becomes the generation of the current list. If the
/// two are equal, your list is current, nothing is copied, and `*length` is 0.
///
/// If they differ, `*length` becomes the number of bytes of all addresses with
/// their NULs, which is 0 if there are no peers. If `*length` exceeds `size`,
/// nothing is copied although the call returns KUBEPEERS_OK. Repeat the call
/// with a larger buffer and the same `known_generation`.
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
    // SAFETY: the header requires `buffer` writable for `size` bytes and the others writable; or
    // NULL.
    let (buffer, length, generation, error) = unsafe {
        (Buffer::new(buffer, size), Out::new(length), Out::new(generation), Out::new(error))
    };
    quick_call(error, || {
        let length = required(length, "length")?;
        let generation = required(generation, "generation")?;
        let mut buffer = required(buffer, "buffer")?;
        let snapshot = discovered(provider, timeout_ms)?;
        let is_new = snapshot.generation() != known_generation;
        let needed = if is_new { peer_texts::addresses(&snapshot).map(str::len).sum() } else { 0 };
        if is_new && buffer.has_room(needed) {
            peer_texts::addresses(&snapshot).for_each(|text| buffer.append(text));
        }
        length.write(needed);
        generation.write(snapshot.generation());
        Ok(())
    })
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
    let error = unsafe { Out::new(error) };
    call(error, || handles::get(provider)?.deregister())
}

/// Deregisters and closes the provider. Waiting calls return KUBEPEERS_CLOSED.
/// Blocks until the watcher has ended, which takes milliseconds.
///
/// The call is allowed while other threads use the provider. Closing 0 or a
/// closed provider returns KUBEPEERS_OK, even while another thread is still
/// closing it. Lists, health records, errors, texts and descriptors remain
/// valid, and the caller must still free them. Your variable keeps the number;
/// kubepeers_init() may overwrite it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_close(
    provider: kubepeers_provider,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `error` NULL or writable.
    let error = unsafe { Out::new(error) };
    call(error, || {
        if let Some(ended) = handles::remove(provider)? {
            ended.close();
        }
        Ok(())
    })
}
