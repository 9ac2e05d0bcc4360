//! Watch events in JSON: one in each line.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{Event, EventFormat, malformed};
use crate::kube_api::error::ApiError;
use crate::kube_api::status::Status;
use crate::pod::Pod;
use crate::pod::bounds::is_resource_version;

#[derive(Default)]
pub(in crate::kube_api) struct JsonLines {
    /// Up to where there is no end of a line.
    searched: usize,
}

impl EventFormat for JsonLines {
    fn length(&mut self, bytes: &[u8]) -> Result<Option<usize>, ApiError> {
        let found = bytes[self.searched..].iter().position(|byte| *byte == b'\n');
        let length = found.map(|at| self.searched + at + 1);
        self.searched = if length.is_some() { 0 } else { bytes.len() };
        Ok(length)
    }

    fn read(&self, line: &[u8]) -> Result<Event, ApiError> {
        event(line)
    }
}

/// The object is read once its type is known, which may come after it.
#[derive(Deserialize)]
struct Line<'a> {
    r#type: EventType,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

#[derive(Deserialize)]
struct Bookmark {
    metadata: BookmarkMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookmarkMetadata {
    resource_version: Box<str>,
}

/// Reads one line.
pub(in crate::kube_api) fn event(line: &[u8]) -> Result<Event, ApiError> {
    let Line { r#type, object } = serde_json::from_slice(line).map_err(malformed)?;
    match r#type {
        EventType::Added => Ok(Event::Added(read::<Pod>(object)?)),
        EventType::Modified => Ok(Event::Modified(read::<Pod>(object)?)),
        EventType::Deleted => Ok(Event::Deleted(read::<Pod>(object)?)),
        EventType::Bookmark => {
            let resource_version = read::<Bookmark>(object)?.metadata.resource_version;
            // A watch from "" or "0" would be another kind of watch.
            if is_resource_version(&resource_version) {
                Ok(Event::Bookmark(resource_version))
            } else {
                Err(malformed("a bookmark has an invalid resourceVersion"))
            }
        }
        EventType::Error => Err(ApiError::in_watch(read::<Status>(object)?)),
    }
}

fn read<T: DeserializeOwned>(object: &RawValue) -> Result<T, ApiError> {
    serde_json::from_str(object.get()).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube_api::error::ErrorClass;

    const POD: &str = r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"7"}}"#;

    fn refused(line: &str) -> ErrorClass {
        event(line.as_bytes()).unwrap_err().class
    }

    #[test]
    fn event_reads_every_type() {
        let of = |kind: &str, object: &str| event(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").as_bytes());
        assert!(matches!(of("ADDED", POD), Ok(Event::Added(pod)) if *pod.name == *"a"));
        assert!(matches!(of("MODIFIED", POD), Ok(Event::Modified(_))));
        assert!(matches!(of("DELETED", POD), Ok(Event::Deleted(_))));
        assert_eq!(of("BOOKMARK", r#"{"metadata":{"resourceVersion":"8"}}"#).unwrap().resource_version(), "8");
        let status = r#"{"kind":"Status","code":410,"message":"too old resource version"}"#;
        assert_eq!(of("ERROR", status).unwrap_err().class, ErrorClass::Gone);
    }

    /// As a proxy may sort the keys.
    #[test]
    fn event_reads_the_object_before_the_type() {
        assert!(event(format!("{{\"object\":{POD},\"type\":\"ADDED\"}}").as_bytes()).is_ok());
    }

    #[test]
    fn event_refuses_what_is_no_event_of_a_pod() {
        for line in [
            "",
            "\n",
            "{}",
            "[]",
            "<html>",
            r#"{"type":"ADDED"}"#,
            r#"{"type":"ADDED","object":{}}"#,
            r#"{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u","resourceVersion":"0"}}}"#,
            r#"{"type":"RENAMED","object":{"metadata":{"name":"a","uid":"u","resourceVersion":"7"}}}"#,
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":""}}}"#,
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"0"}}}"#,
            r#"{"type":"ERROR","object":{}}"#,
        ] {
            assert_eq!(refused(line), ErrorClass::Malformed, "{line}");
        }
    }
}
