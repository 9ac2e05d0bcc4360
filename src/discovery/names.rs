//! Checks the names of Kubernetes objects.
//!
//! <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>

/// Returns whether it is a DNS label, such as the name of a namespace.
pub(crate) fn is_dns_label(value: &str) -> bool {
    value.len() <= 63 && is_label_of_any_length(value)
}

/// Returns whether it is a DNS subdomain, such as the name of a pod. Kubernetes limits the length
/// of the whole, and not of its parts.
pub(crate) fn is_dns_subdomain(value: &str) -> bool {
    value.len() <= 253 && value.split('.').all(is_label_of_any_length)
}

/// Returns whether a letter or digit is at both ends.
pub(crate) fn ends_alphanumeric(value: &str) -> bool {
    let ends = [value.bytes().next(), value.bytes().last()];
    ends.iter().all(|end| end.is_some_and(|b| b.is_ascii_alphanumeric()))
}

fn is_label_of_any_length(value: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    value.bytes().all(allowed) && ends_alphanumeric(value)
}
