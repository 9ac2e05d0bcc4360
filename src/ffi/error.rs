//! `kubepeers_error_*` and the names of statuses.

use std::ffi::{CString, c_char};

use super::boundary::infallible;
use super::kubepeers_status;
use crate::error::Error;
use crate::status::Status;

/// Why a call failed. Opaque, immutable: any thread may read it.
pub struct kubepeers_error {
    message: CString,
    status: Status,
    retryable: bool,
    http_status: u16,
}

impl kubepeers_error {
    pub(super) fn new(error: Error) -> Self {
        // A NUL inside a message could only come from a server's text; it would cut the C string short.
        let message = CString::new(error.message().replace('\0', "\u{fffd}")).unwrap_or_default();
        Self { message, status: error.status(), retryable: error.is_retryable(), http_status: error.http_status() }
    }

    pub(super) fn boxed(error: Error) -> *mut Self {
        Box::into_raw(Box::new(Self::new(error)))
    }
}

/// Reads a field of an error, or gives `absent` for NULL.
///
/// # Safety
/// `error` is NULL or a live error.
unsafe fn field<T>(error: *const kubepeers_error, absent: T, read: impl FnOnce(&kubepeers_error) -> T) -> T {
    // SAFETY: the caller vouches for the pointer; errors are never changed after they are made.
    unsafe { error.as_ref() }.map_or(absent, read)
}

/// The status that the call returned. KUBEPEERS_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_status(error: *const kubepeers_error) -> kubepeers_status {
    // SAFETY: the header asks for NULL or a live error.
    unsafe { field(error, Status::Ok.code(), |e| e.status.code()) }
}

/// What happened, to what, and what to do about it: UTF-8, maybe several lines, never NULL ("" for NULL).
/// Borrowed from the error: valid until kubepeers_error_free(). Never holds a token or another secret.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_message(error: *const kubepeers_error) -> *const c_char {
    // SAFETY: the header asks for NULL or a live error.
    unsafe { field(error, c"".as_ptr(), |e| e.message.as_ptr()) }
}

/// 1 if the same call may succeed later without anybody changing a configuration, a manifest or a program, else 0.
/// Ask this of the error, not of the status: KUBEPEERS_NOT_SYNCED because of a 403 is not retryable. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_is_retryable(error: *const kubepeers_error) -> i32 {
    // SAFETY: the header asks for NULL or a live error.
    unsafe { field(error, 0, |e| i32::from(e.retryable)) }
}

/// The HTTP status that the API server answered with, e.g. 403; 0 if the error is not about such an answer, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_http_status(error: *const kubepeers_error) -> i32 {
    // SAFETY: the header asks for NULL or a live error.
    unsafe { field(error, 0, |e| i32::from(e.http_status)) }
}

/// Frees an error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_free(error: *mut kubepeers_error) {
    if !error.is_null() {
        // SAFETY: not NULL, and the header asks for a pointer that the library gave out and that was not freed.
        infallible((), || drop(unsafe { Box::from_raw(error) }));
    }
}

/// The name of a status without its prefix, e.g. "NOT_SYNCED"; "UNKNOWN" for a number that this version does not know.
/// A static string: never freed.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_status_name(status: kubepeers_status) -> *const c_char {
    Status::from_code(status).map_or(c"UNKNOWN", Status::name).as_ptr()
}
