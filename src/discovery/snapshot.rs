//! The peers at one moment, sorted and immutable, and whether they may be returned to callers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::discovery::chunked_list::{Cache, ChunkedList, Keyed};
use crate::discovery::pod::Pod;
use crate::discovery::policy::{PeerPolicy, PortRule, Reason};

/// The peers and the excluded pods of one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// The peers, sorted by family, address and port.
    pub peers: ChunkedList<Peer, Cache>,
    /// The local pod, if the gate is open and the process is a member.
    pub self_peer: Option<Peer>,
    /// Whether the peers may be returned.
    pub gate: AnswerGate,
    /// The pods that are not peers.
    pub excluded: ChunkedList<ExcludedPod>,
}

/// A pod that is not a peer.
#[derive(Clone, Debug)]
pub struct ExcludedPod {
    /// The pod.
    pub pod: Arc<Pod>,
    /// Why it is not a peer.
    pub reason: Reason,
}

impl Keyed for ExcludedPod {
    type Key = str;
    fn key(&self) -> &str {
        &self.pod.uid
    }
}

/// A peer.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The pod.
    pub pod: Arc<Pod>,
    /// The address and the discovery port.
    pub address: SocketAddr,
    /// The port `peers_port_name`, or 0 if it has none.
    pub peers_port: u16,
    /// The port `remoting_port_name`, or 0 if it has none.
    pub remoting_port: u16,
}

/// Whether the peers may be returned. They may only if the local pod is among the pods: only then
/// does an empty list mean "alone", and only then does at least one of two pods have the other in
/// its list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerGate {
    /// The local pod is Running and has an address, or the process runs in none of the pods.
    Open,
    /// The local pod is not among the pods.
    SelfAbsent,
    /// The local pod is among the pods, but not a peer yet, for this reason.
    SelfNotYet(Reason),
    /// The local pod can never be a peer, for this reason.
    SelfExcluded(Reason),
    /// The local pod exists, but lacks the labels of the peers. These are its labels.
    SelfUnselected(BTreeMap<String, String>),
    /// Several pods match this process.
    SelfUnclear,
}

impl Keyed for Peer {
    type Key = SocketAddr;
    fn key(&self) -> &SocketAddr {
        &self.address
    }
}

impl Peer {
    /// Creates a peer with the ports that the policy names.
    pub fn new(pod: Arc<Pod>, address: SocketAddr, policy: &PeerPolicy) -> Self {
        let number =
            |rule: &Option<PortRule>| rule.as_ref().and_then(|rule| rule.of(&pod)).unwrap_or(0);
        let (peers_port, remoting_port) =
            (number(&policy.ports.peers), number(&policy.ports.remoting));
        Self { pod, address, peers_port, remoting_port }
    }

    /// Returns whether all accessors return the same for both.
    fn is_same_record_as(&self, other: &Self) -> bool {
        let ports = |peer: &Self| (peer.address, peer.peers_port, peer.remoting_port);
        ports(self) == ports(other)
            && (Arc::ptr_eq(&self.pod, &other.pod) || record(&self.pod) == record(&other.pod))
    }
}

fn record(pod: &Pod) -> (&str, &str, &str, &str, bool) {
    (&pod.name, &pod.uid, &pod.node_name, &pod.revision, pod.ready)
}

impl View {
    /// Returns whether callers would get the same answer, including the record of the local pod.
    pub fn answers_as(&self, other: &Self) -> bool {
        let same_self = match (&self.self_peer, &other.self_peer) {
            (Some(one), Some(other)) => one.is_same_record_as(other),
            (one, other) => one.is_none() && other.is_none(),
        };
        self.gate == other.gate
            && same_self
            && self.peers.agrees(&other.peers, Peer::is_same_record_as)
    }

    /// Returns whether callers would get the same addresses.
    pub fn has_addresses_of(&self, other: &Self) -> bool {
        self.peers.agrees(&other.peers, |a, b| a.address == b.address)
    }
}

impl AnswerGate {
    /// Returns the name that programs see.
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

    /// Returns the gate that follows from the state of the local pod.
    pub fn of(own: &Pod, policy: &PeerPolicy) -> Self {
        match policy.address(own) {
            Ok(_) => Self::Open,
            // A pod that shuts down may discover its peers until the end.
            Err(Reason::Terminating) if policy.is_certainly_self(own) => Self::Open,
            Err(reason @ (Reason::NoDiscoveryPort | Reason::NoIpOfFamily | Reason::Malformed)) => {
                Self::SelfExcluded(reason)
            }
            Err(reason) if own.phase.is_over() && policy.is_certainly_self(own) => {
                Self::SelfExcluded(reason)
            }
            Err(reason) => Self::SelfNotYet(reason),
        }
    }
}

/// A view with its generation.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    view: Arc<View>,
}

impl Snapshot {
    /// Creates a snapshot of a view.
    pub fn new(generation: u64, view: Arc<View>) -> Self {
        Self { generation, view }
    }

    /// Returns a snapshot of the local pod alone, which is empty for an observer.
    pub fn of_self(&self) -> Self {
        let mut view = View {
            peers: Default::default(),
            excluded: Default::default(),
            ..(*self.view).clone()
        };
        if let Some(peer) = &view.self_peer {
            view.peers.insert(peer.clone());
        }
        Self::new(self.generation, Arc::new(view))
    }

    /// Returns the generation, which starts at 1 and grows with every change.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the view.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Returns the number of peers.
    pub fn len(&self) -> usize {
        self.view.peers.len()
    }

    /// Returns whether there are no peers.
    pub fn is_empty(&self) -> bool {
        self.view.peers.is_empty()
    }

    /// Returns a peer by its index in the order of the addresses.
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
    fn of_self_has_only_the_local_pod() {
        let all = Snapshot::new(7, view([pod("a", "10.0.0.1"), pod("me", "10.0.0.2")]).into());
        let this = all.of_self();
        assert_eq!(
            (this.generation(), addresses(this.view())),
            (7, vec!["10.0.0.2:3322".to_owned()])
        );
        assert_eq!(&*this.peer(0).unwrap().pod.name, "me");
        let observer = PeerPolicy { identity: Identity::None, ..policy("") };
        let none =
            Snapshot::new(1, view_of([Arc::new(pod("a", "10.0.0.1"))].iter(), &observer).into())
                .of_self();
        assert!(none.is_empty());
    }

    #[test]
    fn change_of_the_local_pods_record_is_another_answer() {
        let before = view([pod("me", "10.0.0.2")]);
        let ready = view([Pod { ready: true, ..pod("me", "10.0.0.2") }]);
        assert!(before.answers_as(&before.clone()) && !before.answers_as(&ready));
        // No accessor shows that it is terminating.
        let mut terminating = before.clone();
        terminating.self_peer.as_mut().unwrap().pod =
            Arc::new(Pod { terminating: true, ..pod("me", "10.0.0.2") });
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
    fn peers_are_sorted_by_family_and_number_without_duplicates() {
        let pods = [
            ("a", "10.0.0.10"),
            ("b", "fd00::2"),
            ("c", "10.0.0.9"),
            ("d", "10.0.0.9"),
            ("e", "fd00::10"),
        ];
        let view =
            view(pods.map(|(name, ip)| pod(name, ip)).into_iter().chain([pod("me", "10.0.0.1")]));
        assert_eq!(view.gate, AnswerGate::Open);
        assert_eq!(
            addresses(&view),
            ["10.0.0.9:3322", "10.0.0.10:3322", "[fd00::2]:3322", "[fd00::10]:3322"]
        );
    }

    #[test]
    fn last_started_of_several_pods_at_one_address_is_the_peer() {
        for order in [["old", "new", "older"], ["new", "older", "old"]] {
            let pods = order.map(|name| {
                let mut pod = pod(name, "10.0.0.2");
                pod.started = ["old", "new", "older"]
                    .iter()
                    .position(|n| *n == name)
                    .map_or("", |i| ["2", "3", "1"][i])
                    .into();
                pod
            });
            let view = view(pods);
            assert_eq!(&*view.peers.get(0).unwrap().pod.name, "new");
            assert_eq!(
                excluded(&view),
                [("old", Reason::AddressTaken), ("older", Reason::AddressTaken)]
            );
        }
    }

    #[test]
    fn address_of_the_local_pod_is_taken() {
        let view = view([pod("lost", "10.0.0.1"), pod("below", "10.0.0.0"), pod("me", "10.0.0.1")]);
        assert_eq!((view.peers.len(), &view.gate), (1, &AnswerGate::Open));
        assert_eq!(excluded(&view), [("lost", Reason::AddressTaken), ("me", Reason::IsSelf)]);
    }

    #[test]
    fn answers_as_ignores_changes_that_callers_cannot_see() {
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
    fn gate_opens_only_for_a_running_local_pod() {
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
        assert_eq!(
            gate(|p| p.phase = Phase::Succeeded),
            AnswerGate::SelfExcluded(Reason::NotRunning)
        );
        assert_eq!(gate(|p| p.ips = [].into()), AnswerGate::SelfNotYet(Reason::NoIp));
        assert_eq!(
            gate(|p| p.ports = [].into()),
            AnswerGate::SelfExcluded(Reason::NoDiscoveryPort)
        );
        let mut family = policy("me");
        family.options.family = crate::discovery::policy::Family::Ipv6;
        let own = [Arc::new(pod("me", "10.0.0.1"))];
        assert_eq!(
            view_of(own.iter(), &family).gate,
            AnswerGate::SelfExcluded(Reason::NoIpOfFamily)
        );
        let observer = PeerPolicy { identity: Identity::None, ..policy("me") };
        assert_eq!(view_of([].iter(), &observer).gate, AnswerGate::Open);
    }

    /// A StatefulSet makes such pods.
    #[test]
    fn earlier_pod_of_the_same_name_does_not_open_the_gate() {
        let mut earlier = pod("me", "10.0.0.1");
        let mut policy = policy("me");
        let gate = |earlier: &Pod, policy: &PeerPolicy| {
            view_of([Arc::new(earlier.clone())].iter(), policy).gate
        };
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
