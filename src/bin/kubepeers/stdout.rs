//! Finds out whether the process was started without stdout.
//!
//! Rust opens /dev/null in place of a closed stdout before `main`, so that the output would be lost
//! without an error. This runs earlier.

#![allow(unsafe_code)]

use std::sync::atomic::{AtomicBool, Ordering};

static WAS_CLOSED: AtomicBool = AtomicBool::new(false);

#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = check;

extern "C" fn check() {
    // SAFETY: F_GETFD only reads the flags of a descriptor, which need not be open.
    let is_closed = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } == -1;
    WAS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// Returns whether stdout was closed when the process started.
pub fn was_closed() -> bool {
    WAS_CLOSED.load(Ordering::Relaxed)
}
