//! Sentences for what goes wrong with TLS. None of rustls's own words reach a message: some are
//! links, bytes or names of types.

use jiff::Timestamp;
use rustls::CertificateError::{
    self, BadEncoding, BadSignature, Expired, ExpiredContext, InvalidPurpose,
    InvalidPurposeContext, NotValidForName, NotValidForNameContext, NotValidYet,
    NotValidYetContext, Other, Revoked, UnhandledCriticalExtension, UnknownIssuer,
    UnsupportedSignatureAlgorithmContext, UnsupportedSignatureAlgorithmForPublicKeyContext,
};
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, Error, OtherError};

use super::algorithm;

/// A message lists this many names of a certificate.
const NAMES: usize = 5;

const REISSUE: &str = "reissue it, and the CA that signs it, with P-256 or RSA keys";
const RENEW_LOGIN: &str = "renew the client certificate";
const READDRESS: &str =
    "reach the API server by one of its names, or add this name to its certificate";
const NOT_HTTPS: &str =
    "check that this is the HTTPS port of an API server, without a proxy that answers instead";

/// Why a TLS connection failed, and what helps.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(in crate::kube_api) struct TlsFailure {
    pub(in crate::kube_api) why: String,
    pub(in crate::kube_api) remedy: Remedy,
    pub(in crate::kube_api) outlook: Outlook,
}

/// What fixes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kube_api) enum Remedy {
    Nothing,
    /// Another CA. Where to put it depends on the credentials.
    OtherCa,
    Do(&'static str),
}

/// Whether a retry helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kube_api) enum Outlook {
    /// Only a new certificate, CA or configuration does.
    Lasts,
    /// It is about trust, and time may solve it.
    MayPass,
    /// It is about the connection, such as a server that is starting.
    Transient,
}

impl TlsFailure {
    fn lasts(why: impl Into<String>, remedy: Remedy) -> Self {
        Self { why: why.into(), remedy, outlook: Outlook::Lasts }
    }

    fn transient(why: impl Into<String>, remedy: Remedy) -> Self {
        Self { why: why.into(), remedy, outlook: Outlook::Transient }
    }
}

impl From<&Error> for TlsFailure {
    fn from(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(refused) => refused_certificate(refused),
            Error::AlertReceived(alert) => alerted(*alert),
            Error::PeerIncompatible(_) => Self::lasts(
                "it and this library have no TLS version (1.2, 1.3) or algorithm in common",
                Remedy::Nothing,
            ),
            Error::InvalidMessage(_)
            | Error::InappropriateMessage { .. }
            | Error::PeerSentOversizedRecord => {
                Self::transient("it answers with something other than TLS", Remedy::Do(NOT_HTTPS))
            }
            Error::DecryptError => {
                Self::transient("a TLS message was damaged on the way", Remedy::Nothing)
            }
            Error::NoCertificatesPresented => {
                Self::transient("it presents no certificate", Remedy::Nothing)
            }
            Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes => {
                Self::transient("this machine has no clock or no random numbers", Remedy::Nothing)
            }
            _ => Self::transient("it does not follow the TLS protocol", Remedy::Nothing),
        }
    }
}

/// Our own verifier and rustls's refuse for these reasons.
fn refused_certificate(refused: &CertificateError) -> TlsFailure {
    match refused {
        UnknownIssuer => TlsFailure::lasts("its certificate is not signed by", Remedy::OtherCa),
        BadSignature => TlsFailure::lasts(
            "its signature is wrong, or made with an RSA key below 2048 bits, or its certificate is not signed by",
            Remedy::OtherCa,
        ),
        Expired | ExpiredContext { .. } => TlsFailure::lasts(
            format!("its certificate has expired{}", expiry(refused)),
            Remedy::Do("renew it, or correct the clock of this machine"),
        ),
        NotValidYet | NotValidYetContext { .. } => TlsFailure {
            why: format!("its certificate is not valid yet{}", expiry(refused)),
            remedy: Remedy::Do("correct the clock of this machine if it is behind"),
            outlook: Outlook::MayPass,
        },
        UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => TlsFailure::lasts(
            format!(
                "its certificate is signed with {}, which this library does not verify",
                algorithm::name(signature_algorithm_id)
            ),
            Remedy::Do(REISSUE),
        ),
        UnsupportedSignatureAlgorithmForPublicKeyContext {
            signature_algorithm_id,
            public_key_algorithm_id,
        } => {
            let (signature, key) =
                (algorithm::name(signature_algorithm_id), algorithm::name(public_key_algorithm_id));
            let why = format!(
                "its certificate is signed with {signature} by a {key} key, which this library does not verify"
            );
            TlsFailure::lasts(why, Remedy::Do(REISSUE))
        }
        NotValidForName => {
            TlsFailure::lasts("its certificate is for other names", Remedy::Do(READDRESS))
        }
        NotValidForNameContext { expected, presented } => {
            TlsFailure::lasts(other_names(&expected.to_str(), presented), Remedy::Do(READDRESS))
        }
        InvalidPurpose | InvalidPurposeContext { .. } => TlsFailure::lasts(
            "its certificate is not one for servers",
            Remedy::Do("reissue it with the extended key usage `serverAuth`"),
        ),
        Revoked => TlsFailure::lasts("its certificate is revoked", Remedy::Do("renew it")),
        BadEncoding => TlsFailure::lasts("its certificate is damaged", Remedy::Do("renew it")),
        UnhandledCriticalExtension => TlsFailure::lasts(
            "its certificate has a critical extension that this library does not know",
            Remedy::Do("reissue it without that extension"),
        ),
        Other(other) => against_rules(other),
        _ => TlsFailure::lasts("its certificate cannot be verified", Remedy::Do(REISSUE)),
    }
}

fn against_rules(other: &OtherError) -> TlsFailure {
    use webpki::Error::{
        CaUsedAsEndEntity, EndEntityUsedAsCa, NameConstraintViolation, UnsupportedCertVersion,
    };
    let (why, advice) = match webpki_error(other) {
        Some(CaUsedAsEndEntity) => (
            "its certificate is that of a CA",
            "reissue it as one of a server (CA:FALSE), or add it to the trusted CA file",
        ),
        Some(EndEntityUsedAsCa) => {
            ("its certificate is signed by one that is no CA", "reissue the signer with CA:TRUE")
        }
        Some(NameConstraintViolation) => (
            "its certificate has names that its CA is not permitted to sign",
            "reissue it with names that the CA permits",
        ),
        Some(UnsupportedCertVersion) => {
            ("its certificate is not of X.509 version 3", "reissue it as version 3")
        }
        _ => ("its certificate does not follow the rules for servers (RFC 5280)", "reissue it"),
    };
    TlsFailure::lasts(why, Remedy::Do(advice))
}

/// The reasons that rustls only passes on.
pub(super) fn webpki_error(other: &OtherError) -> Option<&webpki::Error> {
    other.0.downcast_ref()
}

fn expiry(refused: &CertificateError) -> String {
    match refused {
        ExpiredContext { time, not_after } => {
            format!(" (on {}; the clock of this machine says {})", date(*not_after), date(*time))
        }
        NotValidYetContext { time, not_before } => {
            format!(
                " (before {}; the clock of this machine says {})",
                date(*not_before),
                date(*time)
            )
        }
        _ => String::new(),
    }
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let date = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    date.map_or_else(|| "a time out of range".into(), |date| date.to_string())
}

fn other_names(expected: &str, presented: &[String]) -> String {
    let names: Vec<&str> = presented.iter().take(NAMES).map(|name| bare(name)).collect();
    let others = if presented.len() > NAMES { " and others" } else { "" };
    match names.as_slice() {
        [] => {
            format!("its certificate has no subject alternative names, so it is not for {expected}")
        }
        names => format!(
            "its certificate is for other names than {expected}: {}{others}",
            names.join(", ")
        ),
    }
}

/// rustls hands out names as `DnsName("a")` and `IpAddress(10.0.0.1)`.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').and_then(|(_, inside)| inside.strip_suffix(')'));
    inside.unwrap_or(name).trim_matches('"')
}

/// Returns the meaning of a server's alert.
fn alerted(alert: AlertDescription) -> TlsFailure {
    use AlertDescription::{
        AccessDenied, BadCertificate, CertificateExpired, CertificateRequired, CertificateRevoked,
        CertificateUnknown, HandshakeFailure, InsufficientSecurity, ProtocolVersion, UnknownCA,
        UnrecognisedName, UnsupportedCertificate,
    };
    let login = |why: &str| TlsFailure::lasts(why, Remedy::Do(RENEW_LOGIN));
    match alert {
        HandshakeFailure | InsufficientSecurity => TlsFailure::lasts(
            "it has no certificate, or no algorithm, that this library can use (it verifies RSA, P-256, P-384 and Ed25519)",
            Remedy::Do(
                "if its certificate has another key, such as P-521, reissue it with a P-256 or RSA key",
            ),
        ),
        ProtocolVersion => TlsFailure::lasts(
            "it supports neither TLS 1.2 nor TLS 1.3",
            Remedy::Do("update the server"),
        ),
        CertificateRequired => login("it requires a client certificate"),
        CertificateExpired => login("it reports that the client certificate has expired"),
        CertificateRevoked => login("it reports that the client certificate is revoked"),
        UnknownCA => login("it reports that the client certificate is of an unknown CA"),
        AccessDenied | BadCertificate | CertificateUnknown | UnsupportedCertificate => {
            login("it refuses the client certificate")
        }
        UnrecognisedName => TlsFailure::transient(
            "it does not know the name that it was reached by",
            Remedy::Nothing,
        ),
        alert => TlsFailure::transient(
            format!("it ended the TLS handshake with alert {}", u8::from(alert)),
            Remedy::Nothing,
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustls::pki_types::ServerName;
    use rustls::{InvalidMessage, PeerIncompatible, PeerMisbehaved};

    use super::*;

    fn refused(error: CertificateError) -> TlsFailure {
        TlsFailure::from(&Error::InvalidCertificate(error))
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn each_refused_certificate_has_its_sentence() {
        let ecdsa_sha512 = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04".to_vec();
        let ecdsa_sha256 = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02".to_vec();
        let p521 = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23".to_vec();
        let of_webpki = |error: webpki::Error| Other(OtherError(Arc::new(error)));
        for (error, words) in [
            (UnknownIssuer, "not signed by"),
            (BadSignature, "not signed by"),
            (
                ExpiredContext { time: at(86_400), not_after: at(0) },
                "expired (on 1970-01-01T00:00:00Z; the clock of this machine says 1970-01-02T00:00:00Z)",
            ),
            (Expired, "has expired"),
            (NotValidYet, "not valid yet"),
            (
                UnsupportedSignatureAlgorithmContext {
                    signature_algorithm_id: ecdsa_sha512,
                    supported_algorithms: vec![],
                },
                "signed with ECDSA with SHA-512,",
            ),
            (
                UnsupportedSignatureAlgorithmForPublicKeyContext {
                    signature_algorithm_id: ecdsa_sha256,
                    public_key_algorithm_id: p521,
                },
                "signed with ECDSA with SHA-256 by a P-521 key",
            ),
            (
                NotValidForNameContext {
                    expected: ServerName::try_from("0.0.0.0").unwrap(),
                    presented: vec!["DnsName(\"kubernetes\")".into(), "IpAddress(10.0.0.1)".into()],
                },
                "other names than 0.0.0.0: kubernetes, 10.0.0.1",
            ),
            (
                NotValidForNameContext {
                    expected: ServerName::try_from("a").unwrap(),
                    presented: vec![],
                },
                "no subject alternative names",
            ),
            (of_webpki(webpki::Error::CaUsedAsEndEntity), "that of a CA"),
            (of_webpki(webpki::Error::UnsupportedCertVersion), "version 3"),
            (of_webpki(webpki::Error::EmptyEkuExtension), "RFC 5280"),
        ] {
            let failure = refused(error);
            assert!(failure.why.contains(words), "{}", failure.why);
        }
    }

    #[test]
    fn only_a_certificate_of_the_future_is_transient() {
        assert_eq!(
            refused(NotValidYetContext { time: at(0), not_before: at(1) }).outlook,
            Outlook::MayPass
        );
        for error in [UnknownIssuer, BadSignature, Expired, NotValidForName, InvalidPurpose] {
            assert_eq!(refused(error).outlook, Outlook::Lasts);
        }
    }

    /// The name of a type would be in camel case.
    #[test]
    fn messages_contain_no_words_of_rustls() {
        let alerts = (0..=u8::MAX).map(|alert| Error::AlertReceived(alert.into()));
        let others = [
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
            Error::General("https://docs.rs/".into()),
            Error::DecryptError,
            Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure),
        ];
        for error in alerts.chain(others) {
            let TlsFailure { why, remedy, .. } = TlsFailure::from(&error);
            let text =
                format!("{why} {}", if let Remedy::Do(advice) = remedy { advice } else { "" });
            let bytes = text.as_bytes();
            let camel_case = bytes
                .windows(2)
                .any(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase());
            assert!(!camel_case && !text.contains("://") && !text.contains('['), "{text}");
        }
    }

    #[test]
    fn refused_handshake_is_permanent_and_names_the_supported_keys() {
        let failure = TlsFailure::from(&Error::AlertReceived(AlertDescription::HandshakeFailure));
        assert_eq!(failure.outlook, Outlook::Lasts);
        assert!(matches!(failure.remedy, Remedy::Do(advice) if advice.contains("P-521")));
        // A server that is starting.
        let failure = TlsFailure::from(&Error::AlertReceived(AlertDescription::InternalError));
        assert_eq!(failure.outlook, Outlook::Transient);
    }
}
