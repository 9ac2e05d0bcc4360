//! Readers that turn the body of a list into pods.

pub(in crate::kube_api) mod bounded;
pub(in crate::kube_api) mod json;
pub(in crate::kube_api) mod protobuf;

use super::error::{ApiError, ErrorClass};
use crate::discovery::pod::Pod;

/// The longest metadata of a list.
const LARGEST_METADATA: usize = 64 << 10;

/// Reads a list of one encoding.
pub(in crate::kube_api) trait ListReader: Send {
    /// Reads the next piece.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), ApiError>;
    /// Returns the pods that were read since the last call.
    fn take(&mut self) -> Vec<Pod>;
    /// Ends the list, which may yield more pods. Returns its resourceVersion, and where the next
    /// page begins, "" for none. Fails if it was not the whole of a list.
    fn finish(&mut self) -> Result<(Box<str>, String), ApiError>;
}

fn bounded(length: usize, limit: usize) -> Result<(), ApiError> {
    if length > limit { Err(malformed(format!("more than {limit} bytes"))) } else { Ok(()) }
}

fn malformed(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorClass::Malformed, format!("not a list of pods: {why}"))
}
