//! Another process: its environment, and files as it sees them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use kubepeers::cli::read_files_of;

/// The variables of the other process that this command reads. All others might change what it
/// runs, for example LD_PRELOAD.
const OF_PROCESS: [&str; 9] = [
    "HOME",
    "HOSTNAME",
    "HTTPS_PROXY",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
    "POD_NAME",
    "POD_NAMESPACE",
    "POD_UID",
];
/// So do these. `https_proxy` is the only one in lower case.
const OF_COMMAND: &str = "KUBEPEERS_";
/// What describes the terminal rather than the process.
const OF_TERMINAL: [&str; 3] = ["TERM", "NO_COLOR", "COLUMNS"];
/// The process whose environment this one has already. The other process cannot set it.
const HAS_ENVIRONMENT_OF: &str = "KUBEPEERS_ENVIRONMENT_OF_PID";

/// Gives this command the environment and the files of another process. For the environment, the
/// command is run again in place of this process.
pub fn become_like(pid: u32) -> io::Result<()> {
    let has_environment = std::env::var_os(HAS_ENVIRONMENT_OF) == Some(pid.to_string().into());
    if has_environment { read_files_of(pid) } else { Err(run_as(pid)) }
}

/// Runs this command again with the environment of another process. Returns only if that fails.
fn run_as(pid: u32) -> io::Error {
    let environment = match fs::read(format!("/proc/{pid}/environ")) {
        Ok(environment) => environment,
        Err(error) => return error,
    };
    let of_terminal = OF_TERMINAL.map(|name| (OsString::from(name), std::env::var_os(name)));
    let of_terminal = of_terminal.into_iter().filter_map(|(name, value)| Some((name, value?)));
    Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .env_clear()
        .envs(variables(&environment))
        .envs(of_terminal)
        .env(HAS_ENVIRONMENT_OF, pid.to_string())
        .exec()
}

/// Returns why a process cannot be examined, and what to do about it.
pub fn explained(pid: u32, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such process; in a debug container, use \
                                    `kubectl debug --target` with the name of the container"
            .to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied; run the command as the user of the \
                                            process, or as root with the capability SYS_PTRACE"
            .to_owned(),
        _ => error.to_string(),
    };
    format!("cannot examine process {pid}: {why}")
}

/// Returns the variables of an environment that this command reads.
fn variables(environment: &[u8]) -> Vec<(OsString, OsString)> {
    let entries = environment.split(|byte| *byte == 0).filter_map(|entry| {
        let end = entry.iter().position(|byte| *byte == b'=')?;
        let [name, value] = [&entry[..end], &entry[end + 1..]].map(OsStr::from_bytes);
        let name = name.to_str()?;
        let is_read =
            OF_PROCESS.contains(&name) || name == "https_proxy" || name.starts_with(OF_COMMAND);
        is_read.then(|| (name.into(), value.to_owned()))
    });
    // Of a variable that is set twice, getenv returns the first.
    let mut entries: Vec<_> = entries.collect();
    entries.reverse();
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_that_the_command_reads_are_passed_on() {
        let environment = b"HOME=/a=b\0LD_PRELOAD=x\0PATH=/x\0KUBEPEERS_LOG=info\0TERM=x\0\
            HTTPS_PROXYX=1\0https_proxy=\0\0no\0SSL_CERT_FILE=x\0HOME=/second";
        let passed = variables(environment);
        let mut names: Vec<&str> = passed.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        names.dedup();
        assert_eq!(names, ["HOME", "https_proxy", "KUBEPEERS_LOG", "HOME"]);
        assert_eq!(passed.last().unwrap().1, "/a=b");
    }
}
