//! The error type of the crate.

use crate::status::Status;

/// A status and a message: what failed, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    status: Status,
    retryable: bool,
    http_status: u16,
    message: String,
    manifest: Option<Box<str>>,
}

/// The result of fallible functions of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Creates an error that no HTTP response has caused.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            retryable: status.is_retryable(),
            http_status: 0,
            message: message.into(),
            manifest: None,
        }
    }

    /// Sets the HTTP status of the API server's response; 0 for none.
    pub fn with_http_status(mut self, http_status: u16) -> Self {
        self.http_status = http_status;
        self
    }

    /// Adds the YAML that fixes the cause when it is applied.
    pub fn with_manifest(mut self, manifest: impl Into<Box<str>>) -> Self {
        self.manifest = Some(manifest.into());
        self
    }

    /// Copies from the cause whether it is retryable, its HTTP status and its manifest.
    pub fn because_of(mut self, cause: &Error) -> Self {
        self.retryable = cause.retryable;
        self.http_status = cause.http_status;
        self.manifest.clone_from(&cause.manifest);
        self
    }

    /// Marks the error as retryable, because it may be transient.
    pub fn worth_a_retry(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Returns whether the same call may succeed later without a change of the configuration, the
    /// cluster or the program.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// Returns the status of the error.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the HTTP status of the API server's response, or 0 if there was none.
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// Returns the YAML that fixes the cause when it is applied, if there is any.
    pub fn manifest(&self) -> Option<&str> {
        self.manifest.as_deref()
    }

    /// Returns what failed, why, and what to do about it.
    pub fn message(&self) -> &str {
        &self.message
    }
}
