//! Describes the API server and the credentials, as far as the files show them.

use std::io::ErrorKind;
use std::path::Path;

use http::Uri;
use kube::config::AuthInfo;
use secrecy::ExposeSecret;

use super::files;
use super::kubeconfig::Kubeconfig;
use super::service_account::{self, ServiceAccount};
use crate::config::Source;
use crate::discovery::access::{Access, Login, Server, Token, Trust};
use crate::discovery::identity::{Claims, expiry};

/// Describes what [`super::Credentials::find`] would read. What cannot be read is unknown: the
/// error of `find` says why.
pub(in crate::kube_api) fn describe(
    source: &Source,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Access {
    match source {
        Source::ServiceAccount(dir) => of_service_account(dir, variable),
        Source::Kubeconfig(path, context) => Kubeconfig::load(path, context.clone())
            .map_or_else(|_| Access::default(), of_kubeconfig),
    }
}

fn of_service_account(dir: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Access {
    let server = service_account::server(variable).ok().as_ref().and_then(server);
    let Ok(account) = ServiceAccount::find(dir, variable) else {
        let token = files::open(&dir.join("token"));
        let is_missing = token.is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let login = if is_missing { Login::NoToken } else { Login::Unknown };
        return Access { server, login, ..Access::default() };
    };
    Access {
        server,
        trust: Trust::Ca(account.ca()),
        skipped: account.skipped(),
        login: Login::Token(token(account.token())),
    }
}

fn of_kubeconfig(kubeconfig: Kubeconfig) -> Access {
    let config = &kubeconfig.config;
    let trust = match config.cluster_url.scheme_str() {
        Some("https") if config.accept_invalid_certs => Trust::Everyone,
        Some("https") => Trust::Ca(kubeconfig.ca()),
        _ => Trust::NoTls,
    };
    let (server, login) = (server(&config.cluster_url), login(&config.auth_info));
    Access { server, trust, login, skipped: kubeconfig.skipped }
}

fn server(url: &Uri) -> Option<Server> {
    let scheme = url.scheme_str()?.to_owned();
    let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    Some(Server { scheme, host: url.host()?.to_owned(), port })
}

/// Returns the credentials that kube uses of those that a kubeconfig has.
fn login(auth: &AuthInfo) -> Login {
    if auth.username.is_some() && auth.password.is_some() {
        Login::Password
    } else if let Some(text) = &auth.token {
        Login::Token(token(text.expose_secret()))
    } else if auth.token_file.is_some() {
        Login::Token(Token::default())
    } else if auth.client_certificate.is_some() || auth.client_certificate_data.is_some() {
        Login::ClientCertificate
    } else if auth.exec.is_some() || auth.auth_provider.is_some() {
        Login::Plugin
    } else {
        Login::Nothing
    }
}

fn token(text: &str) -> Token {
    let claims = Claims::of(text);
    Token {
        service_account: claims
            .service_account()
            .map(|(namespace, name)| (namespace.into(), name.into())),
        pod: claims.pod().map(Into::into),
        expires: expiry(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use std::fs;

    fn in_pod(name: &str) -> Option<String> {
        let value = if name.ends_with("HOST") { "10.96.0.1" } else { "443" };
        name.starts_with("KUBERNETES_SERVICE_").then(|| value.into())
    }

    #[test]
    fn missing_token_differs_from_an_unusable_one() {
        let folder = tempfile::tempdir().unwrap();
        let login = || describe(&Source::ServiceAccount(folder.path().into()), &in_pod).login;
        assert_eq!(login(), Login::NoToken);
        fs::write(folder.path().join("token"), "").unwrap();
        assert_eq!(login(), Login::Unknown);
    }

    #[test]
    fn description_of_a_service_account_names_it_and_holds_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let der = rcgen::generate_simple_self_signed(["ca".into()]).unwrap().cert.der().to_vec();
        let pem = STANDARD.encode(der);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n");
        fs::write(folder.path().join("ca.crt"), pem).unwrap();
        let claims = r#"{"sub":"system:serviceaccount:shop:web","exp":1700000000,
            "kubernetes.io":{"pod":{"name":"web-0","uid":"u"}}}"#;
        let token = format!("h34d.{}.s1gn4ture", URL_SAFE_NO_PAD.encode(claims));
        fs::write(folder.path().join("token"), &token).unwrap();
        let access = describe(&Source::ServiceAccount(folder.path().into()), &in_pod);
        let expected = Token {
            service_account: Some(("shop".into(), "web".into())),
            pod: Some("web-0".into()),
            expires: Some(1_700_000_000),
        };
        assert_eq!(access.login, Login::Token(expected));
        assert!(matches!(&access.trust, Trust::Ca(ca) if ca.ends_with("ca.crt")), "{access:?}");
        assert!(token.split('.').all(|part| !format!("{access:?}").contains(part)), "{access:?}");
    }

    fn kubeconfig(cluster: &str, user: &str) -> Access {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: c, \
             clusters: [{{name: k, cluster: {cluster}}}], users: [{{name: u, user: {user}}}], \
             contexts: [{{name: c, context: {{cluster: k, user: u}}}}]}}"
        );
        fs::write(file.path(), text).unwrap();
        describe(&Source::Kubeconfig(file.path().into(), None), &|_| None)
    }

    #[test]
    fn description_of_a_kubeconfig_says_what_is_not_verified() {
        let access =
            kubeconfig("{server: 'https://k.example', insecure-skip-tls-verify: true}", "{}");
        assert_eq!((access.trust, access.login), (Trust::Everyone, Login::Nothing));
        let access = kubeconfig("{server: 'http://u:s3cr3t@k:8080'}", "{token: s3cr3t}");
        let server = Server { scheme: "http".into(), host: "k".into(), port: 8080 };
        assert_eq!((access.trust.clone(), access.server.clone()), (Trust::NoTls, Some(server)));
        assert!(!format!("{access:?}").contains("s3cr3t"), "{access:?}");
        assert_eq!(kubeconfig("{}", "{}"), Access::default());
    }
}
