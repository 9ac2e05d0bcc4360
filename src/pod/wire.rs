//! The JSON of <https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/>, as far as it is read.
//! What Kubernetes may leave out or send as null is an `Option`.

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
    pub(super) name: Box<str>,
    pub(super) uid: Box<str>,
    pub(super) resource_version: Box<str>,
    pub(super) creation_timestamp: Option<Box<str>>,
    pub(super) deletion_timestamp: Option<serde::de::IgnoredAny>,
    pub(super) labels: Option<Labels>,
}

/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Labels {
    controller_revision_hash: Option<Box<str>>,
    pod_template_hash: Option<Box<str>>,
}

impl FromIterator<(String, String)> for Labels {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(labels: I) -> Self {
        let mut read = Self { controller_revision_hash: None, pod_template_hash: None };
        for (key, value) in labels {
            match &*key {
                "controller-revision-hash" => read.controller_revision_hash = Some(value.into()),
                "pod-template-hash" => read.pod_template_hash = Some(value.into()),
                _ => {}
            }
        }
        read
    }
}

impl Labels {
    pub(super) fn revision(self) -> Option<Box<str>> {
        self.controller_revision_hash.or(self.pod_template_hash)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) containers: Option<Vec<Container>>,
    pub(super) init_containers: Option<Vec<Container>>,
    pub(super) host_network: Option<bool>,
    pub(super) node_name: Option<Box<str>>,
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
    pub(super) name: Option<Box<str>>,
    pub(super) container_port: i64,
    pub(super) host_port: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) phase: Option<super::Phase>,
    pub(super) start_time: Option<Box<str>>,
    #[serde(rename = "podIP")]
    pub(super) pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pub(super) pod_ips: Option<Vec<PodIp>>,
    pub(super) conditions: Option<Vec<Condition>>,
}

#[derive(Deserialize)]
pub(super) struct PodIp {
    pub(super) ip: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
}
