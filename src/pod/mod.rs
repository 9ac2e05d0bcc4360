//! The slice of a Pod that is read. A pod is about 10 KB of JSON; a few hundred bytes of it say who is a peer.

mod protobuf;
mod wire;

use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

use prost::Message;
use serde::{Deserialize, Serialize};

/// A pod as the API server last told of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "wire::Pod")]
pub struct Pod {
    /// `metadata.name`
    pub name: Box<str>,
    /// `metadata.uid`: one pod's for ever, as a name is not.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`
    pub resource_version: Box<str>,
    /// What the pod's template was when the pod was made: the label `controller-revision-hash` (StatefulSet, DaemonSet) or
    /// `pod-template-hash` (Deployment); "" for neither.
    pub revision: Box<str>,
    /// `spec.nodeName`, "" before the pod is bound to a node.
    pub node_name: Box<str>,
    /// `status.startTime`, or when the pod was made. Kubernetes writes times in one form, whose texts sort as the times do.
    pub started: Box<str>,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// `status.phase`
    pub phase: Phase,
    /// The condition `Ready` is true.
    pub ready: bool,
    /// `status.podIPs`, the primary one first.
    pub ips: Box<[IpAddr]>,
    /// Named ports of the containers and of native sidecars.
    pub ports: Box<[Port]>,
}

/// A named container port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `name`, unique in its pod.
    pub name: Box<str>,
    /// `containerPort`; under `hostNetwork` the `hostPort`, where one is set.
    pub number: u16,
}

/// `status.phase`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[allow(missing_docs)] // https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    #[default]
    #[serde(other)]
    Unknown,
}

impl Phase {
    fn of(name: &str) -> Self {
        match name {
            "Pending" => Self::Pending,
            "Running" => Self::Running,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            _ => Self::Unknown,
        }
    }

    /// Its containers have ended and will not start again.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl Pod {
    /// The number of a named port.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|port| &*port.name == name).map(|port| port.number)
    }

    /// Which of two started later; all that look agree, also on two of one second.
    pub fn by_start(&self, other: &Self) -> Ordering {
        (&self.started, &other.uid).cmp(&(&other.started, &self.uid))
    }
}

impl TryFrom<wire::Pod> for Pod {
    type Error = &'static str;

    fn try_from(pod: wire::Pod) -> Result<Self, Self::Error> {
        let texts = [&pod.metadata.name, &pod.metadata.uid];
        if texts.iter().any(|text| text.is_empty() || text.len() > LONGEST_NAME) {
            return Err("a pod whose name or uid is none");
        }
        Ok(Self::of(pod))
    }
}

impl Pod {
    /// A pod in the protobuf form of Kubernetes.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, String> {
        let pod = protobuf::Pod::decode(bytes).map_err(|e| e.to_string())?;
        Self::try_from(wire::Pod::from(pod)).map_err(Into::into)
    }

    fn of(pod: wire::Pod) -> Self {
        let spec = pod.spec.unwrap_or_default();
        let status = pod.status.unwrap_or_default();
        let sidecars =
            spec.init_containers.into_iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
        let containers = spec.containers.into_iter().flatten().chain(sidecars);
        let named = |port| named(port, spec.host_network.unwrap_or_default());
        Self {
            name: pod.metadata.name,
            uid: pod.metadata.uid.into(),
            resource_version: pod.metadata.resource_version,
            revision: pod.metadata.labels.and_then(wire::Labels::revision).unwrap_or_default(),
            node_name: spec.node_name.unwrap_or_default(),
            started: status.start_time.or(pod.metadata.creation_timestamp).unwrap_or_default(),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            phase: status.phase.unwrap_or_default(),
            ready: status.conditions.into_iter().flatten().any(|c| c.kind == "Ready" && c.status == "True"),
            ips: addresses(status.pod_ip, status.pod_ips).into(),
            ports: containers.flat_map(|c| c.ports.into_iter().flatten()).filter_map(named).collect(),
        }
    }
}

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>
const LONGEST_NAME: usize = 253;

/// The primary address is among `podIPs`, but older servers send it alone.
fn addresses(primary: Option<String>, all: Option<Vec<wire::PodIp>>) -> Vec<IpAddr> {
    let texts = primary.into_iter().chain(all.into_iter().flatten().filter_map(|ip| ip.ip));
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in texts.filter_map(|text| text.parse().ok()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

fn named(port: wire::Port, host_network: bool) -> Option<Port> {
    let valid = |number: i64| u16::try_from(number).ok().filter(|number| *number > 0);
    let host_port = port.host_port.filter(|_| host_network).and_then(valid);
    let number = host_port.or_else(|| valid(port.container_port))?;
    Some(Port { name: port.name.filter(|name| !name.is_empty())?, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: serde_json::Value) -> Pod {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn reads_what_it_needs_and_passes_over_the_rest() {
        let pod = parse(serde_json::json!({
            "kind": "Pod",
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app": "x", "pod-template-hash": "5d9"}, "managedFields": [{"fieldsV1": {}}]},
            "spec": {
                "nodeName": "n1",
                "containers": [
                    {"name": "main", "ports": [{"name": "gossip", "containerPort": 3322, "protocol": "TCP"}, {"containerPort": 1}]},
                    {"name": "no-ports"}
                ],
                "initContainers": [
                    {"name": "sidecar", "restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 5}]},
                    {"name": "setup", "ports": [{"name": "gone", "containerPort": 6}]}
                ]
            },
            "status": {
                "phase": "Running", "startTime": "2026-01-01T00:00:05Z", "podIP": "fd00::7", "podIPs": [{"ip": "fd00::7"}, {"ip": "10.0.0.7"}],
                "conditions": [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": "True"}]
            }
        }));
        assert_eq!((&*pod.name, &*pod.uid, &*pod.resource_version), ("a", "u", "7"));
        assert_eq!((&*pod.revision, &*pod.node_name, &*pod.started), ("5d9", "n1", "2026-01-01T00:00:05Z"));
        assert_eq!((pod.port("gossip"), pod.port("mesh"), pod.port("gone")), (Some(3322), Some(5), None));
        assert_eq!((pod.phase, pod.terminating, pod.ready), (Phase::Running, false, true));
        assert_eq!(*pod.ips, ["fd00::7", "10.0.0.7"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn on_the_hosts_network_the_hosts_port_counts() {
        let port = |host_network: bool| {
            parse(serde_json::json!({
                "metadata": {"name": "a", "uid": "u", "resourceVersion": "1"},
                "spec": {"hostNetwork": host_network, "containers": [{"ports": [
                    {"name": "gossip", "containerPort": 1, "hostPort": 2}, {"name": "other", "containerPort": 3}
                ]}]}
            }))
        };
        assert_eq!((port(true).port("gossip"), port(true).port("other")), (Some(2), Some(3)));
        assert_eq!(port(false).port("gossip"), Some(1));
    }

    #[test]
    fn absent_null_and_odd_values_are_no_reason_to_fail() {
        let pod = parse(serde_json::json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "deletionTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"ports": null}, {"ports": [
                {"name": "big", "containerPort": 65536}, {"name": "zero", "containerPort": 0},
                {"name": "minus", "containerPort": -1}, {"name": "", "containerPort": 1}
            ]}], "initContainers": null},
            "status": {"phase": "Evicted?", "podIP": ""}
        }));
        assert_eq!((pod.phase, pod.terminating, pod.ready), (Phase::Unknown, true, false));
        assert_eq!(*pod.ips, [] as [IpAddr; 0]);
        assert_eq!(*pod.ports, []);
        let bare = parse(serde_json::json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1"}}));
        assert_eq!((bare.phase, bare.terminating), (Phase::Unknown, false));
        assert_eq!((&*bare.revision, &*bare.node_name, &*bare.started), ("", "", ""));
    }

    /// The zero time is null in JSON and an empty message in protobuf.
    #[test]
    fn no_time_is_none_in_both_forms() {
        let json = parse(serde_json::json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1",
            "creationTimestamp": null, "deletionTimestamp": null}}));
        let metadata = b"\x0a\x01a\x2a\x01u\x32\x011\x42\x00\x4a\x00";
        let protobuf = Pod::from_protobuf(&[&[0x0a, metadata.len() as u8], &metadata[..]].concat()).unwrap();
        assert_eq!(protobuf, json);
        assert!(!protobuf.terminating && protobuf.started.is_empty());
    }

    #[test]
    fn a_pod_without_a_name_or_a_uid_is_none() {
        let of = |name: &str, uid: &str| {
            let metadata = serde_json::json!({"name": name, "uid": uid, "resourceVersion": "1"});
            serde_json::from_value::<Pod>(serde_json::json!({"metadata": metadata}))
        };
        assert!(of("a", "u").is_ok() && of(&"a".repeat(253), "u").is_ok());
        assert!(of("", "u").is_err() && of("a", "").is_err() && of(&"a".repeat(254), "u").is_err());
    }

    #[test]
    fn revisions_are_those_of_every_kind_of_owner() {
        let of = |labels: serde_json::Value| {
            let metadata = serde_json::json!({"name": "a", "uid": "u", "resourceVersion": "1", "labels": labels});
            parse(serde_json::json!({"metadata": metadata})).revision
        };
        assert_eq!(&*of(serde_json::json!({"pod-template-hash": "d"})), "d");
        assert_eq!(&*of(serde_json::json!({"controller-revision-hash": "s", "pod-template-generation": "3"})), "s");
        assert_eq!(&*of(serde_json::json!(null)), "");
    }
}
