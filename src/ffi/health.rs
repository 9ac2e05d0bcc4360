//! `kubepeers_get_health` and `kubepeers_health_*`.

use std::ffi::{CString, c_char};

use super::boundary::{Out, call, infallible, required};
use super::{handles, kubepeers_error, kubepeers_provider, kubepeers_status};
use crate::provider::health::Health;

/// Opaque. An immutable record of how reliable the results were at one moment.
/// Any number of threads may read it, also after kubepeers_close().
pub struct kubepeers_health {
    age_ms: i64,
    stale: bool,
    watching: bool,
    polling: bool,
    error: Option<Box<kubepeers_error>>,
    error_class: CString,
}

impl kubepeers_health {
    fn boxed(health: Health) -> *mut Self {
        let age_ms =
            health.age.map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let Health { stale, watching, polling, last_error, .. } = health;
        let class = last_error.as_ref().map_or("", |last| last.class);
        let error_class = CString::new(class).unwrap_or_default();
        let error = last_error.map(|last| Box::new(kubepeers_error::new(last.error)));
        Box::into_raw(Box::new(Self { age_ms, stale, watching, polling, error, error_class }))
    }
}

/// Returns how reliable the results are now. Does not block. `*health` is a
/// record of this moment, and must be freed with kubepeers_health_free().
///
/// Errors:
///   KUBEPEERS_NOT_REGISTERED   the provider is not registered
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_get_health(
    provider: kubepeers_provider,
    health: *mut *mut kubepeers_health,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires both writable or NULL.
    let (health, error) = unsafe { (Out::new(health), Out::new(error)) };
    call(error, || {
        let health = required(health, "health")?;
        let found = handles::get(provider)?.health()?;
        health.write(kubepeers_health::boxed(found));
        Ok(())
    })
}

/// Returns the milliseconds since the result was last confirmed by a list, an
/// event, a bookmark or a new watch. Bookmarks come about once a minute, and the
/// library opens a new watch after 90 s of silence, so a quiet cluster does not
/// look old.
///
/// Returns -1 if the pods have not been listed yet or `health` is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_age_ms(health: *const kubepeers_health) -> i64 {
    // SAFETY: the header requires NULL or what kubepeers_get_health() gave.
    unsafe { health.as_ref() }.map_or(-1, |h| h.age_ms)
}

/// Returns 1 if the age exceeds `max_stale_ms`, if the pods have not been
/// listed yet, or if `health` is NULL. Returns 0 otherwise. If `max_stale_ms` is
/// not set, the limit is 120 s. If the pods are polled, it is 120 s or the time
/// of three polls, whichever is longer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_is_stale(health: *const kubepeers_health) -> i32 {
    // SAFETY: the header requires NULL or what kubepeers_get_health() gave.
    unsafe { health.as_ref() }.map_or(1, |h| i32::from(h.stale))
}

/// Returns 1 if a watch was open. Returns 0 otherwise or if `health` is NULL. A
/// single 0 is no error, because no watch is open for a moment between two
/// watches.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_is_watching(health: *const kubepeers_health) -> i32 {
    // SAFETY: the header requires NULL or what kubepeers_get_health() gave.
    unsafe { health.as_ref() }.map_or(0, |h| i32::from(h.watching))
}

/// Returns 1 if the pods are polled, because `watch` is "poll" or because the
/// service account may not watch the pods. In the latter case
/// kubepeers_health_error() explains why. Returns 0 otherwise or if `health` is
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_is_polling(health: *const kubepeers_health) -> i32 {
    // SAFETY: the header requires NULL or what kubepeers_get_health() gave.
    unsafe { health.as_ref() }.map_or(0, |h| i32::from(h.polling))
}

/// Returns the last error since the last confirmation, or the error that causes
/// the pods to be polled. Its status is KUBEPEERS_UNAVAILABLE, or one that
/// kubepeers_register() returns. The error is valid until
/// kubepeers_health_free(). Do not free it.
///
/// Returns NULL if there is no such error or `health` is NULL. It also returns
/// NULL if the pods are polled because `watch` is "poll" and nothing has failed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_error(
    health: *const kubepeers_health,
) -> *const kubepeers_error {
    // SAFETY: the header requires NULL or what kubepeers_get_health() gave.
    let error = unsafe { health.as_ref() }.and_then(|h| h.error.as_deref());
    error.map_or(std::ptr::null(), |e| e)
}

/// Returns the class of kubepeers_health_error(), for programs, or "" if there
/// is no error or `health` is NULL. The metrics use the same words:
///
///   "unreachable"     no connection, or it broke
///   "no-such-host"    the server's name cannot be resolved
///   "timed-out"       no answer in time
///   "tls"             the certificate is not trusted, or TLS failed
///   "unauthorized"    401
///   "forbidden"       403 from the API server itself, not from a proxy
///   "gone"            the watch cannot resume from the last resourceVersion,
///                     usually 410
///   "not-supported"   400, 406, 415 or 422
///   "refused"         any other HTTP status that is not a success
///   "incomplete"      a response that ended early
///   "malformed"       a response that cannot be used
///   "credentials"     the credentials cannot be used
///   "resources"       no descriptors or threads
///
/// The string is valid until kubepeers_health_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_error_class(
    health: *const kubepeers_health,
) -> *const c_char {
    // SAFETY: the header requires NULL or what kubepeers_get_health() gave.
    unsafe { health.as_ref() }.map_or(c"".as_ptr(), |h| h.error_class.as_ptr())
}

/// Frees a health record and its error. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_health_free(health: *mut kubepeers_health) {
    if !health.is_null() {
        // SAFETY: not NULL, and the header requires a pointer that the library gave out and that
        // was not freed.
        infallible((), || drop(unsafe { Box::from_raw(health) }));
    }
}
