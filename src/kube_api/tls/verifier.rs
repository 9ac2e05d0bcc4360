//! Decides whether to trust the certificate that a server presents.

use std::sync::Arc;

use rustls::CertificateError::{
    self, BadSignature, UnknownIssuer, UnsupportedSignatureAlgorithmContext,
    UnsupportedSignatureAlgorithmForPublicKeyContext,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::failure::webpki_error;
use kube::client::RustlsTlsError;

/// Trusts what a CA of the bundle has signed, and a certificate of the bundle itself.
///
/// Go and OpenSSL do the latter too. Such a certificate needs no issuer: it may be that of a CA, or
/// signed by any key. Its dates, its purpose, its names and the signature of the handshake are
/// checked as for any other.
#[derive(Debug)]
pub(super) struct BundleVerifier {
    cas: Arc<WebPkiServerVerifier>,
    bundle: Vec<CertificateDer<'static>>,
}

impl BundleVerifier {
    pub(super) fn new(bundle: &[Vec<u8>]) -> Result<Self, RustlsTlsError> {
        let bundle: Vec<CertificateDer<'static>> =
            bundle.iter().cloned().map(CertificateDer::from).collect();
        let mut roots = RootCertStore::empty();
        for certificate in &bundle {
            roots
                .add(certificate.clone())
                .map_err(|e| RustlsTlsError::AddRootCertificate(Box::new(e)))?;
        }
        let cas = WebPkiServerVerifier::builder(Arc::new(roots)).build();
        Ok(Self { cas: cas.map_err(|e| RustlsTlsError::AddRootCertificate(Box::new(e)))?, bundle })
    }

    /// Verifies a certificate of the bundle itself.
    fn verify_known(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.cas.verify_server_cert(certificate, &[], name, ocsp, now) {
            // The verifier checks the dates, then the issuer, then the names.
            Err(Error::InvalidCertificate(refused)) if is_about_issuer(&refused) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            outcome => outcome,
        }
    }
}

fn is_about_issuer(refused: &CertificateError) -> bool {
    match refused {
        UnknownIssuer
        | BadSignature
        | UnsupportedSignatureAlgorithmContext { .. }
        | UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => true,
        CertificateError::Other(other) => {
            matches!(webpki_error(other), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

impl ServerCertVerifier for BundleVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.bundle.iter().any(|known| known == certificate) {
            return self.verify_known(certificate, name, ocsp, now);
        }
        self.cas.verify_server_cert(certificate, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.cas.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.cas.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.cas.supported_verify_schemes()
    }
}
