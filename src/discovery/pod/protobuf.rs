//! Pods in protobuf, by the field numbers of
//! <https://github.com/kubernetes/api/blob/master/core/v1/generated.proto>, which Kubernetes never
//! changes.

use jiff::Timestamp;
use serde::de::IgnoredAny;

use super::Phase;
use super::fields::{
    Address, Condition, ConditionStatus, ConditionType, Container, Fold, Labels, Metadata, Pod,
    PodIp, Port, RestartPolicy, Spec, Status, Text,
};
use crate::discovery::protobuf_reader::{Fields, Malformed, Value};

type Read<T> = Result<T, Malformed>;

pub(super) fn pod(message: &[u8]) -> Read<Pod> {
    let mut pod = Pod::default();
    for field in Fields::of(message) {
        match field? {
            (1, value) => metadata(value, &mut pod.metadata)?,
            (2, value) => spec(value, pod.spec.get_or_insert_default())?,
            (3, value) => status(value, pod.status.get_or_insert_default())?,
            _ => {}
        }
    }
    Ok(pod)
}

fn metadata(message: Value<'_>, metadata: &mut Metadata) -> Read<()> {
    for field in message.fields()? {
        match field? {
            (1, value) => metadata.name = Text::of(value.text()?),
            (5, value) => metadata.uid = Text::of(value.text()?),
            (6, value) => metadata.resource_version = Text::of(value.text()?),
            (8, value) => metadata.creation_timestamp = seconds(value)?.and_then(rfc3339),
            (9, value) => metadata.deletion_timestamp = seconds(value)?.map(|_| IgnoredAny),
            // A map is sent as pairs.
            (11, value) => label(value, metadata.labels.get_or_insert_default())?,
            _ => {}
        }
    }
    Ok(())
}

fn label(message: Value<'_>, labels: &mut Labels) -> Read<()> {
    let (mut key, mut text) = ("", "");
    for field in message.fields()? {
        match field? {
            (1, value) => key = value.text()?,
            (2, value) => text = value.text()?,
            _ => {}
        }
    }
    match key {
        "controller-revision-hash" => labels.controller_revision_hash = Some(Text::of(text)),
        "pod-template-hash" => labels.pod_template_hash = Some(Text::of(text)),
        _ => {}
    }
    Ok(())
}

/// Reads a time. One without seconds is absent, like null in JSON.
fn seconds(message: Value<'_>) -> Read<Option<i64>> {
    let mut seconds = None;
    for field in message.fields()? {
        if let (1, value) = field? {
            seconds = Some(value.number()?.cast_signed());
        }
    }
    Ok(seconds)
}

/// Formats a time like JSON does: 2026-01-01T00:00:00Z
fn rfc3339<const LONGEST: usize>(seconds: i64) -> Option<Text<LONGEST>> {
    Some(Text::of(&Timestamp::from_second(seconds).ok()?.to_string()))
}

fn spec(message: Value<'_>, spec: &mut Spec) -> Read<()> {
    for field in message.fields()? {
        match field? {
            (2, value) => spec.containers.get_or_insert_default().0.add(container(value)?),
            (10, value) => spec.node_name = Some(Text::of(value.text()?)),
            (11, value) => spec.host_network = Some(value.number()? != 0),
            (20, value) => spec.init_containers.get_or_insert_default().0.add(container(value)?),
            _ => {}
        }
    }
    Ok(())
}

fn container(message: Value<'_>) -> Read<Container> {
    let mut container = Container::default();
    for field in message.fields()? {
        match field? {
            (6, value) => container.ports.get_or_insert_default().0.add(port(value)?),
            (24, value) => {
                let always = value.text()? == "Always";
                container.restart_policy =
                    Some(if always { RestartPolicy::Always } else { RestartPolicy::Other });
            }
            _ => {}
        }
    }
    Ok(container)
}

fn port(message: Value<'_>) -> Read<Port> {
    let mut port = Port::default();
    for field in message.fields()? {
        match field? {
            (1, value) => port.name = Some(Text::of(value.text()?)),
            (2, value) => port.host_port = Some(value.number()?.cast_signed()),
            (3, value) => port.container_port = value.number()?.cast_signed(),
            _ => {}
        }
    }
    Ok(port)
}

fn status(message: Value<'_>, status: &mut Status) -> Read<()> {
    for field in message.fields()? {
        match field? {
            (1, value) => status.phase = Some(Phase::of(value.text()?)),
            (2, value) => status.conditions.get_or_insert_default().0.add(condition(value)?),
            (6, value) => status.pod_ip = Some(Address::of(value.text()?)),
            (7, value) => status.start_time = seconds(value)?.and_then(rfc3339),
            (12, value) => status.pod_ips.get_or_insert_default().0.add(pod_ip(value)?),
            _ => {}
        }
    }
    Ok(())
}

fn condition(message: Value<'_>) -> Read<Condition> {
    let mut condition = Condition { kind: ConditionType::Other, status: ConditionStatus::Other };
    for field in message.fields()? {
        match field? {
            (1, value) if value.text()? == "Ready" => condition.kind = ConditionType::Ready,
            (2, value) if value.text()? == "True" => condition.status = ConditionStatus::True,
            _ => {}
        }
    }
    Ok(condition)
}

fn pod_ip(message: Value<'_>) -> Read<PodIp> {
    let mut pod_ip = PodIp::default();
    for field in message.fields()? {
        if let (1, value) = field? {
            pod_ip.ip = Some(Address::of(value.text()?));
        }
    }
    Ok(pod_ip)
}
