//! TLS with the API server: whom this library trusts, and the sentences for what goes wrong.

mod algorithm;
mod failure;
mod verifier;

use std::sync::Arc;

use hyper_rustls::{DefaultServerNameResolver, FixedServerNameResolver, ResolveServerName};
use kube::Config;
use kube::client::{ConfigExt, RustlsTlsError};
use rustls::ClientConfig;

pub(super) use self::failure::{Outlook, Remedy, TlsFailure};
use self::verifier::BundleVerifier;

/// Finds the name that the certificate of a server must have.
pub(super) type ServerNames = Arc<dyn ResolveServerName + Send + Sync>;

/// Returns `tls-server-name` of the configuration, or the host of each URL.
pub(super) fn server_names(config: &Config) -> kube::Result<ServerNames> {
    let Some(name) = &config.tls_server_name else {
        return Ok(Arc::new(DefaultServerNameResolver::default()));
    };
    let name = name
        .clone()
        .try_into()
        .map_err(RustlsTlsError::InvalidServerName)
        .map_err(kube::Error::RustlsTls)?;
    Ok(Arc::new(FixedServerNameResolver::new(name)))
}

/// Returns kube's TLS configuration, with our verifier where a CA is named. Without a CA, those of
/// the system are trusted.
pub(super) fn client_config(config: &Config) -> kube::Result<ClientConfig> {
    let mut tls = config.rustls_client_config()?;
    if let Some(bundle) = config.root_cert.as_ref().filter(|_| !config.accept_invalid_certs) {
        let verifier = BundleVerifier::new(bundle).map_err(kube::Error::RustlsTls)?;
        tls.dangerous().set_certificate_verifier(Arc::new(verifier));
    }
    Ok(tls)
}
