//! Has this process been forked since a provider was made?

use std::sync::atomic::{AtomicU8, Ordering};

use once_cell::sync::OnceCell;

use crate::error::{Error, Result};
use crate::status::Status;

/// How many forks lie between the process that loaded the library and this one, modulo 256.
static EPOCH: AtomicU8 = AtomicU8::new(0);

/// Counts forks from now on. A counter read costs nothing, a `getpid` for each call would be a system call.
pub(super) fn watch() -> Result<()> {
    static WATCHED: OnceCell<()> = OnceCell::new();
    WATCHED.get_or_try_init(|| {
        // SAFETY: `forked` is a function of the library, which is never unmapped, and touches only an atomic and the handle table's pointer.
        match unsafe { libc::pthread_atfork(None, None, Some(forked)) } {
            0 => Ok(()),
            code => Err(Error::new(
                Status::Internal,
                format!("pthread_atfork failed: {}", std::io::Error::from_raw_os_error(code)),
            )),
        }
    })?;
    Ok(())
}

/// The epoch of this process; part of every handle.
pub(super) fn epoch() -> u8 {
    EPOCH.load(Ordering::Relaxed)
}

extern "C" fn forked() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    super::handles::forget_after_fork();
}
