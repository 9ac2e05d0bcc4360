//! What is known at one moment, and what has changed since another one.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use kubepeers::cli::{Error, Health, MessageContext, Provider, Result, Status, Timeout, printable};

use crate::pods::{Pod, of_view};

/// What is known at one moment.
#[derive(Clone, Debug)]
pub struct Picture {
    pub now: Timestamp,
    /// The pods by name. `None` if nothing has been read yet.
    pub pods: Option<Vec<Pod>>,
    pub health: Health,
    /// Why there is no result.
    pub refusal: Option<Error>,
    /// What is wrong, or "".
    pub problem: String,
}

impl Picture {
    pub fn take(provider: &Provider, context: &MessageContext) -> Result<Self> {
        // The view is first: pods that are read meanwhile are no reason to report that none are.
        let pods = match provider.view() {
            Ok(view) => Some(of_view(&view)),
            Err(error) if error.status() == Status::NotSynced => None,
            Err(error) => return Err(error),
        };
        let refusal = provider.discover_peers(Timeout::AtMost(Duration::ZERO)).err();
        Ok(Self::new(Timestamp::now(), pods, provider.health()?, refusal, context))
    }

    pub fn new(
        now: Timestamp,
        pods: Option<Vec<Pod>>,
        health: Health,
        refusal: Option<Error>,
        context: &MessageContext,
    ) -> Self {
        let is_empty = pods.as_ref().is_some_and(Vec::is_empty);
        // After a restart of the API server the watch is normally gone, and the pods are listed.
        let failed = health.last_error.as_ref().filter(|last| last.class != "gone");
        // While no pods are read, the refusal only wraps the last error.
        let wraps = |error: &&Error| error.status() == Status::NotSynced && failed.is_some();
        let refused = refusal.as_ref().filter(|error| !wraps(error));
        let problem = match refused.or(failed.map(|last| &last.error)) {
            Some(error) if error.manifest().is_some() => format!(
                "{} (`kubepeers doctor` prints the manifest that allows it)",
                error.message()
            ),
            Some(error) => error.message().into(),
            None if is_empty => {
                format!("no pod has labels {} in namespace {}", context.selector, context.namespace)
            }
            None => String::new(),
        };
        Self { now, pods, health, refusal, problem: printable(&problem).into() }
    }

    pub fn pods(&self) -> &[Pod] {
        self.pods.as_deref().unwrap_or_default()
    }
}

/// What has happened to a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Added,
    Changed,
    Removed,
}

impl Mark {
    pub fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Changed => "~",
            Self::Removed => "-",
        }
    }
}

/// A pod that was added, changed or removed.
#[derive(Clone, Debug)]
pub struct Change {
    pub mark: Mark,
    pub pod: Pod,
    /// What has changed, as the old and the new text.
    differences: Vec<(String, String)>,
}

/// Returns what has changed, the removed pods first.
pub fn changes(before: &[Pod], after: &[Pod]) -> Vec<Change> {
    let old: HashMap<&str, &Pod> = before.iter().map(|pod| (&*pod.uid, pod)).collect();
    let new: HashMap<&str, &Pod> = after.iter().map(|pod| (&*pod.uid, pod)).collect();
    let change = |mark, pod: &Pod| Change { mark, pod: pod.clone(), differences: vec![] };
    let removed = before
        .iter()
        .filter(|pod| !new.contains_key(&*pod.uid))
        .map(|pod| change(Mark::Removed, pod));
    let added =
        after.iter().filter(|pod| !old.contains_key(&*pod.uid)).map(|pod| change(Mark::Added, pod));
    let changed = after.iter().filter_map(|pod| {
        let differences = differences(old.get(&*pod.uid)?, pod);
        (!differences.is_empty()).then(|| Change { differences, ..change(Mark::Changed, pod) })
    });
    removed.chain(added).chain(changed).collect()
}

fn differences(before: &Pod, after: &Pod) -> Vec<(String, String)> {
    let shown = |pod: &Pod| {
        [
            pod.verdict.into(),
            format!("{:?}", pod.phase),
            pod.readiness().into(),
            pod.place(),
            pod.named_ports(),
        ]
    };
    shown(before).into_iter().zip(shown(after)).filter(|(old, new)| old != new).collect()
}

impl Change {
    /// Returns the change in a line. The name may be a shortened one.
    pub fn described(&self, name: &str) -> String {
        let sign = self.mark.sign();
        match self.mark {
            Mark::Removed => format!("{sign} {name}"),
            Mark::Added => {
                let Pod { verdict, phase, .. } = &self.pod;
                let (place, readiness) = (self.pod.place(), self.pod.readiness());
                let ports = self.pod.named_ports();
                format!("{sign} {name} {verdict} {place} {phase:?} {readiness} {ports}")
            }
            Mark::Changed => {
                let differences =
                    self.differences.iter().map(|(old, new)| format!("{old} -> {new}"));
                format!("{sign} {name} {}", differences.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use kubepeers::cli::{LastError, Phase};

    use super::*;

    pub fn context() -> MessageContext {
        MessageContext {
            namespace: "default".into(),
            selector: "app=demo".into(),
            discovery_port_name: "gossip".into(),
            self_pod: "`me`".into(),
        }
    }

    pub fn pod(name: &str, uid: &str) -> Pod {
        Pod {
            name: name.into(),
            uid: uid.into(),
            verdict: "peer",
            address: Some("10.0.0.1:1".parse().unwrap()),
            ips: vec!["10.0.0.1".parse().unwrap()],
            phase: Phase::Running,
            ready: true,
            started: String::new(),
            ports: vec!["gossip=1".into()],
        }
    }

    pub fn health(last_error: Option<LastError>) -> Health {
        let age = Some(Duration::from_secs(1));
        Health { age, stale: false, watching: true, polling: false, last_error }
    }

    pub fn picture(pods: Option<Vec<Pod>>, refusal: Option<Error>) -> Picture {
        Picture::new(Timestamp::UNIX_EPOCH, pods, health(None), refusal, &context())
    }

    #[test]
    fn pod_of_the_same_name_is_another_pod() {
        let marks: Vec<Mark> = changes(&[pod("web-0", "1")], &[pod("web-0", "2")])
            .iter()
            .map(|change| change.mark)
            .collect();
        assert_eq!(marks, [Mark::Removed, Mark::Added]);
    }

    #[test]
    fn change_names_the_old_and_the_new_text() {
        let unready = Pod { ready: false, ..pod("web-0", "1") };
        let [change] = &changes(&[pod("web-0", "1")], &[unready])[..] else { panic!() };
        assert_eq!(change.described("web-0"), "~ web-0 ready -> not ready");
    }

    #[test]
    fn expired_watch_is_not_a_problem() {
        for (class, problem) in [("gone", ""), ("refused", "no")] {
            let error = Error::new(Status::Unavailable, "no");
            let health = health(Some(LastError { error, class, detail: String::new() }));
            let pods = Some(vec![pod("a", "1")]);
            let picture = Picture::new(Timestamp::UNIX_EPOCH, pods, health, None, &context());
            assert_eq!(picture.problem, problem);
        }
    }

    #[test]
    fn problem_has_no_control_characters() {
        let refusal = Error::new(Status::NotSynced, "the server sent \u{1b}[2J\n\u{202e}");
        assert_eq!(picture(None, Some(refusal)).problem, "the server sent  [2J  ");
    }
}
