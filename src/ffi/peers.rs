//! `kubepeers_peers_*`.

use std::ffi::c_char;
use std::sync::Arc;

use super::boundary::infallible;
use crate::snapshot::Snapshot;

/// A list of peers as they were at one moment. Opaque, immutable: any thread may read it, also after the provider was closed.
pub struct kubepeers_peers(Arc<Snapshot>);

impl kubepeers_peers {
    pub(super) fn boxed(snapshot: Arc<Snapshot>) -> *mut Self {
        Box::into_raw(Box::new(Self(snapshot)))
    }
}

/// How many peers there are, self not counted. 0 means: alone, confirmed. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_len(peers: *const kubepeers_peers) -> usize {
    // SAFETY: the header asks for NULL or a live list, which is never changed.
    unsafe { peers.as_ref() }.map_or(0, |peers| peers.0.len())
}

/// Which answer this is: grows with every change of the peers and with every register, from 1, within one provider. It means
/// nothing to another provider. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_generation(peers: *const kubepeers_peers) -> u64 {
    // SAFETY: the header asks for NULL or a live list, which is never changed.
    unsafe { peers.as_ref() }.map_or(0, |peers| peers.0.generation())
}

/// The address of a peer, "ip:port" with IPv6 in brackets, e.g. "10.0.0.7:3322" or "[fd00::7]:3322".
/// In order of (family, address, port), without duplicates: the same pods give the same list in every process.
/// NULL past the end and for NULL. Borrowed from the list: valid until kubepeers_peers_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_address(peers: *const kubepeers_peers, index: usize) -> *const c_char {
    // SAFETY: the header asks for NULL or a live list, which is never changed.
    let address = unsafe { peers.as_ref() }.and_then(|peers| peers.0.address(index));
    address.map_or(std::ptr::null(), std::ffi::CStr::as_ptr)
}

/// Frees a list. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_peers_free(peers: *mut kubepeers_peers) {
    if !peers.is_null() {
        // SAFETY: not NULL, and the header asks for a pointer that the library gave out and that was not freed.
        infallible((), || drop(unsafe { Box::from_raw(peers) }));
    }
}
