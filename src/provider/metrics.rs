//! Metrics in the text format of Prometheus:
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::time::{Duration, SystemTime};

use crate::discovery::snapshot::{ExcludedPod, View};
use crate::provider::health::{Health, WatchStats};
use crate::provider::messages::MessageContext;
use crate::text::printable;

/// What the metrics are rendered from.
#[allow(missing_docs)]
pub struct Metrics<'a> {
    pub context: &'a MessageContext,
    pub health: &'a Health,
    pub stats: &'a WatchStats,
    pub generation: u64,
    pub view: Option<&'a View>,
}

impl Metrics<'_> {
    /// Renders the metrics. Each has the labels `namespace` and `selector`, which distinguish the
    /// providers of one process.
    pub fn render(&self, now: SystemTime) -> String {
        let mut text = Text { text: String::new(), context: self.context };
        let Self { health, stats, .. } = self;
        text.one(
            "peers",
            "gauge",
            "Peers of the last snapshot.",
            self.view.map_or(0, |view| view.peers.len()),
        );
        text.many("pods", "gauge", "Pods of the selector by verdict.", "verdict", &self.verdicts());
        text.one(
            "synced",
            "gauge",
            "1 once the pods have been read.",
            u8::from(self.view.is_some()),
        );
        text.one(
            "stale",
            "gauge",
            "1 if the last confirmation is too old or missing.",
            u8::from(health.stale),
        );
        text.one("watching", "gauge", "1 while a watch is open.", u8::from(health.watching));
        text.one(
            "polling",
            "gauge",
            "1 if the pods are polled, not watched.",
            u8::from(health.polling),
        );
        text.one("generation", "gauge", "Generation of the last snapshot.", self.generation);
        let at = health.age.map_or(0.0, |age| seconds_since_epoch(now, age));
        text.one(
            "last_confirmation_timestamp_seconds",
            "gauge",
            "Unix time of the last confirmation.",
            at,
        );
        let requests = BTreeMap::from([("list", stats.lists), ("watch", stats.watches)]);
        text.many(
            "requests_total",
            "counter",
            "Lists and watches that were requested.",
            "verb",
            &requests,
        );
        text.many(
            "failures_total",
            "counter",
            "Requests that failed, or watches that broke.",
            "class",
            &stats.failures,
        );
        text.one("events_total", "counter", "Watch events that were received.", stats.events);
        text.one(
            "evaluations_total",
            "counter",
            "How often the verdicts were updated.",
            stats.views,
        );
        text.text
    }

    fn verdicts(&self) -> BTreeMap<&'static str, u64> {
        let mut verdicts = BTreeMap::new();
        if let Some(view) = self.view {
            verdicts.insert("peer", view.peers.len() as u64);
            for ExcludedPod { reason, .. } in view.excluded.iter() {
                *verdicts.entry(reason.name()).or_default() += 1;
            }
        }
        verdicts
    }
}

fn seconds_since_epoch(now: SystemTime, age: Duration) -> f64 {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().saturating_sub(age).as_millis()
        as f64
        / 1000.0
}

struct Text<'a> {
    text: String,
    context: &'a MessageContext,
}

impl Text<'_> {
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        self.sample(name, "", value);
    }

    fn many(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: &BTreeMap<&'static str, u64>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            self.sample(name, &format!(",{label}=\"{of}\""), value);
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ =
            writeln!(self.text, "# HELP kubepeers_{name} {help}\n# TYPE kubepeers_{name} {kind}");
    }

    fn sample(&mut self, name: &str, label: &str, value: impl Display) {
        let MessageContext { namespace, selector, .. } = self.context;
        let [namespace, selector] = [namespace, selector].map(|text| label_value(text));
        let labels = format!("namespace=\"{namespace}\",selector=\"{selector}\"{label}");
        let _ = writeln!(self.text, "kubepeers_{name}{{{labels}}} {value}");
    }
}

/// Escapes the value of a label as the text format requires.
fn label_value(value: &str) -> String {
    printable(value).replace('\\', r"\\").replace('"', r#"\""#)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::pod_index::view_of;
    use crate::discovery::policy::tests::{pod, policy};
    use crate::provider::messages::tests::context;
    use std::sync::Arc;

    #[test]
    fn labels_are_escaped() {
        let health =
            Health { age: None, stale: true, watching: false, polling: false, last_error: None };
        let (mut context, stats) = (context(), WatchStats::default());
        context.selector = "a=\"\\\n\u{202e}".into();
        let metrics = Metrics {
            context: &context,
            health: &health,
            stats: &stats,
            generation: 0,
            view: None,
        };
        let text = metrics.render(SystemTime::UNIX_EPOCH);
        assert!(
            text.contains(r#"kubepeers_peers{namespace="ns",selector="a=\"\\  "} 0"#),
            "{text}"
        );
    }

    #[test]
    fn every_metric_has_one_head_and_its_value() {
        let pods = [pod("a", "10.0.0.2"), pod("me", "10.0.0.1")].map(Arc::new);
        let view = view_of(pods.iter(), &policy("me"));
        let age = Some(Duration::from_millis(2500));
        let health = Health { age, stale: true, watching: true, polling: false, last_error: None };
        let stats = WatchStats {
            lists: 1,
            watches: 2,
            events: 3,
            views: 4,
            failures: BTreeMap::from([("tls", 5)]),
        };
        let metrics = Metrics {
            context: &context(),
            health: &health,
            stats: &stats,
            generation: 6,
            view: Some(&view),
        };
        let text = metrics.render(SystemTime::UNIX_EPOCH + Duration::from_secs(10));
        let labels = "namespace=\"ns\",selector=\"app=demo\"";
        for sample in [
            format!("peers{{{labels}}} 1"),
            format!("pods{{{labels},verdict=\"peer\"}} 1"),
            format!("pods{{{labels},verdict=\"self\"}} 1"),
            format!("synced{{{labels}}} 1"),
            format!("stale{{{labels}}} 1"),
            format!("watching{{{labels}}} 1"),
            format!("polling{{{labels}}} 0"),
            format!("generation{{{labels}}} 6"),
            format!("last_confirmation_timestamp_seconds{{{labels}}} 7.5"),
            format!("requests_total{{{labels},verb=\"list\"}} 1"),
            format!("requests_total{{{labels},verb=\"watch\"}} 2"),
            format!("failures_total{{{labels},class=\"tls\"}} 5"),
            format!("events_total{{{labels}}} 3"),
            format!("evaluations_total{{{labels}}} 4"),
        ] {
            let name = sample.split('{').next().unwrap();
            let (head, found) =
                (format!("\n# TYPE kubepeers_{name} "), format!("\nkubepeers_{sample}\n"));
            let text = format!("\n{text}");
            assert!(text.matches(&head).count() == 1 && text.contains(&found), "{found} in {text}");
        }
    }
}
