//! The doctor: examines every step of discovery, from the configuration to the answer.
//!
//! [`observe`] does all I/O, through a provider of its own. [`steps`] turns what it has observed
//! into a report, and is pure. [`text`] and [`json`] render the report.

mod fixes;
mod json;
mod observe;
mod report;
mod steps;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
#[cfg(feature = "cli")]
use crate::error::Error;
use crate::error::Result;
use crate::provider::explain::Form;
use crate::provider::{Backend, Timeout};
use crate::status::Status;

pub use self::report::Report;
#[cfg(feature = "testing")]
pub use self::report::{Fix, Manifest};
#[cfg(any(feature = "cli", feature = "testing"))]
pub use self::report::{State, Step};
#[cfg(feature = "cli")]
pub use self::text::{Layout, Part, text};

/// How long an examination may take by default. It is longer than the limits of a request (3 s)
/// and of denials that pass (2 s) together.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Examines every step of discovery with this configuration. It blocks until every step is known,
/// at most for `timeout`.
///
/// What is wrong is in the report. An error means that the library itself has failed.
pub fn examine(config: &Config, backend: &Arc<dyn Backend>, timeout: Timeout) -> Result<Report> {
    let observed = match observe::observe(config, backend, timeout.or(TIMEOUT)) {
        Ok(observed) => observed,
        Err(error) => return Ok(steps::misconfigured(&error)),
    };
    match &observed.connection {
        Err(error) if error.status() == Status::Internal => Err(error.clone()),
        _ => Ok(steps::report(&observed)),
    }
}

/// Returns the report of an invalid configuration.
#[cfg(feature = "cli")]
pub fn misconfigured(error: &Error) -> Report {
    steps::misconfigured(error)
}

impl Report {
    /// Returns the report as JSON or as text.
    pub fn render(&self, form: Form) -> String {
        match form {
            Form::Json => json::json(self),
            Form::Table => text::text(self, text::Layout::default()),
        }
    }
}
