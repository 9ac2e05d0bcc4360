//! Incremental index of all pods and their verdicts. One change costs O(log n).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::discovery::identity::SelfMatch;
use crate::discovery::pod::Pod;
use crate::discovery::policy::{PeerPolicy, Reason, Verdict};
use crate::discovery::snapshot::{AnswerGate, ExcludedPod, Peer, View};

/// All pods, and the view that follows from them.
#[derive(Debug)]
pub(crate) struct PodIndex {
    policy: PeerPolicy,
    view: View,
    /// The pods that may be the local pod: usually one.
    self_candidates: Vec<Arc<Pod>>,
    self_pod: Option<Arc<Pod>>,
    /// The pods that would be peers if another pod did not have their address, sorted by their
    /// start.
    hidden: BTreeMap<SocketAddr, Vec<Arc<Pod>>>,
}

/// Returns the view that follows from these pods.
pub fn view_of<'a>(pods: impl Iterator<Item = &'a Arc<Pod>>, policy: &PeerPolicy) -> View {
    let mut index = PodIndex::new(policy.clone());
    index.replace(pods);
    index.view
}

impl PodIndex {
    /// Creates an index without pods.
    pub(crate) fn new(policy: PeerPolicy) -> Self {
        let view = View {
            peers: Default::default(),
            self_peer: None,
            gate: AnswerGate::Open,
            excluded: Default::default(),
        };
        let mut index = Self {
            policy,
            view,
            self_candidates: Vec::new(),
            self_pod: None,
            hidden: BTreeMap::new(),
        };
        index.find_self();
        index
    }

    /// Returns the policy that the verdicts follow.
    pub(crate) fn policy(&self) -> &PeerPolicy {
        &self.policy
    }

    /// Returns the view that follows from the pods.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// Replaces all pods.
    pub(crate) fn replace<'a>(&mut self, pods: impl Iterator<Item = &'a Arc<Pod>>) {
        *self = Self::new(self.policy.clone());
        for pod in pods {
            self.insert(pod.clone());
        }
        // Only now: among some of the pods, another one may look like the local pod.
        self.find_self();
    }

    /// Applies one change. `before` is `None` for a pod that is new, and `after` for one that is
    /// gone.
    pub(crate) fn change(&mut self, before: Option<&Pod>, after: Option<Arc<Pod>>) {
        let removed_candidate = before.is_some_and(|pod| self.remove(pod));
        let inserted_candidate = after.is_some_and(|pod| self.insert(pod));
        if removed_candidate || inserted_candidate {
            self.find_self();
        }
    }

    /// Returns whether the pod may be the local pod.
    fn insert(&mut self, pod: Arc<Pod>) -> bool {
        let may_be_self = self.policy.identity.may_be(&pod);
        if may_be_self {
            self.self_candidates.push(pod.clone());
        }
        self.insert_other(pod);
        may_be_self
    }

    /// Returns whether the pod may have been the local pod.
    fn remove(&mut self, pod: &Pod) -> bool {
        let may_be_self = self.policy.identity.may_be(pod);
        if may_be_self {
            self.self_candidates.retain(|candidate| candidate.uid != pod.uid);
            self.clear_self();
        }
        self.remove_other(pod);
        may_be_self
    }

    /// Finds the local pod among the candidates.
    fn find_self(&mut self) {
        self.clear_self();
        match self.policy.find_self(self.self_candidates.iter()) {
            SelfMatch::NoPod => self.view.gate = AnswerGate::Open,
            SelfMatch::Absent => self.view.gate = AnswerGate::SelfAbsent,
            SelfMatch::Unclear => self.view.gate = AnswerGate::SelfUnclear,
            SelfMatch::Pod(pod) => self.set_self(pod.clone()),
        }
    }

    fn set_self(&mut self, pod: Arc<Pod>) {
        self.remove_other(&pod);
        self.view.excluded.insert(ExcludedPod { pod: pod.clone(), reason: Reason::IsSelf });
        if !pod.terminating && !pod.phase.is_over() {
            self.policy.alive = Some(pod.uid.clone());
        }
        self.view.gate = AnswerGate::of(&pod, &self.policy);
        if let Some(address) = self.policy.socket(&pod) {
            if let Some(peer) = self.view.peers.remove(&address) {
                self.hide(peer.pod, address);
            }
            if self.view.gate == AnswerGate::Open {
                self.view.self_peer = Some(Peer::new(pod.clone(), address, &self.policy));
            }
        }
        self.self_pod = Some(pod);
    }

    /// Turns the local pod into one like all others.
    fn clear_self(&mut self) {
        if let Some(pod) = self.self_pod.take() {
            self.view.self_peer = None;
            self.view.excluded.remove(&pod.uid);
            if let Some(address) = self.policy.socket(&pod) {
                self.reveal(address);
            }
            self.insert_other(pod);
        }
    }

    /// Inserts a pod that is not the local one.
    fn insert_other(&mut self, pod: Arc<Pod>) {
        match self.policy.verdict(&pod) {
            Verdict::Peer(address) => self.insert_peer(pod, address),
            Verdict::Excluded(reason) => self.view.excluded.insert(ExcludedPod { pod, reason }),
        }
    }

    /// Removes a pod that is not the local one.
    fn remove_other(&mut self, pod: &Pod) {
        match self.policy.verdict(pod) {
            Verdict::Peer(address) => self.remove_peer(pod, address),
            Verdict::Excluded(_) => drop(self.view.excluded.remove(&pod.uid)),
        }
    }

    /// Of several pods at one address, the one that started last is the peer. At the address of the
    /// local pod, none is.
    fn insert_peer(&mut self, pod: Arc<Pod>, address: SocketAddr) {
        let peer = self.view.peers.find(&address).map(|peer| peer.pod.clone());
        if self.self_address() == Some(address)
            || peer.as_ref().is_some_and(|peer| pod.by_start(peer).is_lt())
        {
            return self.hide(pod, address);
        }
        self.view.peers.insert(Peer::new(pod, address, &self.policy));
        if let Some(earlier) = peer {
            self.hide(earlier, address);
        }
    }

    fn remove_peer(&mut self, pod: &Pod, address: SocketAddr) {
        if self.view.peers.find(&address).is_some_and(|peer| peer.pod.uid == pod.uid) {
            self.view.peers.remove(&address);
            self.reveal(address);
        } else if let Some(hidden) = self.hidden.get_mut(&address) {
            hidden.retain(|other| other.uid != pod.uid);
            if hidden.is_empty() {
                self.hidden.remove(&address);
            }
            self.view.excluded.remove(&pod.uid);
        }
    }

    /// Excludes a pod because another one has its address.
    fn hide(&mut self, pod: Arc<Pod>, address: SocketAddr) {
        let hidden = self.hidden.entry(address).or_default();
        let at = hidden.partition_point(|other| other.by_start(&pod).is_lt());
        hidden.insert(at, pod.clone());
        self.view.excluded.insert(ExcludedPod { pod, reason: Reason::AddressTaken });
    }

    /// Makes the last hidden pod of a free address the peer.
    fn reveal(&mut self, address: SocketAddr) {
        let Some(hidden) = self.hidden.get_mut(&address) else { return };
        if let Some(last) = hidden.pop() {
            self.view.excluded.remove(&last.uid);
            self.view.peers.insert(Peer::new(last, address, &self.policy));
        }
        if hidden.is_empty() {
            self.hidden.remove(&address);
        }
    }

    fn self_address(&self) -> Option<SocketAddr> {
        self.policy.socket(self.self_pod.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::identity::Identity;
    use crate::discovery::pod::{Phase, Port, PortName};
    use crate::discovery::policy::tests::{pod, policy};

    /// The peers and the excluded pods, by uid.
    type Contents = (Vec<(SocketAddr, String)>, Vec<(String, Reason)>);

    #[test]
    fn record_of_self_exists_while_the_gate_is_open() {
        let policy = PeerPolicy {
            identity: Identity::Uid { uid: "uid-me".into(), name: None },
            ..policy("me")
        };
        let mut index = PodIndex::new(policy);
        let address =
            |index: &PodIndex| index.view().self_peer.as_ref().map(|peer| peer.address.to_string());
        let me = Arc::new(pod("me", "10.0.0.1"));
        index.change(None, Some(me.clone()));
        assert_eq!(address(&index).as_deref(), Some("10.0.0.1:3322"));
        let pending = Arc::new(Pod { phase: Phase::Pending, ..pod("me", "10.0.0.1") });
        index.change(Some(&me), Some(pending.clone()));
        assert_eq!(address(&index), None);
        let moved = Arc::new(pod("me", "10.0.0.2"));
        index.change(Some(&pending), Some(moved.clone()));
        assert_eq!(address(&index).as_deref(), Some("10.0.0.2:3322"));
        let terminating = Arc::new(Pod { terminating: true, ..pod("me", "10.0.0.2") });
        index.change(Some(&moved), Some(terminating.clone()));
        assert_eq!(address(&index).as_deref(), Some("10.0.0.2:3322"));
        index.change(Some(&terminating), None);
        assert_eq!(address(&index), None);
    }

    /// Returns what the index must contain, by an evaluation of all pods from scratch.
    fn evaluate_all(pods: &[Arc<Pod>], policy: &PeerPolicy) -> Contents {
        let own = if let SelfMatch::Pod(own) = policy.find_self(pods.iter()) {
            Some(own.clone())
        } else {
            None
        };
        let (mut claims, mut excluded) = (Vec::new(), Vec::new());
        for pod in pods {
            match policy.verdict(pod) {
                _ if own.as_ref().is_some_and(|own| own.uid == pod.uid) => {
                    excluded.push((pod, Reason::IsSelf))
                }
                Verdict::Peer(address) => claims.push((address, pod)),
                Verdict::Excluded(reason) => excluded.push((pod, reason)),
            }
        }
        let own_socket = own.and_then(|own| policy.socket(&own));
        let is_last = |address: SocketAddr, pod: &Pod| {
            let others = claims.iter().filter(|(other, _)| *other == address);
            others.map(|(_, other)| (&*other.started, std::cmp::Reverse(&*other.uid))).max()
                == Some((&*pod.started, std::cmp::Reverse(&*pod.uid)))
        };
        let mut peers = Vec::new();
        for (address, pod) in &claims {
            if Some(*address) != own_socket && is_last(*address, pod) {
                peers.push((*address, pod.uid.to_string()));
            } else {
                excluded.push((pod, Reason::AddressTaken));
            }
        }
        let mut excluded: Vec<_> =
            excluded.into_iter().map(|(pod, reason)| (pod.uid.to_string(), reason)).collect();
        peers.sort();
        excluded.sort_by(|a, b| a.0.cmp(&b.0));
        (peers, excluded)
    }

    fn contents(view: &View) -> Contents {
        let peers = view.peers.iter().map(|peer| (peer.address, peer.pod.uid.to_string()));
        let excluded =
            view.excluded.iter().map(|excluded| (excluded.pod.uid.to_string(), excluded.reason));
        (peers.collect(), excluded.collect())
    }

    struct Random(u32);

    impl Random {
        fn below(&mut self, limit: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 16) % limit
        }

        /// Returns a pod with one of few names and addresses, so that pods collide.
        fn pod(&mut self) -> Pod {
            let number = self.below(12);
            let mut pod = pod(&format!("pod-{}", number % 6), &format!("10.0.0.{}", self.below(4)));
            pod.uid = format!("uid-{number}").into();
            pod.started = self.below(3).to_string().into();
            pod.terminating = self.below(6) == 0;
            pod.ready = self.below(2) == 0;
            pod.phase = if self.below(5) == 0 { Phase::Failed } else { Phase::Running };
            match self.below(8) {
                0 => pod.ports = [].into(),
                1 => {
                    pod.ports = [Port { name: PortName::new("gossip").unwrap(), number: 7 }].into()
                }
                2 => pod.ips = [].into(),
                _ => {}
            }
            pod
        }
    }

    #[test]
    fn changes_in_any_order_yield_what_an_evaluation_from_scratch_yields() {
        let address = Identity::Address {
            addresses: vec!["10.0.0.1".parse().unwrap()],
            hostname: Some("pod-2".into()),
        };
        let uid = Identity::Uid { uid: "uid-3".into(), name: None };
        for (seed, identity) in
            [Identity::None, uid, Identity::Name("pod-1".into()), address].into_iter().enumerate()
        {
            let mut random = Random(seed as u32);
            let mut index = PodIndex::new(PeerPolicy { identity, ..policy("") });
            let mut pods = BTreeMap::<Arc<str>, Arc<Pod>>::new();
            let mut gates = Vec::new();
            for _ in 0..10_000 {
                let pod = Arc::new(random.pod());
                // Only one pod at a time has a name.
                pods.retain(|_, other| {
                    let gone = other.uid != pod.uid && other.name == pod.name;
                    if gone {
                        index.change(Some(other), None);
                    }
                    !gone
                });
                let after = (random.below(3) > 0).then_some(pod.clone());
                let before = pods.remove(&pod.uid);
                pods.extend(after.iter().map(|pod| (pod.uid.clone(), pod.clone())));
                index.change(before.as_deref(), after);
                let all: Vec<_> = pods.values().cloned().collect();
                assert_eq!(contents(index.view()), evaluate_all(&all, index.policy()));
                assert_eq!(index.view().gate, view_of(all.iter(), index.policy()).gate);
                let own = match index.policy().find_self(all.iter()) {
                    SelfMatch::Pod(own) if index.view().gate == AnswerGate::Open => {
                        index.policy().socket(own)
                    }
                    _ => None,
                };
                let is_member = index.policy().identity != Identity::None;
                assert_eq!(own.is_some(), is_member && index.view().gate == AnswerGate::Open);
                assert_eq!(index.view().self_peer.as_ref().map(|peer| peer.address), own);
                if !gates.contains(&index.view().gate) {
                    gates.push(index.view().gate.clone());
                }
            }
            assert!(gates.len() >= if seed == 0 { 1 } else { 5 }, "{gates:?}");
        }
    }
}
