//! Which certificates are trusted, and what messages say of those that are not.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubepeers::testing::{
    Connection, Environment, Error, KubeApi, Provider, Result, Settings, Status, Timeout, connect,
    spawn_named,
};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd};

use super::fake::{self, Asked, Fake, is_watch, list};
use super::tls_server::{Ca, Identity, TlsServer, params, server_params};
use super::{LONG, becomes, eventually, first, unsynced, wait_for_error};

/// Marks the process that a test starts for itself.
const INSIDE: &str = "KUBEPEERS_TEST_INSIDE";

fn steady() -> Fake {
    Fake::steady(|| list(&[("a", "10.0.0.1")], 5), vec![])
}

fn folder() -> PathBuf {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep()
}

/// Writes a kubeconfig with this cluster; `more` goes to its top level, after a context `other` of
/// a cluster `other`.
fn kubeconfig(cluster: &str, user: &str, more: &str) -> PathBuf {
    let path = folder().join("kubeconfig");
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, clusters: [{{name: k, cluster: {cluster}}} {more}], \
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}, {{name: other, context: {{cluster: other, user: u}}}}], \
         users: [{{name: u, user: {user}}}]}}"
    );
    fs::write(&path, text).unwrap();
    path
}

/// A provider with a kubeconfig of this cluster.
fn outside(cluster: &str, user: &str) -> Provider {
    let path = kubeconfig(cluster, user, "");
    fake::provider("", "{}", &[("kubeconfig", path.to_str().unwrap()), ("log", "warn")])
}

/// A provider that trusts a bundle by way of its kubeconfig.
fn trusting(port: u16, bundle: &str, user: &str) -> Provider {
    let bundle = STANDARD.encode(bundle);
    outside(
        &format!("{{server: 'https://127.0.0.1:{port}', certificate-authority-data: {bundle}}}"),
        user,
    )
}

thread_local! {
    /// The port of the API server of a pod, for what registers on this thread.
    static API_SERVER: Cell<u16> = const { Cell::new(0) };
}

fn connect_in_pod(settings: &Settings, environment: &Environment<'_>) -> Result<Connection> {
    let variable = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("127.0.0.1".to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some(API_SERVER.get().to_string()),
        _ => None,
    };
    connect(settings, &Environment { variable: &variable, addresses: environment.addresses })
}

/// A provider in a pod with this service account.
fn in_pod(port: u16, mount: &Path) -> Provider {
    API_SERVER.set(port);
    let config =
        fake::config_in_pod(&[("service_account_dir", mount.to_str().unwrap()), ("log", "warn")]);
    Provider::new(config, Arc::new(KubeApi { spawn: spawn_named, connect: connect_in_pod }))
        .unwrap()
}

/// The folder of a service account with this CA.
fn mount(bundle: &str) -> PathBuf {
    let folder = folder();
    fs::write(folder.join("token"), "token").unwrap();
    fs::write(folder.join("ca.crt"), bundle).unwrap();
    folder
}

/// A server with a certificate of this CA.
fn serve(fake: &Fake, ca: &Ca) -> TlsServer {
    TlsServer::start(fake, ca.sign(&server_params()).server_config())
}

/// Returns the first record of the log that has these words.
#[track_caller]
fn logged(provider: &Provider, words: &str) -> String {
    let mut message = String::new();
    eventually(|| {
        message = provider.log().next().map(|record| record.message).unwrap_or_default();
        message.contains(words)
    });
    message
}

/// Checks that nothing of rustls's is shown, and that the first line is all there is.
#[track_caller]
fn is_readable(error: &Error) {
    let message = error.message();
    let ours = message.replace("https://127.0.0.1", "");
    for foreign in ["://", "Other(", "InvalidCertificate", "DnsName", "UNIX", "rustls", "[6, "] {
        assert!(!ours.contains(foreign), "{foreign}: {message}");
    }
    assert!(!message.contains('\n'), "{message}");
}

/// Registers, and returns why the certificate is not trusted.
#[track_caller]
fn refused(provider: &Provider, words: &[&str]) -> Error {
    let error = provider.register(LONG).unwrap_err();
    assert_eq!((error.status(), error.is_retryable()), (Status::Tls, false), "{error}");
    for words in words {
        assert!(error.message().contains(words), "{words}: {error}");
    }
    is_readable(&error);
    error
}

#[test]
fn bundle_with_a_bad_block_is_used_in_part_and_reported() {
    let (fake, ca) = (steady(), Ca::new("ca"));
    let server = serve(&fake, &ca);
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut_off = &bad[..30];
    for (bundle, skipped) in [
        (format!("{bad}{}", ca.pem()), "certificate 1 (line 1): it is not an X.509 certificate"),
        (format!("{}{cut_off}", ca.pem()), "certificate 2 (line 4): its END line is missing"),
    ] {
        let mount = mount(&bundle);
        let provider = in_pod(server.port, &mount);
        assert_eq!(first(&provider), ["10.0.0.1"]);
        let message = logged(&provider, "skipped");
        assert!(
            message.contains(skipped) && message.contains(mount.to_str().unwrap()),
            "{message}"
        );
        let provider = trusting(server.port, &bundle, "{}");
        assert_eq!(first(&provider), ["10.0.0.1"]);
        let message = logged(&provider, "skipped");
        assert!(message.contains(skipped) && message.contains("kubeconfig"), "{message}");
    }
    // The bad block may have been the CA of this server.
    let other = format!("{}{bad}", Ca::new("other").pem());
    let skipped = "skipped certificate 2 (line 4)";
    refused(&in_pod(server.port, &mount(&other)), &["not signed by the CA in", "ca.crt", skipped]);
    refused(&trusting(server.port, &other, "{}"), &["not signed by the CA of kubeconfig", skipped]);
}

#[test]
fn bundle_may_begin_with_a_byte_order_mark() {
    let (fake, ca) = (steady(), Ca::new("ca"));
    let server = serve(&fake, &ca);
    let bundle = format!("\u{feff}{}", ca.pem());
    assert_eq!(first(&in_pod(server.port, &mount(&bundle))), ["10.0.0.1"]);
    assert_eq!(first(&trusting(server.port, &bundle, "{}")), ["10.0.0.1"]);
}

#[test]
fn bundle_without_a_usable_certificate_is_an_error() {
    let cut_off = Ca::new("ca").pem()[..100].to_owned();
    for (bundle, words) in
        [(cut_off.as_str(), "its END line is missing"), ("no PEM", "it is not in PEM form")]
    {
        for provider in [in_pod(1, &mount(bundle)), trusting(1, bundle, "{}")] {
            let error = provider.register(LONG).unwrap_err();
            assert_eq!(error.status(), Status::NoCredentials, "{error}");
            assert!(error.message().contains(words), "{error}");
        }
    }
}

/// A bundle that is repaired is not reported any more, one that breaks is.
#[test]
fn bundle_that_breaks_later_is_reported() {
    let (fake, ca) = (steady(), Ca::new("ca"));
    let server = serve(&fake, &ca);
    let mount = mount(&ca.pem());
    let provider = in_pod(server.port, &mount);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    assert!(provider.log().next().is_none());
    fs::write(mount.join("ca.crt"), format!("{}-----BEGIN CERTIFICATE-----\n", ca.pem())).unwrap();
    provider.refresh(&mut 0, LONG).unwrap();
    logged(&provider, "skipped certificate 2");
}

/// As Go and OpenSSL do it.
#[test]
fn certificate_in_the_bundle_is_trusted_itself() {
    let as_ca = |mut params: CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    };
    let as_leaf = |mut params: CertificateParams| {
        params.is_ca = IsCa::ExplicitNoCa;
        params
    };
    let unknown = Ca::new("unknown");
    for identity in [
        Identity::self_signed(&as_leaf(server_params())),
        Identity::self_signed(&as_ca(server_params())),
        unknown.sign(&as_leaf(server_params())),
        unknown.sign(&as_ca(server_params())),
    ] {
        let fake = steady();
        let server = TlsServer::start(&fake, identity.server_config());
        let bundle = format!("{}{}", Ca::new("other").pem(), identity.certificate_pem());
        assert_eq!(first(&trusting(server.port, &bundle, "{}")), ["10.0.0.1"]);
    }
}

#[test]
fn certificate_in_the_bundle_has_to_be_right_for_the_server() {
    let unknown = Ca::new("unknown");
    let fake = steady();
    let refuse = |identity: Identity, words: &str| {
        let server = TlsServer::start(&fake, identity.server_config());
        refused(&trusting(server.port, &identity.certificate_pem(), "{}"), &[words]);
    };
    for is_ca in [IsCa::ExplicitNoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let with = |change: fn(&mut CertificateParams)| {
            let mut params = server_params();
            params.is_ca = is_ca;
            change(&mut params);
            params
        };
        let expired = with(|params| params.not_after = date_time_ymd(2020, 1, 1));
        let elsewhere = with(|params| {
            params.subject_alt_names =
                super::tls_server::params("", &["elsewhere"]).subject_alt_names
        });
        refuse(Identity::self_signed(&expired), "has expired (on 2020-01-01T00:00:00Z");
        refuse(unknown.sign(&expired), "has expired");
        refuse(Identity::self_signed(&elsewhere), "other names than 127.0.0.1: elsewhere");
        refuse(unknown.sign(&elsewhere), "other names than 127.0.0.1: elsewhere");
    }
    let mut client = server_params();
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    refuse(unknown.sign(&client), "not one for servers");
}

/// The same names and dates, but another key.
#[test]
fn certificate_like_one_in_the_bundle_is_not_trusted() {
    let fake = steady();
    let server = TlsServer::start(&fake, Identity::self_signed(&server_params()).server_config());
    let like_it = Identity::self_signed(&server_params()).certificate_pem();
    refused(&trusting(server.port, &like_it, "{}"), &["not signed by the CA of kubeconfig"]);
}

/// Certificates are public. Only their keys prove who a server is.
#[test]
fn certificate_in_the_bundle_without_its_key_is_not_trusted() {
    let known = Identity::self_signed(&server_params());
    let bundle = known.certificate_pem();
    let stolen = known.with_key_of(Identity::self_signed(&params("thief", &[])));
    let fake = steady();
    let server = TlsServer::start(&fake, stolen.server_config());
    let provider = trusting(server.port, &bundle, "{}");
    refused(&provider, &["its signature is wrong"]);
    assert!(fake.asked().is_empty());
}

#[test]
fn certificate_that_cannot_be_verified_is_named_with_what_helps() {
    const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
    let (fake, ca) = (steady(), Ca::new("ca"));
    // It is refused before its signature is checked.
    let identity = ca.sign(&server_params()).patched(ECDSA_SHA256, ECDSA_SHA512);
    let server = TlsServer::start(&fake, identity.server_config());
    refused(
        &trusting(server.port, &ca.pem(), "{}"),
        &["signed with ECDSA with SHA-512", "; reissue it", "P-256 or RSA"],
    );
}

/// Starts a server that answers whatever comes first with these bytes, and closes the connection.
fn answering(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    port
}

/// A server whose only key is a P-521 one finds no signature algorithm among those that this
/// library offers.
#[test]
fn server_that_refuses_the_handshake_is_a_permanent_error() {
    let port = answering(&[21, 3, 3, 0, 2, 2, 40]);
    refused(
        &trusting(port, &Ca::new("ca").pem(), "{}"),
        &["it verifies RSA, P-256", "such as P-521, reissue it"],
    );
}

#[test]
fn server_without_tls_is_reported_in_plain_words() {
    let port = answering(
        b"HTTP/1.1 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.",
    );
    let error = unsynced(&trusting(port, &Ca::new("ca").pem(), "{}"), "other than TLS; check");
    assert!(error.is_retryable());
    is_readable(&error);
}

/// Also where the server ends the handshake without an alert.
#[test]
fn server_that_closes_during_the_handshake_is_reported_in_plain_words() {
    let error = unsynced(
        &trusting(answering(b""), &Ca::new("ca").pem(), "{}"),
        "closed the connection unexpectedly",
    );
    assert!(error.is_retryable());
    is_readable(&error);
}

#[test]
fn missing_ca_is_reported_with_matching_advice() {
    let mount = mount("");
    fs::remove_file(mount.join("ca.crt")).unwrap();
    let error = in_pod(1, &mount).register(LONG).unwrap_err();
    assert_eq!(error.status(), Status::NoCredentials);
    let message = error.message();
    assert!(
        message.contains("ca.crt: No such file") && message.contains("`kube-root-ca.crt`"),
        "{message}"
    );
    assert!(!message.contains("automount"), "{message}");
    fs::remove_file(mount.join("token")).unwrap();
    let error = in_pod(1, &mount).register(LONG).unwrap_err();
    assert!(
        error.message().contains("; in a pod, leave `automountServiceAccountToken` on"),
        "{error}"
    );
    let nowhere = "{server: 'https://127.0.0.1:1', certificate-authority: /nonexistent/ca.crt}";
    let error = outside(nowhere, "{}").register(LONG).unwrap_err();
    assert_eq!(error.status(), Status::NoCredentials);
    assert!(
        error.message().contains("/nonexistent/ca.crt")
            && error.message().contains("check `certificate-authority`"),
        "{error}"
    );
}

#[test]
fn kubeconfig_without_a_ca_trusts_the_system_and_says_so() {
    if std::env::var_os(INSIDE).is_none() {
        // Where there is no CA at all, that is what is wrong.
        let empty = folder().join("empty.pem");
        fs::write(&empty, "").unwrap();
        let ca = folder().join("ca.pem");
        fs::write(&ca, Ca::new("system").pem()).unwrap();
        let test = "trust::kubeconfig_without_a_ca_trusts_the_system_and_says_so";
        for (file, inside) in [(empty, "none"), (ca, "one")] {
            run_inside(test, inside, |command| {
                command.env("SSL_CERT_FILE", &file).env_remove("SSL_CERT_DIR")
            });
        }
        return;
    }
    let fake = steady();
    let server = serve(&fake, &Ca::new("ca"));
    let provider = outside(&format!("{{server: 'https://127.0.0.1:{}'}}", server.port), "{}");
    if std::env::var(INSIDE).unwrap() == "one" {
        refused(
            &provider,
            &["not signed by a CA of this system", "names no CA", "; set `certificate-authority`"],
        );
    } else {
        let error = provider.register(LONG).unwrap_err();
        assert_eq!(error.status(), Status::NoCredentials, "{error}");
        assert!(
            error
                .message()
                .contains("this system has no CA certificates; set `certificate-authority`"),
            "{error}"
        );
        is_readable(&error);
    }
}

#[test]
fn certificate_that_is_not_valid_yet_is_waited_for() {
    let (fake, ca) = (steady(), Ca::new("ca"));
    let mut params = server_params();
    params.not_before = date_time_ymd(2999, 1, 1);
    params.not_after = date_time_ymd(3000, 1, 1);
    let pinned = Identity::self_signed(&params);
    let bundle = format!("{}{}", ca.pem(), pinned.certificate_pem());
    let server = TlsServer::start(&fake, pinned.server_config());
    for identity in [pinned, ca.sign(&params)] {
        server.replace(identity.server_config());
        let provider = trusting(server.port, &bundle, "{}");
        // It waits for its whole time instead of failing.
        provider.register(Timeout::AtMost(Duration::from_millis(100))).unwrap();
        let error = unsynced_again(
            &provider,
            "not valid yet (before 2999-01-01T00:00:00Z; the clock of this machine says",
        );
        assert!(error.is_retryable(), "{error}");
        is_readable(&error);
        let error = wait_for_error(&provider, "tls").last_error.unwrap().error;
        assert_eq!((error.status(), error.is_retryable()), (Status::Tls, true), "{error}");
        server.replace(ca.sign(&server_params()).server_config());
        becomes(&provider, &["10.0.0.1"]);
    }
}

/// As `unsynced`, of a provider that is registered.
#[track_caller]
fn unsynced_again(provider: &Provider, words: &str) -> Error {
    super::fails(Status::NotSynced, words, || provider.discover_peers(super::AT_ONCE).unwrap_err())
}

/// Runs one test again in a process of its own.
#[track_caller]
fn run_inside(test: &str, inside: &str, prepare: impl FnOnce(&mut Command) -> &mut Command) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]);
    passes(prepare(&mut command).env(INSIDE, inside));
}

#[track_caller]
fn passes(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A user whose login plugin runs this script of the shell.
fn plugin(script: &str) -> String {
    let path = folder().join("plugin");
    fs::write(&path, script).unwrap();
    let path = path.display();
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: ['{path}']}}}}"
    )
}

fn credential(status: &str) -> String {
    format!(
        "echo '{{\"kind\": \"ExecCredential\", \"apiVersion\": \"client.authentication.k8s.io/v1\", \"status\": {status}}}'\n"
    )
}

/// A shell would not pass it on.
const IGNORE_SIGCHLD: &str = "import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])";

/// A host may ignore SIGCHLD, or reap all children. Then the library does not learn how a plugin
/// ended.
#[test]
fn plugin_without_an_exit_status_is_judged_by_its_output() {
    if std::env::var_os(INSIDE).is_none() {
        let test = [
            "trust::plugin_without_an_exit_status_is_judged_by_its_output",
            "--exact",
            "--nocapture",
        ];
        let mut python = Command::new("python3");
        python.args(["-c", IGNORE_SIGCHLD]).arg(std::env::current_exe().unwrap()).args(test);
        return passes(python.env(INSIDE, "1"));
    }
    assert!(Command::new("true").status().is_err(), "SIGCHLD is not ignored");
    let fake = steady();
    let server = format!("http://127.0.0.1:{}", fake.port());
    let provider = fake::provider(&server, &plugin(&credential("{\"token\": \"t0\"}")), &[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    assert_eq!(fake.asked()[0].authorization, "Bearer t0");
    for script in [
        "echo s3cr3t",
        "printf '{\"kind\": \"ExecCredential\", \"status\": {\"token\": \"s3cr3t'",
        "exit 1",
    ] {
        let error = fake::provider(&server, &plugin(script), &[]).register(LONG).unwrap_err();
        assert_eq!(error.status(), Status::NoCredentials, "{error}");
        assert!(error.message().contains("its login plugin returned no credentials"), "{error}");
        assert!(!error.message().contains("s3cr3t"), "{error}");
    }
}

/// The server is asked for a list about once a second.
fn polled(fake: &Fake, user: &str) -> Vec<Asked> {
    let server = format!("http://127.0.0.1:{}", fake.port());
    let provider =
        fake::provider(&server, user, &[("watch", "poll"), ("poll_interval_ms", "1000")]);
    provider.register(LONG).unwrap();
    fake.has_been_asked_for(3, |path| !is_watch(path))
}

#[test]
fn login_is_renewed_before_it_expires() {
    let count = folder().join("count");
    fs::write(&count, "").unwrap();
    let counted = |status: &str| {
        let count = count.display();
        plugin(&format!("echo >> '{count}'; n=$(wc -l < '{count}'); {}", credential(status)))
    };
    let tokens =
        |asked: Vec<Asked>| asked.into_iter().map(|asked| asked.authorization).collect::<Vec<_>>();
    let expiring =
        counted("{\"token\": \"t'$n'\", \"expirationTimestamp\": \"2020-01-01T00:00:00Z\"}");
    assert_eq!(tokens(polled(&steady(), &expiring)), ["Bearer t1", "Bearer t2", "Bearer t3"]);
    let lasting =
        counted("{\"token\": \"t'$n'\", \"expirationTimestamp\": \"2999-01-01T00:00:00Z\"}");
    assert_eq!(tokens(polled(&steady(), &lasting)), ["Bearer t4"; 3]);
    let endless = counted("{\"token\": \"t'$n'\"}");
    assert_eq!(tokens(polled(&steady(), &endless)), ["Bearer t5"; 3]);
}

#[test]
fn plugin_may_return_a_client_certificate() {
    let (fake, ca) = (steady(), Ca::new("ca"));
    let server =
        TlsServer::start(&fake, ca.sign(&server_params()).server_config_for_clients_of(&ca));
    let client = ca.sign(&params("client", &[]));
    let json = |text: String| serde_json::to_string(&text).unwrap().replace('\\', "\\\\");
    let (certificate, key) = (json(client.certificate_pem()), json(client.key_pem()));
    let status = format!("{{\"clientCertificateData\": {certificate}, \"clientKeyData\": {key}}}");
    assert_eq!(
        first(&trusting(server.port, &ca.pem(), &plugin(&credential(&status)))),
        ["10.0.0.1"]
    );
    refused(&trusting(server.port, &ca.pem(), "{}"), &["it requires a client certificate"]);
}

/// The value may hold a password. kube would refuse one that is no URL.
#[test]
fn proxy_of_the_environment_is_named_where_the_server_cannot_be_reached() {
    if std::env::var_os(INSIDE).is_none() {
        let test = "trust::proxy_of_the_environment_is_named_where_the_server_cannot_be_reached";
        for name in ["HTTPS_PROXY", "https_proxy"] {
            run_inside(test, name, |command| {
                command
                    .env_remove("HTTPS_PROXY")
                    .env_remove("https_proxy")
                    .env(name, "http://u:s3cr3t@a b/")
            });
        }
        return;
    }
    let name = std::env::var(INSIDE).unwrap();
    let hint = format!("does not use the proxy in {name}: allow direct connections");
    for (server, words) in [
        ("http://127.0.0.1:1", "cannot be reached"),
        ("http://no-such-host.invalid:1", "cannot be resolved"),
    ] {
        let provider = fake::provider(server, "{}", &[]);
        let error = unsynced(&provider, &hint);
        assert!(error.message().contains(words) && !error.message().contains("s3cr3t"), "{error}");
    }
}

#[test]
fn only_the_proxy_url_of_the_selected_cluster_matters() {
    let fake = steady();
    let cluster = format!("{{server: 'http://127.0.0.1:{}'}}", fake.port());
    let other =
        ", {name: other, cluster: {server: 'http://127.0.0.1:1', proxy-url: 'http://127.0.0.1:2'}}";
    let path = kubeconfig(&cluster, "{}", other);
    let path = path.to_str().unwrap();
    assert_eq!(first(&fake::provider("", "{}", &[("kubeconfig", path)])), ["10.0.0.1"]);
    let error = fake::provider("", "{}", &[("kubeconfig", path), ("context", "other")])
        .register(LONG)
        .unwrap_err();
    assert_eq!(error.status(), Status::NoCredentials);
    assert!(error.message().contains("`proxy-url`, and proxies are not supported"), "{error}");
}
