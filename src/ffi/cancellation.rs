//! A host may cancel its threads. Inside the library that would unwind through Rust, which ends the
//! process.

use std::ffi::c_int;
use std::ptr::null_mut;

const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    // Not in the crate libc. The numbers are the same in glibc and musl.
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// The calling thread cannot be cancelled until this is dropped. A cancellation meanwhile takes
/// effect later, in the host.
pub(super) struct Uncancellable(c_int);

impl Uncancellable {
    pub(super) fn new() -> Self {
        // Miri has no cancellation.
        if cfg!(miri) {
            return Self(PTHREAD_CANCEL_DISABLE);
        }
        let mut before = 0;
        // SAFETY: `before` is writable. It cannot fail: the state is a valid one.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut before) };
        Self(before)
    }
}

impl Drop for Uncancellable {
    fn drop(&mut self) {
        if !cfg!(miri) {
            // SAFETY: the state is one that this thread had.
            unsafe { pthread_setcancelstate(self.0, null_mut()) };
        }
    }
}
