//! Decides whether a pod is a peer, and why not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::discovery::identity::{Identity, SelfMatch};
use crate::discovery::pod::{Phase, Pod};

/// The rules for who is a peer.
#[derive(Clone, Debug)]
pub struct PeerPolicy {
    /// The names of the ports.
    pub ports: Ports,
    /// How the local pod is identified.
    pub identity: Identity,
    /// The options of the configuration.
    pub options: PolicyOptions,
    /// The uid of the local pod, once it was observed alive.
    pub alive: Option<Arc<str>>,
}

/// The ports of a peer.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Ports {
    /// The port of a peer's address.
    pub discovery: PortRule,
    pub peers: Option<PortRule>,
    pub remoting: Option<PortRule>,
}

/// How one port of a pod is found.
#[derive(Clone, Debug)]
pub struct PortRule {
    /// The name of the container port.
    pub name: String,
    /// The number for pods that lack the port.
    pub default: Option<u16>,
}

impl PortRule {
    /// Returns the port number of a pod.
    pub fn of(&self, pod: &Pod) -> Option<u16> {
        pod.port(&self.name).or(self.default)
    }
}

/// The options of the configuration that decide who is a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// `readiness` = "ready": only Ready pods are peers.
    pub only_ready: bool,
    /// `pending` = "include": a Pending pod with an address is a peer, too. Its native sidecars may
    /// already run.
    pub pending_too: bool,
    /// `ip_family`
    pub family: Family,
}

/// Which address of a pod is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// `status.podIP`
    #[default]
    Primary,
    /// The first IPv4 address.
    Ipv4,
    /// The first IPv6 address.
    Ipv6,
}

/// The verdict on a pod. Every pod of the selector has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The pod is a peer at this address.
    Peer(SocketAddr),
    /// The pod is not a peer, for this reason.
    Excluded(Reason),
}

/// Why a pod is not a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is the local pod.
    IsSelf,
    /// It has no discovery port.
    NoDiscoveryPort,
    /// It is not Running. Pods that have ended keep addresses that other pods then get.
    NotRunning,
    /// It has no address yet.
    NoIp,
    /// It has no address of the configured family.
    NoIpOfFamily,
    /// It is not Ready, and only Ready pods are peers.
    NotReady,
    /// It is being deleted.
    Terminating,
    /// The local pod, or one that started later, has the same address and port. A pod of a lost
    /// node stays Running.
    AddressTaken,
    /// The API server sent a field that Kubernetes does not allow, such as a node name of a
    /// megabyte.
    Malformed,
}

impl Reason {
    /// Returns the name that programs see.
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

    /// Returns whether this is certainly the local pod. A pod of its name or address that has
    /// ended, or is about to, may be an earlier one.
    pub fn is_certainly_self(&self, pod: &Pod) -> bool {
        self.identity.is_certain() || self.alive.as_ref() == Some(&pod.uid)
    }

    /// Returns the verdict on a pod that is not the local one, regardless of the other pods.
    pub fn verdict(&self, pod: &Pod) -> Verdict {
        match self.address(pod) {
            Ok(_) if self.options.only_ready && !pod.ready => Verdict::Excluded(Reason::NotReady),
            Ok(address) => Verdict::Peer(address),
            Err(reason) => Verdict::Excluded(reason),
        }
    }

    /// Returns the address and the discovery port of a pod, or `None` if it lacks one of them.
    pub fn socket(&self, pod: &Pod) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.ip(pod).ok()?, self.ports.discovery.of(pod)?))
    }

    /// Returns the address of a pod as if it were not the local one, whether it is Ready or not.
    /// Malformed fields and a missing port are reported before transient reasons.
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
            ports: Ports {
                discovery: port("gossip"),
                peers: Some(port("peers")),
                remoting: Some(port("remoting")),
            },
            identity: Identity::Name(own.into()),
            options: PolicyOptions::default(),
            alive: None,
        }
    }

    #[test]
    fn verdict_names_the_reason_of_each_exclusion() {
        let policy = policy("me");
        assert_eq!(
            policy.verdict(&pod("a", "10.0.0.1")),
            Verdict::Peer("10.0.0.1:3322".parse().unwrap())
        );
        let excluded = |change: fn(&mut Pod)| {
            let mut pod = pod("a", "10.0.0.1");
            change(&mut pod);
            match policy.verdict(&pod) {
                Verdict::Excluded(reason) => reason,
                peer => panic!("{peer:?}"),
            }
        };
        assert_eq!(excluded(|p| p.ports = [].into()), Reason::NoDiscoveryPort);
        assert_eq!(
            excluded(|p| p.ports[0].name = PortName::new("gossip2").unwrap()),
            Reason::NoDiscoveryPort
        );
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
    fn readiness_matters_only_if_configured() {
        let options = PolicyOptions { only_ready: true, ..PolicyOptions::default() };
        assert_eq!(judged(options, |_| ()), Verdict::Excluded(Reason::NotReady));
        assert_eq!(judged(options, |p| p.ready = true), peer("10.0.0.1:3322"));
        assert_eq!(judged(PolicyOptions::default(), |p| p.ready = false), peer("10.0.0.1:3322"));
    }

    #[test]
    fn pending_pod_with_an_address_is_a_peer_if_configured() {
        let options = PolicyOptions { pending_too: true, ..PolicyOptions::default() };
        assert_eq!(judged(options, |p| p.phase = Phase::Pending), peer("10.0.0.1:3322"));
        let without = judged(options, |p| (p.phase, p.ips) = (Phase::Pending, [].into()));
        assert_eq!(without, Verdict::Excluded(Reason::NoIp));
        assert_eq!(
            judged(options, |p| p.phase = Phase::Failed),
            Verdict::Excluded(Reason::NotRunning)
        );
    }

    #[test]
    fn ip_family_selects_the_address() {
        let both =
            |p: &mut Pod| p.ips = ["10.0.0.1", "fd00::1"].map(|ip| ip.parse().unwrap()).into();
        let of = |family| PolicyOptions { family, ..PolicyOptions::default() };
        assert_eq!(judged(of(Family::Primary), both), peer("10.0.0.1:3322"));
        assert_eq!(judged(of(Family::Ipv4), both), peer("10.0.0.1:3322"));
        assert_eq!(judged(of(Family::Ipv6), both), peer("[fd00::1]:3322"));
        assert_eq!(judged(of(Family::Ipv6), |_| ()), Verdict::Excluded(Reason::NoIpOfFamily));
        assert_eq!(
            judged(of(Family::Ipv6), |p| p.ips = [].into()),
            Verdict::Excluded(Reason::NoIp)
        );
    }

    #[test]
    fn default_port_applies_to_pods_that_lack_the_port() {
        let mut policy = policy("me");
        policy.ports.discovery.default = Some(7);
        let mut pod = pod("a", "10.0.0.1");
        assert_eq!(policy.verdict(&pod), peer("10.0.0.1:3322"));
        pod.ports = [].into();
        assert_eq!(policy.verdict(&pod), peer("10.0.0.1:7"));
    }
}
