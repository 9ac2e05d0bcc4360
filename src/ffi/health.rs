//! `kubepeers_get_health` and `kubepeers_health_*`.

use std::ffi::{CString, c_char};

use super::boundary::{call, infallible, required, store};
use super::{handles, kubepeers_error, kubepeers_provider, kubepeers_status};
use crate::health::Health;

/// How sure the answers of a provider were at one moment. Opaque, immutable: any thread may read it.
pub struct kubepeers_health {
    age_ms: i64,
    stale: bool,
    polling: bool,
    error: Option<Box<kubepeers_error>>,
    error_class: CString,
}

impl kubepeers_health {
    fn boxed(health: Health) -> *mut Self {
        let age_ms = health.age.map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let Health { stale, polling, trouble, .. } = health;
        let class = trouble.as_ref().map_or("", |trouble| trouble.class);
        let error_class = CString::new(class).unwrap_or_default();
        let error = trouble.map(|trouble| Box::new(kubepeers_error::new(trouble.error)));
        Box::into_raw(Box::new(Self { age_ms, stale, polling, error, error_class }))
    }
}

/// How sure the answers are: answers are given from memory, through any outage of the API server, and this says how old they are.
/// Does not block, no I/O. `*health` is written only on success; free it with kubepeers_health_free().
///
/// Errors: KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED, KUBEPEERS_INVALID_ARGUMENT (NULL), KUBEPEERS_NOT_INITIALIZED,
/// KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_get_health(
    provider: kubepeers_provider,
    health: *mut *mut kubepeers_health,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `health` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(health, "health")?;
            let found = handles::get(provider)?.health()?;
            store(health, || kubepeers_health::boxed(found));
            Ok(())
        })
    }
}

/// Reads a field, or gives `absent` for NULL.
///
/// # Safety
/// `health` is NULL or live.
unsafe fn field<T>(health: *const kubepeers_health, absent: T, read: impl FnOnce(&kubepeers_health) -> T) -> T {
    // SAFETY: the caller vouches for the pointer; it is never changed after it is made.
    unsafe { health.as_ref() }.map_or(absent, read)
}

/// Returns the milliseconds since the last confirmation: a list, an event, a bookmark, or a new watch. Bookmarks come about
/// once a minute, and a watch that is silent for 90 s is opened again, so a quiet cluster is not old. Returns -1 before the first
/// list, and if `health` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_age_ms(health: *const kubepeers_health) -> i64 {
    // SAFETY: the header asks for NULL or what kubepeers_get_health() gave.
    unsafe { field(health, -1, |h| h.age_ms) }
}

/// Returns 1 if the age exceeds `max_stale_ms`, if nothing has been read yet, or if `health` is NULL, and 0 otherwise. If
/// `max_stale_ms` is not set, the limit is 120 s; where the pods are polled, it is three polls, if that is longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_is_stale(health: *const kubepeers_health) -> i32 {
    // SAFETY: the header asks for NULL or what kubepeers_get_health() gave.
    unsafe { field(health, 1, |h| i32::from(h.stale)) }
}

/// 1 if the pods are listed every `poll_interval_ms` instead of watched: as `watch` = "poll" asks for, or since the service
/// account may not watch them, which kubepeers_health_error() then says; else 0. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_is_polling(health: *const kubepeers_health) -> i32 {
    // SAFETY: the header asks for NULL or what kubepeers_get_health() gave.
    unsafe { field(health, 0, |h| i32::from(h.polling)) }
}

/// What has gone wrong since the last sign of life, or why the pods are polled; NULL if nothing. Borrowed: valid until
/// kubepeers_health_free(), never freed by itself. Its status is KUBEPEERS_UNAVAILABLE, or one that register has too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_error(health: *const kubepeers_health) -> *const kubepeers_error {
    // SAFETY: the header asks for NULL or what kubepeers_get_health() gave.
    unsafe { field(health, std::ptr::null(), |h| h.error.as_deref().map_or(std::ptr::null(), |e| e)) }
}

/// What kind of failure that error is, for programs, the same word as in the metrics: "unreachable" (refused, or the connection
/// broke), "no-such-host", "timed-out", "tls", "unauthorized" (401), "forbidden" (a 403 of Kubernetes itself), "gone" (410: history that the server no longer has), "not-supported" (400, 406, 415, 422),
/// "refused" (another status that is no success), "incomplete", "malformed", "credentials", "resources". "" if there is no error,
/// and for NULL. Borrowed: valid until kubepeers_health_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_error_class(health: *const kubepeers_health) -> *const c_char {
    // SAFETY: the header asks for NULL or what kubepeers_get_health() gave.
    unsafe { field(health, c"".as_ptr(), |h| h.error_class.as_ptr()) }
}

/// Frees it, with its error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_free(health: *mut kubepeers_health) {
    if !health.is_null() {
        // SAFETY: not NULL, and the header asks for a pointer that the library gave out and that was not freed.
        infallible((), || drop(unsafe { Box::from_raw(health) }));
    }
}
