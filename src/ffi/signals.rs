//! Threads that no signal of the host is ever delivered to.

use std::io;
use std::mem::MaybeUninit;
use std::thread::JoinHandle;

use crate::runtime::{Body, spawn_named};

/// Starts the library's thread with every signal blocked, from its first instruction on.
/// A host's handler must not run on a foreign thread (Go ends the process for it), and SIGPIPE of our
/// connections must not reach the host. Threads that this one starts inherit the mask.
pub(super) fn spawn_masked(body: Body) -> io::Result<JoinHandle<()>> {
    // Miri has no signals.
    let _mask = if cfg!(miri) { None } else { Some(Blocked::all()?) };
    spawn_named(body)
}

/// The calling thread's signal mask is full until this is dropped.
struct Blocked(libc::sigset_t);

impl Blocked {
    fn all() -> io::Result<Self> {
        let mut every = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: both sets are memory of the right size; `every` is filled in before it is read, `before` by the call.
        let (code, before) = unsafe {
            libc::sigfillset(every.as_mut_ptr());
            let code = libc::pthread_sigmask(libc::SIG_SETMASK, every.as_ptr(), before.as_mut_ptr());
            (code, before)
        };
        match code {
            // SAFETY: a successful call has written the old mask.
            0 => Ok(Self(unsafe { before.assume_init() })),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask is one that this thread had. It cannot fail: SIG_SETMASK is a valid request.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}
