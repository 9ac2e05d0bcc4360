//! The answer: the peers of one moment, sorted and immutable, and whether self was among the pods.

use std::ffi::CStr;
use std::fmt::Write;
use std::net::SocketAddr;

use crate::identity::Identity;
use crate::pod::{Phase, Pod};
use crate::verdict::{Reason, Rules, Verdict};

/// What the pods of one moment amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Sorted by family, address and port; no duplicates.
    pub addresses: Vec<SocketAddr>,
    /// Whether the addresses may be handed out.
    pub gate: Gate,
}

/// An answer may be given only once the own pod was seen: only then does an empty one mean "alone", and only then is it
/// certain that of two pods at least one sees the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// The own pod is Running and has an address, or there is none to wait for.
    Open,
    /// The own pod is not among the pods.
    SelfAbsent,
    /// The own pod is there, but this is still missing.
    SelfNotYet(Reason),
    /// The own pod can never be a peer.
    SelfExcluded(Reason),
}

impl View {
    /// Judges all pods.
    pub fn of<'a>(pods: impl Iterator<Item = &'a Pod>, rules: &Rules) -> Self {
        let mut addresses = Vec::new();
        let mut own_address = None;
        let mut gate = if rules.identity == Identity::None { Gate::Open } else { Gate::SelfAbsent };
        for pod in pods {
            match rules.verdict(pod) {
                Verdict::Peer(address) => addresses.push(address),
                Verdict::LeftOut(Reason::IsSelf) => {
                    gate = own_gate(pod, rules);
                    own_address = rules.socket(pod);
                }
                Verdict::LeftOut(_) => {}
            }
        }
        // A pod of a lost node stays Running, while its address is given to another pod: this one.
        addresses.retain(|address| Some(*address) != own_address);
        addresses.sort_unstable();
        addresses.dedup();
        Self { addresses, gate }
    }
}

fn own_gate(own: &Pod, rules: &Rules) -> Gate {
    match rules.address(own) {
        // A pod that shuts down may ask for its peers until the end.
        Ok(_) | Err(Reason::Terminating) => Gate::Open,
        Err(reason @ (Reason::NoDiscoveryPort | Reason::NoIpOfFamily)) => Gate::SelfExcluded(reason),
        Err(reason) if matches!(own.phase, Phase::Succeeded | Phase::Failed) => Gate::SelfExcluded(reason),
        Err(reason) => Gate::SelfNotYet(reason),
    }
}

/// A view with its place in the order of views, and its addresses as text.
#[derive(Debug)]
pub struct Snapshot {
    generation: u64,
    view: View,
    /// All addresses one after the other, each ended by NUL: one allocation instead of one a peer.
    text: String,
    /// Where each address ends in `text`.
    ends: Vec<usize>,
}

impl Snapshot {
    /// Numbers a view and renders its addresses.
    pub fn new(generation: u64, view: View) -> Self {
        let mut text = String::new();
        let mut ends = Vec::with_capacity(view.addresses.len());
        for address in &view.addresses {
            write!(text, "{address}\0").expect("a String takes every text");
            ends.push(text.len());
        }
        Self { generation, view, text, ends }
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
        self.ends.len()
    }

    /// Whether there is no peer.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// `ip:port`, IPv6 in brackets.
    pub fn address(&self, index: usize) -> Option<&CStr> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        CStr::from_bytes_with_nul(&self.text.as_bytes()[start..end]).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::tests::{pod, rules};

    fn texts(view: View) -> Vec<String> {
        let snapshot = Snapshot::new(1, view);
        assert_eq!(snapshot.address(snapshot.len()), None);
        (0..snapshot.len()).map(|i| snapshot.address(i).unwrap().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn sorted_by_family_and_number_and_without_duplicates() {
        let pods = [
            pod("a", "10.0.0.10"),
            pod("b", "fd00::2"),
            pod("c", "10.0.0.9"),
            pod("d", "10.0.0.9"),
            pod("e", "fd00::10"),
            pod("me", "10.0.0.1"),
        ];
        let view = View::of(pods.iter(), &rules("me"));
        assert_eq!(view.gate, Gate::Open);
        assert_eq!(texts(view), ["10.0.0.9:3322", "10.0.0.10:3322", "[fd00::2]:3322", "[fd00::10]:3322"]);
    }

    #[test]
    fn the_own_address_is_nobody_elses() {
        let view = View::of([pod("lost", "10.0.0.1"), pod("me", "10.0.0.1")].iter(), &rules("me"));
        assert_eq!((view.addresses, view.gate), (vec![], Gate::Open));
    }

    #[test]
    fn the_gate_opens_when_self_is_seen_and_not_before() {
        let gate = |change: fn(&mut Pod)| {
            let mut own = pod("me", "10.0.0.1");
            change(&mut own);
            View::of([pod("a", "10.0.0.2"), own].iter(), &rules("me")).gate
        };
        assert_eq!(gate(|_| ()), Gate::Open);
        assert_eq!(gate(|p| p.terminating = true), Gate::Open);
        assert_eq!(gate(|p| p.name = "other".into()), Gate::SelfAbsent);
        assert_eq!(gate(|p| p.phase = Phase::Pending), Gate::SelfNotYet(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Unknown), Gate::SelfNotYet(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Failed), Gate::SelfExcluded(Reason::NotRunning));
        assert_eq!(gate(|p| p.phase = Phase::Succeeded), Gate::SelfExcluded(Reason::NotRunning));
        assert_eq!(gate(|p| p.ips.clear()), Gate::SelfNotYet(Reason::NoIp));
        assert_eq!(gate(|p| p.ports.clear()), Gate::SelfExcluded(Reason::NoDiscoveryPort));
        let nobody = Rules { identity: Identity::None, ..rules("me") };
        assert_eq!(View::of([].iter(), &nobody).gate, Gate::Open);
    }
}
