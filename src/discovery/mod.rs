//! Which pods are peers, and how reliable that answer is. Pure: no I/O, no async, no C types.

pub(crate) mod access;
pub(crate) mod chunked_list;
pub(crate) mod identity;
pub(crate) mod names;
pub(crate) mod pod;
pub(crate) mod pod_index;
pub(crate) mod policy;
pub(crate) mod protobuf_reader;
pub(crate) mod sink;
pub(crate) mod snapshot;
