//! The `Status` object with which the API server explains a failure, in JSON and in protobuf.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

use crate::discovery::protobuf_reader::{Fields, Malformed};

/// A response in protobuf begins with these bytes.
pub(super) const MAGIC: &[u8] = b"k8s\0";

/// `runtime.Unknown`: the envelope of an object in protobuf.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
    /// The object.
    pub(super) raw: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut envelope = Self::default();
        for field in Fields::of(bytes.strip_prefix(MAGIC).ok_or("it does not begin with `k8s`")?) {
            match field? {
                (1, value) => envelope.read_type(value.fields()?)?,
                (2, value) => envelope.raw = value.bytes()?,
                _ => {}
            }
        }
        Ok(envelope)
    }

    /// Reads a `runtime.TypeMeta`.
    pub(super) fn read_type(&mut self, fields: Fields<'a>) -> Result<(), Malformed> {
        for field in fields {
            match field? {
                (1, value) => self.api_version = value.text()?,
                (2, value) => self.kind = value.text()?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The fields that are read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    kind: Sentence,
    pub(super) code: u16,
    message: Sentence,
    reason: Sentence,
}

impl Status {
    /// Reads it in the form that it has; `None` if it is in neither form.
    pub(super) fn of(answer: &[u8]) -> Option<Self> {
        if answer.starts_with(MAGIC) {
            let envelope =
                Envelope::of(answer).ok().filter(|envelope| envelope.kind == "Status")?;
            return Self::from_protobuf(envelope.raw).ok();
        }
        // A proxy may answer with JSON of its own.
        serde_json::from_slice(answer).ok().filter(|status: &Self| status.kind.0 == "Status")
    }

    pub(super) fn from_protobuf(message: &[u8]) -> Result<Self, Malformed> {
        let mut status = Self::default();
        for field in Fields::of(message) {
            match field? {
                (3, value) => status.message = Sentence::of(value.text()?),
                (4, value) => status.reason = Sentence::of(value.text()?),
                (6, value) => status.code = value.number()?.try_into().unwrap_or_default(),
                _ => {}
            }
        }
        Ok(status)
    }

    /// Returns the message of the API server, or else its reason.
    pub(super) fn into_message(self) -> String {
        if self.message.0.is_empty() { self.reason.0 } else { self.message.0 }
    }
}

/// The beginning of a text: more of it is not shown.
#[derive(Default, Serialize)]
struct Sentence(String);

impl Sentence {
    fn of(text: &str) -> Self {
        const LONGEST: usize = 16 << 10;
        let end = (0..=text.len().min(LONGEST)).rev().find(|end| text.is_char_boundary(*end));
        Self(text[..end.unwrap_or(0)].to_owned())
    }
}

impl<'de> Deserialize<'de> for Sentence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Sentence;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Sentence, E> {
                Ok(Sentence::of(text))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_FOUND: &[u8] = include_bytes!("../../tests/data/not-found.pb");

    #[test]
    fn status_reads_both_forms() {
        let status = Status::of(NOT_FOUND).unwrap();
        assert_eq!((status.code, status.into_message().as_str()), (404, "pods \"none\" not found"));
        let status = Status::of(
            br#"{"kind":"Status","code":410,"reason":"Expired","details":{"causes":[{}]}}"#,
        )
        .unwrap();
        assert_eq!((status.code, status.into_message().as_str()), (410, "Expired"));
        for other in [
            &b""[..],
            b"k8s",
            b"<html>",
            b"{}",
            br#"{"error":"no"}"#,
            br#"{"kind":"PodList"}"#,
            include_bytes!("../../tests/data/pods.pb"),
        ] {
            assert!(Status::of(other).is_none());
        }
    }

    #[test]
    fn messages_are_cut_between_characters() {
        let message = format!("a{}", "ä".repeat(4 << 20));
        let kept = Status::of(
            serde_json::json!({"kind": "Status", "message": message}).to_string().as_bytes(),
        )
        .unwrap()
        .into_message();
        assert!(message.starts_with(&kept) && (16_000..=16 << 10).contains(&kept.len()));
    }
}
