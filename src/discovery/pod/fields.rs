//! The fields that are read of
//! <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>. A field that
//! Kubernetes may omit or send as null is an `Option`.
//!
//! The memory does not grow with what a server sends: texts and lists are bounded while they are
//! read.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::bounds::{
    LONGEST_NAME, LONGEST_PORT_NAME, LONGEST_RESOURCE_VERSION, LONGEST_REVISION, LONGEST_TIME,
    LONGEST_UID, MOST_ADDRESSES, MOST_PORTS,
};

#[derive(Default, Deserialize)]
pub(super) struct Pod {
    pub(super) metadata: Metadata,
    pub(super) spec: Option<Spec>,
    pub(super) status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: Text<LONGEST_NAME>,
    pub(super) uid: Text<LONGEST_UID>,
    pub(super) resource_version: Text<LONGEST_RESOURCE_VERSION>,
    pub(super) creation_timestamp: Option<Text<LONGEST_TIME>>,
    pub(super) deletion_timestamp: Option<IgnoredAny>,
    pub(super) labels: Option<Labels>,
}

/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Labels {
    pub(super) controller_revision_hash: Option<Text<LONGEST_REVISION>>,
    pub(super) pod_template_hash: Option<Text<LONGEST_REVISION>>,
}

impl Labels {
    pub(super) fn revision(self) -> Option<Text<LONGEST_REVISION>> {
        self.controller_revision_hash.or(self.pod_template_hash)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) containers: Option<Folded<Ports>>,
    pub(super) init_containers: Option<Folded<SidecarPorts>>,
    pub(super) host_network: Option<bool>,
    pub(super) node_name: Option<Text<LONGEST_NAME>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) restart_policy: Option<RestartPolicy>,
    pub(super) ports: Option<Folded<NamedPorts>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
pub(super) enum RestartPolicy {
    /// Of an init container: it is a native sidecar.
    Always,
    #[serde(other)]
    Other,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Port {
    pub(super) name: Option<Text<LONGEST_PORT_NAME>>,
    pub(super) container_port: i64,
    pub(super) host_port: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Option<super::Phase>,
    pub(super) start_time: Option<Text<LONGEST_TIME>>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<Address>,
    #[serde(rename = "podIPs")]
    pub(super) pod_ips: Option<Folded<Addresses>>,
    pub(super) conditions: Option<Folded<Ready>>,
}

#[derive(Default, Deserialize)]
pub(super) struct PodIp {
    pub(super) ip: Option<Address>,
}

#[derive(Deserialize)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: ConditionType,
    pub(super) status: ConditionStatus,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
pub(super) enum ConditionType {
    Ready,
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
pub(super) enum ConditionStatus {
    True,
    #[serde(other)]
    Other,
}

/// A text of at most `LONGEST` bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text<const LONGEST: usize> {
    Kept(Box<str>),
    TooLong,
}

impl<const LONGEST: usize> Text<LONGEST> {
    pub(super) fn of(text: &str) -> Self {
        if text.len() <= LONGEST { Self::Kept(text.into()) } else { Self::TooLong }
    }

    pub(super) fn kept(self) -> Option<Box<str>> {
        if let Self::Kept(text) = self { Some(text) } else { None }
    }
}

impl<const LONGEST: usize> Default for Text<LONGEST> {
    fn default() -> Self {
        Self::Kept("".into())
    }
}

impl<'de, const LONGEST: usize> Deserialize<'de> for Text<LONGEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(Self::of))
    }
}

/// An IP address; `None` for any other text.
#[derive(Clone, Copy, Default)]
pub(super) struct Address(pub(super) Option<IpAddr>);

impl Address {
    pub(super) fn of(text: &str) -> Self {
        Self(text.parse().ok())
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(Self::of))
    }
}

/// Reads a text without a copy of it.
struct TextVisitor<T>(fn(&str) -> T);

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok((self.0)(text))
    }
}

/// A summary of a list. Its elements are read one by one, because a hostile list may have millions.
pub(super) trait Fold: Default {
    type Element;

    fn add(&mut self, element: Self::Element);
}

#[derive(Default)]
pub(super) struct Folded<F>(pub(super) F);

impl<'de, F: Fold<Element: Deserialize<'de>>> Deserialize<'de> for Folded<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(FoldVisitor(PhantomData)).map(Self)
    }
}

struct FoldVisitor<F>(PhantomData<F>);

impl<'de, F: Fold<Element: Deserialize<'de>>> Visitor<'de> for FoldVisitor<F> {
    type Value = F;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<F, A::Error> {
        let mut folded = F::default();
        while let Some(element) = list.next_element()? {
            folded.add(element);
        }
        Ok(folded)
    }
}

/// The named ports of one container.
#[derive(Default)]
pub(super) struct NamedPorts(pub(super) Bounded<Port, MOST_PORTS>);

impl Fold for NamedPorts {
    type Element = Port;

    fn add(&mut self, port: Port) {
        if port.name.as_ref().is_some_and(|name| *name != Text::default()) {
            self.0.push(port);
        }
    }
}

/// The named ports of some containers.
#[derive(Default)]
pub(super) struct Ports(pub(super) Bounded<Port, MOST_PORTS>);

impl Fold for Ports {
    type Element = Container;

    fn add(&mut self, container: Container) {
        self.0.append(container.ports.unwrap_or_default().0.0);
    }
}

/// The named ports of those init containers that are native sidecars.
#[derive(Default)]
pub(super) struct SidecarPorts(pub(super) Ports);

impl Fold for SidecarPorts {
    type Element = Container;

    fn add(&mut self, container: Container) {
        if container.restart_policy == Some(RestartPolicy::Always) {
            self.0.add(container);
        }
    }
}

/// The addresses of a pod, each once.
#[derive(Default)]
pub(super) struct Addresses(pub(super) Bounded<IpAddr, MOST_ADDRESSES>);

impl Addresses {
    pub(super) fn insert(&mut self, address: IpAddr) {
        if !self.0.items.contains(&address) {
            self.0.push(address);
        }
    }
}

impl Fold for Addresses {
    type Element = PodIp;

    fn add(&mut self, element: PodIp) {
        if let Some(address) = element.ip.and_then(|address| address.0) {
            self.insert(address);
        }
    }
}

/// Whether the condition `Ready` is true.
#[derive(Default)]
pub(super) struct Ready(pub(super) bool);

impl Fold for Ready {
    type Element = Condition;

    fn add(&mut self, condition: Condition) {
        self.0 |=
            condition.kind == ConditionType::Ready && condition.status == ConditionStatus::True;
    }
}

/// A list of at most `MOST` items.
pub(super) struct Bounded<T, const MOST: usize> {
    pub(super) items: Vec<T>,
    /// More were sent.
    pub(super) overflowed: bool,
}

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self { items: Vec::new(), overflowed: false }
    }
}

impl<T, const MOST: usize> Bounded<T, MOST> {
    fn push(&mut self, item: T) {
        if self.items.len() < MOST {
            self.items.push(item);
        } else {
            self.overflowed = true;
        }
    }

    pub(super) fn append(&mut self, other: Self) {
        self.overflowed |= other.overflowed;
        other.items.into_iter().for_each(|item| self.push(item));
    }
}
