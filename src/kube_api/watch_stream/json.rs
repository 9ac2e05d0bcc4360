//! Watch events in JSON: one in each line.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Event, EventFormat, malformed};
use crate::discovery::pod::Pod;
use crate::discovery::pod::bounds::is_resource_version;
use crate::kube_api::api_status::Status;
use crate::kube_api::error::ApiError;

#[derive(Default)]
pub(in crate::kube_api) struct JsonLines {
    /// The number of bytes that contain no end of a line.
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

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
}

/// The object of an event, by the type of the event.
enum Object {
    Pod(Box<Pod>),
    Bookmark(Bookmark),
    Status(Status),
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
fn event(line: &[u8]) -> Result<Event, ApiError> {
    let Line(kind, object) = serde_json::from_slice(line).map_err(malformed)?;
    match (kind, object) {
        (EventType::Added, Object::Pod(pod)) => Ok(Event::Added(*pod)),
        (EventType::Modified, Object::Pod(pod)) => Ok(Event::Modified(*pod)),
        (EventType::Deleted, Object::Pod(pod)) => Ok(Event::Deleted(*pod)),
        // A watch from "" or "0" would be another kind of watch.
        (EventType::Bookmark, Object::Bookmark(mark))
            if is_resource_version(&mark.metadata.resource_version) =>
        {
            Ok(Event::Bookmark(mark.metadata.resource_version))
        }
        (EventType::Bookmark, Object::Bookmark(_)) => {
            Err(malformed("a bookmark has an invalid resourceVersion"))
        }
        (EventType::Error, Object::Status(status)) => Err(ApiError::in_watch(status)),
        _ => Err(malformed("it has two types")),
    }
}

/// Reads the object.
impl<'de> DeserializeSeed<'de> for EventType {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, object: D) -> Result<Object, D::Error> {
        match self {
            Self::Added | Self::Modified | Self::Deleted => {
                Pod::deserialize(object).map(Box::new).map(Object::Pod)
            }
            Self::Bookmark => Bookmark::deserialize(object).map(Object::Bookmark),
            Self::Error => Status::deserialize(object).map(Object::Status),
        }
    }
}

struct Line(EventType, Object);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a watch event")
    }

    /// The API server sends the type first, and the object is read at once. Where it comes first,
    /// as a proxy may sort the keys, its text is read once the type is known.
    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Line, A::Error> {
        let (mut kind, mut object, mut early) = (None, None, None);
        while let Some(key) = fields.next_key::<Key>()? {
            match (key, kind) {
                (Key::Type, _) => kind = Some(fields.next_value::<EventType>()?),
                (Key::Object, Some(kind)) => object = Some(fields.next_value_seed(kind)?),
                (Key::Object, None) => early = Some(fields.next_value::<&RawValue>()?),
                (Key::Other, _) => drop(fields.next_value::<IgnoredAny>()?),
            }
        }
        let kind: EventType = kind.ok_or_else(|| de::Error::missing_field("type"))?;
        if let (None, Some(text)) = (&object, early) {
            let read = kind.deserialize(&mut serde_json::Deserializer::from_str(text.get()));
            object = Some(read.map_err(de::Error::custom)?);
        }
        Ok(Line(kind, object.ok_or_else(|| de::Error::missing_field("object"))?))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    Type,
    Object,
    #[serde(other)]
    Other,
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
        let of = |kind: &str, object: &str| {
            event(format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").as_bytes())
        };
        assert!(matches!(of("ADDED", POD), Ok(Event::Added(pod)) if *pod.name == *"a"));
        assert!(matches!(of("MODIFIED", POD), Ok(Event::Modified(_))));
        assert!(matches!(of("DELETED", POD), Ok(Event::Deleted(_))));
        assert_eq!(
            of("BOOKMARK", r#"{"metadata":{"resourceVersion":"8"}}"#).unwrap().resource_version(),
            "8"
        );
        let status = r#"{"kind":"Status","code":410,"message":"too old resource version"}"#;
        assert_eq!(of("ERROR", status).unwrap_err().class, ErrorClass::Gone);
    }

    /// A proxy may sort the keys.
    #[test]
    fn event_reads_the_object_before_the_type() {
        assert!(event(format!("{{\"object\":{POD},\"type\":\"ADDED\"}}").as_bytes()).is_ok());
    }

    #[test]
    fn event_refuses_other_objects() {
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
            r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}},"type":"ADDED"}"#,
            r#"{"type":"ADDED","object":{"metadata":{"name":"a","uid":"u","resourceVersion":"7"}},"type":"ERROR"}"#,
        ] {
            assert_eq!(refused(line), ErrorClass::Malformed, "{line}");
        }
    }
}
