//! Turns observations into steps. Each file has the steps of one subject.

mod access;
mod answer;
mod pods;
mod self_pod;

use super::fixes;
use super::observe::{Connected, Observed};
use super::report::{Report, Step};
use super::words::advice;
use crate::config::Settings;
use crate::discovery::access::Login;
use crate::error::Error;

const CONFIGURATION: &str = "configuration";
const CREDENTIALS: &str = "credentials";
const API_SERVER: &str = "API server";
const TLS: &str = "TLS";
const LOGIN: &str = "login";
const LIST: &str = "list";
const WATCH: &str = "watch";
const LABELS: &str = "labels";
const PORTS: &str = "ports";
const THIS_POD: &str = "this pod";
const ANSWER: &str = "answer";

/// All steps, in the order in which each needs those before it.
const ALL: [&str; 11] = [
    CONFIGURATION,
    CREDENTIALS,
    API_SERVER,
    TLS,
    LOGIN,
    LIST,
    WATCH,
    LABELS,
    PORTS,
    THIS_POD,
    ANSWER,
];

/// Returns the report on a configuration that is invalid.
pub(super) fn misconfigured(error: &Error) -> Report {
    let (what, _) = advice(error.message());
    all(vec![Step::wrong(CONFIGURATION, what, fixes::configuration(error))], String::new())
}

/// Returns the report on what was observed.
pub(super) fn report(observed: &Observed) -> Report {
    let mut steps = vec![configuration(observed)];
    steps.extend(access::steps(observed));
    let mut answer = String::new();
    if let Ok(connected) = &observed.connection
        && let Some(pods) = &connected.pods
    {
        steps.push(pods::labels(observed, connected, pods));
        steps.push(pods::ports(observed, pods));
        steps.push(self_pod::step(observed, connected, pods));
        steps.push(answer::step(observed, connected, pods));
        answer = answer::sentence(pods);
    }
    all(steps, answer)
}

/// Adds the steps that were not reached, in their places.
fn all(steps: Vec<Step>, answer: String) -> Report {
    let mut steps = steps.into_iter().peekable();
    let in_place = ALL.map(|name| {
        steps.next_if(|step| step.name == name).unwrap_or_else(|| Step::not_reached(name))
    });
    Report { steps: in_place.into(), answer }
}

fn configuration(observed: &Observed) -> Step {
    let Settings { ports, .. } = &observed.settings;
    let within =
        observed.namespace().map_or_else(String::new, |name| format!(" in namespace {name}"));
    Step::ok(
        CONFIGURATION,
        format!(
            "pods with labels {}{within}, at their port {}",
            observed.settings.selector(),
            ports.discovery.name
        ),
    )
}

impl Observed {
    /// Returns the namespace of the pods, if it is known.
    pub(super) fn namespace(&self) -> Option<&str> {
        let connected = self.connection.as_ref().ok();
        let found = connected.map(|Connected { namespace, .. }| namespace.as_str());
        found.or(self.settings.namespace.as_deref())
    }

    /// Returns the namespace and the name of the service account, if it is known.
    pub(super) fn service_account(&self) -> Option<(&str, &str)> {
        match &self.access.login {
            Login::Token(token) => {
                token.service_account.as_ref().map(|(namespace, name)| (&**namespace, &**name))
            }
            _ => None,
        }
    }
}
