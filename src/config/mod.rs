//! The configuration: text keys, validated as they are set; complete or refused at init.

mod names;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::discovery::identity::SelfOptions;
use crate::discovery::policy::{Family, PolicyOptions, PortRule, Ports};
use crate::error::{Error, Result};
use crate::status::Status;

/// Where the kubelet mounts a pod's service account.
const SERVICE_ACCOUNT_DIR: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The longest timeout: a day. Beyond it a number is a mistake of units.
const LONGEST_MS: u64 = 86_400_000;

/// Checks a namespace that does not come from the configuration. What is none may be a secret: no message shows it.
pub(crate) fn namespace(value: &str) -> Option<String> {
    names::dns_label(value).ok()
}

/// A configuration being filled in.
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
    /// Returns whether the configuration expects the process to run in a pod: the machine's addresses and HOSTNAME are then
    /// those of the local pod.
    pub fn runs_in_pod(&self) -> bool {
        matches!(self.source, Source::ServiceAccount(_))
    }

    /// Returns `pod_labels` as a label selector.
    pub fn selector(&self) -> String {
        self.labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
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
    /// The environment variables and this folder.
    ServiceAccount(PathBuf),
    /// A kubeconfig and the context to use of it, its current one if none.
    Kubeconfig(PathBuf, Option<String>),
}

impl Config {
    /// Sets one key; a refused value changes nothing.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let wrong = |why: String| Error::new(Status::InvalidConfig, format!("`{key}`: {why}"));
        if value.is_empty() {
            // An unknown key is the more useful thing to hear of.
            return Err(if is_known(key) { wrong("is empty".into()) } else { unknown(key) });
        }
        match key {
            "namespace" => self.namespace = Some(names::dns_label(value).map_err(wrong)?),
            "discovery_port_name" => self.discovery_port_name = Some(names::port_name(value).map_err(wrong)?),
            "remoting_port_name" => self.remoting_port_name = Some(names::port_name(value).map_err(wrong)?),
            "peers_port_name" => self.peers_port_name = Some(names::port_name(value).map_err(wrong)?),
            "pod_labels" => self.pod_labels = Some(names::labels(value).map_err(wrong)?),
            "membership" => {
                self.self_options.is_observer =
                    one_of(value, [("member", false), ("observer", true)]).map_err(wrong)?;
            }
            "pod_name" => self.self_options.pod_name = Some(names::dns_subdomain(value).map_err(wrong)?),
            "pod_uid" => self.self_options.pod_uid = Some(value.to_owned()),
            "pod_ip" => self.self_options.pod_ip = Some(ip(value).map_err(wrong)?),
            "readiness" => {
                self.options.only_ready = one_of(value, [("ignore", false), ("ready", true)]).map_err(wrong)?
            }
            "pending" => {
                self.options.pending_too = one_of(value, [("exclude", false), ("include", true)]).map_err(wrong)?
            }
            "ip_family" => {
                let families = [("primary", Family::Primary), ("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)];
                self.options.family = one_of(value, families).map_err(wrong)?;
            }
            "default_discovery_port" => self.default_discovery_port = Some(port(value).map_err(wrong)?),
            "default_remoting_port" => self.default_remoting_port = Some(port(value).map_err(wrong)?),
            "default_peers_port" => self.default_peers_port = Some(port(value).map_err(wrong)?),
            "max_stale_ms" => self.max_stale = Some(milliseconds(value, 1000).map_err(wrong)?),
            "watch" => self.poll_only = one_of(value, [("auto", false), ("poll", true)]).map_err(wrong)?,
            "poll_interval_ms" => self.poll_interval = Some(milliseconds(value, 1000).map_err(wrong)?),
            "register_timeout_ms" => self.register_timeout = Some(milliseconds(value, 0).map_err(wrong)?),
            "discover_timeout_ms" => self.discover_timeout = Some(milliseconds(value, 0).map_err(wrong)?),
            "request_timeout_ms" => self.request_timeout = Some(milliseconds(value, 1).map_err(wrong)?),
            "service_account_dir" => self.service_account_dir = Some(value.into()),
            "kubeconfig" => self.kubeconfig = Some(value.into()),
            "context" => self.context = Some(value.to_owned()),
            "log" => {
                let (error, warn) = (Some(LogLevel::Error), Some(LogLevel::Warn));
                let (info, debug) = (Some(LogLevel::Info), Some(LogLevel::Debug));
                let levels = [("off", None), ("error", error), ("warn", warn), ("info", info), ("debug", debug)];
                self.log = one_of(value, levels).map_err(wrong)?;
            }
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    /// Checks that nothing is missing.
    pub fn complete(self) -> Result<Settings> {
        let (labels, discovery_port_name) = match (self.pod_labels, self.discovery_port_name) {
            (Some(labels), Some(discovery_port_name)) => (labels, discovery_port_name),
            (labels, name) => return Err(missing(labels.is_none(), name.is_none())),
        };
        let source = match (self.kubeconfig, self.context) {
            (Some(path), context) => Source::Kubeconfig(path, context),
            (None, None) => {
                Source::ServiceAccount(self.service_account_dir.unwrap_or_else(|| SERVICE_ACCOUNT_DIR.into()))
            }
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
                discovery: PortRule { name: discovery_port_name, default: self.default_discovery_port },
                remoting: optional_port("remoting", self.remoting_port_name, self.default_remoting_port)?,
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

const KEYS: [&str; 25] = [
    "namespace",
    "discovery_port_name",
    "remoting_port_name",
    "peers_port_name",
    "pod_labels",
    "membership",
    "pod_name",
    "pod_uid",
    "pod_ip",
    "readiness",
    "pending",
    "ip_family",
    "default_discovery_port",
    "default_remoting_port",
    "default_peers_port",
    "max_stale_ms",
    "watch",
    "poll_interval_ms",
    "register_timeout_ms",
    "discover_timeout_ms",
    "request_timeout_ms",
    "service_account_dir",
    "kubeconfig",
    "context",
    "log",
];

fn is_known(key: &str) -> bool {
    KEYS.contains(&key)
}

fn unknown(key: &str) -> Error {
    Error::new(Status::UnknownKey, format!("`{}` is not a key; the keys are {}", names::shown(key), KEYS.join(", ")))
}

/// Names all required keys that are missing.
fn missing(labels: bool, discovery_port_name: bool) -> Error {
    let required = [("pod_labels", labels), ("discovery_port_name", discovery_port_name)];
    let missing: Vec<String> =
        required.iter().filter(|(_, missing)| *missing).map(|(key, _)| format!("`{key}`")).collect();
    Error::new(Status::InvalidConfig, format!("missing required configuration: set {}", missing.join(" and ")))
}

fn optional_port(which: &str, name: Option<String>, default: Option<u16>) -> Result<Option<PortRule>> {
    match (name, default) {
        (Some(name), default) => Ok(Some(PortRule { name, default })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::new(
            Status::InvalidConfig,
            format!("`default_{which}_port` is for pods without a port of that name: set `{which}_port_name` too"),
        )),
    }
}

fn one_of<T: Copy, const N: usize>(value: &str, choices: [(&str, T); N]) -> std::result::Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
    found.ok_or_else(|| {
        let names = choices.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("invalid value `{}`: expected one of {names}", names::shown(value))
    })
}

fn ip(value: &str) -> std::result::Result<IpAddr, String> {
    value.parse().map_err(|_| format!("`{}` is not an IP address", names::shown(value)))
}

fn port(value: &str) -> std::result::Result<u16, String> {
    match value.parse() {
        Ok(number) if number > 0 && !value.starts_with('+') => Ok(number),
        _ => Err(format!("`{}` is not a port number from 1 to 65535", names::shown(value))),
    }
}

fn milliseconds(value: &str, least: u64) -> std::result::Result<Duration, String> {
    // `parse` would take a sign too.
    match value.parse() {
        Ok(ms) if !value.starts_with('+') && (least..=LONGEST_MS).contains(&ms) => Ok(Duration::from_millis(ms)),
        _ => Err(format!("`{}` is not a number of milliseconds from {least} to {LONGEST_MS}", names::shown(value))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The required ones and these.
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
        assert!(matches!(settings.source, Source::ServiceAccount(dir) if dir.ends_with("serviceaccount")));
    }

    #[test]
    fn every_known_key_is_handled_and_refuses_the_empty_text() {
        for key in KEYS {
            let error = Config::default().set(key, "").unwrap_err();
            assert_eq!((error.status(), error.message()), (Status::InvalidConfig, &*format!("`{key}`: is empty")));
            let error = Config::default().set(key, "\u{1}");
            assert!(!matches!(error, Err(e) if e.status() == Status::UnknownKey), "{key}");
        }
    }

    #[test]
    fn unknown_keys_are_named_and_the_known_ones_listed() {
        for value in ["x", ""] {
            let error = Config::default().set("name_space", value).unwrap_err();
            assert_eq!(error.status(), Status::UnknownKey);
            assert!(error.message().contains("`name_space`") && error.message().contains("namespace, "));
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
    fn labels_and_discovery_port_suffice() {
        let mut config = Config::default();
        config.set("pod_labels", "app=demo").unwrap();
        config.set("discovery_port_name", "gossip").unwrap();
        let settings = config.complete().unwrap();
        assert!(settings.namespace.is_none() && settings.ports.remoting.is_none() && settings.ports.peers.is_none());
    }

    #[test]
    fn a_default_port_needs_a_name() {
        for (key, name) in [("default_remoting_port", "remoting_port_name"), ("default_peers_port", "peers_port_name")]
        {
            let mut config = Config::default();
            for (key, value) in [("pod_labels", "app=demo"), ("discovery_port_name", "gossip"), (key, "1")] {
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
    fn a_refused_value_changes_nothing() {
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
    fn a_context_needs_a_kubeconfig() {
        let mut config = filled();
        config.set("context", "prod").unwrap();
        assert!(config.clone().complete().unwrap_err().message().contains("`kubeconfig`"));
        config.set("kubeconfig", "config.yaml").unwrap();
        assert!(matches!(config.complete().unwrap().source, Source::Kubeconfig(_, Some(context)) if context == "prod"));
    }

    #[test]
    fn choices_are_by_name() {
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
        let defaults = [Some(discovery), remoting, peers].map(|port| port.and_then(|port| port.default));
        assert_eq!(defaults, [Some(3322), Some(2), Some(3)]);
        assert_eq!(filled().complete().unwrap().options, PolicyOptions::default());
    }
}
