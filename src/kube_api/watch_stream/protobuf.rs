//! Watch events in protobuf. Each is a frame: its length in four bytes, then a `metav1.WatchEvent`
//! without an envelope, whose object is in an envelope of its own:
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>

use super::{Event, EventFormat, malformed, too_large};
use crate::discovery::pod::Pod;
use crate::discovery::pod::bounds::is_resource_version;
use crate::discovery::protobuf_reader::{Fields, Malformed};
use crate::kube_api::api_status::{Envelope, Status};
use crate::kube_api::error::ApiError;
use crate::kube_api::response::LARGEST_OBJECT;

/// The bytes that hold the length of a frame.
const HEADER: usize = 4;

pub(in crate::kube_api) struct ProtobufFrames;

impl EventFormat for ProtobufFrames {
    fn length(&mut self, bytes: &[u8]) -> Result<Option<usize>, ApiError> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let length = u32::from_be_bytes(*header) as usize;
        if length > LARGEST_OBJECT {
            return Err(too_large());
        }
        Ok((bytes.len() >= HEADER + length).then_some(HEADER + length))
    }

    fn read(&self, frame: &[u8]) -> Result<Event, ApiError> {
        let (kind, object) = watch_event(&frame[HEADER..]).map_err(malformed)?;
        let object = Envelope::of(object).map_err(malformed)?;
        match (kind, object.api_version, object.kind) {
            ("ADDED", "v1", "Pod") => pod(&object).map(Event::Added),
            ("MODIFIED", "v1", "Pod") => pod(&object).map(Event::Modified),
            ("DELETED", "v1", "Pod") => pod(&object).map(Event::Deleted),
            ("BOOKMARK", "v1", "Pod") => {
                bookmark(object.raw).map_err(malformed).map(Event::Bookmark)
            }
            ("ERROR", "v1", "Status") => {
                Err(ApiError::in_watch(Status::from_protobuf(object.raw).map_err(malformed)?))
            }
            _ => Err(malformed("its type is unknown")),
        }
    }
}

/// Returns the type of an event, and its object.
fn watch_event(message: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let (mut kind, mut object) = ("", &[][..]);
    for field in Fields::of(message) {
        match field? {
            (1, value) => kind = value.text()?,
            // A `runtime.RawExtension`.
            (2, value) => {
                for field in value.fields()? {
                    if let (1, value) = field? {
                        object = value.bytes()?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok((kind, object))
}

fn pod(object: &Envelope<'_>) -> Result<Pod, ApiError> {
    Pod::from_protobuf(object.raw).map_err(malformed)
}

/// Returns the resourceVersion of a pod that has nothing else.
fn bookmark(pod: &[u8]) -> Result<Box<str>, Malformed> {
    let mut resource_version = "";
    for field in Fields::of(pod) {
        if let (1, metadata) = field? {
            for field in metadata.fields()? {
                if let (6, value) = field? {
                    resource_version = value.text()?;
                }
            }
        }
    }
    // A watch from "" or "0" would be another kind of watch.
    if is_resource_version(resource_version) {
        Ok(resource_version.into())
    } else {
        Err("a bookmark has an invalid resourceVersion")
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::JsonLines;
    use super::super::tests::read;
    use super::*;
    use crate::discovery::protobuf_reader::tests::field;
    use crate::kube_api::error::ErrorClass;

    /// Two watches of the same pods, one in each form, and one from a resourceVersion that was
    /// compacted, as Kubernetes 1.36 sent them.
    const EVENTS: &[u8] = include_bytes!("../../../tests/data/events.pb");
    const EVENTS_IN_JSON: &[u8] = include_bytes!("../../../tests/data/events.json");
    const GONE: &[u8] = include_bytes!("../../../tests/data/gone.pb");

    fn texts(events: Vec<Result<Event, ApiError>>) -> Vec<String> {
        events.into_iter().map(|event| format!("{:?}", event.unwrap())).collect()
    }

    #[test]
    fn protobuf_and_json_yield_the_same_events_in_any_pieces() {
        let json = texts(read(JsonLines::default(), EVENTS_IN_JSON, 4096));
        assert_eq!(json.len(), 8);
        for kind in ["Added", "Modified", "Deleted", "Bookmark"] {
            assert!(json.iter().any(|event| event.starts_with(kind)), "{kind}");
        }
        for piece in (1..50).chain([EVENTS.len() - 1, EVENTS.len()]) {
            assert_eq!(texts(read(ProtobufFrames, EVENTS, piece)), json);
        }
    }

    #[test]
    fn an_event_that_is_cut_short_is_dropped() {
        let whole = texts(read(ProtobufFrames, EVENTS, 4096));
        for end in [1, 3, 4, 5, EVENTS.len() / 2, EVENTS.len() - 1] {
            let events = texts(read(ProtobufFrames, &EVENTS[..end], 4096));
            assert!(events.len() < whole.len() && whole.starts_with(&events), "{end}");
        }
    }

    #[test]
    fn error_events_have_their_class_and_message() {
        let events = read(ProtobufFrames, GONE, 4096);
        assert_eq!(events.len(), 1);
        let error = events[0].as_ref().unwrap_err();
        assert_eq!(error.class, ErrorClass::Gone);
        assert!(error.to_string().contains("too old resource version: 1"), "{error}");
    }

    fn frame(message: &[u8]) -> Vec<u8> {
        [&(message.len() as u32).to_be_bytes(), message].concat()
    }

    fn event(kind: &str, api_version: &str, object_kind: &str, object: &[u8]) -> Vec<u8> {
        let types = [field(1, api_version.as_bytes()), field(2, object_kind.as_bytes())].concat();
        let envelope = [b"k8s\0", &*field(1, &types), &field(2, object)].concat();
        frame(&[field(1, kind.as_bytes()), field(2, &field(1, &envelope))].concat())
    }

    fn class(answer: &[u8]) -> ErrorClass {
        read(ProtobufFrames, answer, 1 << 16).pop().unwrap().unwrap_err().class
    }

    #[test]
    fn events_of_other_objects_are_malformed() {
        let metadata = |resource_version: &str| {
            field(
                1,
                &[field(1, b"a"), field(5, b"u"), field(6, resource_version.as_bytes())].concat(),
            )
        };
        assert!(read(ProtobufFrames, &event("ADDED", "v1", "Pod", &metadata("7")), 9)[0].is_ok());
        assert!(
            read(ProtobufFrames, &event("BOOKMARK", "v1", "Pod", &metadata("7")), 9)[0].is_ok()
        );
        let oversized = ((LARGEST_OBJECT + 1) as u32).to_be_bytes();
        for answer in [
            &oversized[..],
            b"{\"type\":\"ADDED\"}\n",
            b"<html>",
            &frame(b""),
            &frame(b"\xff"),
            &frame(&field(1, b"ADDED")),
            &frame(&[field(1, b"ADDED"), field(2, &field(1, b"{}"))].concat()),
            &event("ADDED", "v1", "Pod", b""),
            &event("ADDED", "v1", "Pod", &metadata("0")),
            &event("ADDED", "v1", "ConfigMap", &metadata("7")),
            &event("ADDED", "v2", "Pod", &metadata("7")),
            &event("RENAMED", "v1", "Pod", &metadata("7")),
            &event("BOOKMARK", "v1", "Pod", b""),
            &event("BOOKMARK", "v1", "Pod", &metadata("0")),
            &event("ERROR", "v1", "Status", b""),
            &event("ERROR", "v1", "Pod", &metadata("7")),
        ] {
            assert_eq!(class(answer), ErrorClass::Malformed, "{answer:?}");
        }
    }

    #[test]
    fn flipped_bits_never_panic() {
        for at in 0..EVENTS.len() {
            let mut flipped = EVENTS.to_vec();
            flipped[at] ^= 1 << (at % 8);
            drop(read(ProtobufFrames, &flipped, 4096));
        }
    }
}
