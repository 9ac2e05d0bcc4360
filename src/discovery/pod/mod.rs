//! The fields of a Pod that are read. A pod is about 10 KB of JSON, of which a few hundred bytes
//! matter.

pub(crate) mod bounds;
mod fields;
mod protobuf;

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A pod as the API server last sent it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "fields::Pod")]
pub struct Pod {
    /// `metadata.name`
    pub name: Box<str>,
    /// `metadata.uid`. Unlike a name, it is never reused.
    pub uid: Arc<str>,
    /// `metadata.resourceVersion`
    pub resource_version: Box<str>,
    /// The revision of the pod's template: the label `controller-revision-hash` (StatefulSet,
    /// DaemonSet) or `pod-template-hash` (Deployment); "" for neither.
    pub revision: Box<str>,
    /// `spec.nodeName`, "" before the pod is bound to a node.
    pub node_name: Box<str>,
    /// `status.startTime`, or `metadata.creationTimestamp`. Kubernetes writes times in one form,
    /// whose texts sort like the times.
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
    /// Another field than the name, the uid and the resourceVersion has a value that Kubernetes
    /// does not allow. The value is not kept.
    pub malformed: bool,
}

/// A named container port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    /// `name`, unique in its pod.
    pub name: PortName,
    /// `containerPort`; with `hostNetwork`, the `hostPort` if it is set.
    pub number: u16,
}

/// The name of a port, kept inline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PortName {
    length: u8,
    text: [u8; bounds::LONGEST_PORT_NAME],
}

impl PortName {
    /// Returns `None` if the text is not a port name.
    pub fn new(name: &str) -> Option<Self> {
        if !bounds::is_port_name(name) {
            return None;
        }
        let mut text = [0; bounds::LONGEST_PORT_NAME];
        text[..name.len()].copy_from_slice(name.as_bytes());
        Some(Self { length: name.len() as u8, text })
    }
}

impl Deref for PortName {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.text[..self.length.into()]).unwrap_or_default()
    }
}

impl fmt::Debug for PortName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
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

    /// Returns whether the containers have ended and will not start again.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

impl Pod {
    /// Returns the number of a named port.
    pub fn port(&self, name: &str) -> Option<u16> {
        self.ports.iter().find(|port| &*port.name == name).map(|port| port.number)
    }

    /// Compares by start, then by uid, so that all processes agree even on pods that started in the
    /// same second.
    pub fn by_start(&self, other: &Self) -> Ordering {
        (&self.started, &other.uid).cmp(&(&other.started, &self.uid))
    }
}

impl Pod {
    /// Reads a pod in the protobuf form of Kubernetes.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, &'static str> {
        Self::try_from(protobuf::pod(bytes)?)
    }

    /// Returns whether all fields except the resourceVersion are the same.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let Self { name, uid, resource_version: _, revision, node_name, started, .. } = self;
        let Self { terminating, phase, ready, ips, ports, malformed, .. } = self;
        (name, uid, revision, node_name, started)
            == (&other.name, &other.uid, &other.revision, &other.node_name, &other.started)
            && (*terminating, *phase, *ready, *malformed)
                == (other.terminating, other.phase, other.ready, other.malformed)
            && (ips, ports) == (&other.ips, &other.ports)
    }

    /// Returns about how many bytes of memory the pod needs in the store, the index, and the texts
    /// that are rendered for callers.
    pub fn memory(&self) -> usize {
        /// The counters of its `Arc`, its entries in the store and in the index, and their empty
        /// places.
        const ENTRIES: usize = 256;
        // An allocation has a header, and is rounded up to 16 bytes.
        let allocated =
            |length: usize| if length == 0 { 0 } else { (length + 8).next_multiple_of(16).max(32) };
        let rendered =
            self.name.len() + self.uid.len() + self.node_name.len() + self.revision.len();
        let texts =
            [&self.name, &self.node_name, &self.revision, &self.resource_version, &self.started];
        size_of::<Self>()
            + ENTRIES
            + texts.iter().map(|text| allocated(text.len())).sum::<usize>()
            + allocated(self.uid.len() + 16)
            + allocated(size_of_val(&*self.ips))
            + allocated(size_of_val(&*self.ports))
            + rendered
    }
}

impl TryFrom<fields::Pod> for Pod {
    type Error = &'static str;

    fn try_from(pod: fields::Pod) -> Result<Self, Self::Error> {
        let spec = pod.spec.unwrap_or_default();
        let status = pod.status.unwrap_or_default();
        let mut malformed = false;
        let revision = pod.metadata.labels.unwrap_or_default().revision();
        let revision = secondary(revision, bounds::is_revision, &mut malformed);
        let node_name = secondary(spec.node_name, bounds::is_name, &mut malformed);
        let started = status.start_time.or(pod.metadata.creation_timestamp);
        let started = secondary(started, bounds::is_time, &mut malformed);
        let ips = addresses(status.pod_ip, status.pod_ips.unwrap_or_default().0);
        let ports =
            ports(spec.containers, spec.init_containers, spec.host_network.unwrap_or_default());
        malformed |= ips.is_none() || ports.is_none();
        Ok(Self {
            name: required(pod.metadata.name, bounds::is_name)
                .ok_or("a pod has an invalid name")?,
            uid: required(pod.metadata.uid, bounds::is_uid)
                .ok_or("a pod has an invalid uid")?
                .into(),
            resource_version: required(pod.metadata.resource_version, bounds::is_resource_version)
                .ok_or("a pod has an invalid resourceVersion")?,
            revision,
            node_name,
            started,
            terminating: pod.metadata.deletion_timestamp.is_some(),
            phase: status.phase.unwrap_or_default(),
            ready: status.conditions.unwrap_or_default().0.0,
            ips: ips.unwrap_or_default(),
            ports: ports.unwrap_or_default(),
            malformed,
        })
    }
}

fn required<const LONGEST: usize>(
    text: fields::Text<LONGEST>,
    is_valid: fn(&str) -> bool,
) -> Option<Box<str>> {
    text.kept().filter(|text| is_valid(text))
}

/// Returns "" if the text is absent or not valid. A text that is not valid makes the pod malformed.
fn secondary<const LONGEST: usize>(
    text: Option<fields::Text<LONGEST>>,
    is_valid: fn(&str) -> bool,
    malformed: &mut bool,
) -> Box<str> {
    let kept = text.unwrap_or_default().kept().filter(|text| text.is_empty() || is_valid(text));
    *malformed |= kept.is_none();
    kept.unwrap_or_default()
}

/// The primary address is among `podIPs`, but older servers send it alone. Returns `None` if there
/// are too many.
fn addresses(primary: Option<fields::Address>, others: fields::Addresses) -> Option<Box<[IpAddr]>> {
    let mut addresses = fields::Addresses::default();
    primary.and_then(|address| address.0).into_iter().for_each(|address| addresses.insert(address));
    let overflowed = others.0.overflowed;
    others.0.items.into_iter().for_each(|address| addresses.insert(address));
    (!overflowed && !addresses.0.overflowed).then(|| addresses.0.items.into())
}

/// Returns `None` if a name is not valid, or if there are too many ports.
fn ports(
    containers: Option<fields::Folded<fields::Ports>>,
    init_containers: Option<fields::Folded<fields::SidecarPorts>>,
    host_network: bool,
) -> Option<Box<[Port]>> {
    let mut all = containers.unwrap_or_default().0.0;
    all.append(init_containers.unwrap_or_default().0.0.0);
    if all.overflowed {
        return None;
    }
    let mut ports = Vec::with_capacity(all.items.len());
    for port in all.items {
        let name = PortName::new(&port.name.unwrap_or_default().kept()?)?;
        let host_port = port.host_port.filter(|_| host_network).and_then(port_number);
        if let Some(number) = host_port.or_else(|| port_number(port.container_port)) {
            ports.push(Port { name, number });
        }
    }
    Some(ports.into())
}

fn port_number(number: i64) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: serde_json::Value) -> Pod {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn pod_reads_its_fields_and_skips_all_others() {
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
        assert_eq!(
            (&*pod.revision, &*pod.node_name, &*pod.started),
            ("5d9", "n1", "2026-01-01T00:00:05Z")
        );
        assert_eq!(
            (pod.port("gossip"), pod.port("mesh"), pod.port("gone")),
            (Some(3322), Some(5), None)
        );
        assert_eq!((pod.phase, pod.terminating, pod.ready), (Phase::Running, false, true));
        assert_eq!(*pod.ips, ["fd00::7", "10.0.0.7"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    }

    #[test]
    fn host_port_is_used_with_host_network() {
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
    fn absent_null_and_odd_values_are_accepted() {
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
        let bare = parse(
            serde_json::json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1"}}),
        );
        assert_eq!((bare.phase, bare.terminating), (Phase::Unknown, false));
        assert_eq!((&*bare.revision, &*bare.node_name, &*bare.started), ("", "", ""));
    }

    /// The zero time is null in JSON and an empty message in protobuf.
    #[test]
    fn absent_time_is_empty_in_json_and_protobuf() {
        let json =
            parse(serde_json::json!({"metadata": {"name": "a", "uid": "u", "resourceVersion": "1",
            "creationTimestamp": null, "deletionTimestamp": null}}));
        let metadata = b"\x0a\x01a\x2a\x01u\x32\x011\x42\x00\x4a\x00";
        let protobuf =
            Pod::from_protobuf(&[&[0x0a, metadata.len() as u8], &metadata[..]].concat()).unwrap();
        assert_eq!(protobuf, json);
        assert!(!protobuf.terminating && protobuf.started.is_empty());
    }

    #[test]
    fn pods_without_valid_name_uid_or_resource_version_are_refused() {
        let read = |name: &str, uid: &str, resource_version: &str| {
            let metadata =
                serde_json::json!({"name": name, "uid": uid, "resourceVersion": resource_version});
            serde_json::from_value::<Pod>(serde_json::json!({"metadata": metadata}))
        };
        let long = |length| "7".repeat(length);
        assert!(read("a", "u", "1").is_ok() && read(&long(253), &long(128), &long(128)).is_ok());
        for invalid in ["", "a b", "a\u{202e}", "a\n", "a/b", "ä", &long(254)] {
            assert!(read(invalid, "u", "1").is_err(), "{invalid:?}");
            assert!(read("a", invalid, "1").is_err(), "{invalid:?}");
            assert!(read("a", "u", invalid).is_err(), "{invalid:?}");
        }
        assert!(
            read("a", &long(129), "1").is_err()
                && read("a", "u", &long(129)).is_err()
                && read("A", "u", "1").is_err()
        );
    }

    /// A pod with one field set, which `path` leads to.
    fn with(path: &str, value: serde_json::Value) -> Pod {
        let mut pod = serde_json::json!({
            "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "labels": {}},
            "spec": {"containers": [{"ports": []}], "initContainers": [{"restartPolicy": "Always", "ports": []}]},
            "status": {}
        });
        let (parent, key) = path.rsplit_once('/').unwrap();
        pod.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.into(), value);
        parse(pod)
    }

    #[test]
    fn invalid_secondary_texts_make_the_pod_malformed() {
        type Kept = fn(&Pod) -> &str;
        let fields: [(&str, String, Kept); 4] = [
            ("/spec/nodeName", "n".repeat(253), |pod| &pod.node_name),
            ("/metadata/labels/pod-template-hash", "H".repeat(63), |pod| &pod.revision),
            ("/status/startTime", "2026-01-01T00:00:00.000000000+00:00".into(), |pod| &pod.started),
            ("/metadata/creationTimestamp", "2026-01-01T00:00:00Z".into(), |pod| &pod.started),
        ];
        for (path, longest, kept) in fields {
            let pod = with(path, longest.as_str().into());
            assert_eq!((kept(&pod), pod.malformed), (longest.as_str(), false));
            for invalid in
                ["\u{202e}".into(), "a b".into(), "\0".into(), "7".repeat(254), "7".repeat(4 << 20)]
            {
                let pod = with(path, invalid.into());
                assert_eq!((kept(&pod), pod.malformed), ("", true), "{path}");
            }
        }
    }

    #[test]
    fn too_many_ports_or_addresses_make_the_pod_malformed() {
        let ports = |count: u16| {
            (1..=count).map(|n| serde_json::json!({"name": format!("p{n}"), "containerPort": n}))
        };
        for path in ["/spec/containers/0/ports", "/spec/initContainers/0/ports"] {
            let pod = with(path, ports(256).collect());
            assert_eq!((pod.ports.len(), pod.port("p256"), pod.malformed), (256, Some(256), false));
            let pod = with(path, ports(257).collect());
            assert_eq!((pod.ports.len(), pod.malformed), (0, true));
            for name in ["sixteen-letters-", "a b", "ä", "\u{200b}"] {
                let pod = with(path, serde_json::json!([{"name": name, "containerPort": 1}]));
                assert_eq!((pod.ports.len(), pod.malformed), (0, true), "{name}");
            }
        }
        let containers = serde_json::json!([{"ports": ports(200).collect::<Vec<_>>()}, {"ports": ports(57).collect::<Vec<_>>()}]);
        assert!(with("/spec/containers", containers).malformed);
        let addresses =
            |count: u8| (1..=count).map(|n| serde_json::json!({"ip": format!("10.0.0.{n}")}));
        let pod = with("/status/podIPs", addresses(8).chain(addresses(8)).collect());
        assert_eq!((pod.ips.len(), pod.malformed), (8, false));
        let pod = with("/status/podIPs", addresses(9).collect());
        assert_eq!((pod.ips.len(), pod.malformed), (0, true));
    }

    #[test]
    fn is_same_as_ignores_the_resource_version() {
        let pod = crate::discovery::policy::tests::pod("a", "10.0.0.1");
        assert!(pod.is_same_as(&Pod { resource_version: "2".into(), ..pod.clone() }));
        let changes: [fn(&mut Pod); 11] = [
            |p| p.name = "b".into(),
            |p| p.uid = "v".into(),
            |p| p.revision = "r2".into(),
            |p| p.node_name = "n2".into(),
            |p| p.started = "2027".into(),
            |p| p.terminating = true,
            |p| p.phase = Phase::Failed,
            |p| p.ready = true,
            |p| p.ips = [].into(),
            |p| p.ports = [].into(),
            |p| p.malformed = true,
        ];
        for change in changes {
            let mut other = pod.clone();
            change(&mut other);
            assert!(!pod.is_same_as(&other), "{other:?}");
        }
    }

    #[test]
    fn revision_is_read_for_every_kind_of_owner() {
        let of = |labels: serde_json::Value| {
            let metadata = serde_json::json!({"name": "a", "uid": "u", "resourceVersion": "1", "labels": labels});
            parse(serde_json::json!({"metadata": metadata})).revision
        };
        assert_eq!(&*of(serde_json::json!({"pod-template-hash": "d"})), "d");
        assert_eq!(
            &*of(
                serde_json::json!({"controller-revision-hash": "s", "pod-template-generation": "3"})
            ),
            "s"
        );
        assert_eq!(&*of(serde_json::json!(null)), "");
    }
}
