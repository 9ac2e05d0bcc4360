//! Reads the events of a watch while they arrive, each where it lies in the buffer.
//!
//! kube's own `request_events` drops a line that ends too early, takes any other object for an
//! empty Status, and has no limits.

pub(super) mod json;
pub(super) mod protobuf;

use futures_util::stream::{BoxStream, StreamExt, try_unfold};
use kube::client::Body;

use super::error::{ApiError, ErrorClass};
use super::response::{LARGEST_OBJECT, piece};
use crate::discovery::pod::Pod;

/// One event. An ERROR event is an error of the stream.
#[derive(Debug)]
pub(super) enum Event {
    Added(Pod),
    Modified(Pod),
    Deleted(Pod),
    /// Nothing has changed up to this resourceVersion.
    Bookmark(Box<str>),
}

impl Event {
    /// Returns the resourceVersion up to which the pods are known after this event.
    pub(super) fn resource_version(&self) -> &str {
        match self {
            Self::Added(pod) | Self::Modified(pod) | Self::Deleted(pod) => &pod.resource_version,
            Self::Bookmark(resource_version) => resource_version,
        }
    }
}

/// The events of one watch. The stream ends at its first error.
pub(super) type Events = BoxStream<'static, Result<Event, ApiError>>;

/// Separates and decodes the events of one encoding.
pub(super) trait EventFormat: Send + 'static {
    /// Returns the length of the event at the beginning of `bytes`, or `None` if more bytes are
    /// needed. It is called again with the same and more bytes until it returns a length.
    fn length(&mut self, bytes: &[u8]) -> Result<Option<usize>, ApiError>;

    /// Reads the event.
    fn read(&self, event: &[u8]) -> Result<Event, ApiError>;
}

/// Reads the events of an answer. An event that is cut short by the end of the answer is dropped:
/// the next watch sends it again.
pub(super) fn events(body: Body, format: impl EventFormat) -> Events {
    try_unfold((body, EventReader::new(format)), |(mut body, mut reader)| async move {
        loop {
            if let Some(event) = reader.next()? {
                return Ok(Some((event, (body, reader))));
            }
            let Some(piece) = piece(&mut body).await? else { return Ok(None) };
            reader.feed(&piece);
        }
    })
    .boxed()
}

/// Takes the events out of an answer that arrives in pieces of any size.
pub(super) struct EventReader<F> {
    format: F,
    bytes: Vec<u8>,
    /// The number of `bytes` that were returned as events.
    read: usize,
}

impl<F: EventFormat> EventReader<F> {
    pub(super) fn new(format: F) -> Self {
        Self { format, bytes: Vec::new(), read: 0 }
    }

    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// Returns the next event, or `None` if more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, ApiError> {
        let unread = &self.bytes[self.read..];
        if let Some(length) = self.format.length(unread)? {
            let event = self.format.read(&unread[..length]);
            self.read += length;
            return event.map(Some);
        }
        self.drop_read();
        if self.bytes.len() > LARGEST_OBJECT { Err(too_large()) } else { Ok(None) }
    }

    /// Keeps only what begins the next event: once for each piece that arrives, not for each event.
    fn drop_read(&mut self) {
        /// The usual size of a piece.
        const CAPACITY: usize = 256 << 10;
        self.bytes.drain(..self.read);
        self.read = 0;
        if self.bytes.len() < CAPACITY {
            self.bytes.shrink_to(CAPACITY);
        }
    }
}

pub(super) fn too_large() -> ApiError {
    malformed(format!("it has more than {LARGEST_OBJECT} bytes"))
}

pub(super) fn malformed(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorClass::Malformed, format!("not a watch event of a pod: {why}"))
}

#[cfg(test)]
mod tests {
    use super::json::JsonLines;
    use super::*;

    /// Reads an answer that arrives in pieces of this size.
    pub(super) fn read(
        format: impl EventFormat,
        answer: &[u8],
        piece: usize,
    ) -> Vec<Result<Event, ApiError>> {
        let (mut reader, mut events) = (EventReader::new(format), Vec::new());
        for piece in answer.chunks(piece) {
            reader.feed(piece);
            while let Some(event) = reader.next().transpose() {
                let failed = event.is_err();
                events.push(event);
                if failed {
                    return events;
                }
            }
        }
        events
    }

    fn bookmark(resource_version: u32) -> String {
        format!(
            "{{\"type\":\"BOOKMARK\",\"object\":{{\"metadata\":{{\"resourceVersion\":\"{resource_version}\"}}}}}}\n"
        )
    }

    #[test]
    fn lines_are_read_in_any_pieces() {
        let answer: String = (1..4).map(bookmark).collect();
        for piece in 1..=answer.len() {
            let events = read(JsonLines::default(), answer.as_bytes(), piece);
            let versions: Vec<_> =
                events.iter().map(|event| event.as_ref().unwrap().resource_version()).collect();
            assert_eq!(versions, ["1", "2", "3"]);
        }
        let cut = &answer[..answer.len() - 1];
        assert_eq!(read(JsonLines::default(), cut.as_bytes(), 7).len(), 2);
        assert!(read(JsonLines::default(), b"", 1).is_empty());
    }

    #[test]
    fn endless_lines_are_refused() {
        let answer = [bookmark(1).into_bytes(), vec![b'x'; LARGEST_OBJECT + 1]].concat();
        let events = read(JsonLines::default(), &answer, 1 << 16);
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].as_ref().unwrap_err().class, ErrorClass::Malformed);
    }
}
