//! Which of the pods this process runs in.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::discovery::names::{is_dns_label, is_dns_subdomain};
use crate::discovery::pod::Pod;
use crate::error::{Error, Result};
use crate::status::Status;

/// How the local pod is identified among the pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The process runs in none of them, by configuration. No pod is excluded as self, and callers
    /// wait for none.
    None,
    /// The local pod has this uid.
    Uid {
        /// The uid of the pod.
        uid: String,
        /// For messages.
        name: Option<String>,
    },
    /// The local pod has this name; its uid is not known.
    Name(String),
    /// The local pod has one of these addresses.
    Address {
        /// `pod_ip`, or those of the machine's interfaces.
        addresses: Vec<IpAddr>,
        /// If no pod has one of the addresses, the local pod is the one with this name.
        hostname: Option<String>,
    },
}

/// The result of a search for the local pod.
#[derive(Debug, PartialEq, Eq)]
pub enum SelfMatch<'a> {
    /// The process runs in none of the pods.
    NoPod,
    /// The local pod is not among the pods.
    Absent,
    /// Several pods match, and nothing identifies the right one.
    Unclear,
    /// The local pod.
    Pod(&'a Arc<Pod>),
}

/// The claims of a service account's token.
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
    /// Returns the claims of a token, or none if it is not a JWT. The signature is not checked: the
    /// token only identifies the local pod, and the API server checks it.
    pub fn of(token: &str) -> Self {
        serde_json::from_slice(&payload(token)).unwrap_or_default()
    }

    /// Returns the name of the pod that the token is bound to.
    pub fn pod(&self) -> Option<&str> {
        self.bound_pod().map(|pod| &*pod.name)
    }

    /// Returns the namespace and the name of the service account. Manifests and commands contain
    /// them, so anything that Kubernetes does not allow in them makes it `None`.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        let account = self.subject.as_deref()?.strip_prefix("system:serviceaccount:")?;
        let is_valid =
            |(namespace, name): &(&str, &str)| is_dns_label(namespace) && is_dns_subdomain(name);
        account.split_once(':').filter(is_valid)
    }

    /// Returns the pod that the token is bound to, if Kubernetes allows its name and uid.
    fn bound_pod(&self) -> Option<&PodClaim> {
        let is_valid = |pod: &&PodClaim| is_dns_subdomain(&pod.name) && is_uid(&pod.uid);
        self.kubernetes.pod.as_ref().filter(is_valid)
    }
}

/// What the configuration says about the local pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // The keys, documented at kubepeers_config_set.
pub struct SelfOptions {
    /// `membership` = "observer".
    pub is_observer: bool,
    pub pod_name: Option<String>,
    pub pod_uid: Option<String>,
    pub pod_ip: Option<IpAddr>,
}

/// What the process can learn from its environment.
pub struct Environment<'a> {
    /// Returns an environment variable, if it is set and not empty.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Returns the addresses of the machine's interfaces.
    pub addresses: &'a dyn Fn() -> Vec<IpAddr>,
}

/// Returns when a token expires, in seconds since 1970. It is not one of the claims: a token with
/// another kind of expiry still identifies the local pod.
pub(crate) fn expiry(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Expiry {
        exp: i64,
    }
    serde_json::from_slice(&payload(token)).ok().map(|Expiry { exp }| exp)
}

fn payload(token: &str) -> Vec<u8> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).unwrap_or_default()
}

/// Returns whether it may be a uid. It is a UUID, or a hash for a static pod.
fn is_uid(uid: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    (1..=253).contains(&uid.len()) && uid.bytes().all(allowed)
}

impl Identity {
    /// Returns the first of these that is available: the configuration, the token, POD_UID and
    /// POD_NAME, the addresses of the machine, HOSTNAME. The last two identify only a process that
    /// `runs_in_pod`: elsewhere they belong to no pod, or to a wrong one.
    pub fn find(
        options: &SelfOptions,
        runs_in_pod: bool,
        claims: &Claims,
        environment: &Environment<'_>,
    ) -> Result<Self> {
        if options.is_observer {
            return Ok(Self::None);
        }
        let variable = environment.variable;
        let claimed = claims.bound_pod().cloned();
        Self::from(options.pod_uid.clone(), options.pod_name.clone())
            .or_else(|| {
                options.pod_ip.map(|ip| Self::Address { addresses: vec![ip], hostname: None })
            })
            .or_else(|| claimed.map(|pod| Self::Uid { uid: pod.uid, name: Some(pod.name) }))
            .or_else(|| Self::from(variable("POD_UID"), variable("POD_NAME")))
            .or_else(|| if runs_in_pod { of_machine(environment) } else { None })
            .ok_or_else(unknown)
    }

    fn from(uid: Option<String>, name: Option<String>) -> Option<Self> {
        match (uid, name) {
            (Some(uid), name) => Some(Self::Uid { uid, name }),
            (None, Some(name)) => Some(Self::Name(name)),
            (None, None) => None,
        }
    }

    /// Finds the local pod among the pods. `port` returns the discovery port of a pod.
    pub fn among<'a>(
        &self,
        pods: impl Iterator<Item = &'a Arc<Pod>> + Clone,
        port: impl Fn(&Pod) -> Option<u16>,
    ) -> SelfMatch<'a> {
        let first = |is: &dyn Fn(&Pod) -> bool| {
            pods.clone().find(|pod| is(pod)).map_or(SelfMatch::Absent, SelfMatch::Pod)
        };
        match self {
            Self::None => SelfMatch::NoPod,
            Self::Uid { uid, .. } => first(&|pod| *pod.uid == **uid),
            Self::Name(name) => first(&|pod| *pod.name == **name),
            Self::Address { addresses, hostname } => {
                match (at(addresses, pods.clone(), port), hostname) {
                    (SelfMatch::Absent, Some(name)) => first(&|pod| *pod.name == **name),
                    (found, _) => found,
                }
            }
        }
    }

    /// Returns whether `among` considers this pod.
    pub fn may_be(&self, pod: &Pod) -> bool {
        match self {
            Self::None => false,
            Self::Uid { uid, .. } => *pod.uid == **uid,
            Self::Name(name) => *pod.name == **name,
            Self::Address { addresses, hostname } => {
                hostname.as_ref().is_some_and(|name| *pod.name == **name)
                    || pod.ips.iter().any(|ip| addresses.contains(ip))
            }
        }
    }

    /// Returns whether no other pod can ever match.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::None | Self::Uid { .. })
    }

    /// Returns the name of the local pod, if it is known.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Uid { name, .. } | Self::Address { hostname: name, .. } => name.as_deref(),
            Self::Name(name) => Some(name),
        }
    }

    /// Returns whether a pod of its name with this uid may be the local pod. A later pod may have
    /// the same name.
    pub fn may_have_uid(&self, found: &str) -> bool {
        !matches!(self, Self::Uid { uid, .. } if uid != found)
    }

    /// Returns a description for messages.
    pub fn describe(&self) -> String {
        match self {
            Self::None => "no pod".into(),
            Self::Uid { uid, name: Some(name) } => format!("`{name}` (uid {uid})"),
            Self::Uid { uid, name: None } => format!("with uid {uid}"),
            Self::Name(name) => format!("`{name}`"),
            Self::Address { addresses, hostname } => {
                let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                let named = hostname
                    .as_ref()
                    .map(|name| format!(", or named `{name}`"))
                    .unwrap_or_default();
                format!("at {}{named}", texts.join(" or "))
            }
        }
    }
}

/// Finds the pod at one of these addresses. On a host's network, several pods share an address,
/// each with a port of its own. Pods that have ended keep their addresses although other pods have
/// them now, and pods of a lost node do so while they look alive: of several pods with one address
/// and port, the one that started last is found.
fn at<'a>(
    addresses: &[IpAddr],
    pods: impl Iterator<Item = &'a Arc<Pod>>,
    port: impl Fn(&Pod) -> Option<u16>,
) -> SelfMatch<'a> {
    let here =
        |pod: &&Arc<Pod>| !pod.phase.is_over() && pod.ips.iter().any(|ip| addresses.contains(ip));
    let mut found: Vec<&Arc<Pod>> = pods.filter(here).collect();
    if found.iter().any(|pod| port(pod).is_some()) {
        found.retain(|pod| port(pod).is_some());
    }
    let Some(last) = found.iter().max_by(|a, b| a.by_start(b)) else { return SelfMatch::Absent };
    let place = |pod: &Pod| (pod.ips.clone(), port(pod));
    if found.iter().all(|pod| place(pod) == place(last)) {
        SelfMatch::Pod(last)
    } else {
        SelfMatch::Unclear
    }
}

fn of_machine(environment: &Environment<'_>) -> Option<Identity> {
    let (addresses, hostname) = ((environment.addresses)(), (environment.variable)("HOSTNAME"));
    (!addresses.is_empty() || hostname.is_some())
        .then_some(Identity::Address { addresses, hostname })
}

fn unknown() -> Error {
    Error::new(
        Status::NoIdentity,
        "cannot identify the pod that this process runs in: set `pod_uid`, `pod_name` or `pod_ip`, or the environment variables POD_UID and \
         POD_NAME, from the pod's own fields (downward API: metadata.uid, metadata.name); \
         `membership` = `observer` if this process is not one of the pods",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::settings;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    fn bound() -> Claims {
        Claims::of(&token(
            r#"{"sub":"system:serviceaccount:ns:sa","kubernetes.io":{"pod":{"name":"p","uid":"u"}}}"#,
        ))
    }

    fn find(
        extra: &[(&str, &str)],
        claims: &Claims,
        variables: &[(&str, &str)],
        addresses: &[&str],
    ) -> Result<Identity> {
        let variable = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let addresses = || addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        let (settings, environment) =
            (settings(extra), Environment { variable: &variable, addresses: &addresses });
        Identity::find(&settings.self_options, settings.runs_in_pod(), claims, &environment)
    }

    const ALL: [(&str, &str); 3] =
        [("POD_UID", "env-uid"), ("POD_NAME", "env-name"), ("HOSTNAME", "host")];
    const HERE: [&str; 1] = ["10.0.0.1"];

    fn address(ip: &str, hostname: Option<&str>) -> Identity {
        Identity::Address {
            addresses: ip.parse().into_iter().collect(),
            hostname: hostname.map(Into::into),
        }
    }

    #[test]
    fn find_returns_the_first_source_that_is_available() {
        let uid = |uid: &str, name: Option<&str>| Identity::Uid {
            uid: uid.into(),
            name: name.map(Into::into),
        };
        let no_claims = Claims::default();
        for (extra, claims, variables, addresses, expected) in [
            (("membership", "observer"), &bound(), &ALL[..], &HERE[..], Identity::None),
            (("pod_uid", "x"), &bound(), &ALL, &HERE, uid("x", None)),
            (("pod_name", "n"), &bound(), &ALL, &HERE, Identity::Name("n".into())),
            (("pod_ip", "10.0.0.2"), &bound(), &ALL, &HERE, address("10.0.0.2", None)),
            (("membership", "member"), &bound(), &ALL, &HERE, uid("u", Some("p"))),
            (("membership", "member"), &no_claims, &ALL, &HERE, uid("env-uid", Some("env-name"))),
            (
                ("membership", "member"),
                &no_claims,
                &ALL[1..],
                &HERE,
                Identity::Name("env-name".into()),
            ),
            (
                ("membership", "member"),
                &no_claims,
                &ALL[2..],
                &HERE,
                address("10.0.0.1", Some("host")),
            ),
            (("membership", "member"), &no_claims, &[], &HERE, address("10.0.0.1", None)),
            (("membership", "member"), &no_claims, &ALL[2..], &[], address("", Some("host"))),
        ] {
            assert_eq!(find(&[extra], claims, variables, addresses).unwrap(), expected);
        }
        assert_eq!(find(&[], &no_claims, &[], &[]).unwrap_err().status(), Status::NoIdentity);
    }

    #[test]
    fn machine_outside_the_cluster_is_not_a_pod() {
        let error =
            find(&[("kubeconfig", "k")], &Claims::default(), &[("HOSTNAME", "laptop")], &HERE)
                .unwrap_err();
        assert_eq!(error.status(), Status::NoIdentity);
    }

    /// Makes pods from (name, address, port, start). Port 0 means none.
    fn among<'a>(
        identity: &Identity,
        pods: &'a [Arc<Pod>],
    ) -> std::result::Result<&'a str, SelfMatch<'a>> {
        match identity.among(pods.iter(), |pod| pod.port("gossip")) {
            SelfMatch::Pod(pod) => Ok(&pod.name),
            other => Err(other),
        }
    }

    fn pods(pods: &[(&str, &str, u16, &str)]) -> Vec<Arc<Pod>> {
        let made = pods.iter().map(|(name, ip, port, started)| {
            let mut pod = crate::discovery::policy::tests::pod(name, ip);
            pod.started = (*started).into();
            pod.ports = pod
                .ports
                .into_iter()
                .map(|named| crate::discovery::pod::Port { number: *port, ..named })
                .collect();
            if *port == 0 {
                pod.ports = [].into();
            }
            Arc::new(pod)
        });
        made.collect()
    }

    #[test]
    fn among_finds_by_uid_name_and_address() {
        let all = pods(&[("a", "10.0.0.1", 1, ""), ("b", "10.0.0.2", 1, "")]);
        let uid = |uid: &str| Identity::Uid { uid: uid.into(), name: None };
        assert_eq!(among(&uid("uid-b"), &all), Ok("b"));
        assert_eq!(among(&uid("b"), &all), Err(SelfMatch::Absent));
        assert_eq!(among(&Identity::Name("a".into()), &all), Ok("a"));
        assert_eq!(among(&Identity::None, &all), Err(SelfMatch::NoPod));
        assert_eq!(among(&address("10.0.0.2", Some("a")), &all), Ok("b"));
        assert_eq!(among(&address("10.0.0.3", Some("a")), &all), Ok("a"));
        assert_eq!(among(&address("10.0.0.3", Some("x")), &all), Err(SelfMatch::Absent));
        assert_eq!(among(&address("10.0.0.3", None), &all), Err(SelfMatch::Absent));
    }

    #[test]
    fn among_prefers_the_port_and_the_last_start_at_one_address() {
        let here = address("10.0.0.1", None);
        // On a host's network, other pods of the host lack the port.
        assert_eq!(
            among(&here, &pods(&[("a", "10.0.0.1", 0, ""), ("b", "10.0.0.1", 1, "")])),
            Ok("b")
        );
        assert_eq!(among(&here, &pods(&[("a", "10.0.0.1", 0, "")])), Ok("a"));
        let two_ports = pods(&[("a", "10.0.0.1", 1, ""), ("b", "10.0.0.1", 2, "")]);
        assert_eq!(among(&here, &two_ports), Err(SelfMatch::Unclear));
        // The old pod is on a lost node, and another pod has its address now.
        assert_eq!(
            among(
                &here,
                &pods(&[("new", "10.0.0.1", 1, "2026-02"), ("old", "10.0.0.1", 1, "2026-01")])
            ),
            Ok("new")
        );
        let mut ended = pods(&[("a", "10.0.0.1", 1, "2026-03"), ("b", "10.0.0.1", 1, "2026-01")]);
        Arc::make_mut(&mut ended[0]).phase = crate::discovery::pod::Phase::Failed;
        assert_eq!(among(&here, &ended), Ok("b"));
    }

    #[test]
    fn malformed_token_has_no_claims() {
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

    #[test]
    fn claims_that_are_not_names_are_ignored() {
        let of = |subject: &str, name: &str, uid: &str| {
            let claims = serde_json::json!({
                "sub": subject, "kubernetes.io": {"pod": {"name": name, "uid": uid}},
            });
            Claims::of(&token(&claims.to_string()))
        };
        let long = "a".repeat(100);
        let good = of("system:serviceaccount:1-a:web.v1", &format!("{long}.b"), "6f-1.A_b");
        assert_eq!(good.service_account(), Some(("1-a", "web.v1")));
        assert_eq!(good.pod(), Some(&*format!("{long}.b")));
        for (namespace, name) in [
            ("ns", "sa}\n---\nkind: ClusterRoleBinding"),
            ("ns\nEND\nreboot", "sa"),
            ("$(reboot)", "sa"),
            ("n.s", "sa"),
            ("ns", ""),
            ("", "sa"),
            ("ns", "a:b"),
            ("ns", "sa, x: y"),
            (&long, "sa"),
        ] {
            let subject = format!("system:serviceaccount:{namespace}:{name}");
            assert_eq!(of(&subject, "p", "u").service_account(), None, "{subject}");
        }
        for (name, uid) in
            [("p\n", "u"), ("P", "u"), ("", "u"), ("p", "u\n"), ("p", "u v"), ("p", "")]
        {
            let claims = of("system:serviceaccount:ns:sa", name, uid);
            assert_eq!((claims.pod(), claims.service_account()), (None, Some(("ns", "sa"))));
            let variables = [("POD_NAME", "env-name")];
            let identity = find(&[], &claims, &variables, &[]).unwrap();
            assert_eq!(identity, Identity::Name("env-name".into()), "{name:?} {uid:?}");
        }
    }
}
