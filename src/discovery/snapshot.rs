//! The answer: the peers of one moment, sorted and immutable, and whether self was among the pods.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fmt::{Display, Write};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use crate::discovery::chunked_list::{Block, Keyed, Sorted};
use crate::discovery::pod::Pod;
use crate::discovery::pod_index::Census;
use crate::discovery::policy::{PortRule, Reason, Rules};

/// What the pods of one moment amount to. Each pod is a peer or left out.
#[derive(Clone, Debug)]
pub struct View {
    /// By family, address and port.
    pub peers: Sorted<Peer, Rendered>,
    /// This pod, if the gate is open and the process is one of the members.
    pub self_peer: Option<Peer>,
    /// Whether the peers may be handed out.
    pub gate: Gate,
    /// The other pods, and why.
    pub left_out: Sorted<LeftOut>,
}

/// A pod that is no peer.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// The pod.
    pub pod: Arc<Pod>,
    /// Why it is none.
    pub reason: Reason,
}

impl Keyed for LeftOut {
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
pub enum Gate {
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
    pub fn new(pod: Arc<Pod>, address: SocketAddr, rules: &Rules) -> Self {
        let number = |rule: &Option<PortRule>| rule.as_ref().and_then(|rule| rule.of(&pod)).unwrap_or(0);
        let (peers_port, remoting_port) = (number(&rules.ports.peers), number(&rules.ports.remoting));
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
    /// Judges all pods.
    pub fn of<'a>(pods: impl Iterator<Item = &'a Arc<Pod>>, rules: &Rules) -> Self {
        let mut census = Census::new(rules.clone());
        census.replace(pods);
        census.view().clone()
    }

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

impl Gate {
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
    pub fn of(own: &Pod, rules: &Rules) -> Self {
        match rules.address(own) {
            Ok(_) => Self::Open,
            // A pod that shuts down may ask for its peers until the end.
            Err(Reason::Terminating) if rules.is_own(own) => Self::Open,
            Err(reason @ (Reason::NoDiscoveryPort | Reason::NoIpOfFamily | Reason::Malformed)) => {
                Self::SelfExcluded(reason)
            }
            Err(reason) if own.phase.is_over() && rules.is_own(own) => Self::SelfExcluded(reason),
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

/// The texts of some peers, made when they are first asked for.
#[derive(Debug, Default)]
pub struct Rendered {
    addresses: OnceLock<Texts>,
    /// Apart from the addresses, as most callers want only those.
    records: OnceLock<Texts>,
}

impl Block<Peer, Rendered> {
    fn addresses(&self) -> &Texts {
        self.made.addresses.get_or_init(|| Texts::of(self.items.iter().map(|peer| peer.address)))
    }
}

/// A text of a peer besides its address.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Field {
    Host,
    Name,
    Uid,
    NodeName,
    Revision,
}

const FIELDS: [Field; 5] = [Field::Host, Field::Name, Field::Uid, Field::NodeName, Field::Revision];

impl Snapshot {
    /// Numbers a view.
    pub fn new(generation: u64, view: Arc<View>) -> Self {
        Self { generation, view }
    }

    /// Returns a list of this pod alone; an empty one for an observer.
    pub fn of_self(&self) -> Self {
        let mut view = View { peers: Default::default(), left_out: Default::default(), ..(*self.view).clone() };
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

    /// `ip:port`, IPv6 in brackets.
    pub fn address(&self, index: usize) -> Option<&CStr> {
        let (block, at) = self.view.peers.at(index)?;
        block.addresses().get(at)
    }

    /// All addresses, one after the other, each ended by NUL: in pieces.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        self.view.peers.blocks().map(|block| &*block.addresses().text)
    }

    /// A peer, in the order of the addresses.
    pub fn peer(&self, index: usize) -> Option<&Peer> {
        self.view.peers.get(index)
    }

    /// A text of a peer.
    pub fn text(&self, index: usize, field: Field) -> Option<&CStr> {
        let (block, at) = self.view.peers.at(index)?;
        let all = || block.items.iter().flat_map(|peer| FIELDS.map(|field| field.of(peer)));
        block.made.records.get_or_init(|| Texts::of(all())).get(at * FIELDS.len() + field as usize)
    }
}

impl Field {
    fn of(self, peer: &Peer) -> Box<dyn Display + '_> {
        match self {
            Self::Host => Box::new(peer.address.ip()),
            Self::Name => Box::new(&peer.pod.name),
            Self::Uid => Box::new(&peer.pod.uid),
            Self::NodeName => Box::new(&peer.pod.node_name),
            Self::Revision => Box::new(&peer.pod.revision),
        }
    }
}

/// Texts one after the other, each ended by NUL: one allocation instead of one a text, and C reads them where they are.
#[derive(Debug)]
struct Texts {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Texts {
    fn of(texts: impl Iterator<Item = impl Display>) -> Self {
        let mut all = Self { text: String::new(), ends: Vec::with_capacity(texts.size_hint().0) };
        for text in texts {
            write!(all.text, "{text}\0").expect("a String takes every text");
            all.ends.push(all.text.len());
        }
        all
    }

    fn get(&self, index: usize) -> Option<&CStr> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        CStr::from_bytes_until_nul(&self.text.as_bytes()[start..end]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::identity::Identity;
    use crate::discovery::pod::{Phase, Port, PortName};
    use crate::discovery::policy::tests::{pod, rules};

    #[test]
    fn of_self_is_this_pods_record_alone() {
        let all = Snapshot::new(7, view([pod("a", "10.0.0.1"), pod("me", "10.0.0.2")]).into());
        let this = all.of_self();
        assert_eq!((this.generation(), this.len(), this.address(0)), (7, 1, Some(c"10.0.0.2:3322")));
        assert_eq!(this.text(0, Field::Name), Some(c"me"));
        let observer = Rules { identity: Identity::None, ..rules("") };
        let none = Snapshot::new(1, View::of([Arc::new(pod("a", "10.0.0.1"))].iter(), &observer).into()).of_self();
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
        View::of(pods.into_iter().map(Arc::new).collect::<Vec<_>>().iter(), &rules("me"))
    }

    fn texts(view: View) -> Vec<String> {
        let snapshot = Snapshot::new(1, view.into());
        assert_eq!(snapshot.address(snapshot.len()), None);
        (0..snapshot.len()).map(|i| snapshot.address(i).unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn left_out(view: &View) -> Vec<(&str, Reason)> {
        view.left_out.iter().map(|left_out| (&*left_out.pod.name, left_out.reason)).collect()
    }

    #[test]
    fn sorted_by_family_and_number_and_without_duplicates() {
        let pods = [("a", "10.0.0.10"), ("b", "fd00::2"), ("c", "10.0.0.9"), ("d", "10.0.0.9"), ("e", "fd00::10")];
        let view = view(pods.map(|(name, ip)| pod(name, ip)).into_iter().chain([pod("me", "10.0.0.1")]));
        assert_eq!(view.gate, Gate::Open);
        assert_eq!(texts(view), ["10.0.0.9:3322", "10.0.0.10:3322", "[fd00::2]:3322", "[fd00::10]:3322"]);
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
            assert_eq!(left_out(&view), [("old", Reason::AddressTaken), ("older", Reason::AddressTaken)]);
        }
    }

    #[test]
    fn the_own_address_is_nobody_elses() {
        let view = view([pod("lost", "10.0.0.1"), pod("below", "10.0.0.0"), pod("me", "10.0.0.1")]);
        assert_eq!((view.peers.len(), &view.gate), (1, &Gate::Open));
        assert_eq!(left_out(&view), [("lost", Reason::AddressTaken), ("me", Reason::IsSelf)]);
    }

    #[test]
    fn a_record_tells_all_of_a_peer() {
        let mut full = pod("a", "fd00::7");
        full.ready = true;
        let port = |name: &str, number| Port { name: PortName::new(name).unwrap(), number };
        full.ports = [port("gossip", 1), port("peers", 2), port("remoting", 3)].into();
        let snapshot = Snapshot::new(1, view([full, pod("b", "10.0.0.2"), pod("me", "10.0.0.1")]).into());
        let text = |index, field| snapshot.text(index, field).map(|text| text.to_str().unwrap());
        assert_eq!(FIELDS.map(|field| text(1, field).unwrap()), ["fd00::7", "a", "uid-a", "node-1", "r1"]);
        assert_eq!(text(0, Field::Name), Some("b"));
        assert_eq!(text(2, Field::Name), None);
        let peers = [0, 1].map(|i| snapshot.peer(i).unwrap());
        assert_eq!(peers.map(|p| (p.address.port(), p.peers_port, p.remoting_port)), [(3322, 0, 0), (1, 2, 3)]);
        assert_eq!(peers.map(|p| p.pod.ready), [false, true]);
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
            View::of(pods.iter(), &Rules { identity, ..rules("me") }).gate
        };
        assert_eq!(gate(|_| ()), Gate::Open);
        assert_eq!(gate(|p| p.terminating = true), Gate::Open);
        assert_eq!(gate(|p| p.uid = "other".into()), Gate::SelfAbsent);
        assert_eq!(gate(|p| p.phase = Phase::Pending), Gate::SelfNotYet(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Unknown), Gate::SelfNotYet(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Failed), Gate::SelfExcluded(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Succeeded), Gate::SelfExcluded(Reason::NotRunning));
        assert_eq!(gate(|p| p.ips = [].into()), Gate::SelfNotYet(Reason::NoIp));
        assert_eq!(gate(|p| p.ports = [].into()), Gate::SelfExcluded(Reason::NoDiscoveryPort));
        let mut family = rules("me");
        family.choices.family = crate::discovery::policy::Family::Ipv6;
        let own = [Arc::new(pod("me", "10.0.0.1"))];
        assert_eq!(View::of(own.iter(), &family).gate, Gate::SelfExcluded(Reason::NoIpOfFamily));
        let nobody = Rules { identity: Identity::None, ..rules("me") };
        assert_eq!(View::of([].iter(), &nobody).gate, Gate::Open);
    }

    /// As a StatefulSet makes them.
    #[test]
    fn an_earlier_pod_of_the_own_name_opens_no_gate() {
        let mut earlier = pod("me", "10.0.0.1");
        let mut rules = rules("me");
        let gate = |earlier: &Pod, rules: &Rules| View::of([Arc::new(earlier.clone())].iter(), rules).gate;
        earlier.terminating = true;
        assert_eq!(gate(&earlier, &rules), Gate::SelfNotYet(Reason::Terminating));
        earlier.phase = Phase::Failed;
        assert_eq!(gate(&earlier, &rules), Gate::SelfNotYet(Reason::NotRunning));
        rules.alive = Some("uid-me".into());
        assert_eq!(gate(&earlier, &rules), Gate::SelfExcluded(Reason::NotRunning));
        earlier.phase = Phase::Running;
        assert_eq!(gate(&earlier, &rules), Gate::Open);
    }
}
