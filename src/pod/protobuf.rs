//! The same in protobuf, by the field numbers of
//! <https://github.com/kubernetes/api/blob/master/core/v1/generated.proto>, which Kubernetes never changes.

use jiff::Timestamp;
use prost::Message;

use super::wire;

#[derive(Message)]
pub(super) struct Pod {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Metadata>,
    #[prost(message, optional, tag = "2")]
    spec: Option<Spec>,
    #[prost(message, optional, tag = "3")]
    status: Option<Status>,
}

#[derive(Message)]
struct Metadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "5")]
    uid: String,
    #[prost(string, tag = "6")]
    resource_version: String,
    #[prost(message, optional, tag = "8")]
    creation_timestamp: Option<Time>,
    #[prost(message, optional, tag = "9")]
    deletion_timestamp: Option<Time>,
    /// A map is sent as pairs.
    #[prost(message, repeated, tag = "11")]
    labels: Vec<Label>,
}

#[derive(Message)]
struct Label {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Without seconds it is none: null in JSON.
#[derive(Message)]
struct Time {
    #[prost(int64, optional, tag = "1")]
    seconds: Option<i64>,
}

#[derive(Message)]
struct Spec {
    #[prost(message, repeated, tag = "2")]
    containers: Vec<Container>,
    #[prost(string, tag = "10")]
    node_name: String,
    #[prost(bool, tag = "11")]
    host_network: bool,
    #[prost(message, repeated, tag = "20")]
    init_containers: Vec<Container>,
}

#[derive(Message)]
struct Container {
    #[prost(message, repeated, tag = "6")]
    ports: Vec<Port>,
    #[prost(string, optional, tag = "24")]
    restart_policy: Option<String>,
}

#[derive(Message)]
struct Port {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    host_port: i32,
    #[prost(int32, tag = "3")]
    container_port: i32,
}

#[derive(Message)]
struct Status {
    #[prost(string, tag = "1")]
    phase: String,
    #[prost(message, repeated, tag = "2")]
    conditions: Vec<Condition>,
    #[prost(string, tag = "6")]
    pod_ip: String,
    #[prost(message, optional, tag = "7")]
    start_time: Option<Time>,
    #[prost(message, repeated, tag = "12")]
    pod_ips: Vec<PodIp>,
}

#[derive(Message)]
struct Condition {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    status: String,
}

#[derive(Message)]
struct PodIp {
    #[prost(string, tag = "1")]
    ip: String,
}

impl From<Pod> for wire::Pod {
    fn from(pod: Pod) -> Self {
        Self {
            metadata: pod.metadata.unwrap_or_default().into(),
            spec: pod.spec.map(Into::into),
            status: pod.status.map(Into::into),
        }
    }
}

impl From<Metadata> for wire::Metadata {
    fn from(metadata: Metadata) -> Self {
        Self {
            name: metadata.name.into(),
            uid: metadata.uid.into(),
            resource_version: metadata.resource_version.into(),
            creation_timestamp: metadata.creation_timestamp.and_then(text),
            deletion_timestamp: metadata
                .deletion_timestamp
                .and_then(|time| time.seconds)
                .map(|_| serde::de::IgnoredAny),
            labels: Some(metadata.labels.into_iter().map(|label| (label.key, label.value)).collect()),
        }
    }
}

/// As in JSON: 2026-01-01T00:00:00Z
fn text(time: Time) -> Option<Box<str>> {
    Some(Timestamp::from_second(time.seconds?).ok()?.to_string().into())
}

impl From<Spec> for wire::Spec {
    fn from(spec: Spec) -> Self {
        let containers = |containers: Vec<Container>| Some(containers.into_iter().map(Into::into).collect());
        Self {
            containers: containers(spec.containers),
            init_containers: containers(spec.init_containers),
            host_network: Some(spec.host_network),
            node_name: Some(spec.node_name.into()),
        }
    }
}

impl From<Container> for wire::Container {
    fn from(container: Container) -> Self {
        let ports = container.ports.into_iter().map(Into::into).collect();
        Self { restart_policy: container.restart_policy, ports: Some(ports) }
    }
}

impl From<Port> for wire::Port {
    fn from(port: Port) -> Self {
        Self {
            name: Some(port.name.into()),
            container_port: port.container_port.into(),
            host_port: Some(port.host_port.into()),
        }
    }
}

impl From<Status> for wire::Status {
    fn from(status: Status) -> Self {
        Self {
            phase: Some(super::Phase::of(&status.phase)),
            start_time: status.start_time.and_then(text),
            pod_ip: Some(status.pod_ip),
            pod_ips: Some(status.pod_ips.into_iter().map(|ip| wire::PodIp { ip: Some(ip.ip) }).collect()),
            conditions: Some(status.conditions.into_iter().map(Into::into).collect()),
        }
    }
}

impl From<Condition> for wire::Condition {
    fn from(condition: Condition) -> Self {
        Self { kind: condition.kind, status: condition.status }
    }
}
