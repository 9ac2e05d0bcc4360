//! The answer: the peers of one moment, sorted and immutable, and whether self was among the pods.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::discovery::chunked_list::{Cache, ChunkedList, Keyed};
use crate::discovery::pod::Pod;
use crate::discovery::policy::{PeerPolicy, PortRule, Reason};

/// What the pods of one moment amount to. Each pod is a peer or left out.
#[derive(Clone, Debug)]
pub struct View {
    /// By family, address and port.
    pub peers: ChunkedList<Peer, Cache>,
    /// This pod, if the gate is open and the process is one of the members.
    pub self_peer: Option<Peer>,
    /// Whether the peers may be handed out.
    pub gate: AnswerGate,
    /// The other pods, and why.
    pub excluded: ChunkedList<ExcludedPod>,
}

/// A pod that is no peer.
#[derive(Clone, Debug)]
pub struct ExcludedPod {
    /// The pod.
    pub pod: Arc<Pod>,
    /// Why it is none.
    pub reason: Reason,
}

impl Keyed for ExcludedPod {
    type Key = str;
    fn key(&self) -> &str {
        &self.pod.uid
    }
}

/// A pod that is a peer, and where it is found.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The pod.
    pub pod: Arc<Pod>,
    /// Its address and discovery port.
    pub address: SocketAddr,
    /// 0 for none.
    pub peers_port: u16,
    /// 0 for none.
    pub remoting_port: u16,
}

/// An answer may be given only once the own pod was seen: only then does an empty one mean "alone", and only then is it
/// certain that of two pods at least one sees the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerGate {
    /// The own pod is Running and has an address, or there is none to wait for.
    Open,
    /// The own pod is not among the pods.
    SelfAbsent,
    /// The own pod is there, but this is still missing.
    SelfNotYet(Reason),
    /// The own pod can never be a peer.
    SelfExcluded(Reason),
    /// The own pod exists, but these are its labels, and not those of the peers.
    SelfUnselected(BTreeMap<String, String>),
    /// More than one pod may be the own one.
    SelfUnclear,
}

impl Keyed for Peer {
    type Key = SocketAddr;
    fn key(&self) -> &SocketAddr {
        &self.address
    }
}

impl Peer {
    /// With the ports that it has.
    pub fn new(pod: Arc<Pod>, address: SocketAddr, policy: &PeerPolicy) -> Self {
        let number = |rule: &Option<PortRule>| rule.as_ref().and_then(|rule| rule.of(&pod)).unwrap_or(0);
        let (peers_port, remoting_port) = (number(&policy.ports.peers), number(&policy.ports.remoting));
        Self { pod, address, peers_port, remoting_port }
    }

    /// Whether all that is told of them is the same.
    fn is_told_as(&self, other: &Self) -> bool {
        let ports = |peer: &Self| (peer.address, peer.peers_port, peer.remoting_port);
        ports(self) == ports(other) && (Arc::ptr_eq(&self.pod, &other.pod) || told(&self.pod) == told(&other.pod))
    }
}

fn told(pod: &Pod) -> (&str, &str, &str, &str, bool) {
    (&pod.name, &pod.uid, &pod.node_name, &pod.revision, pod.ready)
}

impl View {
    /// Whether a caller would get the same answer, this pod's record included.
    pub fn answers_as(&self, other: &Self) -> bool {
        let same_self = match (&self.self_peer, &other.self_peer) {
            (Some(one), Some(other)) => one.is_told_as(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.gate == other.gate && same_self && self.peers.agrees(&other.peers, Peer::is_told_as)
    }

    /// Whether a caller would get the same addresses.
    pub fn has_addresses_of(&self, other: &Self) -> bool {
        self.peers.agrees(&other.peers, |a, b| a.address == b.address)
    }
}

impl AnswerGate {
    /// The name that programs see.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::SelfAbsent => "self-absent",
            Self::SelfNotYet(_) => "self-not-yet",
            Self::SelfExcluded(_) => "self-excluded",
            Self::SelfUnselected(_) => "self-unselected",
            Self::SelfUnclear => "self-unclear",
        }
    }

    /// What the own pod's state makes of it.
    pub fn of(own: &Pod, policy: &PeerPolicy) -> Self {
        match policy.address(own) {
            Ok(_) => Self::Open,
            // A pod that shuts down may ask for its peers until the end.
            Err(Reason::Terminating) if policy.is_certainly_self(own) => Self::Open,
            Err(reason @ (Reason::NoDiscoveryPort | Reason::NoIpOfFamily | Reason::Malformed)) => {
                Self::SelfExcluded(reason)
            }
            Err(reason) if own.phase.is_over() && policy.is_certainly_self(own) => Self::SelfExcluded(reason),
            Err(reason) => Self::SelfNotYet(reason),
        }
    }
}

/// A view with its place in the order of views.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    view: Arc<View>,
}

impl Snapshot {
    /// Numbers a view.
    pub fn new(generation: u64, view: Arc<View>) -> Self {
        Self { generation, view }
    }

    /// Returns a list of this pod alone; an empty one for an observer.
    pub fn of_self(&self) -> Self {
        let mut view = View { peers: Default::default(), excluded: Default::default(), ..(*self.view).clone() };
        if let Some(peer) = &view.self_peer {
            view.peers.insert(peer.clone());
        }
        Self::new(self.generation, Arc::new(view))
    }

    /// Grows with every change, from 1.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What it is made of.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// How many peers there are.
    pub fn len(&self) -> usize {
        self.view.peers.len()
    }

    /// Whether there is no peer.
    pub fn is_empty(&self) -> bool {
        self.view.peers.is_empty()
    }

    /// A peer, in the order of the addresses.
    pub fn peer(&self, index: usize) -> Option<&Peer> {
        self.view.peers.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::identity::Identity;
    use crate::discovery::pod::Phase;
    use crate::discovery::pod_index::view_of;
    use crate::discovery::policy::tests::{pod, policy};

    #[test]
    fn of_self_is_this_pods_record_alone() {
        let all = Snapshot::new(7, view([pod("a", "10.0.0.1"), pod("me", "10.0.0.2")]).into());
        let this = all.of_self();
        assert_eq!((this.generation(), addresses(this.view())), (7, vec!["10.0.0.2:3322".to_owned()]));
        assert_eq!(&*this.peer(0).unwrap().pod.name, "me");
        let observer = PeerPolicy { identity: Identity::None, ..policy("") };
        let none = Snapshot::new(1, view_of([Arc::new(pod("a", "10.0.0.1"))].iter(), &observer).into()).of_self();
        assert!(none.is_empty());
    }

    #[test]
    fn a_change_of_this_pods_record_is_another_answer() {
        let before = view([pod("me", "10.0.0.2")]);
        let ready = view([Pod { ready: true, ..pod("me", "10.0.0.2") }]);
        assert!(before.answers_as(&before.clone()) && !before.answers_as(&ready));
        // No accessor shows that it is terminating.
        let mut terminating = before.clone();
        terminating.self_peer.as_mut().unwrap().pod = Arc::new(Pod { terminating: true, ..pod("me", "10.0.0.2") });
        assert!(before.answers_as(&terminating));
    }

    fn view(pods: impl IntoIterator<Item = Pod>) -> View {
        view_of(pods.into_iter().map(Arc::new).collect::<Vec<_>>().iter(), &policy("me"))
    }

    fn addresses(view: &View) -> Vec<String> {
        view.peers.iter().map(|peer| peer.address.to_string()).collect()
    }

    fn excluded(view: &View) -> Vec<(&str, Reason)> {
        view.excluded.iter().map(|excluded| (&*excluded.pod.name, excluded.reason)).collect()
    }

    #[test]
    fn sorted_by_family_and_number_and_without_duplicates() {
        let pods = [("a", "10.0.0.10"), ("b", "fd00::2"), ("c", "10.0.0.9"), ("d", "10.0.0.9"), ("e", "fd00::10")];
        let view = view(pods.map(|(name, ip)| pod(name, ip)).into_iter().chain([pod("me", "10.0.0.1")]));
        assert_eq!(view.gate, AnswerGate::Open);
        assert_eq!(addresses(&view), ["10.0.0.9:3322", "10.0.0.10:3322", "[fd00::2]:3322", "[fd00::10]:3322"]);
    }

    #[test]
    fn of_pods_at_one_address_the_last_that_started_stays() {
        for order in [["old", "new", "older"], ["new", "older", "old"]] {
            let pods = order.map(|name| {
                let mut pod = pod(name, "10.0.0.2");
                pod.started =
                    ["old", "new", "older"].iter().position(|n| *n == name).map_or("", |i| ["2", "3", "1"][i]).into();
                pod
            });
            let view = view(pods);
            assert_eq!(&*view.peers.get(0).unwrap().pod.name, "new");
            assert_eq!(excluded(&view), [("old", Reason::AddressTaken), ("older", Reason::AddressTaken)]);
        }
    }

    #[test]
    fn the_own_address_is_nobody_elses() {
        let view = view([pod("lost", "10.0.0.1"), pod("below", "10.0.0.0"), pod("me", "10.0.0.1")]);
        assert_eq!((view.peers.len(), &view.gate), (1, &AnswerGate::Open));
        assert_eq!(excluded(&view), [("lost", Reason::AddressTaken), ("me", Reason::IsSelf)]);
    }

    /// What changes without a caller seeing it is no new answer.
    #[test]
    fn answers_are_compared_by_what_they_tell() {
        let before = view([pod("a", "10.0.0.2"), pod("me", "10.0.0.1")]);
        let after = |change: fn(&mut Pod)| {
            let mut changed = pod("a", "10.0.0.2");
            change(&mut changed);
            view([changed, pod("me", "10.0.0.1")])
        };
        assert!(before.answers_as(&after(|p| p.resource_version = "2".into())));
        for change in [
            |p: &mut Pod| p.ready = true,
            |p: &mut Pod| p.uid = "other".into(),
            |p: &mut Pod| p.ports[0].number = 1,
            |p: &mut Pod| p.phase = Phase::Failed,
        ] {
            assert!(!before.answers_as(&after(change)));
        }
        assert!(before.has_addresses_of(&after(|p| p.ready = true)));
        assert!(!before.has_addresses_of(&after(|p| p.phase = Phase::Failed)));
    }

    #[test]
    fn the_gate_opens_when_self_is_seen_and_not_before() {
        let gate = |change: fn(&mut Pod)| {
            let mut own = pod("me", "10.0.0.1");
            change(&mut own);
            let pods = [pod("a", "10.0.0.2"), own].map(Arc::new);
            let identity = Identity::Uid { uid: "uid-me".into(), name: None };
            view_of(pods.iter(), &PeerPolicy { identity, ..policy("me") }).gate
        };
        assert_eq!(gate(|_| ()), AnswerGate::Open);
        assert_eq!(gate(|p| p.terminating = true), AnswerGate::Open);
        assert_eq!(gate(|p| p.uid = "other".into()), AnswerGate::SelfAbsent);
        assert_eq!(gate(|p| p.phase = Phase::Pending), AnswerGate::SelfNotYet(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Unknown), AnswerGate::SelfNotYet(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Failed), AnswerGate::SelfExcluded(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Succeeded), AnswerGate::SelfExcluded(Reason::NotRunning));
        assert_eq!(gate(|p| p.ips = [].into()), AnswerGate::SelfNotYet(Reason::NoIp));
        assert_eq!(gate(|p| p.ports = [].into()), AnswerGate::SelfExcluded(Reason::NoDiscoveryPort));
        let mut family = policy("me");
        family.options.family = crate::discovery::policy::Family::Ipv6;
        let own = [Arc::new(pod("me", "10.0.0.1"))];
        assert_eq!(view_of(own.iter(), &family).gate, AnswerGate::SelfExcluded(Reason::NoIpOfFamily));
        let nobody = PeerPolicy { identity: Identity::None, ..policy("me") };
        assert_eq!(view_of([].iter(), &nobody).gate, AnswerGate::Open);
    }

    /// As a StatefulSet makes them.
    #[test]
    fn an_earlier_pod_of_the_own_name_opens_no_gate() {
        let mut earlier = pod("me", "10.0.0.1");
        let mut policy = policy("me");
        let gate = |earlier: &Pod, policy: &PeerPolicy| view_of([Arc::new(earlier.clone())].iter(), policy).gate;
        earlier.terminating = true;
        assert_eq!(gate(&earlier, &policy), AnswerGate::SelfNotYet(Reason::Terminating));
        earlier.phase = Phase::Failed;
        assert_eq!(gate(&earlier, &policy), AnswerGate::SelfNotYet(Reason::NotRunning));
        policy.alive = Some("uid-me".into());
        assert_eq!(gate(&earlier, &policy), AnswerGate::SelfExcluded(Reason::NotRunning));
        earlier.phase = Phase::Running;
        assert_eq!(gate(&earlier, &policy), AnswerGate::Open);
    }
}
