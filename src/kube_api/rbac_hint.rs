//! Explains a 403, and makes the manifest that fixes it.

use crate::discovery::identity::Claims;
use crate::error::Error;
use crate::status::Status;

/// A name as YAML takes for a text: `1e3` would be a number, `no` a truth value.
fn text(name: &str) -> String {
    const TRUTHS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    if name.starts_with(|c: char| c.is_ascii_digit()) || TRUTHS.contains(&name) {
        format!("\"{name}\"")
    } else {
        name.to_owned()
    }
}

/// Returns who may not do what with the pods, and the Role and RoleBinding that allow it.
pub(super) fn missing_role(
    verb: &str,
    namespace: &str,
    claims: &Claims,
    server_says: &str,
) -> Error {
    let account = claims.service_account();
    let elsewhere = match account {
        Some((home, _)) if home != namespace => {
            format!(
                " (this process runs in namespace `{home}`: check that `{namespace}` is intended)"
            )
        }
        _ => String::new(),
    };
    let (who, subject, binding) = match account {
        Some((home, name)) => (
            format!("service account `{name}` of namespace `{home}`"),
            format!("{{kind: ServiceAccount, name: {}, namespace: {}}}", text(name), text(home)),
            // One for each account: a binding of the same name would take the permission from
            // another one. A namespace contains no dot.
            if home == namespace {
                format!("kubepeers-{name}")
            } else {
                format!("kubepeers.{home}.{name}")
            },
        ),
        None => (
            "the user of these credentials".into(),
            "{kind: User, apiGroup: rbac.authorization.k8s.io, name: THE-USER}".into(),
            "kubepeers-the-user".into(),
        ),
    };
    let within = text(namespace);
    let message = format!(
        "{who} may not {verb} pods in namespace `{namespace}`: {server_says}; \
         bind a Role that allows it to `list` and `watch` pods{elsewhere}"
    );
    let manifest = format!(
        "---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: Role\n\
         metadata: {{name: kubepeers, namespace: {within}}}\n\
         rules:\n\
         - {{apiGroups: [\"\"], resources: [pods], verbs: [list, watch]}}\n\
         ---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: RoleBinding\n\
         metadata: {{name: {binding}, namespace: {within}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: kubepeers}}\n\
         subjects:\n\
         - {subject}\n"
    );
    Error::new(Status::Forbidden, message).with_manifest(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(namespace: &str, subject: &str) -> Error {
        let claims: Claims = serde_json::from_value(serde_json::json!({"sub": subject})).unwrap();
        missing_role("watch", namespace, &claims, "no")
    }

    fn role(namespace: &str, subject: &str) -> String {
        denied(namespace, subject).manifest().unwrap().to_owned()
    }

    #[test]
    fn each_account_has_a_binding_of_its_own() {
        let home = role("ns", "system:serviceaccount:ns:sa");
        assert!(home.contains("name: kubepeers-sa,"), "{home}");
        let foreign = role("typo", "system:serviceaccount:ns:sa");
        assert!(foreign.contains("name: kubepeers.ns.sa,"), "{foreign}");
        let name = |subject| {
            let manifest = role("shop", subject);
            manifest.split("metadata: ").nth(2).unwrap().lines().next().unwrap().to_owned()
        };
        let names = [
            "system:serviceaccount:shop:ops-web",
            "system:serviceaccount:ops:web",
            "system:serviceaccount:shop:ops.web",
        ]
        .map(name);
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
        assert!(role("ns", "somebody").contains("kind: User"));
    }

    #[test]
    fn forged_subject_adds_nothing_to_the_manifest() {
        let forged = "system:serviceaccount:ns:a}\n---\nkind: ClusterRoleBinding\nEND\nreboot";
        let error = denied("ns", forged);
        let manifest = error.manifest().unwrap();
        assert!(manifest.contains("THE-USER") && !manifest.contains("Cluster"), "{manifest}");
        assert!(!error.message().contains("reboot"), "{error}");
    }

    #[test]
    fn the_message_is_one_line_and_the_manifest_apart() {
        let home = denied("ns", "system:serviceaccount:ns:sa").message().to_owned();
        let expected = "service account `sa` of namespace `ns` may not watch pods in namespace `ns`: no; bind a Role";
        assert!(
            home.starts_with(expected) && !home.contains('\n') && !home.contains("is intended"),
            "{home}"
        );
        let foreign = denied("typo", "system:serviceaccount:ns:sa").message().to_owned();
        assert!(
            foreign.contains("runs in namespace `ns`: check that `typo` is intended"),
            "{foreign}"
        );
    }

    #[test]
    fn names_are_quoted_in_the_manifest() {
        let numbers = role("1e3", "system:serviceaccount:1e3:007");
        assert!(numbers.contains("{name: kubepeers, namespace: \"1e3\"}"), "{numbers}");
        assert!(numbers.contains("name: \"007\", namespace: \"1e3\"}"), "{numbers}");
        assert!(role("no", "system:serviceaccount:no:sa").contains("name: sa, namespace: \"no\"}"));
    }
}
