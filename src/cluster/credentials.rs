//! The API server's address and what opens it: read from disk before every request, so that rotation needs nothing.

use std::io;
use std::path::{Path, PathBuf};

use http::Uri;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use tokio::task::spawn_blocking;

use super::failure::{Class, Failure};
use crate::config::Source;
use crate::error::{Error, Result};
use crate::identity::{Claims, Environment};
use crate::status::Status;

/// Tokens have about a kilobyte, bundles of CAs and kubeconfigs some hundred.
const LARGEST_FILE: u64 = 1 << 20;

/// Where the credentials are, and the client that the last reading of them gave.
pub struct Credentials {
    origin: Origin,
    claims: Claims,
    current: Option<(Files, Client)>,
}

enum Origin {
    ServiceAccount { server: Uri, dir: PathBuf },
    Kubeconfig { path: PathBuf, context: Option<String> },
}

/// What is on disk. No `Debug`: it holds the token.
#[derive(PartialEq, Eq)]
struct Files {
    token: String,
    ca: Vec<u8>,
}

impl Credentials {
    /// Finds the API server and reads the credentials once, so that what is missing is said at once.
    pub fn find(source: &Source, environment: Environment<'_>) -> Result<Self> {
        let (origin, claims) = match source {
            Source::ServiceAccount(dir) => {
                let server = server(environment)?;
                let files = Files::read(dir)?;
                certificates(&files.ca, dir)?;
                (Origin::ServiceAccount { server, dir: dir.clone() }, Claims::of(&files.token))
            }
            Source::Kubeconfig(path, context) => {
                read_kubeconfig(path)?;
                (Origin::Kubeconfig { path: path.clone(), context: context.clone() }, Claims::default())
            }
        };
        Ok(Self { origin, claims, current: None })
    }

    /// What the token says about its holder; nothing for a kubeconfig.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// A client with the credentials that are on disk now. The same one while they are the same.
    pub(super) async fn client(&mut self) -> std::result::Result<Client, Failure> {
        let files = match &self.origin {
            Origin::ServiceAccount { dir, .. } => Files::read(dir)?,
            Origin::Kubeconfig { path, .. } => Files { token: String::new(), ca: read(path, "kubeconfig")? },
        };
        if let Some((_, client)) = self.current.as_ref().filter(|(last, _)| *last == files) {
            return Ok(client.clone());
        }
        let mut config = match &self.origin {
            Origin::ServiceAccount { server, dir } => {
                let mut config = Config::new(server.clone());
                config.root_cert = Some(certificates(&files.ca, dir)?);
                config.auth_info.token = Some(SecretString::from(files.token.clone()));
                config
            }
            Origin::Kubeconfig { path, context } => from_kubeconfig(path, context.clone()).await?,
        };
        // It would hide a failing server for half a minute; the watcher has its own backoff.
        config.default_retry = false;
        let client = match &self.origin {
            Origin::ServiceAccount { .. } => client(config)?,
            // A kubeconfig may run a plugin, which may hang: not on the thread that close has to join.
            Origin::Kubeconfig { .. } => {
                spawn_blocking(|| client(config)).await.map_err(|e| no_credentials(e.to_string()))??
            }
        };
        self.current = Some((files, client.clone()));
        Ok(client)
    }

    /// The credentials were refused: log in anew next time, also where only the kubeconfig's plugin has something new.
    pub(super) fn forget(&mut self) {
        self.current = None;
    }

    /// For messages.
    pub(super) fn server(&self) -> String {
        match &self.origin {
            Origin::ServiceAccount { server, .. } => server.to_string(),
            Origin::Kubeconfig { path, .. } => format!("of kubeconfig {}", path.display()),
        }
    }

    /// Where the CA comes from, for messages.
    pub(super) fn ca(&self) -> String {
        match &self.origin {
            Origin::ServiceAccount { dir, .. } => dir.join("ca.crt").display().to_string(),
            Origin::Kubeconfig { path, .. } => path.display().to_string(),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("server", &self.server()).finish_non_exhaustive()
    }
}

impl Files {
    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("token");
        let token = String::from_utf8(read(&path, "service account's token")?).unwrap_or_default().trim().to_owned();
        // Anything else could not be sent in an HTTP header.
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(no_credentials(format!(
                "the service account's token in {} is empty or no token",
                path.display()
            )));
        }
        Ok(Self { token, ca: read(&dir.join("ca.crt"), "service account's CA")? })
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    read_file(path).map_err(|e| {
        if matches!(e.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) {
            return Error::new(Status::NoResources, format!("cannot read {}: {e}", path.display()));
        }
        no_credentials(format!(
            "cannot read the {what} {}: {e}. In a pod, leave `automountServiceAccountToken` on; elsewhere set `service_account_dir` or `kubeconfig`",
            path.display()
        ))
    })
}

/// What is no file might never end, or never begin.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST_FILE {
        return Err(io::Error::other(format!("not a file of at most {LARGEST_FILE} bytes")));
    }
    std::fs::read(path)
}

fn certificates(pem: &[u8], dir: &Path) -> Result<Vec<Vec<u8>>> {
    let found: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|der| Ok(der?.to_vec())).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(no_credentials(format!("{} holds no certificate in PEM form", dir.join("ca.crt").display()))),
        Err::<_, rustls::pki_types::pem::Error>(e) => {
            Err(no_credentials(format!("{} is not valid PEM: {e}", dir.join("ca.crt").display())))
        }
    }
}

/// The API server that the kubelet tells every container of.
fn server(environment: Environment<'_>) -> Result<Uri> {
    let variable = |name: &str| {
        environment(name).ok_or_else(|| {
            not_in_cluster(format!(
                "{name} is not set: this process is not in a pod. Outside a cluster set `kubeconfig`"
            ))
        })
    };
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let port: u16 =
        port.parse().map_err(|_| not_in_cluster(format!("KUBERNETES_SERVICE_PORT is `{port}`, not a port")))?;
    // An IPv6 address needs brackets in a URL.
    let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let server = Uri::builder().scheme("https").authority(format!("{host}:{port}")).path_and_query("/").build();
    server
        .ok()
        .filter(|server| server.host() == Some(&host))
        .ok_or_else(|| not_in_cluster(format!("KUBERNETES_SERVICE_HOST is `{host}`, not a host")))
}

fn read_kubeconfig(path: &Path) -> Result<Kubeconfig> {
    read(path, "kubeconfig")?;
    Kubeconfig::read_from(path)
        .map_err(|e| no_credentials(format!("the kubeconfig {} is not one: {e}", path.display())))
}

async fn from_kubeconfig(path: &Path, context: Option<String>) -> Result<Config> {
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    Config::from_custom_kubeconfig(read_kubeconfig(path)?, &options)
        .await
        .map_err(|e| no_credentials(format!("the kubeconfig {} cannot be used: {e}", path.display())))
}

fn client(config: Config) -> Result<Client> {
    // Fails if a provider is installed already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::try_from(config).map_err(|e| no_credentials(format!("the credentials cannot be used: {e}")))
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let class = if error.is_retryable() { Class::Resources } else { Class::Credentials };
        Failure::new(class, error.message())
    }
}

fn no_credentials(message: String) -> Error {
    Error::new(Status::NoCredentials, message)
}

fn not_in_cluster(message: String) -> Error {
    Error::new(Status::NotInCluster, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_of(host: &str, port: &str) -> Result<Uri> {
        server(&|name| Some(if name.ends_with("HOST") { host } else { port }.to_owned()))
    }

    #[test]
    fn what_is_no_small_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let large = folder.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(LARGEST_FILE + 1).unwrap();
        for path in [folder.path(), Path::new("/dev/zero"), &large] {
            let error = read(path, "token").unwrap_err();
            assert_eq!(error.status(), Status::NoCredentials);
            assert!(error.message().contains("not a file of at most"), "{error}");
        }
    }

    #[test]
    fn server_addresses() {
        for (host, port, uri) in [
            ("10.96.0.1", "443", "https://10.96.0.1:443/"),
            ("fd00::1", "6443", "https://[fd00::1]:6443/"),
            ("kubernetes.default.svc", "443", "https://kubernetes.default.svc:443/"),
        ] {
            assert_eq!(server_of(host, port).unwrap().to_string(), uri);
        }
        for (host, port) in
            [("10.0.0.1", "https"), ("10.0.0.1", "65536"), ("a b", "443"), ("a/b", "443"), ("u@h", "443")]
        {
            assert_eq!(server_of(host, port).unwrap_err().status(), Status::NotInCluster, "{host} {port}");
        }
    }
}
