//! `kubepeers_peers_*`.

use std::ffi::{CStr, c_char};
use std::ptr::null;

use super::boundary::infallible;
use super::ready::{Held, List};
use crate::snapshot::{Field, Peer, Snapshot};

/// A list of peers as they were at one moment. Opaque, immutable: any thread may read it, also after the provider was closed.
// A name only: pointers to it are those of a `List`.
pub struct kubepeers_peers(());

impl kubepeers_peers {
    pub(super) fn of(list: Held) -> *mut Self {
        list.into_raw().cast()
    }
}

/// The snapshot behind a list.
///
/// # Safety
/// `peers` is NULL or a live list.
unsafe fn snapshot<'a>(peers: *const kubepeers_peers) -> Option<&'a Snapshot> {
    // SAFETY: the caller vouches for the list, which is that of a `List` whose snapshot is never changed.
    unsafe { peers.cast::<List>().as_ref() }.map(|list| &*list.snapshot)
}

/// How many peers there are, self not counted. 0 means: alone, confirmed, as of the last that was heard of the API
/// server (kubepeers_get_health() tells when that was, `max_stale_ms` limits it). 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_len(peers: *const kubepeers_peers) -> usize {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { snapshot(peers) }.map_or(0, |peers| peers.len())
}

/// Which answer this is: grows with every change of a peer, its readiness and other texts included, with whatever comes between
/// (the own pod's state), and with every register, from 1, within one provider. It means nothing to another provider. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_generation(peers: *const kubepeers_peers) -> u64 {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { snapshot(peers) }.map_or(0, |peers| peers.generation())
}

/// The address of a peer, "ip:port" with IPv6 in brackets, e.g. "10.0.0.7:3322" or "[fd00::7]:3322".
/// In order of (family, address, port), without duplicates: the same pods give the same list in every process.
/// NULL past the end and for NULL. Borrowed from the list: valid until kubepeers_peers_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_address(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list.
    let peers = unsafe { snapshot(peers) };
    // The first of these calls on a list makes the texts.
    infallible(null(), || peers.and_then(|peers| peers.address(index)).map_or(null(), CStr::as_ptr))
}

/// Reads of a peer, or gives `absent` past the end and for NULL.
///
/// # Safety
/// `peers` is NULL or a live list.
unsafe fn of<T>(peers: *const kubepeers_peers, index: usize, absent: T, read: impl FnOnce(&Peer) -> T) -> T {
    // SAFETY: the caller vouches for the list.
    unsafe { snapshot(peers) }.and_then(|peers| peers.peer(index)).map_or(absent, read)
}

/// A text of a peer, NULL past the end and for NULL.
///
/// # Safety
/// `peers` is NULL or a live list.
unsafe fn text(peers: *const kubepeers_peers, index: usize, field: Field) -> *const c_char {
    // SAFETY: the caller vouches for the list.
    let peers = unsafe { snapshot(peers) };
    // The first of these calls on a list makes all the texts.
    infallible(null(), || peers.and_then(|peers| peers.text(index, field)).map_or(null(), CStr::as_ptr))
}

/// The peer's IP address without brackets, e.g. "10.0.0.7" or "fd00::7". As with all texts of a peer: NULL past the end and for NULL;
/// borrowed from the list, valid until kubepeers_peers_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_host(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { text(peers, index, Field::Host) }
}

/// The port of `discovery_port_name`. As with all ports: 0 past the end and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_discovery_port(peers: *const kubepeers_peers, index: usize) -> u16 {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { of(peers, index, 0, |peer| peer.address.port()) }
}

/// The port of `remoting_port_name`; 0 if the pod has none and `default_remoting_port` is not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_remoting_port(peers: *const kubepeers_peers, index: usize) -> u16 {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { of(peers, index, 0, |peer| peer.remoting_port) }
}

/// The port of `peers_port_name`; 0 if the pod has none and `default_peers_port` is not set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_peers_port(peers: *const kubepeers_peers, index: usize) -> u16 {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { of(peers, index, 0, |peer| peer.peers_port) }
}

/// The pod's name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_name(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { text(peers, index, Field::Name) }
}

/// The pod's uid: never given to another pod, as a name is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_uid(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { text(peers, index, Field::Uid) }
}

/// The name of the Kubernetes node that the pod runs on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_node_name(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { text(peers, index, Field::NodeName) }
}

/// Which version of its template the pod was made from: the label `controller-revision-hash` (StatefulSet, DaemonSet) or
/// `pod-template-hash` (Deployment); "" for neither.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_revision(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { text(peers, index, Field::Revision) }
}

/// 1 if the pod is Ready in the sense of Kubernetes, else 0. 0 past the end and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_is_ready(peers: *const kubepeers_peers, index: usize) -> i32 {
    // SAFETY: the header asks for NULL or a live list.
    unsafe { of(peers, index, 0, |peer| i32::from(peer.pod.ready)) }
}

/// Frees a list. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_free(peers: *mut kubepeers_peers) {
    if !peers.is_null() {
        // SAFETY: not NULL, and the header asks for a pointer that the library gave out, with one reference to a `List`, and that
        // was not freed.
        infallible((), || drop(unsafe { Held::from_raw(peers.cast()) }));
    }
}
