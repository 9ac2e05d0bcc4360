//! `kubepeers_log_*`.

use std::ffi::c_char;
use std::time::UNIX_EPOCH;

use super::boundary::{call, required, store};
use super::text::c_text;
use super::{handles, kubepeers_error, kubepeers_provider, kubepeers_status, refuse_in_callback};
use crate::log::{Callback, Record};

/// For log records: the library has failed.
pub const KUBEPEERS_LOG_ERROR: i32 = 1;
/// For log records: a request failed; what is known stands.
pub const KUBEPEERS_LOG_WARN: i32 = 2;
/// For log records: the answer has changed, or the way in which it is found.
pub const KUBEPEERS_LOG_INFO: i32 = 3;
/// For log records: all the rest.
pub const KUBEPEERS_LOG_DEBUG: i32 = 4;

/// C knows it as uintptr_t, which cbindgen would call size_t.
type Context = usize;

/// What a log record is given to: its level, one of KUBEPEERS_LOG_*; its text, which is gone when the callback returns; and the
/// `context` that came with the callback.
pub type kubepeers_log_callback = Option<unsafe extern "C" fn(level: i32, message: *const c_char, context: Context)>;

/// Gives log records to a callback from now on, when the watcher has the next thing to do, those that wait first; NULL: to nobody, they
/// wait for kubepeers_log_next(). Records are made as the key `log` says, which is "off" by default.
///
/// The callback is called on the provider's own thread, one record at a time. It must not throw, longjmp or take long: nothing is
/// watched meanwhile. It may call any function, but not wait: those with a timeout take it as 0, and kubepeers_register(),
/// kubepeers_deregister(), kubepeers_close() and this function are KUBEPEERS_WOULD_DEADLOCK, on whatever provider. It must not wait for
/// a thread that is in one of these either. After this function the callback that was set before is not running and will not be
/// called again: its `context` may go. So it is after kubepeers_deregister() (until the next kubepeers_register()) and kubepeers_close(),
/// where they were KUBEPEERS_OK; but not after a second kubepeers_close(), which does not wait for the first.
///
/// Errors: KUBEPEERS_WOULD_DEADLOCK, KUBEPEERS_CLOSED, KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_log_set_callback(
    provider: kubepeers_provider,
    callback: kubepeers_log_callback,
    context: Context,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `error` NULL or writable, and for a function of this type that may be called until another one
    // is set.
    unsafe {
        call(error, || {
            refuse_in_callback()?;
            let callback = callback.map(|function| -> Callback {
                Box::new(move |record: &Record| {
                    let message = c_text(&record.message);
                    function(record.level as i32, message.as_ptr(), context);
                })
            });
            handles::get(provider)?.log().set_callback(callback);
            Ok(())
        })
    }
}

/// The oldest log record that waits: for bindings, which fetch records when the descriptor of kubepeers_change_fd() is readable or
/// after a call. Does not block. `*message` is its text, to be freed with kubepeers_text_free(); NULL if there is none. `level` (one of
/// KUBEPEERS_LOG_*) and `unix_ms` (when it was made, milliseconds since 1970) may be NULL. 256 records wait; of more the oldest are
/// lost, and the next one says how many. Records also wait after kubepeers_deregister(); kubepeers_close() ends them.
///
/// Errors: KUBEPEERS_INVALID_ARGUMENT (`message` is NULL), KUBEPEERS_CLOSED, KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE,
/// KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_log_next(
    provider: kubepeers_provider,
    level: *mut i32,
    unix_ms: *mut i64,
    message: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `message` writable, checked for NULL, and the others NULL or writable.
    unsafe {
        call(error, || {
            required(message, "message")?;
            let record = handles::get(provider)?.log().next();
            if let Some(record) = &record {
                store(level, || record.level as i32);
                store(unix_ms, || milliseconds(record));
            }
            store(message, || record.map_or(std::ptr::null_mut(), |record| c_text(&record.message).into_raw()));
            Ok(())
        })
    }
}

fn milliseconds(record: &Record) -> i64 {
    let since = record.at.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
