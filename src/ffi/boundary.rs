//! What every export has in common: pointers checked, panics caught, errors handed out.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use super::cancellation::Uncancellable;
use super::{fork, kubepeers_error, kubepeers_status};
use crate::error::{Error, Result};
use crate::kube_api::runtime;
use crate::panics::{self, Place};
use crate::status::Status;

/// Runs `body`, turns a panic into `INTERNAL`, and gives the error, if any, to the caller. The
/// thread cannot be cancelled meanwhile.
///
/// # Safety
/// `error` is NULL or points to memory where a pointer may be written.
pub(super) unsafe fn call(
    error: *mut *mut kubepeers_error,
    body: impl FnOnce() -> Result<()>,
) -> kubepeers_status {
    let _uncancellable = Uncancellable::new();
    // SAFETY: the caller vouches for `error`.
    unsafe { quick_call(error, body) }
}

/// The same for a `body` that is often done in some nanoseconds, which is less than a change of the
/// cancellation state takes. It is `Uncancellable` wherever it reaches a cancellation point of
/// POSIX: I/O, a wait, but not memory.
///
/// # Safety
/// As for `call`.
pub(super) unsafe fn quick_call(
    error: *mut *mut kubepeers_error,
    body: impl FnOnce() -> Result<()>,
) -> kubepeers_status {
    let outcome =
        catching(body).unwrap_or_else(|message| Err(Error::new(Status::Internal, message)));
    let Err(failure) = outcome else { return Status::Ok.code() };
    let status = failure.status().code();
    // SAFETY: the caller vouches for `error`.
    unsafe { store(error, || kubepeers_error::boxed(failure)) };
    status
}

/// Runs `body` for an export that cannot fail; a panic gives `fallback`. It reaches no cancellation
/// point.
pub(super) fn infallible<T>(fallback: T, body: impl FnOnce() -> T) -> T {
    catching(body).unwrap_or(fallback)
}

fn catching<T>(body: impl FnOnce() -> T) -> std::result::Result<T, String> {
    quiet_panics();
    let body = AssertUnwindSafe(|| {
        panics::here(Place::Call);
        body()
    });
    catch_unwind(body).map_err(|payload| {
        format!(
            "kubepeers failed internally ({}): close the provider",
            runtime::panic_text(&*payload)
        )
    })
}

/// Keeps panics off the host's stderr, because they become a status, and saves the memory of a
/// backtrace. The hook also reports panics that another crate catches to the watcher. It belongs to
/// the copy of std inside this shared library, not to a Rust host's.
pub(super) fn quiet_panics() {
    static HOOK: Once = Once::new();
    if !HOOK.is_completed() {
        fork::whole(|| {
            HOOK.call_once(|| {
                std::panic::set_hook(Box::new(|panic| runtime::report_panic(panic.payload())))
            })
        });
    }
}

/// Writes `make()` through `out` unless it is NULL.
///
/// # Safety
/// `out` is NULL or points to memory where a `T` may be written.
pub(super) unsafe fn store<T>(out: *mut T, make: impl FnOnce() -> T) {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller vouches that a `T` may be written there. What was there
        // is not dropped.
        unsafe { out.write(make()) };
    }
}

/// Borrows what `pointer` points to; NULL is `INVALID_ARGUMENT`.
///
/// # Safety
/// `pointer` is NULL or points to a live `T` that does not change during `'a`.
pub(super) unsafe fn shared<'a, T>(pointer: *const T, name: &str) -> Result<&'a T> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { pointer.as_ref() }.ok_or_else(|| null(name))
}

/// Borrows a C string; NULL is `INVALID_ARGUMENT`, anything but UTF-8 is `INVALID_UTF8`.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string that lives as long as `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and the caller vouches for the terminating NUL.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|e| {
        Error::new(
            Status::InvalidUtf8,
            format!("`{name}` is not UTF-8: byte {} is the first wrong one", e.valid_up_to()),
        )
    })
}

/// Refuses a NULL out-parameter before anything is done.
pub(super) fn required<T>(pointer: *mut T, name: &str) -> Result<()> {
    if pointer.is_null() { Err(null(name)) } else { Ok(()) }
}

fn null(name: &str) -> Error {
    Error::new(Status::InvalidArgument, format!("`{name}` is NULL"))
}
