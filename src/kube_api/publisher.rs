//! Judges the pods and publishes what comes of it.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use super::pod_store::{Change, PodStore};
use super::watcher::PodApi;
use crate::census::Census;
use crate::identity::Identity;
use crate::latest::Latest;
use crate::snapshot::Gate;
use crate::verdict::Rules;

/// How long the question where the own pod is may hold up the rest.
const ASKING: Duration = Duration::from_secs(1);
/// If it was not answered, it is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Publisher {
    census: Census,
    latest: Arc<Latest>,
    /// Why the own pod is not among the pods, once that is known.
    absence: Option<Gate>,
    /// When that was asked.
    asked: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(rules: Rules, latest: Arc<Latest>) -> Self {
        Self { census: Census::new(rules), latest, absence: None, asked: None }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.census.rules().identity
    }

    /// Takes a list. Whether the own pod is there is an open question again.
    pub(super) fn replace(&mut self, store: &PodStore) {
        self.census.replace(store.pods());
        self.forget_absence();
    }

    /// Takes what an event changed.
    pub(super) fn change(&mut self, change: Change) {
        self.census.change(change.before.as_deref(), change.after);
    }

    /// Publishes the pods as they are.
    pub(super) async fn publish(&mut self, api: &mut impl PodApi) {
        if !self.tell() {
            self.forget_absence();
        } else if self.absence.is_none() && self.asked.is_none() {
            self.ask(api).await;
        }
    }

    /// Asks why the own pod is not among the pods.
    pub(super) async fn ask(&mut self, api: &mut impl PodApi) {
        self.asked = Some(Instant::now());
        let unselected = timeout(ASKING, api.unselected(self.identity())).await;
        if let Ok(Ok(unselected)) = unselected {
            self.absence = Some(unselected.map_or(Gate::SelfAbsent, Gate::SelfUnselected));
            self.tell();
        }
    }

    /// Until that is to be asked again.
    pub(super) fn asks_again(&self) -> impl Future<Output = ()> + use<> {
        let again = self.asked.filter(|_| self.absence.is_none()).map(|asked| asked + ASK_AGAIN);
        async move {
            match again {
                Some(again) => sleep_until(again).await,
                None => pending().await,
            }
        }
    }

    fn forget_absence(&mut self) {
        (self.absence, self.asked) = (None, None);
    }

    /// Says whether the own pod is not among the pods.
    fn tell(&self) -> bool {
        let mut view = self.census.view().clone();
        let absent = view.gate == Gate::SelfAbsent;
        if absent {
            view.gate = self.absence.clone().unwrap_or(Gate::SelfAbsent);
        }
        self.latest.publish(view);
        absent
    }
}
