//! Why a request failed: told apart, since each needs another answer.

use std::error::Error as StdError;
use std::io;

use super::access::missing_role;
use super::credentials::Credentials;
use crate::error::Error;
use crate::status::Status;

/// What went wrong with one request.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) class: Class,
    http_status: u16,
    message: String,
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Missing or unusable files.
    Credentials,
    /// No file descriptors, say. It is us, not the server.
    Resources,
    /// No connection, or it broke.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// No trust.
    Tls,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 410, 504, or a store that went back in time: list again.
    Gone,
    /// 400, 422: the server does not take this kind of request.
    NotSupported,
    /// A list that did not come to its end.
    Incomplete,
    /// Any other answer that is no success.
    Refused,
    /// An answer that cannot be understood.
    Malformed,
}

impl Class {
    /// What an HTTP status means that is no success.
    fn of(http_status: u16) -> Self {
        match http_status {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            // 504: a resourceVersion that this server has not reached, since its store went back in time.
            410 | 504 => Self::Gone,
            400 | 422 => Self::NotSupported,
            // A watch says so of an event that it could not make.
            0 => Self::Malformed,
            _ => Self::Refused,
        }
    }

    /// Whether another kind of request may fare better.
    pub(super) fn is_of_the_request(self) -> bool {
        matches!(self, Self::NotSupported | Self::Incomplete | Self::Malformed)
    }
}

impl Failure {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, http_status: 0, message: message.into() }
    }

    /// As a caller hears of it. What will not mend itself has a status of its own.
    pub(super) fn into_error(self, credentials: &Credentials, namespace: &str) -> Error {
        let Self { class, http_status, message } = self;
        let message = credentials.redact(&message);
        let server = credentials.server();
        let (status, message) = match class {
            Class::Credentials => (Status::NoCredentials, message),
            Class::Resources => (Status::NoResources, message),
            Class::Tls => (
                Status::Tls,
                format!(
                    "TLS with the API server {server} failed: {message}. Trusted is the CA in {}",
                    credentials.ca()
                ),
            ),
            Class::Unauthorized => (
                Status::Unauthorized,
                format!(
                    "the API server {server} does not accept the credentials: {message}. Is the token of this cluster, and not expired?"
                ),
            ),
            Class::Forbidden => (Status::Forbidden, missing_role(namespace, credentials.claims(), &message)),
            Class::Unreachable => (Status::NotSynced, format!("the API server {server} cannot be reached: {message}")),
            Class::TimedOut => (Status::NotSynced, format!("the API server {server} does not answer: {message}")),
            Class::Gone => {
                (Status::NotSynced, format!("the API server {server} cannot go on from what is known: {message}"))
            }
            Class::NotSupported | Class::Refused => {
                (Status::NotSynced, format!("the API server {server} answered {http_status}: {message}"))
            }
            Class::Incomplete => {
                (Status::NotSynced, format!("the API server {server} did not give a whole list: {message}"))
            }
            Class::Malformed => {
                (Status::NotSynced, format!("the API server {server} gave an answer that is not understood: {message}"))
            }
        };
        Error::new(status, message).with_http_status(http_status)
    }

    /// What an answer of the API server means that is no success.
    pub(super) fn answered(http_status: u16, body: &[u8]) -> Self {
        let message = match serde_json::from_slice::<kube::core::Status>(body) {
            Ok(status) if !status.message.is_empty() => status.message,
            Ok(status) => status.reason,
            Err(_) => String::from_utf8_lossy(body).into_owned(),
        };
        Self { class: Class::of(http_status), http_status, message: tidy(&message) }
    }
}

/// A server's words on one line and of a length that fits a message.
fn tidy(text: &str) -> String {
    const LONGEST: usize = 1000;
    let mut tidy: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        tidy.push('…');
    }
    tidy.trim().to_owned()
}

/// An ERROR event inside a watch.
impl From<Box<kube::core::Status>> for Failure {
    fn from(status: Box<kube::core::Status>) -> Self {
        Self { class: Class::of(status.code), http_status: status.code, message: tidy(&status.message) }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        let class = match &error {
            kube::Error::Auth(_) | kube::Error::RustlsTls(_) => Class::Credentials,
            _ => transport_class(&error),
        };
        // A login plugin's words may hold its secrets.
        let message =
            if class == Class::Credentials { "the credentials cannot be used".into() } else { causes(&error) };
        Self::new(class, message)
    }
}

fn transport_class(error: &dyn StdError) -> Class {
    let mut class = Class::Unreachable;
    for cause in chain(error) {
        if is_tls(cause) {
            return Class::Tls;
        }
        if cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            class = Class::TimedOut;
        }
    }
    class
}

/// An io::Error does not name what it wraps as its source, and may wrap another one.
fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    let wrapped = || cause.downcast_ref::<io::Error>()?.get_ref();
    cause.is::<rustls::Error>() || wrapped().is_some_and(|inner| is_tls(inner))
}

/// The deepest causes say most; the outer ones are the names of layers.
fn causes(error: &dyn StdError) -> String {
    let mut texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    texts.dedup();
    match texts.len() {
        0 => error.to_string(),
        n => texts.split_off(n.saturating_sub(2)).join(": "),
    }
}

/// What an error is caused by, from the nearest to the deepest.
fn chain(error: &dyn StdError) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tls_error_is_found_however_deep_it_is_wrapped() {
        let tls = || rustls::Error::HandshakeNotComplete;
        for error in [io::Error::other(tls()), io::Error::other(io::Error::other(tls()))] {
            assert_eq!(Failure::from(kube::Error::Service(Box::new(Outer(error)))).class, Class::Tls);
        }
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(Failure::from(kube::Error::Service(Box::new(Outer(refused)))).class, Class::Unreachable);
    }

    /// As hyper wraps what its connector says.
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
