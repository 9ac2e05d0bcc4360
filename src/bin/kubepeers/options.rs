//! How a configuration key is set: by an option, by `--set`, or by a variable.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches};
use kubepeers::cli::{Error, KEYS, Status};

/// The values of the keys that are set.
pub type Values = BTreeMap<&'static str, String>;

/// A key that has an option of its own.
struct KeyOption {
    key: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
}

const OPTIONS: [KeyOption; 8] = [
    KeyOption { key: "namespace", short: Some('n'), value: "NAME", help: "Namespace of the pods" },
    KeyOption {
        key: "pod_labels",
        short: Some('l'),
        value: "K=V,...",
        help: "Labels that every peer has",
    },
    KeyOption {
        key: "discovery_port_name",
        short: Some('p'),
        value: "NAME",
        help: "Name of the container port in a peer's address",
    },
    KeyOption {
        key: "remoting_port_name",
        short: None,
        value: "NAME",
        help: "Name of another container port to report",
    },
    KeyOption {
        key: "peers_port_name",
        short: None,
        value: "NAME",
        help: "Name of another container port to report",
    },
    KeyOption {
        key: "kubeconfig",
        short: None,
        value: "PATH",
        help: "Kubeconfig to use instead of the pod's service account",
    },
    KeyOption {
        key: "context",
        short: None,
        value: "NAME",
        help: "Context of the kubeconfig [default: its current context]",
    },
    KeyOption {
        key: "membership",
        short: None,
        value: "ROLE",
        help: "Use `observer` if this process runs in none of the pods",
    },
];

const MEMBERSHIP: [&str; 2] = ["member", "observer"];

/// Returns the options that set keys.
pub fn arguments() -> impl Iterator<Item = Arg> {
    let named = OPTIONS.iter().map(|option| {
        let arg = Arg::new(option.key)
            .long(option.key.replace('_', "-"))
            .value_name(option.value)
            .help(option.help)
            .help_heading("Configuration");
        let arg = match option.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        match option.key {
            "membership" => arg.value_parser(PossibleValuesParser::new(MEMBERSHIP)),
            _ => arg,
        }
    });
    let set = Arg::new("set")
        .long("set")
        .value_name("KEY=VALUE")
        .action(ArgAction::Append)
        .value_parser(pair)
        .help("Set any key, e.g. log=debug for log records on stderr")
        .help_heading("Configuration");
    named.chain([set])
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

/// Returns the values from variables, then `--set`, then the other options; the last one wins.
pub fn values(
    matches: &ArgMatches,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Values, Error> {
    let mut values = Values::new();
    for key in &KEYS {
        if let Some(value) = variable(&variable_of(key.name)) {
            let not_text = |_| {
                let message = format!("`{}`: the value is not UTF-8", key.name);
                Error::new(Status::InvalidUtf8, message)
            };
            values.insert(key.name, value.into_string().map_err(not_text)?);
        }
    }
    for (key, value) in matches.get_many::<(String, String)>("set").into_iter().flatten() {
        // The library reports that it does not know a key.
        let known = KEYS.iter().find(|known| known.name == key);
        match known {
            Some(known) => values.insert(known.name, value.clone()),
            None => return Err(unknown(key, value)),
        };
    }
    for option in &OPTIONS {
        if let Some(value) = matches.get_one::<String>(option.key) {
            values.insert(option.key, value.clone());
        }
    }
    Ok(values)
}

fn unknown(key: &str, value: &str) -> Error {
    let set = kubepeers::cli::Config::default().set(key, value);
    set.err().unwrap_or_else(|| Error::new(Status::UnknownKey, format!("`{key}` is not a key")))
}

/// Returns the environment variable of a key.
pub fn variable_of(key: &str) -> String {
    format!("KUBEPEERS_{}", key.to_uppercase())
}

/// Returns the option of a key.
pub fn option_of(key: &str) -> String {
    let Some(option) = OPTIONS.iter().find(|option| option.key == key) else {
        return format!("--set {key}=VALUE");
    };
    let long = format!("--{}", key.replace('_', "-"));
    option.short.map_or(long.clone(), |short| format!("-{short}/{long}"))
}

/// Returns how to set the keys that a message about the configuration names.
pub fn hint_for_message(message: &str) -> String {
    let hint = match message.split_once(": ") {
        // It begins with the key, and may quote a value that looks like one.
        Some((key, _)) if key.starts_with('`') && key.ends_with('`') => hint_for_text(key),
        _ => hint_for_text(message),
    };
    hint.unwrap_or_else(|| "(`kubepeers --help` lists the keys)".into())
}

/// Returns how to set the keys that a text names.
pub fn hint_for_text(text: &str) -> Option<String> {
    let named = |key: &&str| text.contains(&format!("`{key}`"));
    let about: Vec<&str> = KEYS.iter().map(|key| key.name).filter(named).collect();
    (!about.is_empty()).then(|| ways(&about))
}

fn ways(keys: &[&str]) -> String {
    let ways =
        keys.iter().map(|key| format!("`{key}` with {} or {}", option_of(key), variable_of(key)));
    format!("(set {})", ways.collect::<Vec<_>>().join(", and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hint_names_the_option_and_the_variable_of_each_key() {
        assert_eq!(
            hint_for_message(
                "missing required configuration: set `pod_labels` and `discovery_port_name`"
            ),
            "(set `discovery_port_name` with -p/--discovery-port-name or \
             KUBEPEERS_DISCOVERY_PORT_NAME, and `pod_labels` with -l/--pod-labels or \
             KUBEPEERS_POD_LABELS)"
        );
    }

    #[test]
    fn hint_does_not_take_a_value_for_a_key() {
        assert_eq!(
            hint_for_message(
                "`readiness`: invalid value `watch`: expected one of `ignore`, `ready`"
            ),
            "(set `readiness` with --set readiness=VALUE or KUBEPEERS_READINESS)"
        );
    }

    #[test]
    fn every_option_is_a_key() {
        for option in &OPTIONS {
            assert!(KEYS.iter().any(|key| key.name == option.key), "{}", option.key);
        }
    }
}
