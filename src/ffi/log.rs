//! `kubepeers_log_*`.

use std::ffi::c_char;
use std::time::UNIX_EPOCH;

use super::boundary::{Out, call, required};
use super::text::c_text;
use super::{handles, kubepeers_error, kubepeers_provider, kubepeers_status};
use crate::provider::log::Record;

/// Level of a log record: the library has failed.
pub const KUBEPEERS_LOG_ERROR: i32 = 1;
/// Level of a log record: a request failed and the last result is kept, or
/// something else needs an operator's attention.
pub const KUBEPEERS_LOG_WARN: i32 = 2;
/// Level of a log record: the registration, the result, or the way in which the
/// library gets the result has changed.
pub const KUBEPEERS_LOG_INFO: i32 = 3;
/// Level of a log record: everything else.
pub const KUBEPEERS_LOG_DEBUG: i32 = 4;

/// Returns the oldest log record and removes it. Does not block. The key `log`
/// selects which records the library keeps. Whenever the descriptor of
/// kubepeers_change_fd() is readable, call this until there are no more records.
///
/// `*message` must be freed with kubepeers_text_free(). `*level` is one of
/// KUBEPEERS_LOG_*, and `*unix_ms` is the time in milliseconds since 1970.
/// `level` and `unix_ms` may be NULL. If there is no record, the call returns
/// KUBEPEERS_OK, sets `*message` to NULL, and does not write `*level` and
/// `*unix_ms`.
///
/// The library keeps 256 records. If there are more, it drops the oldest. The
/// next call then returns a record that says how many were dropped. Records stay
/// after kubepeers_deregister(); kubepeers_close() drops them.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_log_next(
    provider: kubepeers_provider,
    level: *mut i32,
    unix_ms: *mut i64,
    message: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires all of them writable or NULL.
    let (level, unix_ms, message, error) =
        unsafe { (Out::new(level), Out::new(unix_ms), Out::new(message), Out::new(error)) };
    call(error, || {
        let message = required(message, "message")?;
        let Some(record) = handles::get(provider)?.log().next() else {
            message.write(std::ptr::null_mut());
            return Ok(());
        };
        if let Some(level) = level {
            level.write(record.level as i32);
        }
        if let Some(unix_ms) = unix_ms {
            unix_ms.write(milliseconds(&record));
        }
        message.write(c_text(&record.message).into_raw());
        Ok(())
    })
}

fn milliseconds(record: &Record) -> i64 {
    let since = record.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
