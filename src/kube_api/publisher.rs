//! Updates the verdicts and publishes the result.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::backoff::honored;
use super::pod_store::{Change, PodStore};
use super::watcher::PodApi;
use crate::discovery::identity::Identity;
use crate::discovery::pod_index::PodIndex;
use crate::discovery::policy::PeerPolicy;
use crate::discovery::sink::Sink;
use crate::discovery::snapshot::AnswerGate;

/// The longest delay of the watcher by a lookup of this pod.
const LOOKUP_LIMIT: Duration = Duration::from_secs(1);
/// A lookup that failed is repeated after this.
const LOOKUP_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Publisher {
    index: PodIndex,
    sink: Arc<dyn Sink>,
    lookup: Lookup,
}

/// The state of the lookup of this pod while the selector does not match it.
enum Lookup {
    /// This pod is among the pods, or was not looked up yet.
    NotNeeded,
    /// The last lookup failed. The next one waits until this moment.
    Failed { again: Instant },
    /// The lookup has found the reason.
    Found(AnswerGate),
}

impl Publisher {
    pub(super) fn new(policy: PeerPolicy, sink: Arc<dyn Sink>) -> Self {
        Self { index: PodIndex::new(policy), sink, lookup: Lookup::NotNeeded }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.index.policy().identity
    }

    /// Replaces all pods by those of a list. If this pod is not among them, it is looked up again,
    /// but not more often because of lists.
    pub(super) fn replace(&mut self, store: &PodStore) {
        self.index.replace(store.pods());
        if let Lookup::Found(_) = self.lookup {
            self.lookup = Lookup::NotNeeded;
        }
    }

    /// Applies what one event changed.
    pub(super) fn change(&mut self, change: Change) {
        self.index.change(change.before.as_deref(), change.after);
    }

    /// Publishes the pods as they are.
    pub(super) async fn publish(&mut self, api: &mut impl PodApi) {
        let missing = self.publish_view();
        match self.lookup {
            _ if !missing => self.lookup = Lookup::NotNeeded,
            Lookup::NotNeeded => self.look_up_self(api).await,
            Lookup::Failed { .. } | Lookup::Found(_) => {}
        }
    }

    /// Requests this pod by its name, to learn why the selector does not match it.
    pub(super) async fn look_up_self(&mut self, api: &mut impl PodApi) {
        let unselected = timeout(LOOKUP_LIMIT, api.unselected(self.identity())).await;
        let asked = match unselected {
            Ok(Ok(unselected)) => {
                self.lookup = Lookup::Found(
                    unselected.map_or(AnswerGate::SelfAbsent, AnswerGate::SelfUnselected),
                );
                self.publish_view();
                return;
            }
            Ok(Err(error)) => error.retry_after.map(honored).unwrap_or_default(),
            Err(_) => Duration::ZERO,
        };
        self.lookup = Lookup::Failed { again: Instant::now() + LOOKUP_AGAIN.max(asked) };
    }

    /// Ends when a lookup is to be repeated, which is not before lists may be requested.
    pub(super) fn lookup_due(&self, lists_from: Instant) -> impl Future<Output = ()> + use<> {
        let again = match self.lookup {
            Lookup::Failed { again } => Some(again.max(lists_from)),
            Lookup::NotNeeded | Lookup::Found(_) => None,
        };
        async move {
            match again {
                Some(again) => sleep_until(again).await,
                None => pending().await,
            }
        }
    }

    /// Returns whether this pod is missing.
    fn publish_view(&self) -> bool {
        let mut view = self.index.view().clone();
        let missing = view.gate == AnswerGate::SelfAbsent;
        if let (true, Lookup::Found(gate)) = (missing, &self.lookup) {
            view.gate = gate.clone();
        }
        self.sink.publish(view);
        missing
    }
}
