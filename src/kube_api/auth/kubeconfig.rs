//! Credentials from a kubeconfig, for processes outside a cluster.
//!
//! Nothing of the file's text goes into a message: the line that is wrong may be the one with the
//! token.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use kube::Config;
use kube::client::{AuthError, RustlsTlsError};
use kube::config::{
    AuthInfo, Cluster, KubeConfigOptions, Kubeconfig as File, KubeconfigError, LoadDataError,
};
use secrecy::ExposeSecret;

use super::ca_bundle::CaBundle;
use super::exec;
use super::files::{self, NOT_A_TOKEN, no_credentials, read, token};
use crate::config::namespace;
use crate::error::{Error, Result};
use crate::kube_api::error::chain;

/// The proxy of the environment, which kube would parse and then refuse, stays out of play behind
/// this one.
const NO_PROXY: &str = "http://unused.invalid";

const NO_PLUGIN: &str = "a login plugin is not run for another process; run the command as the \
                         user of that process, inside its container";

const NOT_YAML: &str = "it is not YAML of the form that kubeconfigs have";

/// One context of a kubeconfig.
pub(super) struct Kubeconfig {
    pub(super) path: String,
    pub(super) config: Box<Config>,
    /// The CA certificates that cannot be used.
    pub(super) skipped: Option<String>,
}

impl Kubeconfig {
    /// Reads a kubeconfig and what it refers to. Login plugins run later, with the first client.
    pub(super) fn load(path: &Path, context: Option<String>) -> Result<Self> {
        let mut file = read_file(path)?;
        let selected = selected_cluster(&mut file, context.as_deref());
        let skipped = selected.map(|cluster| prepare(cluster, path)).transpose()?.flatten();
        let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
        let mut config = Config::from_custom_kubeconfig(file, &options)
            .now_or_never()
            // It is async by its signature only.
            .unwrap_or(Err(KubeconfigError::FindPath))
            .map_err(|e| unusable(path, &e))?;
        // kube would panic.
        if !matches!(config.cluster_url.scheme_str(), Some("https" | "http")) {
            return Err(unusable(path, &KubeconfigError::MissingClusterUrl));
        }
        forget_proxy(&mut config);
        if files::are_of_another_process() {
            read_files(&mut config.auth_info, path)?;
        }
        check_tokens(&mut config.auth_info).map_err(|why| not_a_kubeconfig(path, &why))?;
        Ok(Self { path: path.display().to_string(), config: Box::new(config), skipped })
    }

    /// Returns a description of the trusted CA for messages.
    pub(super) fn ca(&self) -> String {
        let path = &self.path;
        if self.config.root_cert.is_some() {
            format!("the CA of kubeconfig {path}")
        } else {
            format!("a CA of this system (kubeconfig {path} names no CA)")
        }
    }

    /// Returns the namespace of the context; "default" if it names none, as for kubectl.
    pub(super) fn namespace(&self) -> Result<String> {
        let name = Some(self.config.default_namespace.as_str())
            .filter(|name| !name.is_empty())
            .unwrap_or("default");
        namespace(name).ok_or_else(|| {
            no_credentials(format!(
                "the context in kubeconfig {} has no valid namespace; set `namespace`",
                self.path
            ))
        })
    }
}

/// What a kubeconfig says about its contexts.
#[cfg(feature = "cli")]
#[derive(Debug)]
pub struct Contexts {
    /// The current context.
    pub current: Option<String>,
    /// The names of the contexts.
    pub names: Vec<String>,
}

/// Reads the contexts of a kubeconfig.
#[cfg(feature = "cli")]
pub fn contexts(path: &Path) -> Result<Contexts> {
    let file = read_file(path)?;
    Ok(Contexts {
        current: file.current_context.filter(|name| !name.is_empty()),
        names: file.contexts.into_iter().map(|context| context.name).collect(),
    })
}

/// Reads a kubeconfig. kube would read it without a limit.
fn read_file(path: &Path) -> Result<File> {
    let bytes = read(path, "kubeconfig", "check the path in `kubeconfig`")?;
    let text = text(&bytes).ok_or_else(|| not_a_kubeconfig(path, NOT_YAML))?;
    let mut file = File::from_yaml(&text).map_err(|e| unusable(path, &e))?;
    make_absolute(&mut file, path.parent().unwrap_or(Path::new("")));
    Ok(file)
}

/// Returns the text of a kubeconfig. Windows writes UTF-16, or UTF-8 with a mark.
fn text(bytes: &[u8]) -> Option<String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// Paths in a kubeconfig are relative to its folder. The command of a plugin is looked up in PATH
/// if it has no `/`.
fn make_absolute(file: &mut File, folder: &Path) {
    let absolute = |path: &mut Option<String>| {
        if let Some(path) = path.as_mut().filter(|path| !path.is_empty()) {
            *path = folder.join(&*path).to_string_lossy().into_owned();
        }
    };
    for cluster in file.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        absolute(&mut cluster.certificate_authority);
    }
    for auth in file.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        absolute(&mut auth.client_certificate);
        absolute(&mut auth.client_key);
        absolute(&mut auth.token_file);
        if let Some(plugin) = &mut auth.exec
            && plugin.command.as_ref().is_some_and(|command| command.contains('/'))
        {
            absolute(&mut plugin.command);
        }
    }
}

/// Finds the cluster of the selected context. kube reports what is missing.
fn selected_cluster<'a>(file: &'a mut File, context: Option<&str>) -> Option<&'a mut Cluster> {
    let name = context.or(file.current_context.as_deref())?;
    let context = file.contexts.iter().find(|named| named.name == name)?.context.as_ref()?;
    let named = file.clusters.iter_mut().find(|named| named.name == context.cluster)?;
    named.cluster.as_mut()
}

/// Reduces the CA to what can be used, and keeps the environment's proxy away. Returns what is
/// skipped.
fn prepare(cluster: &mut Cluster, path: &Path) -> Result<Option<String>> {
    if cluster.proxy_url.as_ref().is_some_and(|url| !url.is_empty()) {
        return Err(no_credentials(format!(
            "the kubeconfig {} cannot be used: its cluster has a `proxy-url`, and proxies are not supported; \
             select a context whose cluster has none",
            path.display()
        )));
    }
    cluster.proxy_url = Some(NO_PROXY.into());
    let Some(pem) = ca(cluster, path)? else { return Ok(None) };
    let bundle = CaBundle::parse(&pem);
    let skipped = bundle.skipped();
    if bundle.is_empty() {
        let why = skipped.unwrap_or_else(|| "it is not in PEM form".into());
        return Err(no_credentials(format!(
            "the kubeconfig {} cannot be used: its certificate authority holds no usable certificate: {why}; \
             write the CA of the cluster again",
            path.display()
        )));
    }
    cluster.certificate_authority = None;
    cluster.certificate_authority_data = Some(STANDARD.encode(bundle.to_pem()));
    Ok(skipped)
}

/// Reads the CA of a cluster, which comes as text or as a file.
fn ca(cluster: &Cluster, path: &Path) -> Result<Option<Vec<u8>>> {
    let is_set = |value: &&String| !value.is_empty();
    if let Some(data) = cluster.certificate_authority_data.as_ref().filter(is_set) {
        let base64: String = data.split_whitespace().collect();
        let not_base64 = "its `certificate-authority-data` is not base64";
        let refused = |_| {
            no_credentials(format!(
                "the kubeconfig {} cannot be used: {not_base64}",
                path.display()
            ))
        };
        return STANDARD.decode(base64).map(Some).map_err(refused);
    }
    let file = cluster.certificate_authority.as_ref().filter(is_set);
    file.map(|file| {
        read(
            Path::new(file),
            "certificate authority of the kubeconfig",
            "check `certificate-authority` in the kubeconfig",
        )
    })
    .transpose()
}

/// Puts the content of files in place of their paths, because kube would read the files of this
/// process. Login plugins are not run: they would have the privileges of this process.
fn read_files(auth: &mut AuthInfo, path: &Path) -> Result<()> {
    if auth.auth_provider.is_some() || (auth.exec.is_some() && exec::needs_plugin(auth)) {
        return Err(not_a_kubeconfig(path, NO_PLUGIN));
    }
    let content =
        |file: &str, what: &str| read(Path::new(file), what, "check its path in the kubeconfig");
    if let (None, Some(file)) = (&auth.token, auth.token_file.take()) {
        let text = content(&file, "token of the kubeconfig")?;
        auth.token = Some(String::from_utf8_lossy(&text).into_owned().into());
    }
    if let (None, Some(file)) = (&auth.client_certificate_data, auth.client_certificate.take()) {
        let pem = content(&file, "client certificate of the kubeconfig")?;
        auth.client_certificate_data = Some(STANDARD.encode(pem));
    }
    if let (None, Some(file)) = (&auth.client_key_data, auth.client_key.take()) {
        let pem = content(&file, "client key of the kubeconfig")?;
        auth.client_key_data = Some(STANDARD.encode(pem).into());
    }
    Ok(())
}

/// kube panics for a token that an HTTP header cannot carry.
fn check_tokens(auth: &mut AuthInfo) -> std::result::Result<(), String> {
    if let Some(text) = auth.token.take().filter(|text| !text.expose_secret().trim().is_empty()) {
        let token = token(text.expose_secret()).ok_or(format!("its `token` {NOT_A_TOKEN}"))?;
        auth.token = Some(token.into());
    }
    let provider = auth.auth_provider.as_mut().map(|provider| &mut provider.config);
    for (name, text) in provider.into_iter().flatten() {
        if ["access-token", "id-token"].contains(&name.as_str()) {
            *text = token(text).ok_or(format!("its `{name}` {NOT_A_TOKEN}"))?;
        }
    }
    Ok(())
}

fn forget_proxy(config: &mut Config) {
    config.proxy_url = None;
    let plugin = config.auth_info.exec.as_mut();
    if let Some(cluster) = plugin.and_then(|plugin| plugin.cluster.as_mut()) {
        cluster.proxy_url = None;
    }
}

fn unusable(path: &Path, error: &KubeconfigError) -> Error {
    let why: String = match error {
        KubeconfigError::CurrentContextNotSet => "it has no current context: set `context`".into(),
        KubeconfigError::LoadContext(name) => format!("it has no context `{name}`"),
        KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster `{name}`"),
        KubeconfigError::Parse(_) => NOT_YAML.into(),
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
    not_a_kubeconfig(path, &why)
}

fn not_a_kubeconfig(path: &Path, why: &str) -> Error {
    no_credentials(format!("the kubeconfig {} cannot be used: {why}", path.display()))
}

/// Returns why a client cannot be made, or why the credentials are not available.
pub(in crate::kube_api) fn why(error: &kube::Error) -> String {
    let file = chain(error).find_map(|cause| match cause.downcast_ref() {
        Some(LoadDataError::ReadFile(error, path)) => {
            Some(format!("{} cannot be read: {error}", path.display()))
        }
        _ => None,
    });
    match (file, error) {
        (Some(file), _) => file,
        (_, kube::Error::RustlsTls(error)) => certificates(error).into(),
        (_, kube::Error::Auth(error)) => login(error),
        _ => "its client certificate or its key is missing, or cannot be read".into(),
    }
}

fn certificates(error: &RustlsTlsError) -> &'static str {
    match error {
        RustlsTlsError::AddRootCertificate(_) | RustlsTlsError::NoValidNativeRootCA(_) => {
            "it names no certificate authority, and this system has no CA certificates; \
             set `certificate-authority` to the CA of the cluster"
        }
        RustlsTlsError::InvalidServerName(_) => "its `tls-server-name` is not a host name",
        RustlsTlsError::MissingCertificate => {
            "its client certificate holds no certificate in PEM form"
        }
        RustlsTlsError::MissingPrivateKey | RustlsTlsError::UnknownPrivateKeyFormat => {
            "its client certificate has no private key in PEM form"
        }
        RustlsTlsError::InvalidPrivateKey(_) => {
            "its client key does not fit its client certificate, or is of a kind other than RSA, P-256, P-384 and Ed25519"
        }
        _ => "its client certificate or its key is not in PEM form",
    }
}

fn login(error: &AuthError) -> String {
    match error {
        AuthError::ReadTokenFile(error, path) => {
            format!("{} cannot be read: {error}", path.display())
        }
        AuthError::InvalidBasicAuth(_) | AuthError::InvalidBearerToken(_) => {
            "its token or password has characters that an HTTP header cannot carry".into()
        }
        _ => "its `auth-provider` returned no credentials; use a login plugin (`exec`) instead"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_folder_of_the_kubeconfig() {
        let text = "clusters: [{name: c, cluster: {certificate-authority: ca.crt}}]\n\
                    users: [{name: u, user: {tokenFile: /token, exec: {command: bin/plugin}}},\n\
                    {name: v, user: {client-certificate: ../c, exec: {command: plugin}}}]";
        let mut file = File::from_yaml(text).unwrap();
        make_absolute(&mut file, Path::new("/etc/kube"));
        let cluster = file.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.certificate_authority.as_deref(), Some("/etc/kube/ca.crt"));
        let [u, v] = [0, 1].map(|i| file.auth_infos[i].auth_info.as_ref().unwrap());
        assert_eq!(u.token_file.as_deref(), Some("/token"));
        assert_eq!(u.exec.as_ref().unwrap().command.as_deref(), Some("/etc/kube/bin/plugin"));
        assert_eq!(v.client_certificate.as_deref(), Some("/etc/kube/../c"));
        assert_eq!(v.exec.as_ref().unwrap().command.as_deref(), Some("plugin"));
    }

    #[test]
    fn encodings_of_windows() {
        let little: Vec<u8> = "\u{feff}é".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}é".encode_utf16().flat_map(u16::to_be_bytes).collect();
        // With a byte too many.
        for bytes in [&little[..], &big, "\u{feff}é".as_bytes(), &[&little[..], &[0]].concat()] {
            assert_eq!(text(bytes).as_deref(), Some("é"));
        }
        assert_eq!(text(b"\xff"), None);
    }
}
