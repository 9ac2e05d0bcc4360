//! `kubepeers_peers_*`.

use std::ffi::{CStr, c_char};
use std::ptr::null;
use std::sync::Arc;

use super::boundary::infallible;
use super::peer_texts::{self, Field};
use crate::discovery::snapshot::{Peer, Snapshot};

/// Opaque. An immutable list of peers. Any number of threads may read it, also
/// after kubepeers_close().
// A name only: pointers to it are those of a `Snapshot`.
pub struct kubepeers_peers(());

impl kubepeers_peers {
    pub(super) fn of(list: Arc<Snapshot>) -> *mut Self {
        Arc::into_raw(list).cast_mut().cast()
    }
}

/// The snapshot behind a list.
///
/// # Safety
/// `peers` is NULL or a live list.
unsafe fn snapshot<'a>(peers: *const kubepeers_peers) -> Option<&'a Snapshot> {
    // SAFETY: the caller vouches for the list, which is a `Snapshot` that is never changed.
    unsafe { peers.cast::<Snapshot>().as_ref() }
}

/// Returns the number of records, or 0 if `peers` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_len(peers: *const kubepeers_peers) -> usize {
    // SAFETY: the header requires NULL or a live list.
    unsafe { snapshot(peers) }.map_or(0, |peers| peers.len())
}

/// Returns the generation of the list, or 0 if `peers` is NULL. Within one
/// provider it starts at 1 and grows whenever a peer is added or removed, when
/// the record of a peer or of this pod changes, and with every
/// kubepeers_register(). It stays below 2^53.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_generation(peers: *const kubepeers_peers) -> u64 {
    // SAFETY: the header requires NULL or a live list.
    unsafe { snapshot(peers) }.map_or(0, |peers| peers.generation())
}

/// Returns the address of a peer: "ip:port", with an IPv6 address in brackets,
/// e.g. "10.0.0.7:3322" or "[fd00::7]:3322". Lists are sorted by family,
/// address and port, without duplicates. The same peers are in the same order in
/// every process.
///
/// Returns NULL if `index` is past the end or `peers` is NULL. The string is
/// valid until kubepeers_peers_free(). The same applies to all functions below
/// that return a string of a peer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_address(
    peers: *const kubepeers_peers,
    index: usize,
) -> *const c_char {
    // SAFETY: the header requires NULL or a live list.
    let peers = unsafe { snapshot(peers) };
    // The first of these calls on a list makes the texts.
    infallible(null(), || {
        peers.and_then(|peers| peer_texts::address(peers, index)).map_or(null(), CStr::as_ptr)
    })
}

/// Returns a peer, or `None` if there is no such peer or no list.
///
/// # Safety
/// `peers` is NULL or a live list.
unsafe fn peer<'a>(peers: *const kubepeers_peers, index: usize) -> Option<&'a Peer> {
    // SAFETY: the caller vouches for the list.
    unsafe { snapshot(peers) }?.peer(index)
}

/// Returns a text of a peer, or NULL if there is no such peer or no list.
fn text(peers: Option<&Snapshot>, index: usize, field: Field) -> *const c_char {
    // The first of these calls on a list makes all the texts.
    infallible(null(), || {
        peers.and_then(|peers| peer_texts::text(peers, index, field)).map_or(null(), CStr::as_ptr)
    })
}

/// Returns the IP address of a peer without brackets, e.g. "10.0.0.7" or
/// "fd00::7".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_host(
    peers: *const kubepeers_peers,
    index: usize,
) -> *const c_char {
    // SAFETY: the header requires NULL or a live list.
    text(unsafe { snapshot(peers) }, index, Field::Host)
}

/// Returns the port of `discovery_port_name`, or `default_discovery_port` if the
/// pod lacks it. This function and the other two that return a port return 0 if
/// `index` is past the end or `peers` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_discovery_port(
    peers: *const kubepeers_peers,
    index: usize,
) -> u16 {
    // SAFETY: the header requires NULL or a live list.
    unsafe { peer(peers, index) }.map_or(0, |peer| peer.address.port())
}

/// Returns the port of `remoting_port_name`, or `default_remoting_port` if the
/// pod lacks it. Returns 0 if there is neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_remoting_port(
    peers: *const kubepeers_peers,
    index: usize,
) -> u16 {
    // SAFETY: the header requires NULL or a live list.
    unsafe { peer(peers, index) }.map_or(0, |peer| peer.remoting_port)
}

/// Returns the port of `peers_port_name`, or `default_peers_port` if the pod
/// lacks it. Returns 0 if there is neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_peers_port(
    peers: *const kubepeers_peers,
    index: usize,
) -> u16 {
    // SAFETY: the header requires NULL or a live list.
    unsafe { peer(peers, index) }.map_or(0, |peer| peer.peers_port)
}

/// Returns the name of the pod.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_name(
    peers: *const kubepeers_peers,
    index: usize,
) -> *const c_char {
    // SAFETY: the header requires NULL or a live list.
    text(unsafe { snapshot(peers) }, index, Field::Name)
}

/// Returns the uid of the pod. Unlike a name, it is never reused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_uid(
    peers: *const kubepeers_peers,
    index: usize,
) -> *const c_char {
    // SAFETY: the header requires NULL or a live list.
    text(unsafe { snapshot(peers) }, index, Field::Uid)
}

/// Returns the name of the Kubernetes node that the pod runs on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_node_name(
    peers: *const kubepeers_peers,
    index: usize,
) -> *const c_char {
    // SAFETY: the header requires NULL or a live list.
    text(unsafe { snapshot(peers) }, index, Field::NodeName)
}

/// Returns the revision of the pod's template: the value of the label
/// `controller-revision-hash` (StatefulSet, DaemonSet) or `pod-template-hash`
/// (Deployment), or "" if the pod has neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_revision(
    peers: *const kubepeers_peers,
    index: usize,
) -> *const c_char {
    // SAFETY: the header requires NULL or a live list.
    text(unsafe { snapshot(peers) }, index, Field::Revision)
}

/// Returns 1 if the pod is Ready. Returns 0 if it is not, if `index` is past the
/// end, or if `peers` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_is_ready(
    peers: *const kubepeers_peers,
    index: usize,
) -> i32 {
    // SAFETY: the header requires NULL or a live list.
    unsafe { peer(peers, index) }.map_or(0, |peer| i32::from(peer.pod.ready))
}

/// Frees a list. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_free(peers: *mut kubepeers_peers) {
    if !peers.is_null() {
        // SAFETY: not NULL, and the header requires a pointer that the library gave out, with one
        // reference to a `Snapshot`, and that was not freed.
        infallible((), || drop(unsafe { Arc::from_raw(peers.cast::<Snapshot>()) }));
    }
}
