//! TLS with the API server: whom this library trusts, and the sentences for what goes wrong.

mod algorithm;
mod failure;
mod verifier;

use std::sync::Arc;

use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use kube::Config;
use kube::client::{ConfigExt, RustlsTlsError};
use rustls::ClientConfig;

pub(super) use self::failure::{Outlook, Remedy, TlsFailure};
use self::verifier::BundleVerifier;

/// Puts TLS over TCP connections, as a configuration asks for it.
pub(super) fn connector<T>(config: &Config, tcp: T) -> kube::Result<HttpsConnector<T>> {
    let mut builder = HttpsConnectorBuilder::new().with_tls_config(client_config(config)?).https_or_http();
    if let Some(name) = &config.tls_server_name {
        let name =
            name.clone().try_into().map_err(RustlsTlsError::InvalidServerName).map_err(kube::Error::RustlsTls)?;
        builder = builder.with_server_name_resolver(FixedServerNameResolver::new(name));
    }
    Ok(builder.enable_http1().wrap_connector(tcp))
}

/// Returns kube's TLS configuration, with our verifier where a CA is named. Without a CA, those of the system are trusted.
pub(super) fn client_config(config: &Config) -> kube::Result<ClientConfig> {
    let mut tls = config.rustls_client_config()?;
    if let Some(bundle) = config.root_cert.as_ref().filter(|_| !config.accept_invalid_certs) {
        let verifier = BundleVerifier::new(bundle).map_err(kube::Error::RustlsTls)?;
        tls.dangerous().set_certificate_verifier(Arc::new(verifier));
    }
    Ok(tls)
}
