//! `kubepeers_explain`, `kubepeers_metrics`, and the texts that they give.

use std::ffi::{CString, c_char};

use super::boundary::{Out, call, infallible, required};
use super::{handles, kubepeers_error, kubepeers_provider, kubepeers_status};
use crate::error::{Error, Result};
use crate::provider::explain::Form;
use crate::status::Status;

/// `form` of kubepeers_explain(): JSON, for programs.
pub const KUBEPEERS_EXPLAIN_JSON: i32 = 1;
/// `form` of kubepeers_explain(): a human-readable table.
pub const KUBEPEERS_EXPLAIN_TABLE: i32 = 2;

fn form_of(number: i32) -> Result<Form> {
    match number {
        KUBEPEERS_EXPLAIN_JSON => Ok(Form::Json),
        KUBEPEERS_EXPLAIN_TABLE => Ok(Form::Table),
        other => Err(Error::new(
            Status::InvalidArgument,
            format!("`form` is {other}, not one of KUBEPEERS_EXPLAIN_*"),
        )),
    }
}

/// As a C string.
pub(super) fn c_text(text: &str) -> CString {
    // A NUL could only come from a server's text; it would cut the C string short.
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// Returns every selected pod with its verdict: "peer", or the reason why it is
/// not one. Does not block. `*text` must be freed with kubepeers_text_free().
///
/// With KUBEPEERS_EXPLAIN_TABLE `*text` is a table whose layout may change. With
/// KUBEPEERS_EXPLAIN_JSON it is an object with these fields:
///   `namespace`   the namespace of the pods
///   `selector`    the labels of `pod_labels`
///   `self`        a description of this pod, for humans
///   `gate`        one of the gates below
///   `pods`        an array of pods, sorted by name
/// Each pod has `name`, `verdict`, `address` (null unless it is a peer), `ips`,
/// `phase`, `ready`, `terminating`, `node_name`, `uid`, `revision`, `started`
/// (RFC 3339) and `ports` ([name, number] of each named port). A string is "" if
/// its value is not known. Fields may be added.
///
/// Verdicts:
///   "peer"                it is a peer
///   "self"                it is this pod
///   "not-running"         it is not Running (see `pending`)
///   "terminating"         it is being deleted
///   "no-ip"               it has no address yet
///   "no-ip-of-family"     it has no address of `ip_family`
///   "no-discovery-port"   it has no port named `discovery_port_name`, and
///                         `default_discovery_port` is not set
///   "not-ready"           it is not Ready (only with `readiness` = "ready")
///   "address-taken"       its address and port are those of this pod, or of a
///                         pod that started later
///   "malformed"           the API server sent a field that Kubernetes does not
///                         allow
/// If several apply to a pod, its verdict is the first of "self", "malformed",
/// "no-discovery-port", "not-running", "no-ip", "no-ip-of-family",
/// "terminating", "not-ready" and "address-taken".
///
/// The gate says whether the state of this pod lets kubepeers_discover_peers()
/// succeed, and which status that call returns otherwise:
///   "open"              yes; always so for an observer
///   "self-absent"       KUBEPEERS_SELF_NOT_VISIBLE: this pod is not among the
///                       listed pods
///   "self-not-yet"      KUBEPEERS_SELF_NOT_VISIBLE: this pod is not Running yet
///                       (see `pending`) or has no address yet
///   "self-excluded"     KUBEPEERS_SELF_EXCLUDED: this pod has no discovery
///                       port or no address of `ip_family`, has ended, or is
///                       malformed
///   "self-unselected"   KUBEPEERS_SELF_EXCLUDED: this pod exists, but lacks
///                       the labels
///   "self-unclear"      KUBEPEERS_NO_IDENTITY: several pods match this process
///
/// Errors:
///   KUBEPEERS_NOT_SYNCED         the pods have not been listed
///   KUBEPEERS_NOT_REGISTERED     the provider is not registered
///   KUBEPEERS_INVALID_ARGUMENT   also if `form` is not a KUBEPEERS_EXPLAIN_*
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_explain(
    provider: kubepeers_provider,
    form: i32,
    text: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires both writable or NULL.
    let (text, error) = unsafe { (Out::new(text), Out::new(error)) };
    call(error, || {
        let text = required(text, "text")?;
        let explained = handles::get(provider)?.explain(form_of(form)?)?;
        text.write(c_text(&explained).into_raw());
        Ok(())
    })
}

/// Returns the metrics of the provider in Prometheus text format. Does not
/// block. `*text` must be freed with kubepeers_text_free(). Serve several
/// providers under separate paths, because an exposition may describe each
/// metric only once (HELP and TYPE).
///
/// Gauges:
///   kubepeers_peers        peers in the current list
///   kubepeers_pods         selected pods, by `verdict`; verdicts without a pod
///                          are omitted, except for "peer"
///   kubepeers_synced       1 once the pods have been listed, 0 before
///   kubepeers_stale        as kubepeers_health_is_stale()
///   kubepeers_watching     as kubepeers_health_is_watching()
///   kubepeers_polling      as kubepeers_health_is_polling()
///   kubepeers_generation   generation of the current list
///   kubepeers_last_confirmation_timestamp_seconds
///                          Unix time of the last confirmation; 0 before the
///                          first
/// Counters since kubepeers_register():
///   kubepeers_requests_total   requests, by `verb` ("list" or "watch")
///   kubepeers_failures_total   failed requests and broken watches, by `class`
///                              (see kubepeers_health_error_class())
///   kubepeers_events_total     watch events received
///   kubepeers_evaluations_total
///                              updates of the verdicts
///
/// All metrics have the labels `namespace` and `selector`. Metrics are added,
/// never changed.
///
/// Errors:
///   KUBEPEERS_NOT_REGISTERED   the provider is not registered
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_metrics(
    provider: kubepeers_provider,
    text: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires both writable or NULL.
    let (text, error) = unsafe { (Out::new(text), Out::new(error)) };
    call(error, || {
        let text = required(text, "text")?;
        let metrics = handles::get(provider)?.metrics()?;
        text.write(c_text(&metrics).into_raw());
        Ok(())
    })
}

/// Frees a text from kubepeers_explain(), kubepeers_metrics(),
/// kubepeers_doctor() or kubepeers_log_next(). NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_text_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: not NULL, and the header requires a text that the library gave out, unchanged and
        // not freed.
        infallible((), || drop(unsafe { CString::from_raw(text) }));
    }
}
