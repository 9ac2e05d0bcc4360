//! All pods judged, and kept so change by change: what comes of one costs the same among ten pods and among thousands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::discovery::identity::Own;
use crate::discovery::pod::Pod;
use crate::discovery::policy::{Reason, Rules, Verdict};
use crate::discovery::snapshot::{Gate, LeftOut, Peer, View};

/// The pods and what is thought of each.
#[derive(Debug)]
pub struct Census {
    rules: Rules,
    view: View,
    /// Those that may be the own pod: one, as a rule.
    candidates: Vec<Arc<Pod>>,
    own: Option<Arc<Pod>>,
    /// Those that would be peers if another pod did not have their address, as they started.
    taken: BTreeMap<SocketAddr, Vec<Arc<Pod>>>,
}

impl Census {
    /// Of no pods yet.
    pub fn new(rules: Rules) -> Self {
        let view = View { peers: Default::default(), self_peer: None, gate: Gate::Open, left_out: Default::default() };
        let mut census = Self { rules, view, candidates: Vec::new(), own: None, taken: BTreeMap::new() };
        census.find_own();
        census
    }

    /// How it judges.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What the pods amount to.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// These pods, instead of all that there were.
    pub fn replace<'a>(&mut self, pods: impl Iterator<Item = &'a Arc<Pod>>) {
        *self = Self::new(self.rules.clone());
        for pod in pods {
            self.take_in(pod.clone());
        }
        // Only now: nobody is taken for the own pod who is not once all are there.
        self.find_own();
    }

    /// A pod that was not there, is there no longer, or is so now.
    pub fn change(&mut self, before: Option<&Pod>, after: Option<Arc<Pod>>) {
        let left = before.is_some_and(|pod| self.let_go(pod));
        let came = after.is_some_and(|pod| self.take_in(pod));
        if left || came {
            self.find_own();
        }
    }

    /// Says whether it may be the own pod.
    fn take_in(&mut self, pod: Arc<Pod>) -> bool {
        let may_be_own = self.rules.identity.may_be(&pod);
        if may_be_own {
            self.candidates.push(pod.clone());
        }
        self.judge(pod);
        may_be_own
    }

    /// Says whether it may have been the own pod.
    fn let_go(&mut self, pod: &Pod) -> bool {
        let may_be_own = self.rules.identity.may_be(pod);
        if may_be_own {
            self.candidates.retain(|candidate| candidate.uid != pod.uid);
            self.disown();
        }
        self.forget(pod);
        may_be_own
    }

    /// Looks who is the own pod.
    fn find_own(&mut self) {
        self.disown();
        match self.rules.own(self.candidates.iter()) {
            Own::NoPod => self.view.gate = Gate::Open,
            Own::Absent => self.view.gate = Gate::SelfAbsent,
            Own::Unclear => self.view.gate = Gate::SelfUnclear,
            Own::Pod(own) => self.own(own.clone()),
        }
    }

    fn own(&mut self, own: Arc<Pod>) {
        self.forget(&own);
        self.view.left_out.insert(LeftOut { pod: own.clone(), reason: Reason::IsSelf });
        if !own.terminating && !own.phase.is_over() {
            self.rules.alive = Some(own.uid.clone());
        }
        self.view.gate = Gate::of(&own, &self.rules);
        if let Some(address) = self.rules.socket(&own) {
            if let Some(peer) = self.view.peers.remove(&address) {
                self.leave_out(peer.pod, address);
            }
            if self.view.gate == Gate::Open {
                self.view.self_peer = Some(Peer::new(own.clone(), address, &self.rules));
            }
        }
        self.own = Some(own);
    }

    /// The own pod becomes one like others.
    fn disown(&mut self) {
        if let Some(own) = self.own.take() {
            self.view.self_peer = None;
            self.view.left_out.remove(&own.uid);
            if let Some(address) = self.rules.socket(&own) {
                self.promote(address);
            }
            self.judge(own);
        }
    }

    /// Takes in a pod that is not self.
    fn judge(&mut self, pod: Arc<Pod>) {
        match self.rules.verdict(&pod) {
            Verdict::Peer(address) => self.claim(pod, address),
            Verdict::LeftOut(reason) => self.view.left_out.insert(LeftOut { pod, reason }),
        }
    }

    /// Undoes it.
    fn forget(&mut self, pod: &Pod) {
        match self.rules.verdict(pod) {
            Verdict::Peer(address) => self.unclaim(pod, address),
            Verdict::LeftOut(_) => drop(self.view.left_out.remove(&pod.uid)),
        }
    }

    /// Of the pods that would be peers at one address the one that started last is, at the own address none.
    fn claim(&mut self, pod: Arc<Pod>, address: SocketAddr) {
        let peer = self.view.peers.find(&address).map(|peer| peer.pod.clone());
        if self.own_address() == Some(address) || peer.as_ref().is_some_and(|peer| pod.by_start(peer).is_lt()) {
            return self.leave_out(pod, address);
        }
        self.view.peers.insert(Peer::new(pod, address, &self.rules));
        if let Some(earlier) = peer {
            self.leave_out(earlier, address);
        }
    }

    fn unclaim(&mut self, pod: &Pod, address: SocketAddr) {
        if self.view.peers.find(&address).is_some_and(|peer| peer.pod.uid == pod.uid) {
            self.view.peers.remove(&address);
            self.promote(address);
        } else if let Some(taken) = self.taken.get_mut(&address) {
            taken.retain(|other| other.uid != pod.uid);
            if taken.is_empty() {
                self.taken.remove(&address);
            }
            self.view.left_out.remove(&pod.uid);
        }
    }

    /// Another one has its address.
    fn leave_out(&mut self, pod: Arc<Pod>, address: SocketAddr) {
        let taken = self.taken.entry(address).or_default();
        let place = taken.partition_point(|other| other.by_start(&pod).is_lt());
        taken.insert(place, pod.clone());
        self.view.left_out.insert(LeftOut { pod, reason: Reason::AddressTaken });
    }

    /// The address is free again.
    fn promote(&mut self, address: SocketAddr) {
        let Some(taken) = self.taken.get_mut(&address) else { return };
        if let Some(last) = taken.pop() {
            self.view.left_out.remove(&last.uid);
            self.view.peers.insert(Peer::new(last, address, &self.rules));
        }
        if taken.is_empty() {
            self.taken.remove(&address);
        }
    }

    fn own_address(&self) -> Option<SocketAddr> {
        self.rules.socket(self.own.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::identity::Identity;
    use crate::discovery::pod::{Phase, Port, PortName};
    use crate::discovery::policy::tests::{pod, rules};

    /// Peers and who is left out, by uid.
    type Told = (Vec<(SocketAddr, String)>, Vec<(String, Reason)>);

    #[test]
    fn this_pods_record_is_known_while_the_gate_is_open() {
        let rules = Rules { identity: Identity::Uid { uid: "uid-me".into(), name: None }, ..rules("me") };
        let mut census = Census::new(rules);
        let address = |census: &Census| census.view().self_peer.as_ref().map(|peer| peer.address.to_string());
        let me = Arc::new(pod("me", "10.0.0.1"));
        census.change(None, Some(me.clone()));
        assert_eq!(address(&census).as_deref(), Some("10.0.0.1:3322"));
        let pending = Arc::new(Pod { phase: Phase::Pending, ..pod("me", "10.0.0.1") });
        census.change(Some(&me), Some(pending.clone()));
        assert_eq!(address(&census), None);
        let moved = Arc::new(pod("me", "10.0.0.2"));
        census.change(Some(&pending), Some(moved.clone()));
        assert_eq!(address(&census).as_deref(), Some("10.0.0.2:3322"));
        let terminating = Arc::new(Pod { terminating: true, ..pod("me", "10.0.0.2") });
        census.change(Some(&moved), Some(terminating.clone()));
        assert_eq!(address(&census).as_deref(), Some("10.0.0.2:3322"));
        census.change(Some(&terminating), None);
        assert_eq!(address(&census), None);
    }

    /// What the census should come to, said in the plainest way: all pods looked at anew.
    fn plainly(pods: &[Arc<Pod>], rules: &Rules) -> Told {
        let own = if let Own::Pod(own) = rules.own(pods.iter()) { Some(own.clone()) } else { None };
        let (mut claims, mut left_out) = (Vec::new(), Vec::new());
        for pod in pods {
            match rules.verdict(pod) {
                _ if own.as_ref().is_some_and(|own| own.uid == pod.uid) => left_out.push((pod, Reason::IsSelf)),
                Verdict::Peer(address) => claims.push((address, pod)),
                Verdict::LeftOut(reason) => left_out.push((pod, reason)),
            }
        }
        let own_socket = own.and_then(|own| rules.socket(&own));
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
                left_out.push((pod, Reason::AddressTaken));
            }
        }
        let mut left_out: Vec<_> = left_out.into_iter().map(|(pod, reason)| (pod.uid.to_string(), reason)).collect();
        peers.sort();
        left_out.sort_by(|a, b| a.0.cmp(&b.0));
        (peers, left_out)
    }

    fn told(view: &View) -> Told {
        let peers = view.peers.iter().map(|peer| (peer.address, peer.pod.uid.to_string()));
        let left_out = view.left_out.iter().map(|left_out| (left_out.pod.uid.to_string(), left_out.reason));
        (peers.collect(), left_out.collect())
    }

    struct Random(u32);

    impl Random {
        fn below(&mut self, limit: u32) -> u32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (self.0 >> 16) % limit
        }

        /// Few names and addresses, so that they meet.
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
                1 => pod.ports = [Port { name: PortName::new("gossip").unwrap(), number: 7 }].into(),
                2 => pod.ips = [].into(),
                _ => {}
            }
            pod
        }
    }

    /// Whatever comes in whatever order, all that is told is what looking at all pods anew would tell.
    #[test]
    fn change_by_change_it_comes_to_the_same() {
        let address =
            Identity::Address { addresses: vec!["10.0.0.1".parse().unwrap()], hostname: Some("pod-2".into()) };
        let uid = Identity::Uid { uid: "uid-3".into(), name: None };
        for (seed, identity) in [Identity::None, uid, Identity::Name("pod-1".into()), address].into_iter().enumerate() {
            let mut random = Random(seed as u32);
            let mut census = Census::new(Rules { identity, ..rules("") });
            let mut pods = BTreeMap::<Arc<str>, Arc<Pod>>::new();
            let mut gates = Vec::new();
            for _ in 0..10_000 {
                let pod = Arc::new(random.pod());
                // A name is one pod's at a time.
                pods.retain(|_, other| {
                    let gone = other.uid != pod.uid && other.name == pod.name;
                    if gone {
                        census.change(Some(other), None);
                    }
                    !gone
                });
                let after = (random.below(3) > 0).then_some(pod.clone());
                let before = pods.remove(&pod.uid);
                pods.extend(after.iter().map(|pod| (pod.uid.clone(), pod.clone())));
                census.change(before.as_deref(), after);
                let all: Vec<_> = pods.values().cloned().collect();
                assert_eq!(told(census.view()), plainly(&all, census.rules()));
                assert_eq!(census.view().gate, View::of(all.iter(), census.rules()).gate);
                let own = match census.rules().own(all.iter()) {
                    Own::Pod(own) if census.view().gate == Gate::Open => census.rules().socket(own),
                    _ => None,
                };
                let is_member = census.rules().identity != Identity::None;
                assert_eq!(own.is_some(), is_member && census.view().gate == Gate::Open);
                assert_eq!(census.view().self_peer.as_ref().map(|peer| peer.address), own);
                if !gates.contains(&census.view().gate) {
                    gates.push(census.view().gate.clone());
                }
            }
            assert!(gates.len() >= if seed == 0 { 1 } else { 5 }, "{gates:?}");
        }
    }
}
