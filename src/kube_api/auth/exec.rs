//! Login plugins: programs that a kubeconfig names and that print credentials.
//!
//! kube can run them too, but it fails where the exit status of a child process is not available:
//! in a host that ignores SIGCHLD, or that reaps every child itself. Here the output decides then.
//! Nothing that a plugin prints goes into a message.

use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::Config;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::files::token;

/// A plugin prints at most this many bytes. Credentials have a few thousand.
const LARGEST: u64 = 1 << 20;

const NO_TOKEN: &str = "its login plugin returned a `token` that is not one: \
                        expected one word of printable ASCII";

/// The output of a plugin. It has no `Debug`, because it holds secrets.
#[derive(Deserialize)]
struct ExecCredential {
    kind: String,
    status: Option<PluginCredentials>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PluginCredentials {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs the login plugin if the configuration depends on one, and puts the credentials in its
/// place.
///
/// Returns when the credentials expire, if they do.
pub(super) fn log_in(config: &mut Config) -> Result<Option<Timestamp>, String> {
    let auth = &mut config.auth_info;
    let Some(plugin) = auth.exec.take().filter(|_| needs_plugin(auth)) else { return Ok(None) };
    let credentials = parse(&run(&plugin)?).ok_or("its login plugin returned no credentials")?;
    let expires = credentials.expiration_timestamp.as_deref().map(str::parse).transpose();
    let token = credentials.token.map(|text| token(&text).ok_or(NO_TOKEN)).transpose()?;
    auth.token = token.map(SecretString::from);
    if let (Some(certificate), Some(key)) =
        (credentials.client_certificate_data, credentials.client_key_data)
    {
        auth.client_certificate_data = Some(STANDARD.encode(certificate));
        auth.client_key_data = Some(STANDARD.encode(key).into());
    }
    expires
        .map_err(|_| "its login plugin returned an `expirationTimestamp` that is not a time".into())
}

/// All other credentials of a kubeconfig take precedence over its plugin.
pub(super) fn needs_plugin(auth: &AuthInfo) -> bool {
    let basic = auth.username.is_some() && auth.password.is_some();
    !basic && auth.auth_provider.is_none() && auth.token.is_none() && auth.token_file.is_none()
}

fn parse(printed: &[u8]) -> Option<PluginCredentials> {
    let ExecCredential { kind, status } = serde_json::from_slice(printed).ok()?;
    let mut credentials = status.filter(|_| kind == "ExecCredential")?;
    credentials.token = credentials.token.filter(|token| !token.is_empty());
    let has_certificate =
        credentials.client_certificate_data.is_some() && credentials.client_key_data.is_some();
    (credentials.token.is_some() || has_certificate).then_some(credentials)
}

/// Runs a plugin to its end, and returns what it printed.
fn run(plugin: &ExecConfig) -> Result<Vec<u8>, String> {
    let cannot_start = |error: io::Error| format!("its login plugin cannot be started: {error}");
    let mut child = command(plugin)?.spawn().map_err(cannot_start)?;
    let mut printed = Vec::new();
    let read = child.stdout.take().map(|stdout| stdout.take(LARGEST).read_to_end(&mut printed));
    check(child.wait())?;
    match read {
        Some(Err(error)) => Err(format!("the output of its login plugin cannot be read: {error}")),
        _ => Ok(printed),
    }
}

fn check(status: io::Result<ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!(
            "its login plugin failed ({status}); run kubectl to see what the plugin reports"
        )),
        // The host ignores SIGCHLD, or was faster.
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(()),
        Err(error) => Err(format!("its login plugin cannot be waited for: {error}")),
    }
}

fn command(plugin: &ExecConfig) -> Result<Command, String> {
    let mut command =
        Command::new(plugin.command.as_ref().ok_or("its login plugin has no `command`")?);
    command.args(plugin.args.iter().flatten());
    for variable in plugin.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    command.env("KUBERNETES_EXEC_INFO", exec_info(plugin));
    for name in plugin.drop_env.iter().flatten() {
        command.env_remove(name);
    }
    // The terminal is the host's.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command)
}

/// The information that a plugin gets about its caller.
fn exec_info(plugin: &ExecConfig) -> String {
    let mut spec = json!({"interactive": false});
    if let Some(cluster) = plugin.cluster.as_ref().filter(|_| plugin.provide_cluster_info) {
        spec["cluster"] = json!(cluster);
    }
    json!({"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}).to_string()
}
