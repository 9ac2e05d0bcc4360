//! The pods as the API server last sent them, and the resourceVersion that they are known up to.

use std::collections::HashMap;
use std::sync::Arc;

use super::error::{ApiError, ErrorClass};
use super::pod_client::{Consistency, List};
use super::watch_stream::Event;
use crate::discovery::pod::Pod;

/// The pods at one moment.
pub(super) struct PodStore {
    /// By uid, because another pod may get a name later.
    pods: HashMap<Arc<str>, Arc<Pod>>,
    budget: Budget,
    position: Position,
}

/// Bounds the memory that the pods of one selector take. An earlier answer, the present pods and
/// those of a new list may all be different pods that exist at the same time, so the process may
/// need three times as much.
#[derive(Default)]
pub(super) struct Budget {
    used: usize,
}

impl Budget {
    /// Enough for 12,000 pods with long names and several ports.
    const MOST: usize = 12 << 20;

    pub(super) fn add(&mut self, pod: &Pod) -> Result<(), ApiError> {
        self.replace(None, pod)
    }

    /// Counts a pod in place of another one.
    fn replace(&mut self, before: Option<&Pod>, after: &Pod) -> Result<(), ApiError> {
        let used = self.used - before.map_or(0, Pod::memory) + after.memory();
        if used > Self::MOST {
            let limit = Self::MOST >> 20;
            return Err(ApiError::new(
                // From now on, the pods are not known.
                ErrorClass::Malformed,
                format!(
                    "the pods need more than {limit} MiB of memory, which is the limit; select fewer pods with `pod_labels`"
                ),
            ));
        }
        self.used = used;
        Ok(())
    }

    fn remove(&mut self, pod: &Pod) {
        self.used -= pod.memory();
    }
}

/// The change of one event.
#[derive(Debug)]
pub(super) struct Change {
    /// The pod as it was.
    pub(super) before: Option<Arc<Pod>>,
    /// The pod as it is now.
    pub(super) after: Option<Arc<Pod>>,
}

/// How far the pods are known.
#[derive(Debug)]
pub(super) enum Position {
    /// Nothing was read yet.
    Unknown,
    /// Nothing was read yet, but an earlier registration read up to this resourceVersion.
    Before(Box<str>),
    /// The server cannot resume from the last resourceVersion.
    Lost,
    /// The pods are those of this resourceVersion.
    At(Box<str>),
}

/// How a list has changed the position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    /// The list is at least as new as the known pods.
    Advanced,
    /// The store of the API server went back in time.
    WentBack { from: Box<str>, to: Box<str> },
}

impl PodStore {
    /// `resumes_from` is the resourceVersion that an earlier registration reached.
    pub(super) fn new(resumes_from: Option<Box<str>>) -> Self {
        let position = resumes_from.map_or(Position::Unknown, Position::Before);
        Self { pods: HashMap::new(), budget: Budget::default(), position }
    }

    pub(super) fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> + Clone {
        self.pods.values()
    }

    pub(super) fn len(&self) -> usize {
        self.pods.len()
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Forgets the position: the next list must be a most-recent one.
    pub(super) fn lose(&mut self) {
        self.position = Position::Lost;
    }

    /// Replaces all pods by those of a list. Pods that are gone disappear all at once; those that
    /// did not change stay shared with earlier answers.
    pub(super) fn replace(
        &mut self,
        list: List,
        requested: &Consistency,
    ) -> Result<Replaced, ApiError> {
        if let Consistency::NotOlderThan(known) = requested {
            refuse_older(&list.resource_version, known)?;
        }
        let to = list.resource_version;
        let mut next = Self { position: Position::At(to.clone()), ..Self::new(None) };
        for pod in list.pods {
            let same = self.pods.get(&pod.uid).filter(|before| before.is_same_as(&pod)).cloned();
            next.put(same.unwrap_or_else(|| Arc::new(pod)))?;
        }
        match std::mem::replace(self, next).position {
            Position::At(from) | Position::Before(from) if is_older(&to, &from) => {
                Ok(Replaced::WentBack { from, to })
            }
            _ => Ok(Replaced::Advanced),
        }
    }

    /// Applies one event. Returns the change, if any, of the fields that are kept.
    pub(super) fn apply(&mut self, event: Event) -> Result<Option<Change>, ApiError> {
        if let Position::At(known) = &self.position {
            refuse_older(event.resource_version(), known)?;
        }
        let position = Position::At(event.resource_version().into());
        let change = match event {
            Event::Added(pod) | Event::Modified(pod) => self.update(pod)?,
            Event::Deleted(pod) => Some(Change { before: self.remove(&pod.uid), after: None }),
            Event::Bookmark(_) => None,
        };
        self.position = position;
        Ok(change)
    }

    fn update(&mut self, pod: Pod) -> Result<Option<Change>, ApiError> {
        if self.pods.get(&pod.uid).is_some_and(|before| before.is_same_as(&pod)) {
            return Ok(None);
        }
        let pod = Arc::new(pod);
        let before = self.put(pod.clone())?;
        Ok(Some(Change { before, after: Some(pod) }))
    }

    fn put(&mut self, pod: Arc<Pod>) -> Result<Option<Arc<Pod>>, ApiError> {
        self.budget.replace(self.pods.get(&pod.uid).map(|before| &**before), &pod)?;
        Ok(self.pods.insert(pod.uid.clone(), pod))
    }

    fn remove(&mut self, uid: &str) -> Option<Arc<Pod>> {
        let pod = self.pods.remove(uid)?;
        self.budget.remove(&pod);
        Some(pod)
    }
}

fn refuse_older(now: &str, known: &str) -> Result<(), ApiError> {
    if is_older(now, known) {
        return Err(ApiError::new(
            ErrorClass::Gone,
            format!(
                "resourceVersion went back from {known} to {now}, as after a restored backup of etcd"
            ),
        ));
    }
    Ok(())
}

/// Since Kubernetes 1.35 resourceVersions are decimal numbers by specification, and were by
/// implementation before:
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
fn is_older(now: &str, known: &str) -> bool {
    matches!((now.parse::<u128>(), known.parse::<u128>()), (Ok(now), Ok(known)) if now < known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::policy::tests::pod;

    fn at(resource_version: &str, name: &str) -> Pod {
        Pod { resource_version: resource_version.into(), ..pod(name, "10.0.0.1") }
    }

    fn names(store: &PodStore) -> Vec<&str> {
        let mut names: Vec<_> = store.pods().map(|pod| &*pod.name).collect();
        names.sort_unstable();
        names
    }

    fn listed() -> PodStore {
        let mut store = PodStore::new(None);
        let list = List { pods: vec![at("1", "a"), at("2", "b")], resource_version: "900".into() };
        store.replace(list, &Consistency::Any).unwrap();
        store
    }

    #[test]
    fn only_a_most_recent_list_may_be_older_than_the_known_pods() {
        let mut store = listed();
        for event in [Event::Deleted(at("7", "a")), Event::Added(at("899", "c"))] {
            assert_eq!(store.apply(event).unwrap_err().class, ErrorClass::Gone);
            assert_eq!(names(&store), ["a", "b"]);
        }
        let older = List { pods: vec![], resource_version: "5".into() };
        assert_eq!(
            store.replace(older, &Consistency::NotOlderThan("900".into())).unwrap_err().class,
            ErrorClass::Gone
        );
        assert_eq!(names(&store), ["a", "b"]);
        // A most-recent list is right, even if it is older.
        let older = List { pods: vec![at("3", "c")], resource_version: "5".into() };
        let replaced = store.replace(older, &Consistency::MostRecent).unwrap();
        assert_eq!(replaced, Replaced::WentBack { from: "900".into(), to: "5".into() });
        assert_eq!(names(&store), ["c"]);
    }

    /// A pod that changes with every revision.
    fn changing(resource_version: &str, name: &str) -> Pod {
        Pod { started: resource_version.into(), ..at(resource_version, name) }
    }

    #[test]
    fn pods_beyond_the_budget_are_refused_and_the_rest_is_kept() {
        let long = |number: usize| {
            let mut pod = at("901", &format!("{number:0>253}"));
            (pod.uid, pod.node_name) = (format!("{number:0>128}").into(), "n".repeat(253).into());
            pod
        };
        let mut store = listed();
        let refused = (0..20_000)
            .find_map(|number| store.apply(Event::Added(long(number))).err().map(|e| (number, e)));
        let (number, error) = refused.unwrap();
        assert_eq!((error.class, store.len()), (ErrorClass::Malformed, number + 2));
        // A deleted pod frees memory.
        assert!(store.apply(Event::Added(long(number))).is_err());
        store.apply(Event::Deleted(long(0))).unwrap();
        store.apply(Event::Added(long(number))).unwrap();
        // A changed pod replaces the former one.
        for ready in [true, false].repeat(20) {
            store.apply(Event::Modified(Pod { ready, ..long(1) })).unwrap();
        }
    }

    /// 12,000 pods as they occur in practice: long names, five ports, two addresses.
    #[test]
    fn ten_thousand_realistic_pods_fit() {
        let mut budget = Budget::default();
        for number in 0..12_000 {
            let mut pod = at(
                "123456789",
                &format!("recommendation-engine-shard-writer-{number:05}-7c9d8f6b5d-x2x7z"),
            );
            pod.uid = format!("6a1f7c1e-7b1c-4c5e-9a38-{number:012}").into();
            pod.node_name = "ip-10-123-234-211.eu-central-1.compute.internal".into();
            pod.revision = "7c9d8f6b5d".into();
            pod.ips =
                ["10.123.234.211", "fd00:1234:5678::abcd"].map(|ip| ip.parse().unwrap()).into();
            pod.ports = vec![pod.ports[0]; 5].into();
            budget.add(&pod).unwrap();
        }
    }

    #[test]
    fn unchanged_pods_stay_shared() {
        let mut store = listed();
        let before: Vec<_> = store.pods().cloned().collect();
        assert!(store.apply(Event::Modified(at("901", "a"))).unwrap().is_none());
        assert!(matches!(store.position(), Position::At(at) if **at == *"901"));
        let list = List { pods: vec![at("5", "a"), at("6", "b")], resource_version: "902".into() };
        store.replace(list, &Consistency::Any).unwrap();
        for pod in store.pods() {
            assert!(before.iter().any(|before| Arc::ptr_eq(before, pod)));
        }
    }

    #[test]
    fn apply_returns_the_change_of_each_event() {
        let mut store = listed();
        let mut change = |event| {
            let Change { before, after } = store.apply(event).unwrap().unwrap();
            [before, after].map(|pod| pod.map(|pod| pod.resource_version.to_string()))
        };
        let versions = |before: Option<&str>, after: Option<&str>| {
            [before, after].map(|text| text.map(str::to_owned))
        };
        assert_eq!(change(Event::Deleted(at("901", "a"))), versions(Some("1"), None));
        assert_eq!(change(Event::Added(changing("902", "c"))), versions(None, Some("902")));
        assert_eq!(
            change(Event::Modified(changing("903", "c"))),
            versions(Some("902"), Some("903"))
        );
        assert_eq!(names(&store), ["b", "c"]);
        assert!(matches!(store.position(), Position::At(at) if **at == *"903"));
    }
}
