//! fork(): a child process knows that it is one, and inherits nothing half set up.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use once_cell::sync::OnceCell;

use crate::error::{Error, Result};
use crate::kube_api::runtime::{self, Descriptor};
use crate::provider;
use crate::status::Status;

/// How many forks lie between the process that loaded the library and this one, modulo 256.
/// A counter read costs nothing; a `getpid` for each call would be a system call.
static EPOCH: AtomicU8 = AtomicU8::new(0);
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Runs when the library is loaded, before any thread of the host can be in it: a fork cannot come
/// in between.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = watch;

extern "C" fn watch() {
    // SAFETY: the handlers are functions of the library, which is never unmapped, and touch only
    // this file's lock, an atomic and the handle table's pointer.
    let code = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    WATCHED.store(code == 0, Ordering::Relaxed);
}

extern "C" fn before() {
    SETUP.lock();
}

extern "C" fn in_parent() {
    SETUP.unlock();
}

extern "C" fn in_child() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
    super::handles::forget_after_fork();
    SETUP.unlock();
}

/// The epoch of this process; part of every handle.
pub(super) fn epoch() -> u8 {
    EPOCH.load(Ordering::Relaxed)
}

/// Whether forks are noticed.
pub(super) fn is_watched() -> Result<()> {
    if WATCHED.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Error::new(
        Status::NoResources,
        "pthread_atfork found no memory when the library was loaded",
    ))
}

/// Sets up what there is one of for each process, once.
pub(super) fn prepare_process() -> Result<()> {
    static PREPARED: OnceCell<Descriptor> = OnceCell::new();
    whole(|| {
        provider::prepare_process();
        PREPARED.get_or_try_init(runtime::prepare_process)?.check()
    })
}

/// Runs `setup` without a fork in between: a child would wait forever for the thread, which it has
/// not, that is at it.
pub(super) fn whole<T>(setup: impl FnOnce() -> T) -> T {
    struct Unlock;
    impl Drop for Unlock {
        fn drop(&mut self) {
            SETUP.unlock();
        }
    }
    SETUP.lock();
    let _unlock = Unlock;
    setup()
}

static SETUP: Lock = Lock(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

/// A lock that `before` takes and another function gives back, as std's cannot.
struct Lock(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a pthread mutex is made to be shared between threads.
unsafe impl Sync for Lock {}

impl Lock {
    fn lock(&self) {
        // SAFETY: an initialized mutex that never moves. It fails only for kinds of mutex that this
        // one is not.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
    }

    fn unlock(&self) {
        // SAFETY: as above, and this thread, or the one that it is the copy of, has locked it.
        unsafe { libc::pthread_mutex_unlock(self.0.get()) };
    }
}
