//! `kubepeers_doctor`.

use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Arc;

use super::boundary::{Out, call, required};
use super::provider::API_SERVER;
use super::text::c_text;
use super::{fork, kubepeers_config, kubepeers_error, kubepeers_status};
use crate::error::{Error, Result};
use crate::provider::explain::Form;
use crate::provider::{Backend, Timeout, doctor};
use crate::status::Status;

/// `form` of kubepeers_doctor(): JSON, for programs.
pub const KUBEPEERS_DOCTOR_JSON: i32 = 1;
/// `form` of kubepeers_doctor(): human-readable text.
pub const KUBEPEERS_DOCTOR_TEXT: i32 = 2;

fn form_of(number: i32) -> Result<Form> {
    match number {
        KUBEPEERS_DOCTOR_JSON => Ok(Form::Json),
        KUBEPEERS_DOCTOR_TEXT => Ok(Form::Table),
        other => Err(Error::new(
            Status::InvalidArgument,
            format!("`form` is {other}, not one of KUBEPEERS_DOCTOR_*"),
        )),
    }
}

/// Examines every step of discovery with this configuration, and returns what
/// is wrong and how to fix it. Blocks until every step is known, for at most
/// `timeout_ms`; negative: 8 s. It works whether or not a provider exists, and
/// affects none: it registers a provider of its own, lists and watches the pods,
/// and closes it. Unless `request_timeout_ms` is set, a request may remain
/// unanswered for 3 s.
///
/// What is wrong, also with an incomplete configuration, is in `*text`, and the
/// call returns KUBEPEERS_OK. `*text` contains no secrets, and no control
/// characters except for line feeds.
///
/// With KUBEPEERS_DOCTOR_JSON, `*text` is an object:
///   outcome    "ok", "warning" or "wrong": the most serious state of a step
///   summary    the answer as a sentence, such as "OK: 2 peers, and this pod is
///              web-0"
///   steps      an object for each of the steps below, in this order:
///                name, state
///                facts      what was observed: sentences, the most important
///                           one first; empty if the step was not reached
///                fix        what to do: paragraphs, one per line; a line that
///                           begins with four blanks is to be copied. "" if
///                           there is nothing to fix
///                manifest   objects that fix the step, or null
///   manifest   as `*manifest`, or null
///   text       the text of KUBEPEERS_DOCTOR_TEXT
/// Fields and steps may be added. With KUBEPEERS_DOCTOR_TEXT it is text of 80
/// columns whose layout may change; only commands to copy are longer. Its first
/// and its last line begin with "OK", "WARNING" or "WRONG".
///
/// Steps:
///   "configuration"   the required keys are set, and fit each other
///   "credentials"     the token and CA, or the kubeconfig, can be read
///   "API server"      its name resolves, it accepts connections, it answers
///   "TLS"             its certificate is trusted
///   "login"           it accepts the credentials
///   "list", "watch"   it allows to list and to watch the pods
///   "labels"          pods have the labels `pod_labels`
///   "ports"           these pods have the named ports
///   "this pod"        this pod is identified, and is one of the pods; for an
///                     observer always "ok"
///   "answer"          kubepeers_discover_peers() returns peers now
///
/// States:
///   "ok"            the step succeeds
///   "warning"       the step succeeds, but probably not as intended
///   "wrong"         the step fails
///   "not-reached"   an earlier step has to be fixed first
///
/// If `manifest` is not NULL, `*manifest` is the YAML that fixes what is wrong
/// when a cluster admin applies it as it is with `kubectl apply -f -`. It is
/// NULL if there is none.
///
/// `*text` and `*manifest` must be freed with kubepeers_text_free().
///
/// Errors:
///   KUBEPEERS_INVALID_ARGUMENT   `config` or `text` is NULL, or `form` is not a
///                                KUBEPEERS_DOCTOR_*
///   KUBEPEERS_FORKED             this process has closed the library's
///                                descriptors
///   KUBEPEERS_INTERNAL           the library has failed
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kubepeers_doctor(
    config: *const kubepeers_config,
    timeout_ms: i32,
    form: i32,
    text: *mut *mut c_char,
    manifest: *mut *mut c_char,
    error: *mut *mut kubepeers_error,
) -> kubepeers_status {
    // SAFETY: the header requires `config` NULL or live, and the others NULL or writable.
    let (config, text, manifest, error) =
        unsafe { (config.as_ref(), Out::new(text), Out::new(manifest), Out::new(error)) };
    call(error, || {
        let text = required(text, "text")?;
        let config = required(config, "config")?.0.clone();
        let form = form_of(form)?;
        fork::prepare_process()?;
        let backend: Arc<dyn Backend> = Arc::new(API_SERVER);
        let report = doctor::examine(&config, &backend, Timeout::from_ms(timeout_ms))?;
        text.write(c_text(&report.render(form)).into_raw());
        if let Some(manifest) = manifest {
            let yaml = report.manifest();
            manifest.write(yaml.map_or(null_mut(), |yaml| c_text(&yaml).into_raw()));
        }
        Ok(())
    })
}
