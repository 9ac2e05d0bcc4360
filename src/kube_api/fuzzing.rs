//! What the fuzz targets use of this folder. Not part of the library that is shipped.

#![allow(missing_docs)]

use std::sync::Arc;

use super::api_status::Status;
use super::list::json::JsonListReader;
use super::list::{ListReader, protobuf};
use super::pod_client::{Consistency, List};
use super::pod_store::PodStore;
use super::watch_stream::json::JsonLines;
use super::watch_stream::protobuf::ProtobufFrames;
use super::watch_stream::{Event, EventFormat, EventReader};
use crate::discovery::pod::Pod;
use crate::discovery::pod_index::{PodIndex, view_of};
use crate::discovery::policy::PeerPolicy;
use crate::discovery::snapshot::View;

/// The pods of a list, its resourceVersion, and the token of the next page; `None` if the list is
/// incomplete.
pub type Listed = Option<(Vec<Pod>, Box<str>, String)>;

pub fn json_list(list: &[u8]) -> Listed {
    read(JsonListReader::default(), list, usize::MAX)
}

pub fn protobuf_list(list: &[u8], piece: usize) -> Listed {
    read(protobuf::Pods::default(), list, piece)
}

pub fn said(answer: &[u8]) -> Option<String> {
    Status::of(answer).map(Status::into_message)
}

fn read(mut items: impl ListReader, list: &[u8], piece: usize) -> Listed {
    let mut pods = Vec::new();
    for piece in list.chunks(piece) {
        items.feed(piece).ok()?;
        pods.extend(items.take());
    }
    let (resource_version, next) = items.finish().ok()?;
    pods.extend(items.take());
    Some((pods, resource_version, next))
}

/// Returns the events of a watch in JSON that arrives in pieces, up to the first error.
pub fn json_events(answer: &[u8], piece: usize) -> Vec<String> {
    let events = events(JsonLines::default(), answer, piece);
    events.iter().map(|event| format!("{event:?}")).collect()
}

/// Returns the events of a watch in protobuf that arrives in pieces, up to the first error.
pub fn protobuf_events(answer: &[u8], piece: usize) -> Vec<String> {
    let events = events(ProtobufFrames, answer, piece);
    events.iter().map(|event| format!("{event:?}")).collect()
}

fn events(format: impl EventFormat, answer: &[u8], piece: usize) -> Vec<Event> {
    let (mut reader, mut events) = (EventReader::new(format), Vec::new());
    for piece in answer.chunks(piece) {
        reader.feed(piece);
        while let Some(event) = reader.next().transpose() {
            let Ok(event) = event else { return events };
            events.push(event);
        }
    }
    events
}

/// Returns the view after a list and events, change by change, and the view of the same pods from
/// scratch.
pub fn watched(pods: Vec<Pod>, answer: &[u8], policy: &PeerPolicy) -> (View, View) {
    let (mut store, mut index) = (PodStore::new(None), PodIndex::new(policy.clone()));
    let _ = store.replace(List { pods, resource_version: "1".into() }, &Consistency::Any);
    index.replace(store.pods());
    let lines = answer.split_inclusive(|byte| *byte == b'\n');
    for event in lines.flat_map(|line| events(JsonLines::default(), line, usize::MAX)) {
        if let Ok(Some(change)) = store.apply(event) {
            index.change(change.before.as_deref(), change.after);
        }
    }
    let all: Vec<Arc<Pod>> = store.pods().cloned().collect();
    (index.view().clone(), view_of(all.iter(), policy))
}
