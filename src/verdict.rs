//! Is this pod a peer, and if not, why not?

use std::net::SocketAddr;

use crate::identity::Identity;
use crate::pod::{Phase, Pod};

/// What decides who is a peer.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The port that answers are made of.
    pub discovery_port_name: String,
    /// Who is self.
    pub identity: Identity,
}

/// Every pod of the selector gets exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A peer, at this address.
    Peer(SocketAddr),
    /// Not a peer, for this reason.
    LeftOut(Reason),
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
    /// Being deleted.
    Terminating,
}

impl Rules {
    /// The verdict on one pod.
    pub fn verdict(&self, pod: &Pod) -> Verdict {
        if self.identity.is(pod) {
            return Verdict::LeftOut(Reason::IsSelf);
        }
        self.address(pod).map_or_else(Verdict::LeftOut, Verdict::Peer)
    }

    /// The pod's address and discovery port, as far as it has them.
    pub fn socket(&self, pod: &Pod) -> Option<SocketAddr> {
        Some(SocketAddr::new(pod.ip?, pod.port(&self.discovery_port_name)?))
    }

    /// Where a pod would be found if it were not self. What is wrong for good comes before what may pass.
    pub fn address(&self, pod: &Pod) -> Result<SocketAddr, Reason> {
        let port = pod.port(&self.discovery_port_name).ok_or(Reason::NoDiscoveryPort)?;
        if pod.phase != Phase::Running {
            return Err(Reason::NotRunning);
        }
        let ip = pod.ip.ok_or(Reason::NoIp)?;
        if pod.terminating {
            return Err(Reason::Terminating);
        }
        Ok(SocketAddr::new(ip, port))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::pod::Port;

    pub(crate) fn pod(name: &str, ip: &str) -> Pod {
        Pod {
            name: name.into(),
            uid: format!("uid-{name}"),
            resource_version: "1".into(),
            terminating: false,
            phase: Phase::Running,
            ip: ip.parse().ok(),
            ports: vec![Port { name: "gossip".into(), number: 3322 }],
        }
    }

    pub(crate) fn rules(own: &str) -> Rules {
        Rules { discovery_port_name: "gossip".into(), identity: Identity::Name(own.into()) }
    }

    #[test]
    fn one_verdict_for_each() {
        let rules = rules("me");
        assert_eq!(rules.verdict(&pod("a", "10.0.0.1")), Verdict::Peer("10.0.0.1:3322".parse().unwrap()));
        let left_out = |change: fn(&mut Pod)| {
            let mut pod = pod("a", "10.0.0.1");
            change(&mut pod);
            match rules.verdict(&pod) {
                Verdict::LeftOut(reason) => reason,
                peer => panic!("{peer:?}"),
            }
        };
        assert_eq!(left_out(|p| p.name = "me".into()), Reason::IsSelf);
        assert_eq!(left_out(|p| p.ports.clear()), Reason::NoDiscoveryPort);
        assert_eq!(left_out(|p| p.ports[0].name = "gossip2".into()), Reason::NoDiscoveryPort);
        assert_eq!(left_out(|p| p.ip = None), Reason::NoIp);
        assert_eq!(left_out(|p| p.terminating = true), Reason::Terminating);
        for phase in [Phase::Pending, Phase::Succeeded, Phase::Failed, Phase::Unknown] {
            let mut pod = pod("a", "10.0.0.1");
            pod.phase = phase;
            assert_eq!(rules.verdict(&pod), Verdict::LeftOut(Reason::NotRunning));
        }
    }
}
