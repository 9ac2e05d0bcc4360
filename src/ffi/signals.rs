//! The library's threads are no place for the host's signals and cancellations, except for faults.

use std::io;
use std::mem::MaybeUninit;
use std::thread::JoinHandle;

use crate::kube_api::runtime::{Body, spawn_named};

/// What a fault on a thread raises there. If it is blocked, the kernel ends the process without the
/// host's crash handler.
const FAULTS: [libc::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGABRT,
];

/// Starts the library's thread with every signal blocked from its first instruction on, and then
/// unblocks faults. A host's handler must not run on a foreign thread (Go ends the process for it),
/// and SIGPIPE of our connections must not reach the host. Threads that this one starts inherit the
/// mask.
pub(super) fn spawn_masked(body: Body) -> io::Result<JoinHandle<()>> {
    // Miri has no signals.
    if cfg!(miri) {
        return spawn_named(body);
    }
    // The caller may have a fault signal blocked and pending: it is unblocked in the new thread
    // only.
    let _mask = Blocked::all()?;
    spawn_named(Box::new(|| {
        unblock_faults();
        body();
    }))
}

fn unblock_faults() {
    let mut faults = MaybeUninit::uninit();
    // SAFETY: the set is memory of the right size, which is filled in before it is read. It cannot
    // fail: SIG_UNBLOCK and the signals are valid.
    unsafe {
        libc::sigemptyset(faults.as_mut_ptr());
        for fault in FAULTS {
            libc::sigaddset(faults.as_mut_ptr(), fault);
        }
        libc::pthread_sigmask(libc::SIG_UNBLOCK, faults.as_ptr(), std::ptr::null_mut());
    }
}

/// The calling thread blocks every signal until this is dropped.
struct Blocked(libc::sigset_t);

impl Blocked {
    fn all() -> io::Result<Self> {
        let mut every = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: both sets are memory of the right size; `every` is filled in before it is read,
        // `before` by the call.
        let (code, before) = unsafe {
            libc::sigfillset(every.as_mut_ptr());
            let code =
                libc::pthread_sigmask(libc::SIG_SETMASK, every.as_ptr(), before.as_mut_ptr());
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
        // SAFETY: the mask is one that this thread had. It cannot fail: SIG_SETMASK is a valid
        // request.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
    }
}
