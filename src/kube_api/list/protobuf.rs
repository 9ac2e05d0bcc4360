//! Takes a list in the protobuf form of Kubernetes apart as it comes, pod by pod:
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>

use prost::Message;

use super::json::{LARGEST_ITEM, ListReader, bounded};
use crate::kube_api::error::{ApiError, ErrorClass};
use crate::pod::Pod;

/// What an answer in this form begins with.
const MAGIC: &[u8] = b"k8s\0";
/// The fields of the envelope, `runtime.Unknown`, and of a `PodList`.
const TYPE: u64 = 1;
const RAW: u64 = 2;
const METADATA: u64 = 1;
const ITEM: u64 = 2;

/// `runtime.Unknown`, around a small object.
#[derive(Message)]
struct Envelope {
    #[prost(message, optional, tag = "1")]
    type_meta: Option<TypeMeta>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

#[derive(Message)]
struct TypeMeta {
    #[prost(string, tag = "1")]
    api_version: String,
    #[prost(string, tag = "2")]
    kind: String,
}

#[derive(Message)]
struct ListMeta {
    #[prost(string, tag = "2")]
    resource_version: String,
    #[prost(string, tag = "3")]
    r#continue: String,
}

#[derive(Message)]
struct Status {
    #[prost(string, tag = "3")]
    message: String,
    #[prost(string, tag = "4")]
    reason: String,
}

/// What the API server says of a failure: its message, or else its reason.
pub(in crate::kube_api) fn said(answer: &[u8]) -> Option<String> {
    let envelope = Envelope::decode(answer.strip_prefix(MAGIC)?).ok()?;
    let status =
        Status::decode(&*envelope.raw).ok().filter(|_| envelope.type_meta.unwrap_or_default().kind == "Status")?;
    Some(if status.message.is_empty() { status.reason } else { status.message })
}

/// A list that is given to it in pieces of any size.
#[derive(Default)]
pub(in crate::kube_api) struct Pods {
    place: Place,
    /// What was not read yet: less than one field.
    bytes: Vec<u8>,
    kind: TypeMeta,
    metadata: ListMeta,
    parsed: Vec<Pod>,
}

/// Where we are.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Magic,
    Envelope,
    /// In the list, of which so many bytes are still to come.
    List(usize),
    /// In the envelope, after the list.
    Rest,
}

impl ListReader for Pods {
    fn feed(&mut self, piece: &[u8]) -> Result<(), ApiError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.extend_from_slice(piece);
        let mut read = 0;
        while let Some(length) = self.step(&bytes[read..])? {
            read += length;
        }
        bytes.drain(..read);
        self.bytes = bytes;
        bounded(self.bytes.len(), LARGEST_ITEM)
    }

    fn take(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.parsed)
    }

    fn finish(&self) -> Result<(Box<str>, String), ApiError> {
        let TypeMeta { api_version, kind } = &self.kind;
        let ListMeta { resource_version, r#continue } = &self.metadata;
        if self.place != Place::Rest || !self.bytes.is_empty() {
            return Err(malformed("it has no end"));
        }
        // A watch from "" or "0" is another kind of watch.
        if (api_version.as_str(), kind.as_str()) != ("v1", "PodList") || matches!(resource_version.as_str(), "" | "0") {
            return Err(malformed("no PodList, or without a resourceVersion"));
        }
        Ok((resource_version.as_str().into(), r#continue.clone()))
    }
}

impl Pods {
    /// Reads what comes next, if all of it is there; says how long it was.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, ApiError> {
        match self.place {
            Place::Magic if bytes.len() < MAGIC.len() => return Ok(None),
            Place::Magic if !bytes.starts_with(MAGIC) => return Err(malformed("it does not begin as one")),
            Place::Magic => {
                self.place = Place::Envelope;
                return Ok(Some(MAGIC.len()));
            }
            Place::List(0) => self.place = Place::Rest,
            _ => {}
        }
        let Some(field) = Field::of(bytes)? else { return Ok(None) };
        if self.place == Place::Envelope && field.number == RAW {
            self.place = Place::List(field.length);
            return Ok(Some(field.begin));
        }
        if self.place == Place::Rest && field.number == RAW {
            return Err(malformed("a second list"));
        }
        let end = field.end()?;
        let left = match self.place {
            Place::List(left) => Some(left.checked_sub(end).ok_or_else(|| malformed("an item beyond its end"))?),
            _ => None,
        };
        let Some(value) = bytes.get(field.begin..end) else { return Ok(None) };
        self.take_in(field.number, value)?;
        if let Some(left) = left {
            self.place = Place::List(left);
        }
        Ok(Some(end))
    }

    fn take_in(&mut self, number: u64, value: &[u8]) -> Result<(), ApiError> {
        match (self.place, number) {
            (Place::Envelope | Place::Rest, TYPE) => self.kind.merge(value).map_err(malformed)?,
            (Place::List(_), METADATA) => self.metadata.merge(value).map_err(malformed)?,
            (Place::List(_), ITEM) => self.parsed.push(Pod::from_protobuf(value).map_err(malformed)?),
            _ => {}
        }
        Ok(())
    }
}

/// A field whose value is some bytes: there are no others on the way to a pod.
struct Field {
    number: u64,
    /// Where its value begins, and how long that is.
    begin: usize,
    length: usize,
}

impl Field {
    /// The one that begins here, if so much is there.
    fn of(bytes: &[u8]) -> Result<Option<Self>, ApiError> {
        const BYTES: u64 = 2;
        let Some((key, key_length)) = number(bytes)? else { return Ok(None) };
        let Some((length, length_length)) = number(&bytes[key_length..])? else { return Ok(None) };
        if key & 7 != BYTES {
            return Err(malformed("a field of another kind"));
        }
        let length = usize::try_from(length).map_err(malformed)?;
        Ok(Some(Self { number: key >> 3, begin: key_length + length_length, length }))
    }

    fn end(&self) -> Result<usize, ApiError> {
        bounded(self.length, LARGEST_ITEM)?;
        Ok(self.begin + self.length)
    }
}

/// A number of seven bits a byte, and how many bytes it takes.
fn number(bytes: &[u8]) -> Result<Option<(u64, usize)>, ApiError> {
    const LONGEST: usize = 10;
    let Some(last) = bytes.iter().take(LONGEST).position(|byte| *byte < 0x80) else {
        return if bytes.len() < LONGEST { Ok(None) } else { Err(malformed("a number without end")) };
    };
    let number = prost::encoding::decode_varint(&mut &bytes[..=last]).map_err(malformed)?;
    Ok(Some((number, last + 1)))
}

fn malformed(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorClass::Malformed, format!("not a list of pods in protobuf: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::json::JsonListReader;
    use super::*;

    /// Four pods, and an answer of 404, as Kubernetes 1.36 gave them.
    const LIST: &[u8] = include_bytes!("../../../tests/data/pods.pb");
    const LIST_IN_JSON: &[u8] = include_bytes!("../../../tests/data/pods.json");
    const NOT_FOUND: &[u8] = include_bytes!("../../../tests/data/not-found.pb");
    /// Two empty fields of the envelope.
    const REST: usize = 4;

    fn read(mut items: impl ListReader, list: &[u8], piece: usize) -> Result<(Vec<Pod>, Box<str>), ApiError> {
        let mut pods = Vec::new();
        for piece in list.chunks(piece) {
            items.feed(piece)?;
            pods.extend(items.take());
        }
        items.finish().map(|(resource_version, _)| (pods, resource_version))
    }

    #[test]
    fn both_forms_tell_the_same_however_they_are_cut() {
        let json = read(JsonListReader::new(), LIST_IN_JSON, 4096).unwrap();
        assert_eq!(json.0.len(), 4);
        for piece in (1..50).chain([LIST.len() - 1, LIST.len()]) {
            assert_eq!(read(Pods::default(), LIST, piece).unwrap(), json);
        }
        // What is read is not all nothing.
        let named = |name: &str| json.0.iter().find(|pod| &*pod.name == name).unwrap();
        assert_eq!(named("plain").ips.len(), 2);
        assert_eq!((&*named("plain").started, &*named("plain").revision), ("2026-01-31T12:00:05Z", "5d9"));
        assert_eq!((&*named("sidecar").revision, named("sidecar").port("gossip")), ("web-7", Some(3323)));
        assert_eq!((named("host").port("remoting"), named("leaving").terminating), (Some(5), true));
    }

    #[test]
    fn what_is_no_whole_list_is_refused() {
        for end in 0..LIST.len() - REST {
            assert!(read(Pods::default(), &LIST[..end], 100).is_err(), "{end}");
        }
        assert!(read(Pods::default(), NOT_FOUND, 100).is_err());
        assert!(read(Pods::default(), LIST_IN_JSON, 100).is_err());
        for resource_version in ["", "0"] {
            assert!(read(Pods::default(), &list("v1", "PodList", resource_version, &[]), 100).is_err());
        }
        assert!(read(Pods::default(), &list("v1", "PodList", "7", &[]), 100).unwrap().0.is_empty());
        assert!(read(Pods::default(), &list("v1", "ConfigMapList", "7", &[]), 100).is_err());
        assert!(read(Pods::default(), &list("v2", "PodList", "7", &[]), 100).is_err());
    }

    #[test]
    fn whatever_comes_is_bounded_and_no_panic() {
        let endless = [MAGIC, &[0xff; 11]].concat();
        let too_long =
            [MAGIC, b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f"].concat();
        let beyond = [MAGIC, b"\x12\x03\x12\x05"].concat();
        let other = [MAGIC, b"\x08\x01"].concat();
        for hostile in [endless, too_long, beyond, other, list("v1", "PodList", "7", b"\x12\x02\xff\xff")] {
            assert!(read(Pods::default(), &hostile, 3).is_err());
        }
        for at in 0..LIST.len() {
            for bit in 0..8 {
                let mut flipped = LIST.to_vec();
                flipped[at] ^= 1 << bit;
                let _ = read(Pods::default(), &flipped, 4096);
            }
        }
    }

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, value.len() as u8], value].concat()
    }

    /// What protobuf allows, though no API server does it.
    #[test]
    fn fields_come_in_any_order_and_in_parts_but_there_is_one_list() {
        let kind = field(1, b"\x0a\x02v1\x12\x07PodList");
        let metadata = field(1, &field(2, b"7"));
        let pod = field(2, &field(1, &[field(1, b"a"), field(5, b"u"), field(6, b"1")].concat()));
        let list = |parts: &[&Vec<u8>]| field(2, &parts.iter().copied().flatten().copied().collect::<Vec<_>>());
        let count = |parts: &[&Vec<u8>]| {
            let answer: Vec<u8> = MAGIC.iter().chain(parts.iter().copied().flatten()).copied().collect();
            read(Pods::default(), &answer, 5).map(|(pods, _)| pods.len())
        };
        let more = field(1, &field(3, b""));
        for whole in [list(&[&metadata, &pod]), list(&[&pod, &metadata]), list(&[&metadata, &pod, &more])] {
            assert_eq!((count(&[&kind, &whole]).unwrap(), count(&[&whole, &kind]).unwrap()), (1, 1));
        }
        let (first, second) = (list(&[&metadata]), list(&[&metadata, &pod]));
        assert!(count(&[&kind, &first]).unwrap() == 0 && count(&[&kind, &first, &second]).is_err());
    }

    #[test]
    fn failures_have_their_words() {
        assert_eq!(said(NOT_FOUND).as_deref(), Some("pods \"none\" not found"));
        assert_eq!((said(LIST), said(b"k8s"), said(b"")), (None, None, None));
    }

    fn list(api_version: &str, kind: &str, resource_version: &str, items: &[u8]) -> Vec<u8> {
        let metadata = ListMeta { resource_version: resource_version.into(), ..ListMeta::default() };
        let (metadata, length) = (metadata.encode_to_vec(), metadata.encoded_len());
        let raw = [&[0x0a, length as u8], &*metadata, items].concat();
        let type_meta = Some(TypeMeta { api_version: api_version.into(), kind: kind.into() });
        [MAGIC, &Envelope { type_meta, raw }.encode_to_vec()].concat()
    }
}
