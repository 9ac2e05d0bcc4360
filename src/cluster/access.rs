//! What a 403 means and the manifest that mends it.

use crate::identity::Claims;

/// Says who may not read the pods, and prints the Role and RoleBinding that allow it.
pub(super) fn missing_role(namespace: &str, claims: &Claims, server_says: &str) -> String {
    let (account, subject) = match claims.service_account() {
        Some((home, name)) => (
            format!("service account `{name}` of namespace `{home}`"),
            format!("{{kind: ServiceAccount, name: {name}, namespace: {home}}}"),
        ),
        None => (
            "the user of these credentials".into(),
            "{kind: User, apiGroup: rbac.authorization.k8s.io, name: THE-USER}".into(),
        ),
    };
    format!(
        "{account} may not list and watch pods in namespace `{namespace}` (the API server says: {server_says}). This allows it:\n\
         ---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: Role\n\
         metadata: {{name: kubepeers, namespace: {namespace}}}\n\
         rules:\n\
         - {{apiGroups: [\"\"], resources: [pods], verbs: [list, watch]}}\n\
         ---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: RoleBinding\n\
         metadata: {{name: kubepeers, namespace: {namespace}}}\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: kubepeers}}\n\
         subjects:\n\
         - {subject}\n"
    )
}
