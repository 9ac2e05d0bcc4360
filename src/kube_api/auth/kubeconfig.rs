//! Credentials from a kubeconfig, for processes outside a cluster.
//!
//! Nothing of the file's text goes into a message: the line that is wrong may be the one with the token.

use std::path::Path;

use futures_util::FutureExt;
use kube::Config;
use kube::client::AuthError;
use kube::config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};

use super::files::{no_credentials, read};
use crate::error::{Error, Result};
use crate::kube_api::error::chain;

/// Reads a kubeconfig and what it refers to. Login plugins run later, with the first client.
pub(super) fn load(path: &Path, context: Option<String>) -> Result<Config> {
    // kube reads it anew, with what it refers to; this says first what is wrong with the file itself.
    read(path, "kubeconfig", "Mend the path in `kubeconfig`")?;
    let kubeconfig = Kubeconfig::read_from(path).map_err(|e| unusable(path, &e))?;
    if kubeconfig.clusters.iter().any(|named| named.cluster.as_ref().is_some_and(|cluster| cluster.proxy_url.is_some()))
    {
        return Err(no_credentials(format!(
            "the kubeconfig {} has a `proxy-url`: proxies are not supported",
            path.display()
        )));
    }
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .now_or_never()
        // It is async by its signature only.
        .unwrap_or(Err(KubeconfigError::FindPath))
        .map_err(|e| unusable(path, &e))?;
    // kube would panic.
    if !matches!(config.cluster_url.scheme_str(), Some("https" | "http")) {
        return Err(unusable(path, &KubeconfigError::MissingClusterUrl));
    }
    // From HTTPS_PROXY, which kube would then refuse to use.
    config.proxy_url = None;
    if let Some(plugin) = &mut config.auth_info.exec {
        // The terminal is the host's.
        plugin.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(config)
}

fn unusable(path: &Path, error: &KubeconfigError) -> Error {
    let why = match error {
        KubeconfigError::CurrentContextNotSet => "it has no current context: set `context`".into(),
        KubeconfigError::LoadContext(name) => format!("it has no context `{name}`"),
        KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster `{name}`"),
        KubeconfigError::Parse(_) => "it is not YAML of the form that kubeconfigs have".into(),
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "its cluster has no `server`, or not one that begins with https:// or http://".into()
        }
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "its certificate authority cannot be read".into()
        }
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            "its client certificate or key cannot be read".into()
        }
        _ => "it is incomplete or not a kubeconfig".into(),
    };
    no_credentials(format!("the kubeconfig {} cannot be used: {why}", path.display()))
}

/// Why a client cannot be made of one, or its credentials not be had. Not in the words of a login plugin: they may hold its secrets.
pub(in crate::kube_api) fn why(error: &kube::Error) -> String {
    let file = chain(error).find_map(|cause| match cause.downcast_ref() {
        Some(LoadDataError::ReadFile(error, path)) => Some(format!("{} cannot be read: {error}", path.display())),
        _ => None,
    });
    match (file, error) {
        (Some(file), _) => file,
        (_, kube::Error::RustlsTls(error)) => format!("its certificates or keys: {error}"),
        (_, kube::Error::Auth(error)) => login(error),
        _ => "its client certificate or its key is missing, or cannot be read".into(),
    }
}

fn login(error: &AuthError) -> String {
    match error {
        AuthError::ReadTokenFile(error, path) => format!("{} cannot be read: {error}", path.display()),
        AuthError::AuthExecStart(error) => format!("its login plugin cannot be started: {error}"),
        AuthError::AuthExecRun { out, .. } => {
            format!("its login plugin failed ({}); what it says, kubectl shows", out.status)
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "its token or password has characters that such have not".into()
        }
        AuthError::MissingCommand => "its login plugin has no `command`".into(),
        _ => "its login plugin gave no credentials".into(),
    }
}
