//! Is this pod a peer, and if not, why not?

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::discovery::identity::{Identity, SelfMatch};
use crate::discovery::pod::{Phase, Pod};

/// What decides who is a peer.
#[derive(Clone, Debug)]
pub struct PeerPolicy {
    /// Where the ports are found.
    pub ports: Ports,
    /// Who is self.
    pub identity: Identity,
    /// What the configuration leaves to choose.
    pub options: PolicyOptions,
    /// The uid of this pod, once it was observed alive.
    pub alive: Option<Arc<str>>,
}

/// Where a peer's ports are found.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Ports {
    /// The one that answers are made of.
    pub discovery: PortRule,
    pub peers: Option<PortRule>,
    pub remoting: Option<PortRule>,
}

/// Where one port is found.
#[derive(Clone, Debug)]
pub struct PortRule {
    /// The name of a container's port.
    pub name: String,
    /// For pods without a port of the name.
    pub default: Option<u16>,
}

impl PortRule {
    /// The number that a pod has there.
    pub fn of(&self, pod: &Pod) -> Option<u16> {
        pod.port(&self.name).or(self.default)
    }
}

/// What the configuration leaves to choose about who is a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// `readiness` = "ready": only ready pods are peers.
    pub only_ready: bool,
    /// `pending` = "include": a Pending pod with an address counts, as one whose native sidecars run already.
    pub pending_too: bool,
    /// `ip_family`
    pub family: Family,
}

/// Which of a pod's addresses counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// `status.podIP`
    #[default]
    Primary,
    /// The first IPv4 one.
    Ipv4,
    /// The first IPv6 one.
    Ipv6,
}

/// Every pod of the selector gets exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A peer, at this address.
    Peer(SocketAddr),
    /// Not a peer, for this reason.
    Excluded(Reason),
}

/// Why a pod is not a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The process's own pod.
    IsSelf,
    /// No container port has the discovery port's name.
    NoDiscoveryPort,
    /// Not Running. Pods that ended keep addresses which other pods then get.
    NotRunning,
    /// Running, but without an address yet.
    NoIp,
    /// None of its addresses is of the family that is asked for.
    NoIpOfFamily,
    /// Not ready, where only ready pods are asked for.
    NotReady,
    /// Being deleted.
    Terminating,
    /// This pod, or one that started later, has the same address and port. A pod of a lost node stays Running.
    AddressTaken,
    /// The API server sent a field that Kubernetes does not allow, such as a node name of a megabyte.
    Malformed,
}

impl Reason {
    /// The name that programs see.
    pub fn name(self) -> &'static str {
        match self {
            Self::IsSelf => "self",
            Self::NoDiscoveryPort => "no-discovery-port",
            Self::NotRunning => "not-running",
            Self::NoIp => "no-ip",
            Self::NoIpOfFamily => "no-ip-of-family",
            Self::NotReady => "not-ready",
            Self::Terminating => "terminating",
            Self::AddressTaken => "address-taken",
            Self::Malformed => "malformed",
        }
    }
}

impl PeerPolicy {
    /// Finds the local pod among the pods.
    pub fn find_self<'a>(&self, pods: impl Iterator<Item = &'a Arc<Pod>> + Clone) -> SelfMatch<'a> {
        self.identity.among(pods, |pod| self.ports.discovery.of(pod))
    }

    /// Returns whether this is certainly the local pod. A pod of its name or address that has ended, or is about to, may be an
    /// earlier one.
    pub fn is_certainly_self(&self, pod: &Pod) -> bool {
        self.identity.is_certain() || self.alive.as_ref() == Some(&pod.uid)
    }

    /// The verdict on a pod that is not self, regardless of the other pods.
    pub fn verdict(&self, pod: &Pod) -> Verdict {
        match self.address(pod) {
            Ok(_) if self.options.only_ready && !pod.ready => Verdict::Excluded(Reason::NotReady),
            Ok(address) => Verdict::Peer(address),
            Err(reason) => Verdict::Excluded(reason),
        }
    }

    /// The pod's address and discovery port, as far as it has them.
    pub fn socket(&self, pod: &Pod) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.ip(pod).ok()?, self.ports.discovery.of(pod)?))
    }

    /// Returns the address of a pod as if it were not self, whether ready or not. A malformed pod and a missing
    /// port are reported before reasons that may pass.
    pub fn address(&self, pod: &Pod) -> Result<SocketAddr, Reason> {
        if pod.malformed {
            return Err(Reason::Malformed);
        }
        let port = self.ports.discovery.of(pod).ok_or(Reason::NoDiscoveryPort)?;
        let pending = pod.phase == Phase::Pending && self.options.pending_too;
        if pod.phase != Phase::Running && !pending {
            return Err(Reason::NotRunning);
        }
        let ip = self.ip(pod)?;
        if pod.terminating {
            return Err(Reason::Terminating);
        }
        Ok(SocketAddr::new(ip, port))
    }

    fn ip(&self, pod: &Pod) -> Result<IpAddr, Reason> {
        let of_family = |ip: &&IpAddr| match self.options.family {
            Family::Primary => true,
            Family::Ipv4 => ip.is_ipv4(),
            Family::Ipv6 => ip.is_ipv6(),
        };
        let none = if pod.ips.is_empty() { Reason::NoIp } else { Reason::NoIpOfFamily };
        pod.ips.iter().find(of_family).copied().ok_or(none)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::discovery::pod::{Port, PortName};

    pub(crate) fn pod(name: &str, ip: &str) -> Pod {
        Pod {
            name: name.into(),
            uid: format!("uid-{name}").into(),
            resource_version: "1".into(),
            revision: "r1".into(),
            node_name: "node-1".into(),
            started: "2026-01-01T00:00:00Z".into(),
            terminating: false,
            phase: Phase::Running,
            ready: false,
            ips: ip.parse().into_iter().collect(),
            ports: [Port { name: PortName::new("gossip").unwrap(), number: 3322 }].into(),
            malformed: false,
        }
    }

    pub(crate) fn port(name: &str) -> PortRule {
        PortRule { name: name.into(), default: None }
    }

    pub(crate) fn policy(own: &str) -> PeerPolicy {
        PeerPolicy {
            ports: Ports { discovery: port("gossip"), peers: Some(port("peers")), remoting: Some(port("remoting")) },
            identity: Identity::Name(own.into()),
            options: PolicyOptions::default(),
            alive: None,
        }
    }

    #[test]
    fn one_verdict_for_each() {
        let policy = policy("me");
        assert_eq!(policy.verdict(&pod("a", "10.0.0.1")), Verdict::Peer("10.0.0.1:3322".parse().unwrap()));
        let excluded = |change: fn(&mut Pod)| {
            let mut pod = pod("a", "10.0.0.1");
            change(&mut pod);
            match policy.verdict(&pod) {
                Verdict::Excluded(reason) => reason,
                peer => panic!("{peer:?}"),
            }
        };
        assert_eq!(excluded(|p| p.ports = [].into()), Reason::NoDiscoveryPort);
        assert_eq!(excluded(|p| p.ports[0].name = PortName::new("gossip2").unwrap()), Reason::NoDiscoveryPort);
        assert_eq!(excluded(|p| p.ips = [].into()), Reason::NoIp);
        assert_eq!(excluded(|p| p.malformed = true), Reason::Malformed);
        assert_eq!(excluded(|p| (p.malformed, p.ports) = (true, [].into())), Reason::Malformed);
        assert_eq!(excluded(|p| p.terminating = true), Reason::Terminating);
        for phase in [Phase::Pending, Phase::Succeeded, Phase::Failed, Phase::Unknown] {
            let mut pod = pod("a", "10.0.0.1");
            pod.phase = phase;
            assert_eq!(policy.verdict(&pod), Verdict::Excluded(Reason::NotRunning));
        }
    }

    fn judged(options: PolicyOptions, change: impl FnOnce(&mut Pod)) -> Verdict {
        let mut pod = pod("a", "10.0.0.1");
        change(&mut pod);
        PeerPolicy { options, ..policy("me") }.verdict(&pod)
    }

    fn peer(address: &str) -> Verdict {
        Verdict::Peer(address.parse().unwrap())
    }

    #[test]
    fn readiness_counts_only_where_asked_for() {
        let options = PolicyOptions { only_ready: true, ..PolicyOptions::default() };
        assert_eq!(judged(options, |_| ()), Verdict::Excluded(Reason::NotReady));
        assert_eq!(judged(options, |p| p.ready = true), peer("10.0.0.1:3322"));
        assert_eq!(judged(PolicyOptions::default(), |p| p.ready = false), peer("10.0.0.1:3322"));
    }

    #[test]
    fn a_pending_pod_with_an_address_counts_where_asked_for() {
        let options = PolicyOptions { pending_too: true, ..PolicyOptions::default() };
        assert_eq!(judged(options, |p| p.phase = Phase::Pending), peer("10.0.0.1:3322"));
        let without = judged(options, |p| (p.phase, p.ips) = (Phase::Pending, [].into()));
        assert_eq!(without, Verdict::Excluded(Reason::NoIp));
        assert_eq!(judged(options, |p| p.phase = Phase::Failed), Verdict::Excluded(Reason::NotRunning));
    }

    #[test]
    fn the_family_chooses_among_the_addresses() {
        let both = |p: &mut Pod| p.ips = ["10.0.0.1", "fd00::1"].map(|ip| ip.parse().unwrap()).into();
        let of = |family| PolicyOptions { family, ..PolicyOptions::default() };
        assert_eq!(judged(of(Family::Primary), both), peer("10.0.0.1:3322"));
        assert_eq!(judged(of(Family::Ipv4), both), peer("10.0.0.1:3322"));
        assert_eq!(judged(of(Family::Ipv6), both), peer("[fd00::1]:3322"));
        assert_eq!(judged(of(Family::Ipv6), |_| ()), Verdict::Excluded(Reason::NoIpOfFamily));
        assert_eq!(judged(of(Family::Ipv6), |p| p.ips = [].into()), Verdict::Excluded(Reason::NoIp));
    }

    #[test]
    fn the_default_port_is_for_pods_without_the_name() {
        let mut policy = policy("me");
        policy.ports.discovery.default = Some(7);
        let mut pod = pod("a", "10.0.0.1");
        assert_eq!(policy.verdict(&pod), peer("10.0.0.1:3322"));
        pod.ports = [].into();
        assert_eq!(policy.verdict(&pod), peer("10.0.0.1:7"));
    }
}
