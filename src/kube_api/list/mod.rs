//! Readers that turn the body of a list into pods while it arrives.

pub(in crate::kube_api) mod bounded;
pub(in crate::kube_api) mod json;
pub(in crate::kube_api) mod protobuf;
