//! Why a request failed. Each class of error needs a different reaction.

use std::error::Error as StdError;
use std::time::Duration;
use std::{fmt, io};

use tower::BoxError;

use super::api_status::Status as ApiStatus;
use super::auth::Credentials;
use super::auth::kubeconfig;
use super::client::{HandshakeTimeout, NoSuchHost};
use super::rbac_hint::missing_role;
use super::tls::{Outlook, Remedy, TlsFailure};
use crate::discovery::sink::{LOGIN_HANGS, LastError};
use crate::error::Error;
use crate::status::Status;
use crate::text::printable;

/// The error of one request. Its message may contain secrets, until `into_last_error` redacts it.
#[derive(thiserror::Error)]
#[error("{message}")]
pub(super) struct ApiError {
    pub(super) class: ErrorClass,
    /// The server accepts no further request before this time has passed.
    pub(super) retry_after: Option<Duration>,
    /// The Kubernetes verb of the request, such as `list`.
    verb: &'static str,
    http_status: u16,
    message: String,
    source: Option<BoxError>,
    /// What fixes it.
    remedy: Remedy,
    /// Time may solve it, although its class is one that lasts.
    may_pass: bool,
}

/// The class of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorClass {
    /// Missing or unusable files.
    Credentials,
    /// This process lacks resources such as file descriptors.
    Resources,
    /// No connection, or it broke.
    Unreachable,
    /// The server's name is unknown.
    NoSuchHost,
    /// No answer in time.
    TimedOut,
    /// No trust.
    Tls,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 410, a 504 of the API server itself about a resourceVersion, or a store that went back in
    /// time: list again.
    Gone,
    /// 400, 406, 415, 422: the server does not take this kind of request.
    NotSupported,
    /// A list ended early.
    Incomplete,
    /// Any other answer that is no success.
    Refused,
    /// An answer that cannot be understood.
    Malformed,
}

impl ErrorClass {
    /// Returns the class of an HTTP status that is not a success.
    fn of(http_status: u16) -> Self {
        match http_status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            410 => Self::Gone,
            400 | 406 | 415 | 422 => Self::NotSupported,
            // A watch reports this status for an event that it could not create.
            0 => Self::Malformed,
            _ => Self::Refused,
        }
    }

    /// The name that metrics and health show.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Resources => "resources",
            Self::Unreachable => "unreachable",
            Self::NoSuchHost => "no-such-host",
            Self::TimedOut => "timed-out",
            Self::Tls => "tls",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::NotSupported => "not-supported",
            Self::Incomplete => "incomplete",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }
}

impl ApiError {
    pub(super) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            class,
            retry_after: None,
            verb: "",
            http_status: 0,
            message,
            source: None,
            remedy: Remedy::Nothing,
            may_pass: false,
        }
    }

    /// Creates an error with the message of its cause.
    pub(super) fn caused_by(class: ErrorClass, cause: impl Into<BoxError>) -> Self {
        let cause = cause.into();
        Self { message: cause.to_string(), source: Some(cause), ..Self::new(class, "") }
    }

    /// Returns whether a list in another encoding may succeed.
    pub(super) fn is_about_encoding(&self) -> bool {
        use ErrorClass::{Incomplete, Malformed, NotSupported};
        matches!(self.class, NotSupported | Incomplete | Malformed)
    }

    /// Returns whether the server refuses this client: its credentials or its permissions.
    pub(super) fn is_denied(&self) -> bool {
        matches!(self.class, ErrorClass::Unauthorized | ErrorClass::Forbidden)
    }

    /// Returns whether watches may be impossible here, though lists are not.
    pub(super) fn questions_watching(&self) -> bool {
        use ErrorClass::{Incomplete, Refused, TimedOut};
        self.is_denied() || matches!(self.class, Refused | TimedOut | Incomplete)
    }

    /// Returns whether a watch cannot go on from the last resourceVersion: it is too old or of
    /// another store, or an event in between was malformed.
    pub(super) fn spoils_position(&self) -> bool {
        use ErrorClass::{Gone, Malformed, NotSupported};
        matches!(self.class, Gone | Malformed | NotSupported)
    }

    /// Returns whether another server behind the same address may succeed.
    pub(super) fn may_differ_elsewhere(&self) -> bool {
        use ErrorClass::{Incomplete, Malformed, Refused, TimedOut, Unreachable};
        match self.class {
            // The server is there and asks for time.
            Refused => self.http_status >= 500 && self.retry_after.is_none(),
            class => matches!(class, Incomplete | Malformed | TimedOut | Unreachable),
        }
    }

    /// Returns whether the connection broke before the server answered.
    pub(super) fn is_broken_connection(&self) -> bool {
        self.class == ErrorClass::Unreachable
    }

    /// Sets the verb of the request that failed.
    pub(super) fn doing(self, verb: &'static str) -> Self {
        Self { verb, ..self }
    }

    /// Returns whether the server cannot answer in the requested encoding.
    pub(super) fn is_of_the_media_type(&self) -> bool {
        matches!(self.http_status, 406 | 415)
    }

    /// Returns the error of a list that broke off. Compressed bytes that cannot be read are such an
    /// error, too.
    pub(super) fn halfway(self) -> Self {
        let class =
            if self.class == ErrorClass::Unreachable { ErrorClass::Incomplete } else { self.class };
        Self { class, ..self }
    }

    /// Returns the error as callers see it. Permanent errors have a status of their own.
    pub(super) fn into_last_error(self, credentials: &Credentials, namespace: &str) -> LastError {
        let class = self.class.name();
        // A secret that was cut first would not be found.
        let detail = tidy(&credentials.redact(&self.message));
        LastError { error: self.into_error(credentials, namespace, detail.clone()), class, detail }
    }

    fn into_error(self, credentials: &Credentials, namespace: &str, message: String) -> Error {
        let Self { class, verb, http_status, remedy, may_pass, .. } = self;
        let server = credentials.server();
        let proxy = credentials.proxy_hint();
        let (status, message) = match class {
            ErrorClass::Credentials => (Status::NoCredentials, message),
            ErrorClass::Resources => (Status::NoResources, message),
            ErrorClass::Tls => (
                Status::Tls,
                format!(
                    "TLS with the API server {server} failed: {message}{}",
                    trust(remedy, credentials)
                ),
            ),
            ErrorClass::Unauthorized => (
                Status::Unauthorized,
                format!(
                    "the API server {server} does not accept the credentials: {message}; check that the token belongs to this cluster and has not expired"
                ),
            ),
            ErrorClass::Forbidden => {
                let denied = missing_role(verb, namespace, credentials.claims(), &message);
                return transient(may_pass, denied.with_http_status(http_status));
            }
            ErrorClass::NoSuchHost => (
                Status::Unavailable,
                format!("the name of the API server {server} cannot be resolved: {message}{proxy}"),
            ),
            ErrorClass::Unreachable => (
                Status::Unavailable,
                format!(
                    "the API server {server} cannot be reached: {message}{}{proxy}",
                    advice(remedy)
                ),
            ),
            ErrorClass::TimedOut if message.starts_with(LOGIN_HANGS) => {
                (Status::Unavailable, message)
            }
            ErrorClass::TimedOut => (
                Status::Unavailable,
                format!("the API server {server} does not answer: {message}{proxy}"),
            ),
            ErrorClass::Gone => (
                Status::Unavailable,
                format!(
                    "the API server {server} cannot resume the watch from the last resourceVersion: {message}"
                ),
            ),
            ErrorClass::NotSupported | ErrorClass::Refused => (
                Status::Unavailable,
                format!("the API server {server} answered {http_status}: {message}"),
            ),
            ErrorClass::Incomplete => (
                Status::Unavailable,
                format!("the API server {server} sent an incomplete response: {message}"),
            ),
            ErrorClass::Malformed => (
                Status::Unavailable,
                format!("the API server {server} sent a response that cannot be used: {message}"),
            ),
        };
        transient(may_pass, Error::new(status, message).with_http_status(http_status))
    }

    /// Returns the error of a response that is not a success.
    pub(super) fn answered(http_status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let said = ApiStatus::of(body).map(ApiStatus::into_message);
        let says = said.is_some();
        let message = said.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        // The API server has not reached this resourceVersion, since its store went back in time. A
        // gateway uses other statuses.
        let ahead = http_status == 504 && says && message.contains("resource version");
        let class = match ErrorClass::of(http_status) {
            _ if ahead => ErrorClass::Gone,
            // A proxy or gateway refused the request. A Role does not change that.
            ErrorClass::Forbidden if !says => ErrorClass::Refused,
            class => class,
        };
        Self { http_status, retry_after, ..Self::new(class, message) }
    }

    /// Returns the error of an ERROR event inside a watch.
    pub(super) fn in_watch(status: ApiStatus) -> Self {
        let http_status = status.code;
        Self { http_status, ..Self::new(ErrorClass::of(http_status), status.into_message()) }
    }
}

fn transient(may_pass: bool, error: Error) -> Error {
    if may_pass { error.worth_a_retry() } else { error }
}

/// Returns the text of a server on one line and of a length that fits a message.
fn tidy(text: &str) -> String {
    const LONGEST: usize = 1000;
    let mut end = text.char_indices().skip(LONGEST);
    let (text, more) = end.next().map_or((text, ""), |(end, _)| (&text[..end], "…"));
    format!("{}{more}", printable(text).trim())
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            // Its cause is not kept: it may contain the whole output of a login plugin.
            kube::Error::Auth(_) | kube::Error::RustlsTls(_) => Self::new(
                ErrorClass::Credentials,
                format!("the credentials cannot be used: {}", kubeconfig::why(&error)),
            ),
            error => {
                let explained = Self::in_transport(&error);
                Self { source: Some(error.into()), ..explained }
            }
        }
    }
}

/// Neither the message nor the cause is redacted yet.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, verb, http_status, .. } = self;
        write!(f, "ApiError({class:?}, verb: {verb:?}, http_status: {http_status})")
    }
}

impl ApiError {
    fn in_transport(error: &dyn StdError) -> Self {
        let mut class = ErrorClass::Unreachable;
        for cause in chain(error) {
            if let Some(tls) = tls_error(cause) {
                return Self::from(TlsFailure::from(tls));
            }
            if let Some(NoSuchHost(io)) = cause.downcast_ref() {
                // It may be no more than that hosts and resolv.conf could not be opened.
                class = io_class(io).unwrap_or(ErrorClass::NoSuchHost);
            } else if cause.is::<HandshakeTimeout>() {
                class = ErrorClass::TimedOut;
            } else if let Some(io) = cause.downcast_ref::<io::Error>() {
                class = io_class(io).unwrap_or(class);
            }
        }
        Self::new(class, causes(error))
    }
}

fn io_class(error: &io::Error) -> Option<ErrorClass> {
    match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::TimedOut, _) => Some(ErrorClass::TimedOut),
        (io::ErrorKind::OutOfMemory, _)
        | (_, Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS)) => Some(ErrorClass::Resources),
        _ => None,
    }
}

/// An io::Error does not name what it wraps as its source, and may wrap another one.
fn tls_error<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let wrapped = || tls_error(cause.downcast_ref::<io::Error>()?.get_ref()?);
    cause.downcast_ref().or_else(wrapped)
}

impl From<TlsFailure> for ApiError {
    fn from(failure: TlsFailure) -> Self {
        let TlsFailure { why, remedy, outlook } = failure;
        let class =
            if outlook == Outlook::Transient { ErrorClass::Unreachable } else { ErrorClass::Tls };
        Self { remedy, may_pass: outlook == Outlook::MayPass, ..Self::new(class, why) }
    }
}

/// The CA that is trusted, what helps, and the part of the CA that cannot be used.
fn trust(remedy: Remedy, credentials: &Credentials) -> String {
    let ca = credentials.ca();
    let skipped =
        credentials.skipped().map(|skipped| format!(" ({ca} is used in part: skipped {skipped})"));
    let skipped = skipped.unwrap_or_default();
    match remedy {
        Remedy::OtherCa => format!(" {ca}; {}{skipped}", credentials.ca_advice()),
        remedy => format!("{}{skipped}", advice(remedy)),
    }
}

fn advice(remedy: Remedy) -> String {
    if let Remedy::Do(advice) = remedy { format!("; {advice}") } else { String::new() }
}

/// The innermost causes are the most specific; the outer ones only name layers.
fn causes(error: &dyn StdError) -> String {
    let mut texts: Vec<String> = chain(error).map(cause).collect();
    texts.dedup();
    match texts.len() {
        0 => error.to_string(),
        n => texts.split_off(n.saturating_sub(2)).join(": "),
    }
}

/// rustls explains the end of a connection with a link.
fn cause(error: &(dyn StdError + 'static)) -> String {
    if is_early_end(error) {
        "the server closed the connection unexpectedly".into()
    } else {
        error.to_string()
    }
}

/// An io::Error may wrap another one, as for `tls_error`.
fn is_early_end(error: &(dyn StdError + 'static)) -> bool {
    let Some(io) = error.downcast_ref::<io::Error>() else { return false };
    io.kind() == io::ErrorKind::UnexpectedEof
        || io.get_ref().is_some_and(|wrapped| is_early_end(wrapped))
}

/// Returns the causes of an error, from the outermost to the innermost.
pub(super) fn chain(error: &dyn StdError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source())
}

#[cfg(test)]
impl ApiError {
    /// Without credentials to hide.
    pub(super) fn for_tests(self) -> LastError {
        let status = match self.class {
            ErrorClass::Unauthorized => Status::Unauthorized,
            ErrorClass::Forbidden => Status::Forbidden,
            _ => Status::Unavailable,
        };
        LastError::new(Error::new(status, self.message), self.class.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tls_error_is_found_however_deep_it_is_wrapped() {
        let tls = || rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        for error in [io::Error::other(tls()), io::Error::other(io::Error::other(tls()))] {
            assert_eq!(class(error), ErrorClass::Tls);
        }
        // A server that is starting, or a proxy that reports in plain text that there is no server.
        let passing = rustls::Error::AlertReceived(rustls::AlertDescription::InternalError);
        assert_eq!(class(io::Error::other(passing)), ErrorClass::Unreachable);
    }

    #[test]
    fn a_connection_that_ends_early_is_reported_without_links() {
        let end = || {
            io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "peer closed connection: https://docs.rs/rustls",
            )
        };
        for end in [end(), io::Error::other(end())] {
            let failure = ApiError::from(kube::Error::Service(Box::new(Outer(end))));
            assert!(
                failure.class == ErrorClass::Unreachable && !failure.message.contains("://"),
                "{}",
                failure.message
            );
            assert!(chain(&failure).any(|cause| cause.is::<Outer>()));
        }
    }

    #[test]
    fn answer_that_is_no_status_is_not_of_the_api_server() {
        for (body, expected) in [
            (r#"{"kind":"Status","apiVersion":"v1","message":"no"}"#, ErrorClass::Forbidden),
            (r#"{"error":"blocked by WAF"}"#, ErrorClass::Refused),
            (r#"{"message":"blocked","code":403}"#, ErrorClass::Refused),
            (r#"{"kind":"Error","message":"blocked"}"#, ErrorClass::Refused),
            ("<html>blocked</html>", ErrorClass::Refused),
        ] {
            let error = ApiError::answered(403, None, body.as_bytes());
            assert_eq!(error.class, expected, "{body}");
            assert!(error.message.contains(if expected == ErrorClass::Forbidden {
                "no"
            } else {
                "blocked"
            }));
        }
    }

    #[test]
    fn debug_contains_no_text_that_is_not_redacted() {
        let error = ApiError::caused_by(ErrorClass::Credentials, io::Error::other("s3cr3t"));
        assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
    }

    fn class(error: io::Error) -> ErrorClass {
        ApiError::from(kube::Error::Service(Box::new(Outer(error)))).class
    }

    #[test]
    fn io_errors_have_their_class() {
        for (error, expected) in [
            (io::Error::from(io::ErrorKind::ConnectionRefused), ErrorClass::Unreachable),
            (io::Error::from(io::ErrorKind::TimedOut), ErrorClass::TimedOut),
            (io::Error::from_raw_os_error(libc::ETIMEDOUT), ErrorClass::TimedOut),
            (io::Error::from_raw_os_error(libc::EMFILE), ErrorClass::Resources),
            (io::Error::from(io::ErrorKind::OutOfMemory), ErrorClass::Resources),
        ] {
            assert_eq!(class(error), expected);
        }
    }

    /// Wraps an error like hyper wraps that of its connector.
    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("client error (Connect)")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }
}
