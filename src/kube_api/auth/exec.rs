//! Login plugins: programs that a kubeconfig names and that print credentials.
//!
//! kube can run them too, but it fails where the exit status of a child process is not available:
//! in a host that ignores SIGCHLD, or that reaps every child itself. Here the output decides then.
//! Nothing that a plugin prints goes into a message.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kube::Config;
use kube::config::{AuthInfo, ExecConfig};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::net::unix::pipe::Receiver;
use tokio::time::sleep;

use super::files::token;
use crate::kube_api::runtime::blocking;
use crate::panics::{self, Place};

/// A plugin prints at most this many bytes. Credentials have a few thousand.
const LARGEST: usize = 1 << 20;
/// How often it is checked whether a plugin has ended.
const POLL: Duration = Duration::from_millis(5);
/// How often that is checked after it is killed. A zombie stays if the kernel takes longer.
const REAP_TRIES: u32 = 20;

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
pub(super) async fn log_in(config: &mut Config) -> Result<Option<Timestamp>, LoginError> {
    let auth = &mut config.auth_info;
    let Some(plugin) = auth.exec.take().filter(|_| needs_plugin(auth)) else { return Ok(None) };
    let credentials =
        parse(&run(&plugin).await?).ok_or("its login plugin returned no credentials")?;
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

/// Runs a plugin to its end, and returns what it printed. If the caller drops the future, the
/// plugin is killed.
async fn run(plugin: &ExecConfig) -> Result<Vec<u8>, LoginError> {
    let cannot_start = |error: io::Error| format!("its login plugin cannot be started: {error}");
    let (stdout, writer) = io::pipe().map_err(cannot_start)?;
    let mut command = command(plugin)?;
    command.stdout(writer);
    // The program may be on a file system that hangs.
    let start = move || {
        panics::here(Place::Login);
        command.spawn().map(Running)
    };
    let mut child = blocking(start).await.map_err(LoginError::NoThread)?.map_err(cannot_start)?;
    let printed = read(stdout.into()).await;
    check(child.exited().await)?;
    Ok(printed
        .map_err(|error| format!("the output of its login plugin cannot be read: {error}"))?)
}

/// Reads to the end. Unlike a thread, it does not outlast a plugin whose children keep the pipe.
async fn read(stdout: OwnedFd) -> io::Result<Vec<u8>> {
    let pipe = Receiver::from_owned_fd(stdout)?;
    let mut printed = Vec::new();
    let mut part = [0; 4096];
    while printed.len() < LARGEST {
        pipe.readable().await?;
        match pipe.try_read(&mut part) {
            Ok(0) => break,
            Ok(count) => printed.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(printed)
}

/// A plugin that runs. It is killed when this is dropped.
struct Running(Child);

impl Running {
    async fn exited(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            sleep(POLL).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If the host has reaped it, its id may be that of another process.
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        let _ = self.0.kill();
        for _ in 0..REAP_TRIES {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Why there are no credentials.
pub(super) enum LoginError {
    /// The plugin, in words that follow the name of the kubeconfig.
    Plugin(String),
    /// No thread can be started.
    NoThread(io::Error),
}

impl From<String> for LoginError {
    fn from(why: String) -> Self {
        Self::Plugin(why)
    }
}

impl From<&str> for LoginError {
    fn from(why: &str) -> Self {
        Self::Plugin(why.into())
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
    command.stdin(Stdio::null()).stderr(Stdio::null());
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
