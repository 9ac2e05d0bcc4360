//! The messages of errors that a provider returns while it has no answer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::discovery::policy::Reason;
use crate::error::Error;
use crate::status::Status;
use crate::text::printable;

/// What the messages name: the pods, and the local pod.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct MessageContext {
    pub namespace: String,
    pub selector: String,
    pub discovery_port_name: String,
    /// The local pod, as [`crate::discovery::identity::Identity::describe`] returns it.
    pub self_pod: String,
}

impl MessageContext {
    /// Returns the error before the first list.
    pub fn not_synced(&self, failure: Option<&Error>) -> Error {
        let namespace = &self.namespace;
        let cause =
            failure.map_or("waiting for the first response of the API server", Error::message);
        let error = Error::new(
            Status::NotSynced,
            format!("the pods of namespace `{namespace}` have not been listed yet: {cause}"),
        );
        match failure {
            Some(failure) => error.because_of(failure),
            None => error,
        }
    }

    /// Returns the error for a local pod that is not among the pods.
    pub fn absent(&self) -> Error {
        let MessageContext { namespace, selector, self_pod, .. } = self;
        Error::new(
            Status::SelfNotVisible,
            format!(
                "this pod, {self_pod}, is not among the pods of namespace `{namespace}` with labels `{selector}`: \
                 if this lasts, the pod is gone, or one of `namespace`, `pod_labels`, `pod_name` and `pod_uid` is wrong; \
                 set `membership` = `observer` if this process is not one of the pods"
            ),
        )
    }

    /// Returns the error for a local pod that is not Running or has no address yet.
    pub fn not_yet(&self, reason: Reason) -> Error {
        let lacking = if reason == Reason::NoIp { "has no address" } else { "is not Running" };
        Error::new(Status::SelfNotVisible, format!("this pod, {}, {lacking} yet", self.self_pod))
    }

    /// Returns the error for a local pod without the labels of the peers.
    pub fn unselected(&self, labels: &BTreeMap<String, String>) -> Error {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let labels = labels.join(",");
        let labels = printable(&labels);
        let MessageContext { self_pod, selector, .. } = self;
        Error::new(
            Status::SelfExcluded,
            format!(
                "this pod, {self_pod}, cannot be a peer: its labels are `{labels}`, but `pod_labels` is `{selector}`; \
                 set `membership` = `observer` if this process is not one of the peers"
            ),
        )
    }

    /// Returns the error for several pods that may be the local one.
    pub fn unclear(&self) -> Error {
        let self_pod = &self.self_pod;
        Error::new(
            Status::NoIdentity,
            format!(
                "cannot identify the pod that this process runs in: there are several {self_pod}; set `pod_uid` or \
                 `pod_name`, or the environment variables POD_UID and POD_NAME by the downward API (metadata.uid, metadata.name)"
            ),
        )
    }

    /// Returns the error for a local pod that can never be a peer.
    pub fn excluded(&self, reason: Reason) -> Error {
        let MessageContext { self_pod, discovery_port_name, .. } = self;
        let why = match reason {
            Reason::NoDiscoveryPort => format!(
                "none of its container ports has the name `{discovery_port_name}`; name the port in the pod template, or \
                 set `discovery_port_name` to the name that it has"
            ),
            Reason::NoIpOfFamily => "none of its addresses has the family of `ip_family`".into(),
            Reason::Malformed => {
                "the API server sent a node name, revision, start time, port or list of addresses for it that Kubernetes \
                 does not allow; check the proxies between this process and the API server"
                    .into()
            }
            _ => "it has ended".into(),
        };
        Error::new(Status::SelfExcluded, format!("this pod, {self_pod}, cannot be a peer: {why}"))
    }

    /// Returns the error for too few peers, or peers that are not stable.
    pub fn unsettled(
        &self,
        found: usize,
        min: usize,
        stable_for: Duration,
        cause: Option<&Error>,
    ) -> Error {
        let stable_for = stable_for.as_millis();
        let message =
            format!("found {found} peers; need at least {min}, stable for {stable_for} ms");
        match cause {
            Some(cause) => Error::new(Status::Timeout, format!("{message}: {}", cause.message()))
                .because_of(cause),
            None => Error::new(Status::Timeout, message),
        }
    }

    /// Returns the error for a result that is older than it may be.
    pub fn stale(&self, age: Duration, cause: Option<&Error>) -> Error {
        let namespace = &self.namespace;
        let why = cause.map_or("the API server has not answered in time", Error::message);
        let age = age.as_millis();
        let message =
            format!("the pods of namespace `{namespace}` were last confirmed {age} ms ago: {why}");
        let error = Error::new(Status::Stale, message);
        match cause {
            Some(cause) => error.because_of(cause),
            None => error,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::text::tests::HOSTILE;

    #[test]
    fn messages_never_contain_hostile_characters() {
        let labels = BTreeMap::from([(format!("key{HOSTILE}"), format!("value{HOSTILE}"))]);
        let message = context().unselected(&labels).message().to_owned();
        assert!(!message.contains(|c| HOSTILE.contains(c)), "{message}");
    }

    pub(crate) fn context() -> MessageContext {
        MessageContext {
            namespace: "ns".into(),
            selector: "app=demo".into(),
            discovery_port_name: "gossip".into(),
            self_pod: "`me`".into(),
        }
    }
}
