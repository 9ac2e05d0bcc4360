//! The values that Kubernetes allows in the fields that are kept. A server that sends others is
//! broken or hostile. Its values are not kept, so that no field can fill the memory.
//!
//! The checks may be looser than those of the API server: they bound the size, and exclude every
//! character that would need escaping.

/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names>
pub(super) const LONGEST_NAME: usize = 253;
/// A UUID has 36 characters.
pub(super) const LONGEST_UID: usize = 128;
/// A decimal number that is smaller than 2^128, by specification since Kubernetes 1.35.
pub(super) const LONGEST_RESOURCE_VERSION: usize = 128;
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set>
pub(super) const LONGEST_REVISION: usize = 63;
/// `2026-01-01T00:00:00Z` has 20 characters; fractions of a second and an offset make it longer.
pub(super) const LONGEST_TIME: usize = 35;
/// RFC 6335, section 5.1.
pub(super) const LONGEST_PORT_NAME: usize = 15;
/// The most named ports of one pod. Kubernetes has no limit.
pub(super) const MOST_PORTS: usize = 256;
/// The most addresses of one pod. Kubernetes allows one of each family.
pub(super) const MOST_ADDRESSES: usize = 8;

/// Returns whether this is a name of a pod or node.
pub(super) fn is_name(text: &str) -> bool {
    is_text(text, LONGEST_NAME, |b| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.')
    })
}

pub(super) fn is_uid(text: &str) -> bool {
    is_text(text, LONGEST_UID, is_token)
}

/// Returns whether a watch can begin at this resourceVersion: "" and "0" have other meanings.
pub(crate) fn is_resource_version(text: &str) -> bool {
    text != "0" && is_text(text, LONGEST_RESOURCE_VERSION, is_token)
}

pub(super) fn is_revision(text: &str) -> bool {
    is_text(text, LONGEST_REVISION, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')
    })
}

pub(super) fn is_time(text: &str) -> bool {
    is_text(text, LONGEST_TIME, |b| {
        b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'+' | b'T' | b'Z' | b't' | b'z')
    })
}

pub(super) fn is_port_name(text: &str) -> bool {
    is_text(text, LONGEST_PORT_NAME, |b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':')
}

fn is_text(text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(allowed)
}
