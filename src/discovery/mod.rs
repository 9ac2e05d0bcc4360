//! Which pods are peers, and how reliable that answer is. Pure: no I/O, no async, no C types.

pub mod chunked_list;
pub mod identity;
pub mod pod;
pub mod pod_index;
pub mod policy;
pub(crate) mod protobuf;
pub mod sink;
pub mod snapshot;
