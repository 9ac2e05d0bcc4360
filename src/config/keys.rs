//! The table of configuration keys. `Config::set`, the error for an unknown key and
//! docs/configuration.md come from it; a test compares the list in the header with it.

use std::net::IpAddr;
use std::time::Duration;

use super::{Config, LogLevel, names};
use crate::discovery::policy::Family;

/// The longest timeout: a day. A greater number is probably in another unit.
const LONGEST_MS: u64 = 86_400_000;

/// One configuration key.
#[derive(Debug)]
pub struct Key {
    /// The name of the key.
    pub name: &'static str,
    /// The default, as the documentation shows it.
    pub default: Default,
    /// What the key means, in Markdown.
    pub doc: &'static str,
    /// Checks a value, which is not empty, and stores it. An error says why the value is invalid.
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
}

/// What applies if a key is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// The key must be set.
    Required,
    /// The key has no default.
    None,
    /// This value applies.
    Value(&'static str),
    /// This sentence describes it.
    Sentence(&'static str),
}

/// All keys.
pub static KEYS: [Key; 25] = [
    Key {
        name: "namespace",
        default: Default::Sentence(
            "with `kubeconfig`, the namespace of the context, or `default` if the context has none; otherwise the \
             namespace of this pod",
        ),
        doc: "Namespace of the pods.",
        set: |config, value| {
            config.namespace = Some(names::dns_label(value)?);
            Ok(())
        },
    },
    Key {
        name: "discovery_port_name",
        default: Default::Required,
        doc: "Name of the container port in a peer's address, e.g. `gossip`.",
        set: |config, value| {
            config.discovery_port_name = Some(names::port_name(value)?);
            Ok(())
        },
    },
    Key {
        name: "remoting_port_name",
        default: Default::None,
        doc: "Name of another container port. The library only reports its number \
              (`kubepeers_peers_remoting_port()`). A peer need not have this port.",
        set: |config, value| {
            config.remoting_port_name = Some(names::port_name(value)?);
            Ok(())
        },
    },
    Key {
        name: "peers_port_name",
        default: Default::None,
        doc: "Name of another container port. The library only reports its number \
              (`kubepeers_peers_peers_port()`). A peer need not have this port.",
        set: |config, value| {
            config.peers_port_name = Some(names::port_name(value)?);
            Ok(())
        },
    },
    Key {
        name: "pod_labels",
        default: Default::Required,
        doc: "Labels that every peer has: `key=value,key2=value2`, without spaces. All of them must match.",
        set: |config, value| {
            config.pod_labels = Some(names::labels(value)?);
            Ok(())
        },
    },
    Key {
        name: "membership",
        default: Default::Value("member"),
        doc: "`member`: this process runs in one of the pods. The library identifies that pod and excludes it from \
              the result. \
              `observer`: this process runs in none of the pods, e.g. outside Kubernetes.",
        set: |config, value| {
            config.self_options.is_observer =
                one_of(value, [("member", false), ("observer", true)])?;
            Ok(())
        },
    },
    Key {
        name: "pod_name",
        default: Default::None,
        doc: "Name of the pod that this process runs in. The library uses it if `pod_uid` is not set.",
        set: |config, value| {
            config.self_options.pod_name = Some(names::dns_subdomain(value)?);
            Ok(())
        },
    },
    Key {
        name: "pod_uid",
        default: Default::None,
        doc: "Uid of the pod that this process runs in. The uid is the most reliable way to identify the pod. The \
              library uses the first of these that is available: `pod_uid`, `pod_name`, `pod_ip`, and then what \
              it finds itself.",
        set: |config, value| {
            config.self_options.pod_uid = Some(value.to_owned());
            Ok(())
        },
    },
    Key {
        name: "pod_ip",
        default: Default::None,
        doc: "IP address of the pod that this process runs in. The library uses it if neither `pod_uid` nor \
              `pod_name` is set.",
        set: |config, value| {
            config.self_options.pod_ip = Some(ip(value)?);
            Ok(())
        },
    },
    Key {
        name: "readiness",
        default: Default::Value("ignore"),
        doc: "`ignore`: pods that are not Ready are also peers, because no pod is Ready on a cold start. `ready`: only \
              Ready pods are peers. `ready` is for clients of a cluster, not for its members: it breaks the \
              guarantee of `kubepeers_discover_peers()` for two pods.",
        set: |config, value| {
            config.options.only_ready = one_of(value, [("ignore", false), ("ready", true)])?;
            Ok(())
        },
    },
    Key {
        name: "pending",
        default: Default::Value("exclude"),
        doc: "`exclude`: only Running pods are peers. `include`: Pending pods with an address are also peers, and this \
              pod may be Pending. `include` is for native sidecars, whose pod stays Pending until its main \
              containers start.",
        set: |config, value| {
            config.options.pending_too = one_of(value, [("exclude", false), ("include", true)])?;
            Ok(())
        },
    },
    Key {
        name: "ip_family",
        default: Default::Value("primary"),
        doc: "`primary`: the address of a peer is `status.podIP`. `ipv4`, `ipv6`: the address is the first of \
              that family in `status.podIPs`.",
        set: |config, value| {
            let families =
                [("primary", Family::Primary), ("ipv4", Family::Ipv4), ("ipv6", Family::Ipv6)];
            config.options.family = one_of(value, families)?;
            Ok(())
        },
    },
    Key {
        name: "default_discovery_port",
        default: Default::None,
        doc: "Port number to assume for pods that lack the port `discovery_port_name`, 1 to 65535.",
        set: |config, value| {
            config.default_discovery_port = Some(port(value)?);
            Ok(())
        },
    },
    Key {
        name: "default_remoting_port",
        default: Default::None,
        doc: "Port number to assume for pods that lack the port `remoting_port_name`, 1 to 65535. It requires \
              `remoting_port_name`.",
        set: |config, value| {
            config.default_remoting_port = Some(port(value)?);
            Ok(())
        },
    },
    Key {
        name: "default_peers_port",
        default: Default::None,
        doc: "Port number to assume for pods that lack the port `peers_port_name`, 1 to 65535. It requires `peers_port_name`.",
        set: |config, value| {
            config.default_peers_port = Some(port(value)?);
            Ok(())
        },
    },
    Key {
        name: "max_stale_ms",
        default: Default::Sentence("no limit"),
        doc: "Maximum age of a result, 1000 to 86400000. Older results are refreshed on demand; if that fails, calls \
              return `KUBEPEERS_STALE`. With a value below about 60000, calls in a quiet cluster cause extra lists, \
              because a quiet watch confirms the result only about once a minute.",
        set: |config, value| {
            config.max_stale = Some(milliseconds(value, 1000)?);
            Ok(())
        },
    },
    Key {
        name: "watch",
        default: Default::Value("auto"),
        doc: "`auto`: watch the pods, or poll them if the service account may only list them. `poll`: always poll.",
        set: |config, value| {
            config.poll_only = one_of(value, [("auto", false), ("poll", true)])?;
            Ok(())
        },
    },
    Key {
        name: "poll_interval_ms",
        default: Default::Value("15000"),
        doc: "Time between two polls, 1000 to 86400000. The library varies it at random by up to a fifth.",
        set: |config, value| {
            config.poll_interval = Some(milliseconds(value, 1000)?);
            Ok(())
        },
    },
    Key {
        name: "register_timeout_ms",
        default: Default::Value("5000"),
        doc: "Default timeout of `kubepeers_register()`, 0 to 86400000.",
        set: |config, value| {
            config.register_timeout = Some(milliseconds(value, 0)?);
            Ok(())
        },
    },
    Key {
        name: "discover_timeout_ms",
        default: Default::Value("3000"),
        doc: "Default timeout of the other calls that wait, 0 to 86400000. `kubepeers_refresh()` uses 5000 \
              if this value is less.",
        set: |config, value| {
            config.discover_timeout = Some(milliseconds(value, 0)?);
            Ok(())
        },
    },
    Key {
        name: "request_timeout_ms",
        default: Default::Value("10000"),
        doc: "How long the library waits for the start of a response and for each further part of it, \
              1 to 86400000. A whole list may take three times as long.",
        set: |config, value| {
            config.request_timeout = Some(milliseconds(value, 1)?);
            Ok(())
        },
    },
    Key {
        name: "service_account_dir",
        default: Default::Value("/var/run/secrets/kubernetes.io/serviceaccount"),
        doc: "Directory with `token`, `ca.crt` and `namespace`.",
        set: |config, value| {
            config.service_account_dir = Some(value.into());
            Ok(())
        },
    },
    Key {
        name: "kubeconfig",
        default: Default::None,
        doc: "Path of a kubeconfig to use instead of the service account.",
        set: |config, value| {
            config.kubeconfig = Some(value.into());
            Ok(())
        },
    },
    Key {
        name: "context",
        default: Default::Sentence("the current context of the kubeconfig"),
        doc: "Context to use from `kubeconfig`.",
        set: |config, value| {
            config.context = Some(value.to_owned());
            Ok(())
        },
    },
    Key {
        name: "log",
        default: Default::Value("off"),
        doc: "Most verbose level of the log records that `kubepeers_log_next()` returns: `off`, `error`, `warn`, `info` or \
              `debug`.",
        set: |config, value| {
            let (error, warn) = (Some(LogLevel::Error), Some(LogLevel::Warn));
            let (info, debug) = (Some(LogLevel::Info), Some(LogLevel::Debug));
            let levels =
                [("off", None), ("error", error), ("warn", warn), ("info", info), ("debug", debug)];
            config.log = one_of(value, levels)?;
            Ok(())
        },
    },
];

/// Returns the key of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Returns docs/configuration.md.
pub fn documentation() -> String {
    let mut text = HEAD.to_owned();
    let is_required = |key: &&Key| key.default == Default::Required;
    text.push_str("\n## Required keys\n");
    KEYS.iter().filter(is_required).for_each(|key| section(&mut text, key));
    text.push_str("\n## Optional keys\n");
    KEYS.iter().filter(|key| !is_required(key)).for_each(|key| section(&mut text, key));
    text
}

const HEAD: &str = "\
# Configuration keys

<!-- Generated from src/config/keys.rs: do not edit. `make header` writes it. -->

Keys and values are text.

- **C**: `kubepeers_config_set()` sets one key. A value that is refused does not change the
  configuration.
- **Go**: `Config` has a field for each key except `discover_timeout_ms`, because calls take a
  context instead. The fields `KubeContext`, `WatchMode` and `Logger` belong to `context`, `watch`
  and `log`.
- **Python**: each key is an option of the same name. Options that are times are in seconds, and
  their names have no `_ms`.
- **Java**: `Provider.Builder` has a method for each key, in camel case. Options that are times are
  a `Duration`, and the names of their methods have no `Ms`. `logger` belongs to `log`.
  `option(key, value)` sets any key as text.
- **Pekko** and **Hazelcast**: the names have hyphens instead of underscores.
- **JGroups**: the attribute `options` takes the keys as they are.

The library reads files when they are needed, not when the key is set. Use absolute paths if the
process changes its working directory.
";

fn section(text: &mut String, key: &Key) {
    let default = match key.default {
        Default::Required | Default::None => String::new(),
        Default::Value(value) => format!("\n\nDefault: `{value}`."),
        Default::Sentence(sentence) => format!("\n\nDefault: {sentence}."),
    };
    let paragraphs =
        format!("{}{default}", key.doc).split('\n').map(wrapped).collect::<Vec<_>>().join("\n");
    text.push_str(&format!("\n### `{}`\n\n{paragraphs}\n", key.name));
}

/// Breaks a paragraph into lines.
fn wrapped(paragraph: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

fn one_of<T: Copy, const N: usize>(value: &str, choices: [(&str, T); N]) -> Result<T, String> {
    let found = choices.iter().find(|(name, _)| *name == value).map(|(_, choice)| *choice);
    found.ok_or_else(|| {
        let names = choices.map(|(name, _)| format!("`{name}`")).join(", ");
        format!("invalid value `{}`: expected one of {names}", names::shown(value))
    })
}

fn ip(value: &str) -> Result<IpAddr, String> {
    value.parse().map_err(|_| format!("`{}` is not an IP address", names::shown(value)))
}

fn port(value: &str) -> Result<u16, String> {
    match value.parse() {
        Ok(number) if number > 0 && !value.starts_with('+') => Ok(number),
        _ => Err(format!("`{}` is not a port number from 1 to 65535", names::shown(value))),
    }
}

fn milliseconds(value: &str, least: u64) -> Result<Duration, String> {
    // `parse` would also accept a sign.
    match value.parse() {
        Ok(ms) if !value.starts_with('+') && (least..=LONGEST_MS).contains(&ms) => {
            Ok(Duration::from_millis(ms))
        }
        _ => Err(format!(
            "`{}` is not a number of milliseconds from {least} to {LONGEST_MS}",
            names::shown(value)
        )),
    }
}
