//! `kubepeers_error_*` and the names of statuses.

use std::ffi::{CStr, CString, c_char};

use super::boundary::infallible;
use super::kubepeers_status;
use super::text::c_text;
use crate::error::Error;
use crate::status::Status;

/// Opaque. Describes a failure. Immutable: any number of threads may read it.
pub struct kubepeers_error {
    message: CString,
    manifest: Option<CString>,
    status: Status,
    retryable: bool,
    http_status: u16,
}

impl kubepeers_error {
    pub(super) fn new(error: Error) -> Self {
        Self {
            message: c_text(error.message()),
            manifest: error.manifest().map(c_text),
            status: error.status(),
            retryable: error.is_retryable(),
            http_status: error.http_status(),
        }
    }

    pub(super) fn boxed(error: Error) -> *mut Self {
        Box::into_raw(Box::new(Self::new(error)))
    }
}

/// Returns the status of the error, or KUBEPEERS_OK if `error` is NULL. If a
/// call stored the error, this is the status that the call returned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_status(error: *const kubepeers_error) -> kubepeers_status {
    // SAFETY: the header requires NULL or a live error.
    unsafe { error.as_ref() }.map_or(Status::Ok.code(), |e| e.status.code())
}

/// Returns what failed, why, and what to do, in one or more lines, or "" if
/// `error` is NULL. The message contains neither secrets nor the manifest. The
/// string is valid as long as the error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_message(error: *const kubepeers_error) -> *const c_char {
    // SAFETY: the header requires NULL or a live error.
    unsafe { error.as_ref() }.map_or(c"".as_ptr(), |e| e.message.as_ptr())
}

/// Returns a Kubernetes manifest that fixes the error once it is applied, e.g.
/// the missing Role if the API server answers 403. Returns NULL if there is none
/// or `error` is NULL. The string is valid as long as the error.
///
/// Errors with the same cause have the same manifest, whatever their status. The
/// manifest is YAML and ends with a newline. It contains the placeholder
/// THE-USER if the credentials do not name a service account.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_manifest(error: *const kubepeers_error) -> *const c_char {
    // SAFETY: the header requires NULL or a live error.
    let manifest = unsafe { error.as_ref() }.and_then(|e| e.manifest.as_deref());
    manifest.map_or(std::ptr::null(), CStr::as_ptr)
}

/// Returns 1 if the same call may succeed later even if no user or operator
/// changes the program, its configuration or the cluster. Returns 0 otherwise or
/// if `error` is NULL. Test this rather than the status: KUBEPEERS_NOT_SYNCED
/// because of a 403 is not retryable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_is_retryable(error: *const kubepeers_error) -> i32 {
    // SAFETY: the header requires NULL or a live error.
    unsafe { error.as_ref() }.map_or(0, |e| i32::from(e.retryable))
}

/// Returns the HTTP status of the API server's response, e.g. 403, or 0 if there
/// was no response or `error` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_http_status(error: *const kubepeers_error) -> i32 {
    // SAFETY: the header requires NULL or a live error.
    unsafe { error.as_ref() }.map_or(0, |e| i32::from(e.http_status))
}

/// Frees an error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_error_free(error: *mut kubepeers_error) {
    if !error.is_null() {
        // SAFETY: not NULL, and the header requires a pointer that the library gave out and that
        // was not freed.
        infallible((), || drop(unsafe { Box::from_raw(error) }));
    }
}

/// Returns the name of a status without its prefix, e.g. "NOT_SYNCED", or
/// "UNKNOWN" for a number that this version does not have. The string is
/// static.
#[unsafe(no_mangle)]
pub extern "C" fn kubepeers_status_name(status: kubepeers_status) -> *const c_char {
    let known = Status::ALL.iter().position(|known| known.code() == status);
    known.map_or(c"UNKNOWN".as_ptr(), |at| STATUS_NAMES[at].as_ptr().cast())
}

/// The name of each of `Status::ALL`, with NULs up to the end.
static STATUS_NAMES: [[u8; 32]; Status::ALL.len()] = {
    let mut names = [[0; 32]; Status::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        let name = Status::ALL[at].name().as_bytes();
        assert!(name.len() < names[at].len(), "there is no room for a NUL");
        names[at].split_at_mut(name.len()).0.copy_from_slice(name);
        at += 1;
    }
    names
};
