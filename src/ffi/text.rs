//! `kubepeers_explain`, `kubepeers_metrics`, and the texts that they give.

use std::ffi::{CString, c_char};

use super::boundary::{call, infallible, required, store};
use super::{handles, kubepeers_error, kubepeers_provider, kubepeers_status};
use crate::error::{Error, Result};
use crate::explain::Form;
use crate::status::Status;

/// For kubepeers_explain(): JSON, for programs.
pub const KUBEPEERS_EXPLAIN_JSON: i32 = 1;
/// For kubepeers_explain(): a table, for people.
pub const KUBEPEERS_EXPLAIN_TABLE: i32 = 2;

fn form_of(number: i32) -> Result<Form> {
    match number {
        KUBEPEERS_EXPLAIN_JSON => Ok(Form::Json),
        KUBEPEERS_EXPLAIN_TABLE => Ok(Form::Table),
        other => Err(Error::new(Status::InvalidArgument, format!("`form` is {other}, not one of KUBEPEERS_EXPLAIN_*"))),
    }
}

/// As a C string.
pub(super) fn c_text(text: &str) -> CString {
    // A NUL could only come from a server's text; it would cut the C string short.
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Every pod that the selector finds, with its verdict: why is a peer missing? Does not block, no I/O.
///
/// `form` is KUBEPEERS_EXPLAIN_JSON: one object with `namespace`, `selector`, `own_pod`, `gate` ("open", or what an answer waits for:
/// "self-absent", "self-not-yet"; or why there can be none: "self-excluded", "self-unselected", "self-unclear") and `pods`, by name:
/// each with `name`, `verdict`, `address` (of a peer, else null), `ips`, `phase`, `ready`, `terminating`, `node_name`, `uid`,
/// `revision`, `started`, `ports` (named ones: [name, number]). Fields may be added. Or KUBEPEERS_EXPLAIN_TABLE: a table for people,
/// whose form may change.
///
/// Verdicts: "peer"; or left out: "self", "not-running", "terminating", "no-ip", "no-ip-of-family" (see `ip_family`), "no-discovery-port",
/// "not-ready" (only with `readiness` = "ready"), "address-taken" (this pod, or one that started later, has the same address and port),
/// "malformed" (the API server sent a node name, revision, start time, port name, or number of ports or addresses that Kubernetes does not
/// allow).
///
/// `*text` is written only on success; free it with kubepeers_text_free().
///
/// Errors: KUBEPEERS_NOT_SYNCED (nothing has been read yet: the message says why), KUBEPEERS_NOT_REGISTERED, KUBEPEERS_CLOSED,
/// KUBEPEERS_INVALID_ARGUMENT (NULL, or no such form), KUBEPEERS_NOT_INITIALIZED, KUBEPEERS_INVALID_HANDLE, KUBEPEERS_FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_explain(
    provider: kubepeers_provider,
    form: i32,
    text: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `text` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(text, "text")?;
            let explained = handles::get(provider)?.explain(form_of(form)?)?;
            store(text, || c_text(&explained).into_raw());
            Ok(())
        })
    }
}

/// Metrics of one provider in the text format of Prometheus, to be put behind the ones that your process serves. Of several
/// providers serve each under a path of its own: Prometheus takes each name once. Does not block, no I/O.
///
/// Gauges:
///   kubepeers_peers       peers of the last snapshot
///   kubepeers_pods        pods that the selector finds, by `verdict`: the words of kubepeers_explain(); those that no pod has are left
///                         out, but for "peer"
///   kubepeers_synced      1 once the pods have been read
///   kubepeers_stale       1 if no sign of life came for too long, as kubepeers_health_is_stale() has it
///   kubepeers_watching    1 while a watch is open
///   kubepeers_polling     1 if the pods are polled, not watched
///   kubepeers_generation  generation of the last snapshot
///   kubepeers_last_sign_of_life_timestamp_seconds  Unix time of the last confirmation (see kubepeers_health_age_ms());
///                         0 before the first
/// Counters, from kubepeers_register() on:
///   kubepeers_requests_total  lists and watches that were asked for, by `verb`: "list", "watch"
///   kubepeers_failures_total  requests that failed, or watches that broke, by `class`: the words of kubepeers_health_error_class(); those
///                             that have not happened are left out
///   kubepeers_events_total    watch events that were received
///   kubepeers_views_total     how often all pods were judged anew
/// All have the labels `namespace` and `selector`, which say whose they are. Metrics are added, never changed.
///
/// `*text` is written only on success; free it with kubepeers_text_free().
///
/// Errors: as kubepeers_get_health().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_metrics(
    provider: kubepeers_provider,
    text: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header asks for `text` writable, checked for NULL, and `error` NULL or writable.
    unsafe {
        call(error, || {
            required(text, "text")?;
            let metrics = handles::get(provider)?.metrics()?;
            store(text, || c_text(&metrics).into_raw());
            Ok(())
        })
    }
}

/// Frees a text of kubepeers_explain(), kubepeers_metrics() or kubepeers_log_next(). NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_text_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: not NULL, and the header asks for a text that the library gave out, unchanged and not freed.
        infallible((), || drop(unsafe { CString::from_raw(text) }));
    }
}
