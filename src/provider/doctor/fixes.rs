//! What fixes each step. Lines that begin with four blanks are to be copied.

use std::path::{Path, PathBuf};

use super::observe::{Connected, Observed};
use super::report::Fix;
use super::words::{advice, sentence, shell_word};
use crate::config::Source;
use crate::discovery::sink::LastError;
use crate::error::Error;
use crate::text::printable;

const MOUNT: &str =
    "Mount the token and the CA. Set this in the pod template, which wins over the service account:
    spec:
      automountServiceAccountToken: true";

const RESOURCES: &str =
    "Allow this process more open files, threads or memory. These are its limits:
    cat /proc/self/limits";

const IDENTITY: &str =
    "Name the pod that this process runs in. In the container of the pod template:
    env:
    - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: POD_UID, valueFrom: {fieldRef: {fieldPath: metadata.uid}}}";

const OBSERVER: &str = "Set `membership` = `observer` if this process is not one of the pods.";

pub(super) fn configuration(error: &Error) -> Fix {
    let (_, advice) = advice(error.message());
    Fix::new(
        advice.map_or_else(
            || "Set the configuration keys that the message names.".to_owned(),
            sentence,
        ),
    )
}

/// Without a token, the missing mount comes first.
pub(super) fn no_token(observed: &Observed) -> Fix {
    let Source::ServiceAccount(_) = observed.settings.source else {
        return unusable_kubeconfig(observed);
    };
    Fix::new(format!(
        "{MOUNT}\n\
         If another directory holds the token, set `service_account_dir`. Outside a cluster, set `kubeconfig`."
    ))
}

pub(super) fn not_in_cluster() -> Fix {
    Fix::new(
        "Outside a cluster, set `kubeconfig`, and `membership` = `observer`. In a pod, Kubernetes sets these variables. \
         Show what they are, and then what changes them:\n    env | grep '^KUBERNETES_SERVICE_'",
    )
}

pub(super) fn credentials(observed: &Observed, message: &str) -> Fix {
    let fix = match observed.settings.source {
        Source::ServiceAccount(_) => return described(message).unwrap_or_else(|| Fix::new(MOUNT)),
        Source::Kubeconfig(..) => unusable_kubeconfig(observed),
    };
    after(advice(message).1, fix)
}

/// Returns what the library's message advises.
pub(super) fn described(message: &str) -> Option<Fix> {
    advice(message).1.map(|advice| Fix::new(sentence(advice)))
}

/// Puts the advice of the library before a fix.
pub(super) fn after(advice: Option<&str>, fix: Fix) -> Fix {
    match advice {
        Some(advice) => Fix::new(format!("{}\n{}", sentence(advice), fix.text)),
        None => fix,
    }
}

fn unusable_kubeconfig(observed: &Observed) -> Fix {
    Fix::new(format!(
        "Check whether kubectl can use the kubeconfig:\n    {} auth whoami",
        kubectl(observed)
    ))
}

pub(super) fn resources() -> Fix {
    Fix::new(RESOURCES)
}

/// The requests do not reach the API server, or no response comes back.
pub(super) fn unreachable(observed: &Observed) -> Fix {
    match (&observed.settings.source, &observed.settings.namespace) {
        (Source::Kubeconfig(..), _) => Fix::new(format!(
            "Check whether kubectl reaches the API server:\n    {} get --raw /readyz\n\
             If kubectl waits, too, a login plugin (`exec` in the kubeconfig) may hang.",
            kubectl(observed)
        )),
        (Source::ServiceAccount(_), namespace) => {
            let namespace = observed.namespace().or(namespace.as_deref());
            let within =
                namespace.map_or_else(String::new, |name| format!(" -n {}", shell_word(name)));
            Fix::new(format!(
                "Check whether the API server runs, and whether a NetworkPolicy keeps this pod from it:\n    \
                 kubectl get --raw /readyz\n    kubectl get networkpolicy{within}"
            ))
        }
    }
}

pub(super) fn unresolved(host: &str) -> Fix {
    Fix::new(format!(
        "Check whether the name can be resolved here, and whether the DNS of the cluster runs:\n    \
         getent hosts {}\n    kubectl get pods -n kube-system -l k8s-app=kube-dns",
        shell_word(host)
    ))
}

/// The API server responds, but not usefully.
pub(super) fn server(observed: &Observed) -> Fix {
    Fix::new(format!(
        "Check the API server, and what is between it and this process, such as a proxy or a login portal:\n    \
         {} get --raw '/readyz?verbose'",
        kubectl(observed)
    ))
}

pub(super) fn tls(observed: &Observed) -> Fix {
    let namespace = shell_word(observed.namespace().unwrap_or("default"));
    Fix::new(format!(
        "Compare the CA with that of the cluster, of which every namespace has a copy:\n    \
         {} get configmap kube-root-ca.crt -n {namespace} -o 'jsonpath={{.data.ca\\.crt}}'",
        kubectl(observed)
    ))
}

pub(super) fn not_verified() -> Fix {
    Fix::new(
        "In the cluster of the kubeconfig, remove `insecure-skip-tls-verify`, and set `certificate-authority` to the \
         CA of the cluster.",
    )
}

pub(super) fn not_encrypted() -> Fix {
    Fix::new(
        "Use a `server` that begins with https:// in the kubeconfig, unless it is `kubectl proxy` on this machine.",
    )
}

pub(super) fn login(observed: &Observed) -> Fix {
    match &source(observed) {
        Source::Kubeconfig(..) => Fix::new(format!(
            "Log in again, in the way that created the kubeconfig. This shows the user of it:\n    {} auth whoami",
            kubectl(observed)
        )),
        Source::ServiceAccount(dir) => {
            let account = observed.service_account();
            let account = account.map_or_else(String::new, |(namespace, name)| {
                format!(" -n {} {}", shell_word(namespace), shell_word(name))
            });
            Fix::new(format!(
                "The kubelet renews the token that it mounts. A token that is rejected usually is a copy, or belongs to \
                 another cluster, or its service account or pod is gone. Check that {} is a mount of this pod, and that the \
                 service account exists:\n    kubectl get serviceaccount{account}",
                dir.display()
            ))
        }
    }
}

/// A Role is missing.
pub(super) fn permission(observed: &Observed, failure: &LastError) -> Fix {
    let Some(manifest) = failure.error.manifest() else { return server(observed) };
    if manifest.contains("THE-USER") {
        Fix::new(
            "Replace THE-USER by the name in the API server's message, and ask a cluster admin to apply this:",
        )
        .with_manifest(manifest, false)
    } else {
        Fix::new("Ask a cluster admin to apply this:").with_manifest(manifest, true)
    }
}

pub(super) fn labels(observed: &Observed, connected: &Connected) -> Fix {
    let (kubectl, namespace) = (kubectl(observed), &connected.namespace);
    Fix::new(format!(
        "Set `pod_labels` to labels that the pods have, or add the labels to the pod template. This shows the labels of the \
         pods:\n    {kubectl} get pods -n {namespace} --show-labels\n\
         If it shows no pods, check whether the namespace exists:\n    \
         {kubectl} get namespace {namespace}"
    ))
}

/// `lacking`: pairs of a key without its `_name`, and the name of the port.
pub(super) fn ports(lacking: &[(&str, &str)]) -> Fix {
    let ports: String = lacking
        .iter()
        .map(|(_, name)| format!("    - {{name: {name}, containerPort: NUMBER}}\n"))
        .collect();
    let quoted = |prefix: &str, suffix: &str| {
        let keys = lacking.iter().map(|(key, _)| format!("`{prefix}{key}{suffix}`"));
        keys.collect::<Vec<_>>().join(" and ")
    };
    Fix::new(format!(
        "Name the port in the container of the pod template:\n    ports:\n{ports}Or set {} to the name that the port has. \
         For pods that declare no port, set {}.",
        quoted("", "_name"),
        quoted("default_", "")
    ))
}

pub(super) fn identity(observed: &Observed) -> Fix {
    match observed.settings.source {
        Source::Kubeconfig(..) => {
            Fix::new(format!("{OBSERVER}\nOtherwise set `pod_uid` or `pod_name`."))
        }
        Source::ServiceAccount(_) => Fix::new(format!("{IDENTITY}\n{OBSERVER}")),
    }
}

pub(super) fn absent(observed: &Observed, connected: &Connected) -> Fix {
    Fix::new(format!(
        "If this lasts, check whether the pod exists, and which labels it has:\n{}\n\
         If there is no such pod, one of these belongs to another pod: `pod_uid`, `pod_name`, `pod_ip`, the variables \
         POD_UID and POD_NAME, or the address of this machine. {OBSERVER}",
        get_pods(observed, connected)
    ))
}

pub(super) fn not_yet(observed: &Observed, connected: &Connected, names: &[&str]) -> Fix {
    Fix::new(format!(
        "If this lasts, the events of the pod say why:\n{}\n\
         The pod of a native sidecar is Pending until its main containers start: set `pending` = `include` for it.",
        describe(observed, connected, names)
    ))
}

pub(super) fn unselected(observed: &Observed, connected: &Connected) -> Fix {
    Fix::new(format!(
        "Set `pod_labels` to labels that this pod and its peers have, or give the pod template the labels of the peers. \
         This shows the labels:\n{}\n{OBSERVER}",
        get_pods(observed, connected)
    ))
}

pub(super) fn family(observed: &Observed, connected: &Connected) -> Fix {
    Fix::new(format!(
        "Set `ip_family` to a family of which the pod has an address, or do not set it. This shows the addresses:\n{}",
        get_pods(observed, connected)
    ))
}

pub(super) fn stale(observed: &Observed) -> Fix {
    Fix::new(format!("{}\nOr allow older results: set `max_stale_ms`.", server(observed).text))
}

/// Shows what has happened to some pods.
pub(super) fn describe_pods(observed: &Observed, connected: &Connected, names: &[&str]) -> Fix {
    Fix::new(format!(
        "Check what has happened to {}:\n{}",
        if names.len() == 1 { "the pod" } else { "the pods" },
        describe(observed, connected, names)
    ))
}

/// Several pods have the same address and port.
pub(super) fn shared_address(observed: &Observed, connected: &Connected) -> Fix {
    Fix::new(format!(
        "Usually the excluded pod was on a node that is lost, and needs no fix. Pods on the network of a host share its \
         address: give each another port number. This shows the addresses and the nodes:\n{}",
        get_pods(observed, connected)
    ))
}

/// Adds a fix of another kind.
pub(super) fn both(first: &Fix, second: &Fix) -> Fix {
    Fix::new(format!("{}\n{}", first.text, second.text))
}

fn describe(observed: &Observed, connected: &Connected, names: &[&str]) -> String {
    let names: Vec<String> = names.iter().take(5).map(|name| shell_word(name)).collect();
    let (kubectl, namespace) = (kubectl(observed), &connected.namespace);
    format!("    {kubectl} describe pod -n {namespace} {}", names.join(" "))
}

fn get_pods(observed: &Observed, connected: &Connected) -> String {
    let kubectl = kubectl(observed);
    format!("    {kubectl} get pods -n {} --show-labels -o wide", connected.namespace)
}

/// Returns the kubectl that uses the same credentials.
fn kubectl(observed: &Observed) -> String {
    let mut words = vec!["kubectl".to_owned()];
    if let Source::Kubeconfig(path, context) = &source(observed) {
        words.push(shell_word(&format!("--kubeconfig={}", path.display())));
        words.extend(context.as_ref().map(|context| shell_word(&format!("--context={context}"))));
    }
    words.join(" ")
}

/// Returns the source of the credentials with paths that end no line of a fix.
fn source(observed: &Observed) -> Source {
    let path = |path: &Path| PathBuf::from(&*printable(&path.to_string_lossy()));
    match &observed.settings.source {
        Source::ServiceAccount(dir) => Source::ServiceAccount(path(dir)),
        Source::Kubeconfig(file, context) => Source::Kubeconfig(path(file), context.clone()),
    }
}
