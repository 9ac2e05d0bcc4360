//! The slice of a Pod that is read. A pod is about 10 KB of JSON; a few hundred bytes of it say who is a peer.

use std::net::IpAddr;

use serde::Deserialize;

/// A pod as the API server last told of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "wire::Pod")]
pub struct Pod {
    /// `metadata.name`
    pub name: String,
    /// `metadata.uid`
    pub uid: String,
    /// `metadata.resourceVersion`
    pub resource_version: String,
    /// `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// `status.phase`
    pub phase: Phase,
    /// `status.podIP`
    pub ip: Option<IpAddr>,
    /// Named ports of the containers and of native sidecars.
    pub ports: Vec<Port>,
}

/// A named container port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `name`, unique in its pod.
    pub name: String,
    /// `containerPort`
    pub number: u16,
}

/// `status.phase`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
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

impl Pod {
    /// The number of a named port.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|port| port.name == name).map(|port| port.number)
    }
}

impl From<wire::Pod> for Pod {
    fn from(pod: wire::Pod) -> Self {
        let spec = pod.spec.unwrap_or_default();
        let status = pod.status.unwrap_or_default();
        let sidecars =
            spec.init_containers.into_iter().flatten().filter(|c| c.restart_policy.as_deref() == Some("Always"));
        let containers = spec.containers.into_iter().flatten().chain(sidecars);
        Self {
            name: pod.metadata.name,
            uid: pod.metadata.uid,
            resource_version: pod.metadata.resource_version,
            terminating: pod.metadata.deletion_timestamp.is_some(),
            phase: status.phase.unwrap_or_default(),
            ip: status.pod_ip.and_then(|ip| ip.parse().ok()),
            ports: containers.flat_map(|c| c.ports.into_iter().flatten()).filter_map(named).collect(),
        }
    }
}

fn named(port: wire::Port) -> Option<Port> {
    let number = u16::try_from(port.container_port).ok().filter(|number| *number > 0)?;
    Some(Port { name: port.name.filter(|name| !name.is_empty())?, number })
}

/// The JSON of <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>, as far as it is read.
/// What Kubernetes may leave out or send as null is an `Option`.
mod wire {
    use serde::Deserialize;

    #[derive(Deserialize)]
    pub(super) struct Pod {
        pub(super) metadata: Metadata,
        pub(super) spec: Option<Spec>,
        pub(super) status: Option<Status>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Metadata {
        pub(super) name: String,
        pub(super) uid: String,
        pub(super) resource_version: String,
        pub(super) deletion_timestamp: Option<serde::de::IgnoredAny>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Spec {
        pub(super) containers: Option<Vec<Container>>,
        pub(super) init_containers: Option<Vec<Container>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Container {
        pub(super) restart_policy: Option<String>,
        pub(super) ports: Option<Vec<Port>>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Port {
        pub(super) name: Option<String>,
        pub(super) container_port: i64,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    pub(super) struct Status {
        pub(super) phase: Option<super::Phase>,
        #[serde(rename = "podIP")]
        pub(super) pod_ip: Option<String>,
    }
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
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "7", "labels": {"app": "x"}, "managedFields": [{"fieldsV1": {}}]},
            "spec": {
                "containers": [
                    {"name": "main", "ports": [{"name": "gossip", "containerPort": 3322, "protocol": "TCP"}, {"containerPort": 1}]},
                    {"name": "no-ports"}
                ],
                "initContainers": [
                    {"name": "sidecar", "restartPolicy": "Always", "ports": [{"name": "mesh", "containerPort": 5}]},
                    {"name": "setup", "ports": [{"name": "gone", "containerPort": 6}]}
                ]
            },
            "status": {"phase": "Running", "podIP": "fd00::7", "podIPs": [{"ip": "fd00::7"}]}
        }));
        assert_eq!((pod.name.as_str(), pod.uid.as_str(), pod.resource_version.as_str()), ("a", "u", "7"));
        assert_eq!((pod.port("gossip"), pod.port("mesh"), pod.port("gone")), (Some(3322), Some(5), None));
        assert_eq!((pod.phase, pod.terminating, pod.ip), (Phase::Running, false, "fd00::7".parse().ok()));
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
        assert_eq!((pod.phase, pod.terminating, pod.ip), (Phase::Unknown, true, None));
        assert_eq!(pod.ports, []);
        let bare = parse(serde_json::json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1"}}));
        assert_eq!((bare.phase, bare.terminating), (Phase::Unknown, false));
    }
}
