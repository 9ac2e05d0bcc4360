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
pub(super) enum Position {
    /// Nothing was read yet.
    Unknown,
    /// It was, but the server cannot go on from there.
    Lost,
    /// Up to this resourceVersion.
    At(Box<str>),
}

impl PodStore {
    pub(super) fn new() -> Self {
        Self { pods: HashMap::new(), position: Position::Unknown }
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

    /// Takes a list instead of all that was known. What vanished meanwhile vanishes with it, all at once.
    pub(super) fn replace(&mut self, list: List, asked: &Consistency) -> Result<(), ApiError> {
        if let Consistency::NotOlderThan(known) = asked {
            refuse_older(&list.resource_version, known)?;
        }
        self.pods = list.pods.into_iter().map(|pod| (pod.uid.clone(), Arc::new(pod))).collect();
        self.position = Position::At(list.resource_version);
        Ok(())
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

/// Since Kubernetes 1.35 resourceVersions are decimal numbers by specification, and were by implementation before:
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions>
fn refuse_older(now: &str, known: &str) -> Result<(), ApiError> {
    match (now.parse::<u128>(), known.parse::<u128>()) {
        (Ok(now), Ok(known)) if now < known => {
            Err(ApiError::new(ErrorClass::Gone, "its store went back in time, as after a restored backup"))
        }
        _ => Ok(()),
    }
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
        let mut store = PodStore::new();
        let list = List { pods: vec![at("1", "a"), at("2", "b")], resource_version: "900".into() };
        store.replace(list, &Consistency::Any).unwrap();
        store
    }

    #[test]
    fn what_is_older_than_what_is_known_changes_nothing() {
        let mut store = listed();
        for event in [WatchEvent::Deleted(at("7", "a")), WatchEvent::Added(at("899", "c"))] {
            assert_eq!(store.apply(event).unwrap_err().class, ErrorClass::Gone);
            assert_eq!(names(&store), ["a", "b"]);
        }
        let older = List { pods: vec![], resource_version: "5".into() };
        assert_eq!(store.replace(older, &Consistency::NotOlderThan("900".into())).unwrap_err().class, ErrorClass::Gone);
        assert_eq!(names(&store), ["a", "b"]);
        // Whoever asks for what there is now has lost the rest.
        let older = List { pods: vec![at("3", "c")], resource_version: "5".into() };
        store.replace(older, &Consistency::MostRecent { plainly: false }).unwrap();
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
