//! Another process: its environment, and files as it sees them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Where the kubelet mounts the service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The folder of the service account, as a variable.
const FOLDER: &str = "KUBEPEERS_SERVICE_ACCOUNT_DIR";
/// What describes the terminal rather than the process.
const OF_TERMINAL: [&str; 3] = ["TERM", "NO_COLOR", "COLUMNS"];
/// Like the kernel's limit.
const MOST_LINKS: usize = 40;

/// Runs this command again in place of this process, with the environment of another process and
/// without the option `--pid`. Returns only if that fails.
pub fn run_as(pid: u32) -> io::Error {
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    let environment = match fs::read(format!("/proc/{pid}/environ")) {
        Ok(environment) => environment,
        Err(error) => return error,
    };
    // The token may belong to another user than the environment.
    if let Err(error) = fs::read_dir(&root) {
        return error;
    }
    let mut variables = variables(&environment);
    let kept = OF_TERMINAL
        .iter()
        .filter_map(|name| Some((OsString::from(*name), std::env::var_os(name)?)));
    variables.retain(|name, _| OF_TERMINAL.iter().all(|of_terminal| name != of_terminal));
    variables.extend(kept.collect::<Vec<_>>());
    map_paths(&mut variables, &root);
    Command::new("/proc/self/exe")
        .args(without_pid(std::env::args_os().skip(1)))
        .env_clear()
        .envs(variables)
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

type Variables = BTreeMap<OsString, OsString>;

fn variables(environment: &[u8]) -> Variables {
    let entries = environment.split(|byte| *byte == 0).filter_map(|entry| {
        let end = entry.iter().position(|byte| *byte == b'=')?;
        let [name, value] = [&entry[..end], &entry[end + 1..]].map(OsStr::from_bytes);
        Some((name.to_owned(), value.to_owned()))
    });
    entries.collect()
}

/// Replaces paths of the other process with the paths of the same files here.
fn map_paths(variables: &mut Variables, root: &Path) {
    let here = |path: &OsStr| resolve(root, Path::new(path)).into_os_string();
    if variables.contains_key(OsStr::new("KUBERNETES_SERVICE_HOST")) {
        variables.entry(FOLDER.into()).or_insert_with(|| SERVICE_ACCOUNT.into());
    }
    for name in [FOLDER, "KUBEPEERS_KUBECONFIG", "HOME"] {
        if let Some(path) = variables.get_mut(OsStr::new(name)).filter(|path| !path.is_empty()) {
            *path = here(path);
        }
    }
    if let Some(paths) = variables.get_mut(OsStr::new("KUBECONFIG")) {
        let mapped = std::env::split_paths(&*paths).map(|path| here(path.as_os_str()));
        *paths = std::env::join_paths(mapped).unwrap_or_default();
    }
}

/// Returns the path here of a file of a process with another root. Links are resolved in that root:
/// `/var/run` is often an absolute link, which would lead to the files of this process.
fn resolve(root: &Path, path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    let mut pending: Vec<OsString> = parts(path);
    let mut links = 0;
    while let Some(part) = pending.pop() {
        if part == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&part);
        match fs::read_link(root.join(&next)) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    resolved = PathBuf::new();
                }
                pending.extend(parts(&target));
            }
            _ => resolved = next,
        }
    }
    root.join(resolved)
}

/// Returns the parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    parts.collect()
}

fn without_pid(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut kept = vec![];
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        if argument == "--pid" {
            arguments.next();
        } else if !argument.as_bytes().starts_with(b"--pid=") {
            kept.push(argument);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_resolved_in_the_root_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("run/secrets")).unwrap();
        fs::create_dir(root.join("var")).unwrap();
        symlink("/run", root.join("var/run")).unwrap();
        symlink("../../../../var/run/secrets", root.join("run/relative")).unwrap();
        symlink("/loop", root.join("loop")).unwrap();
        assert_eq!(resolve(root, Path::new("/var/run/secrets/x")), root.join("run/secrets/x"));
        assert_eq!(resolve(root, Path::new("/run/relative/x")), root.join("run/secrets/x"));
        assert_eq!(resolve(root, Path::new("/../../etc")), root.join("etc"));
        assert_eq!(resolve(root, Path::new("/loop/x")), root.join("loop/x"));
    }

    #[test]
    fn environment_of_a_pod_names_its_service_account() {
        let root = Path::new("/nowhere/root");
        let mut variables =
            variables(b"KUBERNETES_SERVICE_HOST=h\0A=b=c\0KUBECONFIG=/a:/b\0\0no\0");
        map_paths(&mut variables, root);
        let value = |name: &str| variables.get(OsStr::new(name)).unwrap().to_str().unwrap();
        assert_eq!(value("A"), "b=c");
        assert_eq!(value(FOLDER), format!("/nowhere/root{SERVICE_ACCOUNT}"));
        assert_eq!(value("KUBECONFIG"), "/nowhere/root/a:/nowhere/root/b");
    }

    #[test]
    fn option_is_removed_from_the_arguments() {
        let arguments = ["doctor", "--pid", "1", "-n", "ns", "--pid=1"].map(OsString::from);
        assert_eq!(without_pid(arguments.into_iter()), ["doctor", "-n", "ns"]);
    }
}
