//! The configuration of the command: what is set, and defaults for a pod and for a workstation.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use kubepeers::cli::{Config, Contexts, Error, Result, Status, contexts, is_file};

use crate::options::{self, Values};

/// The configuration of a provider, and where it comes from.
#[derive(Debug, Default)]
pub struct Settings {
    pub values: Values,
    /// What was found out rather than set, as sentences.
    pub notes: Vec<String>,
    /// What could not be found out, as sentences. They come before an error, because they may be
    /// its cause.
    pub doubts: Vec<String>,
    /// The command line and the variables are valid as far as they go.
    is_read: bool,
}

/// Reads an environment variable. Returns `None` if it is empty.
pub fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl Settings {
    /// Completes what the command line and the variables set.
    ///
    /// An error comes with the doubts that may be its cause.
    pub fn find(matches: &ArgMatches) -> (Self, Result<()>) {
        match options::values(matches, variable) {
            Ok(values) => Self::complete(values, &variable),
            Err(error) => (Self::default(), Err(error)),
        }
    }

    fn complete(values: Values, variable: &dyn Fn(&str) -> Option<OsString>) -> (Self, Result<()>) {
        let mut settings = Self { values, is_read: true, ..Self::default() };
        settings.find_kubeconfig(variable);
        let found = settings.find_namespace(variable);
        settings.find_membership(variable);
        (settings, found)
    }

    /// Returns the configuration for a provider.
    pub fn config(&self) -> Result<Config> {
        let mut config = Config::default();
        self.values.iter().try_for_each(|(key, value)| config.set(key, value))?;
        Ok(config)
    }

    /// Returns whether the command line and the variables could be read.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Returns whether this process is not one of the pods.
    pub fn is_observer(&self) -> bool {
        self.values.get("membership").is_some_and(|role| role == "observer")
    }

    /// Returns whether log records are requested.
    pub fn has_log(&self) -> bool {
        self.values.get("log").is_some_and(|level| level != "off")
    }

    /// Returns the text of an error: what may be its cause, the message, and how to set the keys
    /// that are missing or invalid.
    pub fn explained(&self, error: &Error) -> String {
        let mut lines = self.doubts.clone();
        lines.push(error.message().into());
        if crate::exit::is_misconfigured(error) {
            lines.push(options::hint_for_message(error.message()));
        }
        lines.join("\n")
    }

    fn add(&mut self, key: &'static str, value: String, note: String) {
        if !self.values.contains_key(key) {
            self.values.insert(key, value);
            self.notes.push(note);
        }
    }

    /// Outside a pod, and with a context, uses the kubeconfig that kubectl uses.
    fn find_kubeconfig(&mut self, variable: &dyn Fn(&str) -> Option<OsString>) {
        let is_in_pod = variable("KUBERNETES_SERVICE_HOST").is_some()
            || self.values.contains_key("service_account_dir");
        if self.values.contains_key("kubeconfig")
            || (is_in_pod && !self.values.contains_key("context"))
        {
            return;
        }
        let listed = kubeconfig_paths(variable);
        let files: Vec<&PathBuf> = listed.iter().filter(|path| is_file(path)).collect();
        match files[..] {
            [] => {
                let names = listed.iter().map(|path| path.display().to_string());
                let names = names.collect::<Vec<_>>().join(", ");
                let place = if is_in_pod { "" } else { "not in a pod, and " };
                let found = match variable("KUBECONFIG") {
                    Some(_) => "KUBECONFIG names no file",
                    None => "there is no kubeconfig",
                };
                self.doubts.push(format!("{place}{found}: {names}"));
            }
            [path] => self.use_kubeconfig(path),
            [..] => {
                let wanted = self.values.get("context").cloned();
                let (path, context) = first_with_context(&files, wanted);
                self.use_kubeconfig(path);
                if let Some(context) = context {
                    let note = format!("the context is {context}");
                    self.add("context", context, note);
                }
                self.doubts.push(format!(
                    "of the files in KUBECONFIG, only {} is used, because files are not merged",
                    path.display()
                ));
            }
        }
    }

    fn use_kubeconfig(&mut self, path: &Path) {
        let path = path.display().to_string();
        let note = format!("not in a pod: using the kubeconfig {path}");
        self.add("kubeconfig", path, note);
    }

    /// The library finds the namespace in the kubeconfig, or next to the token. This reports a
    /// kubeconfig that has none as an invalid configuration.
    fn find_namespace(&mut self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<()> {
        if self.values.contains_key("namespace") {
            return Ok(());
        }
        if let Some(path) = self.values.get("kubeconfig") {
            let context = self.values.get("context").map(String::as_str);
            return has_context(Path::new(path), context)
                .map_err(|error| Error::new(Status::InvalidConfig, error.message()));
        }
        if let Some(namespace) = variable("POD_NAMESPACE").and_then(|it| it.into_string().ok()) {
            self.add("namespace", namespace, "the namespace is that of POD_NAMESPACE".into());
        } else if !self.doubts.is_empty() {
            return Err(Error::new(
                Status::InvalidConfig,
                "missing required configuration: set `namespace`",
            ));
        }
        Ok(())
    }

    /// With a kubeconfig, the process runs in none of the pods, unless it names the one.
    fn find_membership(&mut self, variable: &dyn Fn(&str) -> Option<OsString>) {
        let is_set = |key| self.values.contains_key(key);
        let names_pod = ["membership", "pod_uid", "pod_name", "pod_ip"].into_iter().any(is_set)
            || ["POD_UID", "POD_NAME"].into_iter().any(|name| variable(name).is_some());
        if is_set("kubeconfig") && !names_pod {
            let note = "with a kubeconfig, this process is not one of the pods: `membership` is `observer`";
            self.add("membership", "observer".into(), note.into());
        }
    }
}

/// Returns the paths where kubectl looks for its kubeconfig.
fn kubeconfig_paths(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let named = variable("KUBECONFIG").unwrap_or_default();
    let named: Vec<PathBuf> =
        std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
    if !named.is_empty() {
        return named;
    }
    vec![std::env::home_dir().unwrap_or_default().join(".kube/config")]
}

/// Returns the first file that has the context that kubectl would use, and that context.
fn first_with_context<'a>(
    files: &[&'a PathBuf],
    wanted: Option<String>,
) -> (&'a PathBuf, Option<String>) {
    let readable: Vec<(&PathBuf, Contexts)> =
        files.iter().filter_map(|path| Some((*path, contexts(path).ok()?))).collect();
    let current = || readable.iter().find_map(|(_, contexts)| contexts.current.clone());
    let wanted = wanted.or_else(current);
    let has_wanted =
        |contexts: &Contexts| wanted.as_ref().is_some_and(|name| contexts.names.contains(name));
    let found = readable.iter().find(|(_, contexts)| has_wanted(contexts));
    (found.map_or(files[0], |(path, _)| path), wanted)
}

fn has_context(path: &Path, context: Option<&str>) -> Result<()> {
    let shown = path.display();
    let invalid = |why: String| {
        Error::new(Status::InvalidConfig, format!("the kubeconfig {shown} cannot be used: {why}"))
    };
    let found = contexts(path)?;
    let Some(name) = context.or(found.current.as_deref()) else {
        return Err(invalid("it has no current context: set `context`".into()));
    };
    if !found.names.iter().any(|known| known == name) {
        return Err(invalid(format!("it has no context `{name}`")));
    }
    Ok(())
}
