//! Why a call did not do what it says.

use std::fmt;

use crate::status::Status;

/// A status and a sentence that says what happened, to what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    retryable: bool,
    http_status: u16,
    message: String,
    manifest: Option<Box<str>>,
}

/// What fallible functions of this crate return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without an HTTP answer behind it.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, retryable: status.is_retryable(), http_status: 0, message: message.into(), manifest: None }
    }

    /// The same with the HTTP status that the API server answered; 0 for none.
    pub fn with_http_status(mut self, http_status: u16) -> Self {
        self.http_status = http_status;
        self
    }

    /// Adds the YAML that fixes the cause when it is applied.
    pub fn with_manifest(mut self, manifest: impl Into<Box<str>>) -> Self {
        self.manifest = Some(manifest.into());
        self
    }

    /// Takes from another error whether a retry helps, what the API server answered and what fixes it.
    pub fn because_of(mut self, cause: &Error) -> Self {
        self.retryable = cause.retryable;
        self.http_status = cause.http_status;
        self.manifest.clone_from(&cause.manifest);
        self
    }

    /// The same, but it is not certain yet that it lasts.
    pub fn worth_a_retry(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Whether the same call may succeed later without anybody changing a configuration, a manifest or a program.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// What kind of error this is.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The HTTP status of the API server's answer, 0 if there was none.
    pub fn http_status(&self) -> u16 {
        self.http_status
    }

    /// Returns the YAML that fixes the cause when it is applied, if there is such YAML.
    pub fn manifest(&self) -> Option<&str> {
        self.manifest.as_deref()
    }

    /// What happened and what to do about it.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
