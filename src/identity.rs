//! Who is self: which of the pods this process runs in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::config::{Settings, Source};
use crate::error::{Error, Result};
use crate::pod::Pod;
use crate::status::Status;

/// Who this process is among the pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Not a pod, by configuration: nobody is left out and nobody waited for.
    None,
    /// The pod with this uid.
    Uid {
        /// The pod's uid.
        uid: String,
        /// For messages.
        name: Option<String>,
    },
    /// The pod with this name, where no uid is known.
    Name(String),
}

/// What a service account's token says about its holder.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens>
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Claims {
    /// `system:serviceaccount:NAMESPACE:NAME`
    #[serde(rename = "sub")]
    pub subject: Option<String>,
    #[serde(default, rename = "kubernetes.io")]
    kubernetes: KubernetesClaims,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct KubernetesClaims {
    pod: Option<PodClaim>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct PodClaim {
    name: String,
    uid: String,
}

impl Claims {
    /// The claims of a token; none for what is not a JWT. The signature is the API server's business: our own token is trusted
    /// to say who we are, nothing more.
    pub fn of(token: &str) -> Self {
        let payload = token.split('.').nth(1).unwrap_or_default();
        let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    }

    /// The namespace and name of the service account.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        self.subject.as_deref()?.strip_prefix("system:serviceaccount:")?.split_once(':')
    }
}

/// The environment, as far as a name is set and not empty.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Identity {
    /// The first that answers: configuration, the token, POD_UID and POD_NAME, HOSTNAME.
    pub fn find(settings: &Settings, claims: &Claims, environment: Environment<'_>) -> Result<Self> {
        if settings.no_self {
            return Ok(Self::None);
        }
        let claimed = claims.kubernetes.pod.clone();
        Self::from(settings.pod_uid.clone(), settings.pod_name.clone())
            .or_else(|| claimed.map(|pod| Self::Uid { uid: pod.uid, name: Some(pod.name) }))
            .or_else(|| Self::from(environment("POD_UID"), environment("POD_NAME")))
            .or_else(|| hostname(settings, environment))
            .ok_or_else(unknown)
    }

    fn from(uid: Option<String>, name: Option<String>) -> Option<Self> {
        match (uid, name) {
            (Some(uid), name) => Some(Self::Uid { uid, name }),
            (None, Some(name)) => Some(Self::Name(name)),
            (None, None) => None,
        }
    }

    /// Is this pod self?
    pub fn is(&self, pod: &Pod) -> bool {
        match self {
            Self::None => false,
            Self::Uid { uid, .. } => *uid == pod.uid,
            Self::Name(name) => *name == pod.name,
        }
    }

    /// For messages.
    pub fn describe(&self) -> String {
        match self {
            Self::None => "no pod".into(),
            Self::Uid { uid, name: Some(name) } => format!("`{name}` (uid {uid})"),
            Self::Uid { uid, name: None } => format!("with uid {uid}"),
            Self::Name(name) => format!("`{name}`"),
        }
    }
}

/// The pod's name, unless the pod is on the host's network or names its host itself. Outside a cluster it says nothing.
fn hostname(settings: &Settings, environment: Environment<'_>) -> Option<Identity> {
    matches!(settings.source, Source::ServiceAccount(_)).then(|| environment("HOSTNAME"))?.map(Identity::Name)
}

fn unknown() -> Error {
    Error::new(
        Status::NoIdentity,
        "cannot tell which pod this process runs in: set `pod_uid` or `pod_name`, or the environment variables POD_UID and \
         POD_NAME from the pod's own fields (downward API: metadata.uid, metadata.name); \
         `self` = `none` if this process is not one of the pods",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn settings(extra: &[(&str, &str)]) -> Settings {
        let mut config = Config::default();
        let required = [
            ("namespace", "ns"),
            ("discovery_port_name", "gossip"),
            ("remoting_port_name", "remoting"),
            ("peers_port_name", "peers"),
            ("pod_labels", "app=demo"),
        ];
        for (key, value) in required.iter().chain(extra) {
            config.set(key, value).unwrap();
        }
        config.complete().unwrap()
    }

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    fn bound() -> Claims {
        Claims::of(&token(r#"{"sub":"system:serviceaccount:ns:sa","kubernetes.io":{"pod":{"name":"p","uid":"u"}}}"#))
    }

    fn find(extra: &[(&str, &str)], claims: &Claims, variables: &[(&str, &str)]) -> Result<Identity> {
        let environment =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Identity::find(&settings(extra), claims, &environment)
    }

    const ALL: [(&str, &str); 3] = [("POD_UID", "env-uid"), ("POD_NAME", "env-name"), ("HOSTNAME", "host")];

    #[test]
    fn the_first_that_answers() {
        let uid = |uid: &str, name: Option<&str>| Identity::Uid { uid: uid.into(), name: name.map(Into::into) };
        let nobody = Claims::default();
        assert_eq!(find(&[("self", "none")], &bound(), &ALL).unwrap(), Identity::None);
        assert_eq!(find(&[("pod_uid", "x")], &bound(), &ALL).unwrap(), uid("x", None));
        assert_eq!(find(&[("pod_name", "n")], &bound(), &ALL).unwrap(), Identity::Name("n".into()));
        assert_eq!(find(&[], &bound(), &ALL).unwrap(), uid("u", Some("p")));
        assert_eq!(find(&[], &nobody, &ALL).unwrap(), uid("env-uid", Some("env-name")));
        assert_eq!(find(&[], &nobody, &ALL[1..]).unwrap(), Identity::Name("env-name".into()));
        assert_eq!(find(&[], &nobody, &ALL[2..]).unwrap(), Identity::Name("host".into()));
        assert_eq!(find(&[], &nobody, &[]).unwrap_err().status(), Status::NoIdentity);
    }

    #[test]
    fn the_hostname_of_a_machine_outside_the_cluster_is_no_identity() {
        let error = find(&[("kubeconfig", "k")], &Claims::default(), &[("HOSTNAME", "laptop")]).unwrap_err();
        assert_eq!(error.status(), Status::NoIdentity);
    }

    #[test]
    fn what_is_not_a_token_claims_nothing() {
        for junk in [
            "",
            ".",
            "a.b.c",
            "only-one-part",
            &token("[]"),
            &token("{"),
            &token(r#"{"kubernetes.io":{"pod":{"name":1}}}"#),
        ] {
            assert_eq!(Claims::of(junk), Claims::default(), "{junk}");
        }
        assert_eq!(bound().service_account(), Some(("ns", "sa")));
    }
}
