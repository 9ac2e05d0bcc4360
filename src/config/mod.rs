//! The configuration: keys and values are text. Values are checked when they are set, and
//! completeness at init.

pub(crate) mod keys;
mod names;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use self::keys::KEYS;
use crate::discovery::identity::SelfOptions;
use crate::discovery::policy::{PolicyOptions, PortRule, Ports};
use crate::error::{Error, Result};
use crate::status::Status;

/// Where the kubelet mounts a pod's service account.
const SERVICE_ACCOUNT_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Checks a namespace that does not come from the configuration. An invalid one may be a secret, so
/// no message shows it.
pub(crate) fn namespace(value: &str) -> Option<String> {
    names::dns_label(value).ok()
}

/// A configuration that is not complete yet.
#[derive(Clone, Debug, Default)]
pub struct Config {
    namespace: Option<String>,
    discovery_port_name: Option<String>,
    remoting_port_name: Option<String>,
    peers_port_name: Option<String>,
    pod_labels: Option<BTreeMap<String, String>>,
    self_options: SelfOptions,
    options: PolicyOptions,
    default_discovery_port: Option<u16>,
    default_remoting_port: Option<u16>,
    default_peers_port: Option<u16>,
    max_stale: Option<Duration>,
    poll_only: bool,
    poll_interval: Option<Duration>,
    register_timeout: Option<Duration>,
    discover_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
    service_account_dir: Option<PathBuf>,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
    log: Option<LogLevel>,
}

/// A complete, valid configuration.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // The keys, documented at kubepeers_config_set.
pub struct Settings {
    /// `None`: the namespace of the credentials.
    pub namespace: Option<String>,
    /// `pod_labels`
    pub labels: BTreeMap<String, String>,
    /// The three port names, and the three defaults.
    pub ports: Ports,
    /// `membership`, `pod_uid`, `pod_name`, `pod_ip`
    pub self_options: SelfOptions,
    /// `readiness`, `pending`, `ip_family`
    pub options: PolicyOptions,
    pub max_stale: Option<Duration>,
    /// `watch` = "poll".
    pub poll_only: bool,
    pub poll_interval: Duration,
    pub register_timeout: Duration,
    pub discover_timeout: Duration,
    pub request_timeout: Duration,
    pub source: Source,
    /// `None` for off.
    pub log: Option<LogLevel>,
}

impl Settings {
    /// Returns whether the configuration expects the process to run in a pod: the machine's
    /// addresses and HOSTNAME are then those of the local pod.
    pub fn runs_in_pod(&self) -> bool {
        matches!(self.source, Source::ServiceAccount(_))
    }

    /// Returns `pod_labels` as a label selector.
    pub fn selector(&self) -> String {
        self.labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join(",")
    }
}

/// The level of a log record. The numbers are those of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error = 1,
    Warn,
    Info,
    Debug,
}

/// Where credentials come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The environment variables and this directory.
    ServiceAccount(PathBuf),
    /// A kubeconfig and the context to use, by default its current one.
    Kubeconfig(PathBuf, Option<String>),
}

impl Config {
    /// Sets one key. An invalid value changes nothing.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let known = keys::find(key).ok_or_else(|| unknown(key))?;
        let invalid = |why: String| Error::new(Status::InvalidConfig, format!("`{key}`: {why}"));
        if value.is_empty() {
            return Err(invalid("is empty".into()));
        }
        (known.set)(self, value).map_err(invalid)
    }

    /// Sets `request_timeout_ms` unless it is set.
    pub fn default_request_timeout(&mut self, timeout: Duration) {
        self.request_timeout.get_or_insert(timeout);
    }

    /// Returns the settings, or an error that names what is missing.
    pub fn complete(self) -> Result<Settings> {
        let (labels, discovery_port_name) = match (self.pod_labels, self.discovery_port_name) {
            (Some(labels), Some(discovery_port_name)) => (labels, discovery_port_name),
            (labels, name) => return Err(missing(labels.is_none(), name.is_none())),
        };
        let source = match (self.kubeconfig, self.context) {
            (Some(path), context) => Source::Kubeconfig(path, context),
            (None, None) => Source::ServiceAccount(
                self.service_account_dir.unwrap_or_else(|| SERVICE_ACCOUNT_DIR.into()),
            ),
            (None, Some(_)) => {
                return Err(Error::new(
                    Status::InvalidConfig,
                    "`context` chooses a context of a kubeconfig: set `kubeconfig` too",
                ));
            }
        };
        Ok(Settings {
            namespace: self.namespace,
            ports: Ports {
                discovery: PortRule {
                    name: discovery_port_name,
                    default: self.default_discovery_port,
                },
                remoting: optional_port(
                    "remoting",
                    self.remoting_port_name,
                    self.default_remoting_port,
                )?,
                peers: optional_port("peers", self.peers_port_name, self.default_peers_port)?,
            },
            labels,
            self_options: self.self_options,
            options: self.options,
            max_stale: self.max_stale,
            poll_only: self.poll_only,
            poll_interval: self.poll_interval.unwrap_or(Duration::from_secs(15)),
            register_timeout: self.register_timeout.unwrap_or(Duration::from_secs(5)),
            // Below the 10 s that a cluster's bootstrap usually has.
            discover_timeout: self.discover_timeout.unwrap_or(Duration::from_secs(3)),
            request_timeout: self.request_timeout.unwrap_or(Duration::from_secs(10)),
            source,
            log: self.log,
        })
    }
}

fn unknown(key: &str) -> Error {
    let names = KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ");
    Error::new(
        Status::UnknownKey,
        format!("`{}` is not a key; the keys are {names}", names::shown(key)),
    )
}

/// Names all required keys that are missing.
fn missing(labels: bool, discovery_port_name: bool) -> Error {
    let required = [("pod_labels", labels), ("discovery_port_name", discovery_port_name)];
    let missing: Vec<String> = required
        .iter()
        .filter(|(_, missing)| *missing)
        .map(|(key, _)| format!("`{key}`"))
        .collect();
    Error::new(
        Status::InvalidConfig,
        format!("missing required configuration: set {}", missing.join(" and ")),
    )
}

fn optional_port(
    which: &str,
    name: Option<String>,
    default: Option<u16>,
) -> Result<Option<PortRule>> {
    match (name, default) {
        (Some(name), default) => Ok(Some(PortRule { name, default })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::new(
            Status::InvalidConfig,
            format!(
                "`default_{which}_port` is for pods without a port of that name: set `{which}_port_name` too"
            ),
        )),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::discovery::policy::Family;

    /// Returns the settings for the required keys and these.
    pub(crate) fn settings(extra: &[(&str, &str)]) -> Settings {
        let mut config = filled();
        for (key, value) in extra {
            config.set(key, value).unwrap();
        }
        config.complete().unwrap()
    }

    fn filled() -> Config {
        let mut config = Config::default();
        for (key, value) in [
            ("namespace", "default"),
            ("discovery_port_name", "gossip"),
            ("remoting_port_name", "remoting"),
            ("peers_port_name", "peers"),
            ("pod_labels", "app=demo,tier="),
        ] {
            config.set(key, value).unwrap();
        }
        config
    }

    #[test]
    fn timeouts_and_source_have_defaults() {
        let settings = filled().complete().unwrap();
        assert_eq!(settings.selector(), "app=demo,tier=");
        assert_eq!(settings.discover_timeout, Duration::from_secs(3));
        assert!(
            matches!(settings.source, Source::ServiceAccount(dir) if dir.ends_with("serviceaccount"))
        );
    }

    #[test]
    fn set_refuses_an_empty_value_of_every_key() {
        for key in KEYS.iter().map(|key| key.name) {
            let error = Config::default().set(key, "").unwrap_err();
            assert_eq!(
                (error.status(), error.message()),
                (Status::InvalidConfig, &*format!("`{key}`: is empty"))
            );
            let error = Config::default().set(key, "\u{1}");
            assert!(!matches!(error, Err(e) if e.status() == Status::UnknownKey), "{key}");
        }
    }

    /// Setting the default that the documentation shows changes nothing.
    #[test]
    fn defaults_of_the_table_are_those_of_the_settings() {
        let settings = |config: Config| format!("{:?}", config.complete().unwrap());
        for key in &KEYS {
            if let keys::Default::Value(value) = key.default {
                let mut config = filled();
                config.set(key.name, value).unwrap();
                assert_eq!(settings(config), settings(filled()), "{}", key.name);
            }
        }
    }

    #[test]
    fn set_names_an_unknown_key_and_lists_the_keys() {
        for value in ["x", ""] {
            let error = Config::default().set("name_space", value).unwrap_err();
            assert_eq!(error.status(), Status::UnknownKey);
            assert!(
                error.message().contains("`name_space`") && error.message().contains("namespace, ")
            );
        }
    }

    #[test]
    fn all_missing_keys_are_reported_at_once() {
        let error = Config::default().complete().unwrap_err();
        assert_eq!(error.status(), Status::InvalidConfig);
        assert!(error.message().contains("set `pod_labels` and `discovery_port_name`"), "{error}");
        let mut config = filled();
        config.discovery_port_name = None;
        assert!(config.complete().unwrap_err().message().ends_with("set `discovery_port_name`"));
    }

    #[test]
    fn labels_and_discovery_port_name_are_enough() {
        let mut config = Config::default();
        config.set("pod_labels", "app=demo").unwrap();
        config.set("discovery_port_name", "gossip").unwrap();
        let settings = config.complete().unwrap();
        assert!(
            settings.namespace.is_none()
                && settings.ports.remoting.is_none()
                && settings.ports.peers.is_none()
        );
    }

    #[test]
    fn default_port_needs_a_port_name() {
        for (key, name) in [
            ("default_remoting_port", "remoting_port_name"),
            ("default_peers_port", "peers_port_name"),
        ] {
            let mut config = Config::default();
            for (key, value) in
                [("pod_labels", "app=demo"), ("discovery_port_name", "gossip"), (key, "1")]
            {
                config.set(key, value).unwrap();
            }
            let error = config.clone().complete().unwrap_err();
            assert_eq!(error.status(), Status::InvalidConfig);
            assert!(error.message().contains(key) && error.message().contains(name), "{error}");
            config.set(name, "x").unwrap();
            config.complete().unwrap();
        }
    }

    #[test]
    fn invalid_value_changes_nothing() {
        let mut config = filled();
        config.set("namespace", "No Such").unwrap_err();
        assert_eq!(config.complete().unwrap().namespace.as_deref(), Some("default"));
    }

    #[test]
    fn timeouts_are_milliseconds_within_a_day() {
        for (key, bad) in [
            ("request_timeout_ms", "0"),
            ("discover_timeout_ms", "-1"),
            ("discover_timeout_ms", "1s"),
            ("discover_timeout_ms", "+1"),
            ("max_stale_ms", "999"),
            ("poll_interval_ms", "999"),
            ("register_timeout_ms", "86400001"),
            ("register_timeout_ms", "99999999999999999999999"),
        ] {
            let error = Config::default().set(key, bad).unwrap_err();
            assert!(error.message().contains(bad) && error.message().contains(key), "{error}");
        }
        Config::default().set("discover_timeout_ms", "0").unwrap();
    }

    #[test]
    fn context_needs_a_kubeconfig() {
        let mut config = filled();
        config.set("context", "prod").unwrap();
        assert!(config.clone().complete().unwrap_err().message().contains("`kubeconfig`"));
        config.set("kubeconfig", "config.yaml").unwrap();
        assert!(
            matches!(config.complete().unwrap().source, Source::Kubeconfig(_, Some(context)) if context == "prod")
        );
    }

    #[test]
    fn values_are_checked_and_stored() {
        let mut config = filled();
        for (key, good, bad) in [
            ("membership", "observer", "none"),
            ("readiness", "ready", "true"),
            ("pending", "include", "yes"),
            ("ip_family", "ipv6", "6"),
            ("default_discovery_port", "65535", "0"),
            ("default_remoting_port", "2", "x"),
            ("default_peers_port", "3", "-1"),
            ("watch", "poll", "true"),
            ("pod_ip", "fd00::1", "10.0.0.1:1"),
            ("pod_ip", "10.0.0.1", "localhost"),
            ("default_discovery_port", "1", "+1"),
            ("default_discovery_port", "3322", "65536"),
        ] {
            let error = config.set(key, bad).unwrap_err();
            assert!(error.message().contains(&format!("`{key}`: ")), "{error}");
            assert!(error.message().contains(&format!("`{bad}`")), "{error}");
            config.set(key, good).unwrap();
        }
        let settings = config.complete().unwrap();
        let options = PolicyOptions { only_ready: true, pending_too: true, family: Family::Ipv6 };
        assert_eq!(settings.options, options);
        let Ports { discovery, remoting, peers } = settings.ports;
        let defaults =
            [Some(discovery), remoting, peers].map(|port| port.and_then(|port| port.default));
        assert_eq!(defaults, [Some(3322), Some(2), Some(3)]);
        assert_eq!(filled().complete().unwrap().options, PolicyOptions::default());
    }
}
