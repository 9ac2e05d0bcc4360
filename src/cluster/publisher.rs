//! Judges the pods and publishes what comes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::requests::Cluster;
use super::store::Store;
use crate::identity::Identity;
use crate::latest::Latest;
use crate::snapshot::{Gate, View};
use crate::verdict::{Reason, Rules};

/// How long the question where the own pod is may hold up the rest.
const ASKING: Duration = Duration::from_secs(1);
/// If it was not answered, it is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(5);

pub(super) struct Publisher {
    rules: Rules,
    latest: Arc<Latest>,
    /// Why the own pod is not among the pods, once that is known.
    absence: Option<Gate>,
    /// When that was asked.
    asked: Option<Instant>,
}

impl Publisher {
    pub(super) fn new(rules: Rules, latest: Arc<Latest>) -> Self {
        Self { rules, latest, absence: None, asked: None }
    }

    pub(super) fn identity(&self) -> &Identity {
        &self.rules.identity
    }

    /// After a list the question is open again.
    pub(super) fn forget_absence(&mut self) {
        (self.absence, self.asked) = (None, None);
    }

    pub(super) async fn publish(&mut self, store: &Store, cluster: &mut Cluster) {
        if !self.judge(store) {
            self.forget_absence();
        } else if self.absence.is_none() && self.asked.is_none_or(|asked| asked.elapsed() >= ASK_AGAIN) {
            self.asked = Some(Instant::now());
            let unselected = timeout(ASKING, cluster.unselected(&self.rules.identity)).await;
            if let Ok(Ok(unselected)) = unselected {
                self.absence = Some(unselected.map_or(Gate::SelfAbsent, Gate::SelfUnselected));
                self.judge(store);
            }
        }
    }

    /// Publishes the pods as they are; says whether the own pod is not among them.
    fn judge(&mut self, store: &Store) -> bool {
        let mut view = View::of(store.pods(), &self.rules);
        let absent = view.gate == Gate::SelfAbsent;
        if absent {
            view.gate = self.absence.clone().unwrap_or(Gate::SelfAbsent);
        }
        let own = view.left_out.iter().find(|(_, reason)| *reason == Reason::IsSelf);
        if let Some((own, _)) = own.filter(|(own, _)| !own.terminating && !own.phase.is_over()) {
            self.rules.alive = Some(own.uid.clone());
        }
        self.latest.publish(view);
        absent
    }
}
