//! What the crate's own tests and fuzz targets use. Not part of the library that is shipped.

pub use crate::config::keys::{KEYS, Key, documentation};
pub use crate::config::{Config, LogLevel, Settings, Source};
pub use crate::discovery::access::{Access, Login, Server, Token, Trust};
pub use crate::discovery::chunked_list::{Block, Cache, ChunkedList, Keyed};
pub use crate::discovery::identity::{Claims, Environment, Identity, SelfMatch, SelfOptions};
pub use crate::discovery::pod::{Phase, Pod, Port, PortName};
pub use crate::discovery::pod_index::view_of;
pub use crate::discovery::policy::{
    Family, PeerPolicy, PolicyOptions, PortRule, Ports, Reason, Verdict,
};
pub use crate::discovery::sink::{Connection, LastError, ListRequested, Sink, Watch};
pub use crate::discovery::snapshot::{AnswerGate, ExcludedPod, Peer, Snapshot, View};
pub use crate::error::{Error, Result};
pub use crate::ffi::backend::KubeApi;
pub use crate::ffi::peer_texts;
#[cfg(fuzzing)]
pub use crate::kube_api::fuzzing;
pub use crate::kube_api::runtime::{Body, Spawn, Task, spawn_named};
pub use crate::kube_api::{Credentials, PodClient, WatcherTimings, connect, watch};
pub use crate::provider::doctor::{Fix, Manifest, Report, State, Step, examine};
pub use crate::provider::explain::{Form, explain};
pub use crate::provider::health::{Health, WatchStats};
pub use crate::provider::log::{Log, Record};
pub use crate::provider::messages::MessageContext;
pub use crate::provider::metrics::Metrics;
pub use crate::provider::notifier::ChangeNotifier;
pub use crate::provider::snapshot_slot::{SlotWriter, SnapshotSlot};
pub use crate::provider::state::{Resume, SharedState, Sinks};
pub use crate::provider::{Backend, Provider, Run, Timeout, WatcherThread};
pub use crate::status::Status;
pub use crate::text::printable;
