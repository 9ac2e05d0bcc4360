//! What every export has in common: its pointers are wrapped, panics are caught, errors are handed
//! out.
//!
//! An export first wraps its pointers, which is its only `unsafe` code. NULL becomes `None`, so
//! that the rest is safe: [`required`] refuses it, before the call does anything.

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Once;

use super::cancellation::Uncancellable;
use super::{fork, kubepeers_error, kubepeers_status};
use crate::error::{Error, Result};
use crate::kube_api::runtime;
use crate::panics::{self, Place};
use crate::status::Status;

/// Runs `body`, turns a panic into `INTERNAL`, and gives the error, if any, to the caller. The
/// thread cannot be cancelled meanwhile.
pub(super) fn call(error: ErrorOut, body: impl FnOnce() -> Result<()>) -> kubepeers_status {
    let _uncancellable = Uncancellable::new();
    quick_call(error, body)
}

/// The same for a `body` that is often done in some nanoseconds, which is less than a change of the
/// cancellation state takes. It is `Uncancellable` wherever it reaches a cancellation point of
/// POSIX: I/O, a wait, but not memory.
pub(super) fn quick_call(error: ErrorOut, body: impl FnOnce() -> Result<()>) -> kubepeers_status {
    let outcome =
        catching(body).unwrap_or_else(|message| Err(Error::new(Status::Internal, message)));
    let Err(failure) = outcome else { return Status::Ok.code() };
    let status = failure.status().code();
    if let Some(error) = error {
        error.write(kubepeers_error::boxed(failure));
    }
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

/// Where an export stores its error; `None` if the caller does not want it.
pub(super) type ErrorOut = Option<Out<*mut kubepeers_error>>;

/// Memory of the caller for one result, which may be uninitialized.
#[derive(Clone, Copy)]
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// # Safety
    /// `pointer` is NULL or points to memory where a `T` may be written until the export returns.
    pub(super) unsafe fn new(pointer: *mut T) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// Writes `value`. What was there is not dropped.
    pub(super) fn write(self, value: T) {
        // SAFETY: the caller of `new` vouches that a `T` may be written there.
        unsafe { self.0.write(value) };
    }
}

/// A variable of the caller.
#[derive(Clone, Copy)]
pub(super) struct InOut<T>(Out<T>);

impl<T: Copy> InOut<T> {
    /// # Safety
    /// As for [`Out::new`], and there is a `T` already.
    pub(super) unsafe fn new(pointer: *mut T) -> Option<Self> {
        // SAFETY: the caller vouches for the pointer.
        unsafe { Out::new(pointer) }.map(Self)
    }

    pub(super) fn read(self) -> T {
        // SAFETY: the caller of `new` vouches that there is a `T`.
        unsafe { self.0.0.read() }
    }

    pub(super) fn write(self, value: T) {
        self.0.write(value);
    }
}

/// Memory of the caller for some texts.
pub(super) struct Buffer {
    start: *mut u8,
    size: usize,
}

impl Buffer {
    /// NULL is a buffer only if `size` is 0.
    ///
    /// # Safety
    /// `start` is NULL or points to memory where `size` bytes may be written until the
    /// export returns.
    pub(super) unsafe fn new(start: *mut c_char, size: usize) -> Option<Self> {
        (size == 0 || !start.is_null()).then_some(Self { start: start.cast(), size })
    }

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        bytes <= self.size
    }

    /// Writes `text` after the last one.
    pub(super) fn append(&mut self, text: &str) {
        assert!(self.has_room(text.len()), "the buffer is full");
        self.size -= text.len();
        // SAFETY: the caller of `new` vouches for the memory, of which so much is left.
        unsafe {
            self.start.copy_from(text.as_ptr(), text.len());
            self.start = self.start.add(text.len());
        }
    }
}

/// Borrows a C string.
///
/// # Safety
/// `pointer` is NULL or points to a NUL-terminated string that lives as long as `'a`.
pub(super) unsafe fn text<'a>(pointer: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, and the caller vouches for the terminating NUL.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) })
}

/// Returns the text of a C string; anything but UTF-8 is `INVALID_UTF8`.
pub(super) fn utf8<'a>(text: &'a CStr, name: &str) -> Result<&'a str> {
    text.to_str().map_err(|e| {
        Error::new(
            Status::InvalidUtf8,
            format!("`{name}` is not UTF-8: byte {} is the first wrong one", e.valid_up_to()),
        )
    })
}

/// Refuses NULL, which is `INVALID_ARGUMENT`.
pub(super) fn required<T>(wrapped: Option<T>, name: &str) -> Result<T> {
    wrapped.ok_or_else(|| Error::new(Status::InvalidArgument, format!("`{name}` is NULL")))
}
