//! Takes a list in JSON apart as it comes: item by item, each parsed and dropped, so that no more
//! than one of them is held as JSON. A list of 5,000 pods is 50 MB of it.

use std::slice;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::discovery::pod::Pod;
use crate::discovery::pod::bounds::is_resource_version;
use crate::kube_api::error::{ApiError, ErrorClass};
use crate::kube_api::response::LARGEST_OBJECT;

/// The parts of a list that are not items.
pub(in crate::kube_api) const LARGEST_REST: usize = 64 << 10;

/// Reads a list of one encoding.
pub(in crate::kube_api) trait ListReader: Send {
    /// Reads the next piece.
    fn feed(&mut self, bytes: &[u8]) -> Result<(), ApiError>;
    /// The pods that were complete since the last call.
    fn take(&mut self) -> Vec<Pod>;
    /// The end: its resourceVersion, and where the next page begins, "" for none. An error if it
    /// was not the whole of a list.
    fn finish(&self) -> Result<(Box<str>, String), ApiError>;
}

impl ListReader for JsonListReader<Pod> {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.read(bytes)
    }

    fn take(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.parsed)
    }

    fn finish(&self) -> Result<(Box<str>, String), ApiError> {
        self.end("PodList")
    }
}

/// A list without its items.
#[derive(Deserialize)]
pub(in crate::kube_api) struct Head {
    kind: String,
    metadata: HeadMetadata,
    /// An empty array, because the items have been removed, or null. A list without `items` is
    /// malformed.
    #[serde(rename = "items", deserialize_with = "Option::deserialize")]
    _items: Option<[(); 0]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeadMetadata {
    resource_version: Box<str>,
    /// The token of the next page; empty on the last page.
    r#continue: Option<String>,
}

/// Reads the JSON of a list that arrives in pieces of any size.
pub(in crate::kube_api) struct JsonListReader<T> {
    nesting: Nesting,
    /// The list without its items.
    rest: Vec<u8>,
    /// An item that has begun in an earlier piece.
    begun: Vec<u8>,
    parsed: Vec<T>,
}

impl<T: DeserializeOwned> JsonListReader<T> {
    pub(in crate::kube_api) fn new() -> Self {
        Self {
            nesting: Nesting::default(),
            rest: Vec::new(),
            begun: Vec::new(),
            parsed: Vec::new(),
        }
    }

    fn end(&self, kind: &str) -> Result<(Box<str>, String), ApiError> {
        let head: Head = serde_json::from_slice(&self.rest).map_err(malformed)?;
        let HeadMetadata { resource_version, r#continue } = head.metadata;
        // A watch from "" or "0" is another kind of watch.
        if head.kind != kind || !is_resource_version(&resource_version) {
            return Err(malformed(format!("it is no {kind}, or its resourceVersion is invalid")));
        }
        Ok((resource_version, r#continue.unwrap_or_default()))
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        let mut at = 0;
        while at < bytes.len() {
            at += if self.nesting.is_in_item() {
                self.take_in(&bytes[at..])?
            } else {
                self.pass(&bytes[at..])?
            };
        }
        Ok(())
    }

    /// Reads up to an item, or to the end. Returns the number of bytes read.
    fn pass(&mut self, bytes: &[u8]) -> Result<usize, ApiError> {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.nesting.item_begins(byte) {
                return Ok(at + self.take_in(&bytes[at..])?);
            }
            if !self.nesting.is_between_items(byte) {
                self.rest.push(byte);
            }
            self.nesting.read(byte);
        }
        bounded(self.rest.len(), LARGEST_REST)?;
        Ok(bytes.len())
    }

    /// Reads an item up to its end, or the part of it that has arrived. Returns the number of bytes
    /// read.
    fn take_in(&mut self, bytes: &[u8]) -> Result<usize, ApiError> {
        let end = self.nesting.end_of_item(bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        bounded(self.begun.len() + part.len(), LARGEST_OBJECT)?;
        if end.is_some() && self.begun.is_empty() {
            self.parsed.push(serde_json::from_slice(part).map_err(malformed)?);
            return Ok(part.len());
        }
        self.begun.extend_from_slice(part);
        if end.is_some() {
            self.parsed.push(serde_json::from_slice(&self.begun).map_err(malformed)?);
            self.begun.clear();
        }
        Ok(part.len())
    }
}

pub(in crate::kube_api) fn bounded(length: usize, limit: usize) -> Result<(), ApiError> {
    if length > limit { Err(malformed(format!("more than {limit} bytes"))) } else { Ok(()) }
}

fn malformed(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorClass::Malformed, format!("not a list of pods: {why}"))
}

/// The position in the JSON of a list. An item is an object in an array in the outermost object.
#[derive(Default)]
struct Nesting {
    depth: usize,
    /// The value at depth 2 is an array.
    array: bool,
    string: bool,
    escaped: bool,
}

impl Nesting {
    fn is_in_item(&self) -> bool {
        self.array && self.depth > 2
    }

    fn item_begins(&self, byte: u8) -> bool {
        byte == b'{' && self.depth == 2 && self.array && !self.string
    }

    fn is_between_items(&self, byte: u8) -> bool {
        self.depth == 2
            && self.array
            && !self.string
            && (byte == b',' || byte.is_ascii_whitespace())
    }

    fn read(&mut self, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = self.string,
            b'"' => self.string = !self.string,
            _ if self.string => {}
            b'{' | b'[' => {
                self.depth += 1;
                self.array = if self.depth == 2 { byte == b'[' } else { self.array };
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    /// Returns the length of the rest of the item, if these bytes contain its end.
    fn end_of_item(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut left = bytes.iter();
        loop {
            if self.string {
                self.read_string(&mut left);
            }
            self.read(*left.next()?);
            if self.depth == 2 {
                return Some(bytes.len() - left.len());
            }
        }
    }

    /// Most of a pod is strings: the same as `read`, of one of them, but faster.
    fn read_string(&mut self, left: &mut slice::Iter<'_, u8>) {
        for &byte in left {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.string = false;
                    return;
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &[u8], piece: usize) -> Result<(Vec<Value>, String), ApiError> {
        let mut items = JsonListReader::new();
        for piece in text.chunks(piece) {
            items.read(piece)?;
        }
        let (_, next) = items.end("PodList")?;
        Ok((items.parsed, next))
    }

    #[test]
    fn items_are_found_in_any_pieces() {
        let all = vec![
            json!({}),
            json!({"a": "}]\"\\", "\"[{": [[{}], {"b\\": 1}]}),
            json!({"items": [{"x": null}]}),
        ];
        let metadata = json!({"resourceVersion": "7", "x": [{"y": ["{"]}], "continue": "\"c[{"});
        let list = json!({"kind": "PodList", "metadata": metadata, "items": all});
        for text in [list.to_string(), serde_json::to_string_pretty(&list).unwrap()] {
            for piece in 1..=text.len() {
                let (items, next) = read(text.as_bytes(), piece).unwrap();
                assert_eq!((&items, next.as_str()), (&all, "\"c[{"));
            }
        }
    }

    #[test]
    fn incomplete_list_is_refused() {
        let whole =
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":[{"a":1},{"a":2}]}"#;
        assert_eq!(read(whole.as_bytes(), 9).unwrap().0.len(), 2);
        for end in 0..whole.len() {
            assert!(read(&whole.as_bytes()[..end], 9).is_err(), "{}", &whole[..end]);
        }
        for odd in ["[1]", "[[]]", "[\"a\"]", "{}", "[}", "[{]", "[{\"a\":}]"] {
            let text = format!(
                r#"{{"kind":"PodList","metadata":{{"resourceVersion":"7"}},"items":{odd}}}"#
            );
            assert!(read(text.as_bytes(), 9).is_err(), "{odd}");
        }
        for no_list in [
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"}}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":""},"items":[]}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"0"},"items":[]}"#,
            r#"{"kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[]}"#,
            r#"{"kind":"PodList","metadata":{},"items":[]}"#,
            "<html>",
        ] {
            assert!(read(no_list.as_bytes(), 9).is_err(), "{no_list}");
        }
        assert!(
            read(br#"{"kind":"PodList","metadata":{"resourceVersion":"7"},"items":null}"#, 9)
                .unwrap()
                .0
                .is_empty()
        );
    }

    #[test]
    fn memory_is_bounded() {
        let mut item = b"{\"items\":[{\"".to_vec();
        item.resize(LARGEST_OBJECT + 20, b'x');
        assert!(read(&item, 1 << 15).is_err());
        assert!(read(&vec![b' '; LARGEST_REST + 1], 1 << 15).is_err());
    }
}
