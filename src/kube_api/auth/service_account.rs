//! The credentials of a pod: the API server that the kubelet names, and the token and CA that it
//! mounts.
//!
//! The files are read before every request, so that rotation needs nothing.

use std::path::{Path, PathBuf};

use http::Uri;
use kube::Config;
use secrecy::SecretString;

use super::ca_bundle::CaBundle;
use super::files::{NOT_A_TOKEN, no_credentials, read, token};
use crate::config::namespace;
use crate::discovery::identity::Claims;
use crate::error::{Error, Result};
use crate::status::Status;

/// If the token is missing.
const TOKEN_ADVICE: &str = "in a pod, leave `automountServiceAccountToken` on; elsewhere set `service_account_dir` or `kubeconfig`";

/// If only the CA is missing: the volume is one that the operator wrote.
const CA_ADVICE: &str = "add the ConfigMap `kube-root-ca.crt` to the volume that holds the token, \
                         or set `service_account_dir` to a folder with both";

/// If the namespace is missing: the volume is one that the operator wrote.
const NAMESPACE_ADVICE: &str = "set `namespace`";

/// A service account as it was last read.
pub(super) struct ServiceAccount {
    server: Uri,
    dir: PathBuf,
    files: Files,
}

/// The content of the files. It has no `Debug`, because it holds the token.
#[derive(PartialEq, Eq)]
struct Files {
    token: String,
    ca: Vec<u8>,
}

impl ServiceAccount {
    pub(super) fn find(dir: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let account =
            Self { server: server(variable)?, dir: dir.to_owned(), files: Files::read(dir)? };
        account.bundle()?;
        Ok(account)
    }

    /// Reads the files again. Returns whether they have changed.
    pub(super) fn read_again(&mut self) -> Result<bool> {
        let files = Files::read(&self.dir)?;
        let changed = files != self.files;
        self.files = files;
        Ok(changed)
    }

    pub(super) fn config(&self) -> Result<Config> {
        let mut config = Config::new(self.server.clone());
        config.root_cert = Some(self.bundle()?.into_certificates());
        config.auth_info.token = Some(SecretString::from(self.files.token.clone()));
        Ok(config)
    }

    /// Returns the CA certificates. It is an error if none can be used.
    fn bundle(&self) -> Result<CaBundle> {
        let bundle = CaBundle::parse(&self.files.ca);
        if bundle.is_empty() {
            let why = bundle.skipped().unwrap_or_else(|| "it is not in PEM form".into());
            let file = self.ca_file().display().to_string();
            return Err(no_credentials(format!(
                "the CA in {file} holds no usable certificate: {why}; write the CA of the cluster there again"
            )));
        }
        Ok(bundle)
    }

    /// Returns which CA certificates cannot be used, if there are any.
    pub(super) fn skipped(&self) -> Option<String> {
        CaBundle::parse(&self.files.ca).skipped()
    }

    /// Returns the namespace that the kubelet wrote next to the token.
    pub(super) fn namespace(&self) -> Result<String> {
        let path = self.dir.join("namespace");
        let text = read(&path, "service account's namespace", NAMESPACE_ADVICE)?;
        namespace(String::from_utf8_lossy(&text).trim()).ok_or_else(|| {
            no_credentials(format!(
                "the content of {} is not the name of a namespace; {NAMESPACE_ADVICE}",
                path.display()
            ))
        })
    }

    pub(super) fn claims(&self) -> Claims {
        Claims::of(&self.files.token)
    }

    pub(super) fn token(&self) -> &str {
        &self.files.token
    }

    pub(super) fn server(&self) -> &Uri {
        &self.server
    }

    /// Returns a description of the trusted CA for messages.
    pub(super) fn ca(&self) -> String {
        format!("the CA in {}", self.ca_file().display())
    }

    fn ca_file(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }
}

impl Files {
    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("token");
        let text = read(&path, "service account's token", TOKEN_ADVICE)?;
        let token = token(&String::from_utf8_lossy(&text)).ok_or_else(|| {
            no_credentials(format!(
                "the service account's token in {} {NOT_A_TOKEN}; \
                 check the volume that holds it",
                path.display()
            ))
        })?;
        Ok(Self { token, ca: read(&dir.join("ca.crt"), "service account's CA", CA_ADVICE)? })
    }
}

/// Returns the API server that the kubelet names in the environment of every container.
pub(super) fn server(variable: &dyn Fn(&str) -> Option<String>) -> Result<Uri> {
    let variable = |name: &str| {
        variable(name).ok_or_else(|| {
            not_in_cluster(format!(
                "{name} is not set: this process is not in a pod; \
                 outside a cluster, set `kubeconfig` and `membership` = `observer`"
            ))
        })
    };
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let port: u16 = port
        .parse()
        .map_err(|_| not_in_cluster(format!("KUBERNETES_SERVICE_PORT is `{port}`, not a port")))?;
    // An IPv6 address needs brackets in a URL.
    let host =
        if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
    let server = Uri::builder()
        .scheme("https")
        .authority(format!("{host}:{port}"))
        .path_and_query("/")
        .build();
    server
        .ok()
        .filter(|server| server.host() == Some(&host))
        .ok_or_else(|| not_in_cluster(format!("KUBERNETES_SERVICE_HOST is `{host}`, not a host")))
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
    fn the_namespace_is_that_of_the_mounted_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { token: "token".into(), ca: Vec::new() };
        let server = server_of("10.96.0.1", "443").unwrap();
        let account = ServiceAccount { server, dir: folder.path().to_owned(), files };
        let missing = account.namespace().unwrap_err();
        assert_eq!(missing.status(), Status::NoCredentials);
        assert!(missing.message().ends_with("set `namespace`"), "{missing}");
        std::fs::write(folder.path().join("namespace"), "team-a\n").unwrap();
        assert_eq!(account.namespace().unwrap(), "team-a");
        for malformed in ["", "Team A", "../x"] {
            std::fs::write(folder.path().join("namespace"), malformed).unwrap();
            assert_eq!(
                account.namespace().unwrap_err().status(),
                Status::NoCredentials,
                "{malformed}"
            );
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
        for (host, port) in [
            ("10.0.0.1", "https"),
            ("10.0.0.1", "65536"),
            ("a b", "443"),
            ("a/b", "443"),
            ("u@h", "443"),
        ] {
            assert_eq!(
                server_of(host, port).unwrap_err().status(),
                Status::NotInCluster,
                "{host} {port}"
            );
        }
    }
}
