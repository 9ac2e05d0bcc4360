//! Checks names, labels and port names like Kubernetes does.
//!
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/> and `.../labels/`;
//! port names: RFC 6335, 5.1.

use std::collections::BTreeMap;

use crate::discovery::names::{ends_alphanumeric, is_dns_label, is_dns_subdomain};

type Checked<T> = Result<T, String>;

/// Returns a value for a message: short and printable.
pub(super) fn shown(value: &str) -> String {
    const LONGEST: usize = 80;
    let mut text: String = value.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if value.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}

pub(super) fn dns_label(value: &str) -> Checked<String> {
    if is_dns_label(value) {
        return Ok(value.to_owned());
    }
    Err(format!(
        "`{}` is not a name: at most 63 of a-z, 0-9 and `-`, with a letter or digit at both ends",
        shown(value)
    ))
}

pub(super) fn dns_subdomain(value: &str) -> Checked<String> {
    if is_dns_subdomain(value) {
        return Ok(value.to_owned());
    }
    Err(format!(
        "`{}` is not a name: at most 253 of a-z, 0-9, `-` and `.`, with a letter or digit at both ends of each part",
        shown(value)
    ))
}

pub(super) fn port_name(value: &str) -> Checked<String> {
    let good = value.len() <= 15
        && is_dns_label(value)
        && value.bytes().any(|b| b.is_ascii_lowercase())
        && !value.contains("--");
    if good {
        return Ok(value.to_owned());
    }
    Err(format!(
        "`{}` is not a port name: at most 15 of a-z, 0-9 and `-`, at least one letter, no `-` at an end or beside another",
        shown(value)
    ))
}

/// Parses `k=v,k2=v2`.
pub(super) fn labels(value: &str) -> Checked<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for pair in value.split(',') {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(format!("`{}` is not of the form `key=value`", shown(pair)));
        };
        if !is_label_key(key) {
            return Err(format!(
                "`{}` is not a label key: at most 63 of A-Z, a-z, 0-9, `-`, `_` and `.`, with a letter or digit at both ends, and maybe `a.domain/` before it",
                shown(key)
            ));
        }
        if !(value.is_empty() || is_label_text(value)) {
            return Err(format!(
                "`{}` is not a label value (of `{key}`): at most 63 of A-Z, a-z, 0-9, `-`, `_` and `.`, with a letter or digit at both ends",
                shown(value)
            ));
        }
        if labels.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("the label `{key}` is given twice"));
        }
    }
    Ok(labels)
}

fn is_label_text(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=63).contains(&value.len()) && value.bytes().all(allowed) && ends_alphanumeric(value)
}

fn is_label_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_dns_subdomain(prefix) && is_label_text(name),
        None => is_label_text(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_accepts_what_kubernetes_accepts() {
        let long = "a".repeat(63);
        for good in
            ["app=demo", "app=", "example.com/app_1.x=V-1", "a=b,c=d", &format!("{long}={long}")]
        {
            assert!(labels(good).is_ok(), "{good}");
        }
        let longer = format!("a={long}a");
        for bad in [
            "app",
            "=v",
            "a=b,",
            ",",
            "a=b,a=c",
            "a=-b",
            "a=b c",
            "a=b=c",
            "a/b/c=d",
            "A.com/x=y",
            "/x=y",
            "x/=y",
            "a=ü",
            &longer,
        ] {
            assert!(labels(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn port_name_accepts_what_kubernetes_accepts() {
        for good in ["gossip", "g", "a-b-c", "9p", "abcdefghijklmno"] {
            assert!(port_name(good).is_ok(), "{good}");
        }
        for bad in ["Gossip", "-a", "a-", "a--b", "123", "abcdefghijklmnop", "a.b", "a_b", "ä"] {
            assert!(port_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dns_names_are_those_of_kubernetes() {
        assert!(dns_label("kube-system").is_ok() && dns_label(&"a".repeat(63)).is_ok());
        for bad in ["a.b", "A", "-a", "a-", "a/b", &"a".repeat(64)] {
            assert!(dns_label(bad).is_err(), "{bad}");
        }
        assert!(dns_subdomain("web-0.web").is_ok() && dns_subdomain(&"a".repeat(253)).is_ok());
        for bad in ["a..b", ".a", "a.", &"a.".repeat(127), &"a".repeat(254)] {
            assert!(dns_subdomain(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_in_messages_are_short_and_printable() {
        let message = dns_label(&"\n".repeat(10_000)).unwrap_err();
        assert!(message.len() < 400 && !message.contains('\n'), "{message}");
    }
}
