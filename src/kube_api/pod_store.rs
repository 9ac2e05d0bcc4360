//! The pods as the API server has them, and up to which moment that is known.

use std::collections::HashMap;
use std::sync::Arc;

use kube::api::WatchEvent;

use super::error::{ApiError, ErrorClass};
use super::pod_client::{Consistency, List};
use crate::pod::Pod;

/// The pods of one moment.
pub(super) struct PodStore {
    /// By uid: a name may be another pod's later.
    pods: HashMap<Arc<str>, Arc<Pod>>,
    position: Position,
}

/// What one event changes.
#[derive(Debug)]
pub(super) struct Change {
    /// The pod as it was.
    pub(super) before: Option<Arc<Pod>>,
    /// The pod as it is now.
    pub(super) after: Option<Arc<Pod>>,
}

/// Up to where the pods are known.
#[derive(Debug)]
pub(super) enum Position {
    /// Nothing was read yet.
    Unknown,
    /// Nothing was read yet, but an earlier registration read up to this resourceVersion.
    Before(Box<str>),
    /// The server cannot go on from where the pods were known.
    Lost,
    /// The pods are those of this resourceVersion.
    At(Box<str>),
}

/// What a list did to the position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Replaced {
    /// It is at least as new as what was known.
    Advanced,
    /// The store of the API server went back in time.
    WentBack { from: Box<str>, to: Box<str> },
}

impl PodStore {
    /// `resumes_from` is the resourceVersion that an earlier registration reached.
    pub(super) fn new(resumes_from: Option<Box<str>>) -> Self {
        Self { pods: HashMap::new(), position: resumes_from.map_or(Position::Unknown, Position::Before) }
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

    /// The next list is to be a new one.
    pub(super) fn lose(&mut self) {
        self.position = Position::Lost;
    }

    /// Takes a list in place of all that was known. Pods that are gone disappear all at once.
    pub(super) fn replace(&mut self, list: List, requested: &Consistency) -> Result<Replaced, ApiError> {
        if let Consistency::NotOlderThan(known) = requested {
            refuse_older(&list.resource_version, known)?;
        }
        self.pods = list.pods.into_iter().map(|pod| (pod.uid.clone(), Arc::new(pod))).collect();
        let to = list.resource_version.clone();
        match std::mem::replace(&mut self.position, Position::At(list.resource_version)) {
            Position::At(from) | Position::Before(from) if is_older(&to, &from) => Ok(Replaced::WentBack { from, to }),
            _ => Ok(Replaced::Advanced),
        }
    }

    /// Takes in one event; gives what it changes, if it is of a pod.
    pub(super) fn apply(&mut self, event: WatchEvent<Pod>) -> Result<Option<Change>, ApiError> {
        let resource_version: Box<str> = match &event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) | WatchEvent::Deleted(pod) => {
                pod.resource_version.clone()
            }
            WatchEvent::Bookmark(mark) => mark.metadata.resource_version.as_str().into(),
            WatchEvent::Error(status) => return Err(status.clone().into()),
        };
        if let Position::At(known) = &self.position {
            refuse_older(&resource_version, known)?;
        }
        self.position = Position::At(resource_version);
        Ok(match event {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => {
                let pod = Arc::new(pod);
                Some(Change { before: self.pods.insert(pod.uid.clone(), pod.clone()), after: Some(pod) })
            }
            WatchEvent::Deleted(pod) => Some(Change { before: self.pods.remove(&pod.uid), after: None }),
            WatchEvent::Bookmark(_) | WatchEvent::Error(_) => None,
        })
    }
}

fn refuse_older(now: &str, known: &str) -> Result<(), ApiError> {
    if is_older(now, known) {
        return Err(ApiError::new(
            ErrorClass::Gone,
            format!("resourceVersion went back from {known} to {now}, as after a restored backup of etcd"),
        ));
    }
    Ok(())
}

/// Since Kubernetes 1.35 resourceVersions are decimal numbers by specification, and were by implementation before:
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
fn is_older(now: &str, known: &str) -> bool {
    matches!((now.parse::<u128>(), known.parse::<u128>()), (Ok(now), Ok(known)) if now < known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::pod;

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
    fn only_a_most_recent_list_may_be_older_than_what_is_known() {
        let mut store = listed();
        for event in [WatchEvent::Deleted(at("7", "a")), WatchEvent::Added(at("899", "c"))] {
            assert_eq!(store.apply(event).unwrap_err().class, ErrorClass::Gone);
            assert_eq!(names(&store), ["a", "b"]);
        }
        let older = List { pods: vec![], resource_version: "5".into() };
        assert_eq!(store.replace(older, &Consistency::NotOlderThan("900".into())).unwrap_err().class, ErrorClass::Gone);
        assert_eq!(names(&store), ["a", "b"]);
        // A most-recent list is right, even if it is older.
        let older = List { pods: vec![at("3", "c")], resource_version: "5".into() };
        let replaced = store.replace(older, &Consistency::MostRecent).unwrap();
        assert_eq!(replaced, Replaced::WentBack { from: "900".into(), to: "5".into() });
        assert_eq!(names(&store), ["c"]);
    }

    #[test]
    fn events_lead_on() {
        let mut store = listed();
        let mut change = |event| {
            let Change { before, after } = store.apply(event).unwrap().unwrap();
            [before, after].map(|pod| pod.map(|pod| pod.resource_version.to_string()))
        };
        let versions = |before: Option<&str>, after: Option<&str>| [before, after].map(|text| text.map(str::to_owned));
        assert_eq!(change(WatchEvent::Deleted(at("901", "a"))), versions(Some("1"), None));
        assert_eq!(change(WatchEvent::Added(at("902", "c"))), versions(None, Some("902")));
        assert_eq!(change(WatchEvent::Modified(at("903", "c"))), versions(Some("902"), Some("903")));
        assert_eq!(names(&store), ["b", "c"]);
        assert!(matches!(store.position(), Position::At(at) if **at == *"903"));
    }
}
