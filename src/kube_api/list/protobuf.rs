//! Takes a list in the protobuf form of Kubernetes apart as it comes, pod by pod:
//! <https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding>

use super::{LARGEST_METADATA, ListReader, bounded};
use crate::discovery::pod::Pod;
use crate::discovery::pod::bounds::is_resource_version;
use crate::discovery::protobuf_reader::{Fields, Malformed, varint};
use crate::kube_api::api_status::{Envelope, MAGIC};
use crate::kube_api::error::{ApiError, ErrorClass};
use crate::kube_api::response::LARGEST_OBJECT;

/// The fields of the envelope, `runtime.Unknown`, and of a `PodList`.
const TYPE: u64 = 1;
const RAW: u64 = 2;
const METADATA: u64 = 1;
const ITEM: u64 = 2;

/// `ListMeta`
#[derive(Default)]
struct ListMeta {
    resource_version: Box<str>,
    r#continue: String,
}

impl ListMeta {
    fn read(&mut self, message: &[u8]) -> Result<(), Malformed> {
        for field in Fields::of(message) {
            match field? {
                (2, value) => self.resource_version = value.text()?.into(),
                (3, value) => self.r#continue = value.text()?.into(),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Reads a list that arrives in pieces of any size.
#[derive(Default)]
pub(in crate::kube_api) struct Pods {
    place: Place,
    /// The bytes that are not read yet: less than one field.
    bytes: Vec<u8>,
    /// The type has been read: it is a list of pods.
    is_pod_list: bool,
    metadata: ListMeta,
    parsed: Vec<Pod>,
}

/// The position in the response.
#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Magic,
    Envelope,
    /// In the list, which has this many bytes left.
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
        bounded(self.bytes.len(), LARGEST_OBJECT)
    }

    fn take(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.parsed)
    }

    fn finish(&mut self) -> Result<(Box<str>, String), ApiError> {
        let ListMeta { resource_version, r#continue } = &self.metadata;
        if self.place != Place::Rest || !self.bytes.is_empty() {
            return Err(malformed("it has no end"));
        }
        // A watch from "" or "0" is another kind of watch.
        if !self.is_pod_list || !is_resource_version(resource_version) {
            return Err(malformed("it is no PodList, or its resourceVersion is invalid"));
        }
        Ok((resource_version.clone(), r#continue.clone()))
    }
}

impl Pods {
    /// Reads the next field, if it is complete. Returns its length.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, ApiError> {
        match self.place {
            Place::Magic if bytes.len() < MAGIC.len() => return Ok(None),
            Place::Magic if !bytes.starts_with(MAGIC) => {
                return Err(malformed("it does not begin as one"));
            }
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
            Place::List(left) => {
                Some(left.checked_sub(end).ok_or_else(|| malformed("an item beyond its end"))?)
            }
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
            (Place::Envelope | Place::Rest, TYPE) => {
                let mut envelope = Envelope::default();
                envelope.read_type(Fields::of(value)).map_err(malformed)?;
                self.is_pod_list = (envelope.api_version, envelope.kind) == ("v1", "PodList");
            }
            (Place::List(_), METADATA) => {
                bounded(value.len(), LARGEST_METADATA)?;
                self.metadata.read(value).map_err(malformed)?;
            }
            (Place::List(_), ITEM) => {
                self.parsed.push(Pod::from_protobuf(value).map_err(malformed)?)
            }
            _ => {}
        }
        Ok(())
    }
}

/// A field whose value is some bytes: there are no others on the way to a pod.
struct Field {
    number: u64,
    /// The start and the length of its value.
    begin: usize,
    length: usize,
}

impl Field {
    /// The one that begins here, if so much is there.
    fn of(bytes: &[u8]) -> Result<Option<Self>, ApiError> {
        const BYTES: u64 = 2;
        let Some((key, key_length)) = varint(bytes).map_err(malformed)? else { return Ok(None) };
        let Some((length, length_length)) = varint(&bytes[key_length..]).map_err(malformed)? else {
            return Ok(None);
        };
        if key & 7 != BYTES {
            return Err(malformed("a field of another kind"));
        }
        let length = usize::try_from(length).map_err(malformed)?;
        Ok(Some(Self { number: key >> 3, begin: key_length + length_length, length }))
    }

    fn end(&self) -> Result<usize, ApiError> {
        bounded(self.length, LARGEST_OBJECT)?;
        Ok(self.begin + self.length)
    }
}

fn malformed(why: impl std::fmt::Display) -> ApiError {
    ApiError::new(ErrorClass::Malformed, format!("not a list of pods in protobuf: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::json::JsonListReader;
    use super::*;
    use crate::discovery::protobuf_reader::tests::field;

    /// Four pods, and an answer of 404, as Kubernetes 1.36 gave them.
    const LIST: &[u8] = include_bytes!("../../../tests/data/pods.pb");
    const LIST_IN_JSON: &[u8] = include_bytes!("../../../tests/data/pods.json");
    const NOT_FOUND: &[u8] = include_bytes!("../../../tests/data/not-found.pb");
    /// Two empty fields of the envelope.
    const REST: usize = 4;

    fn read(
        mut items: impl ListReader,
        list: &[u8],
        piece: usize,
    ) -> Result<(Vec<Pod>, Box<str>), ApiError> {
        let mut pods = Vec::new();
        for piece in list.chunks(piece) {
            items.feed(piece)?;
            pods.extend(items.take());
        }
        let (resource_version, _) = items.finish()?;
        pods.extend(items.take());
        Ok((pods, resource_version))
    }

    #[test]
    fn protobuf_and_json_yield_the_same_pods_in_any_pieces() {
        let json = read(JsonListReader::default(), LIST_IN_JSON, 4096).unwrap();
        assert_eq!(json.0.len(), 4);
        for piece in (1..50).chain([LIST.len() - 1, LIST.len()]) {
            assert_eq!(read(Pods::default(), LIST, piece).unwrap(), json);
        }
        // What is read is not all nothing.
        let named = |name: &str| json.0.iter().find(|pod| &*pod.name == name).unwrap();
        assert_eq!(named("plain").ips.len(), 2);
        assert_eq!(
            (&*named("plain").started, &*named("plain").revision),
            ("2026-01-31T12:00:05Z", "5d9")
        );
        assert_eq!(
            (&*named("sidecar").revision, named("sidecar").port("gossip")),
            ("web-7", Some(3323))
        );
        assert_eq!((named("host").port("remoting"), named("leaving").terminating), (Some(5), true));
    }

    #[test]
    fn incomplete_list_is_refused() {
        for end in 0..LIST.len() - REST {
            assert!(read(Pods::default(), &LIST[..end], 100).is_err(), "{end}");
        }
        assert!(read(Pods::default(), NOT_FOUND, 100).is_err());
        assert!(read(Pods::default(), LIST_IN_JSON, 100).is_err());
        for resource_version in ["", "0"] {
            assert!(
                read(Pods::default(), &list("v1", "PodList", resource_version, &[]), 100).is_err()
            );
        }
        assert!(read(Pods::default(), &list("v1", "PodList", "7", &[]), 100).unwrap().0.is_empty());
        assert!(read(Pods::default(), &list("v1", "ConfigMapList", "7", &[]), 100).is_err());
        assert!(read(Pods::default(), &list("v2", "PodList", "7", &[]), 100).is_err());
    }

    #[test]
    fn any_bytes_are_bounded_and_never_panic() {
        let endless = [MAGIC, &[0xff; 11]].concat();
        let too_long = [
            MAGIC,
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        ]
        .concat();
        let beyond = [MAGIC, b"\x12\x03\x12\x05"].concat();
        let other = [MAGIC, b"\x08\x01"].concat();
        for hostile in
            [endless, too_long, beyond, other, list("v1", "PodList", "7", b"\x12\x02\xff\xff")]
        {
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

    /// Protobuf allows this, though no API server does it.
    #[test]
    fn fields_may_be_in_any_order_and_split_but_only_one_list_is_accepted() {
        let kind = field(1, b"\x0a\x02v1\x12\x07PodList");
        let metadata = field(1, &field(2, b"7"));
        let pod = field(2, &field(1, &[field(1, b"a"), field(5, b"u"), field(6, b"1")].concat()));
        let list = |parts: &[&Vec<u8>]| {
            field(2, &parts.iter().copied().flatten().copied().collect::<Vec<_>>())
        };
        let count = |parts: &[&Vec<u8>]| {
            let answer: Vec<u8> =
                MAGIC.iter().chain(parts.iter().copied().flatten()).copied().collect();
            read(Pods::default(), &answer, 5).map(|(pods, _)| pods.len())
        };
        let more = field(1, &field(3, b""));
        for whole in
            [list(&[&metadata, &pod]), list(&[&pod, &metadata]), list(&[&metadata, &pod, &more])]
        {
            assert_eq!(
                (count(&[&kind, &whole]).unwrap(), count(&[&whole, &kind]).unwrap()),
                (1, 1)
            );
        }
        let (first, second) = (list(&[&metadata]), list(&[&metadata, &pod]));
        assert!(count(&[&kind, &first]).unwrap() == 0 && count(&[&kind, &first, &second]).is_err());
    }

    fn list(api_version: &str, kind: &str, resource_version: &str, items: &[u8]) -> Vec<u8> {
        let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        let raw = [&field(METADATA, &field(2, resource_version.as_bytes())), items].concat();
        [MAGIC, &field(TYPE, &type_meta), &field(RAW, &raw)].concat()
    }

    #[test]
    fn continue_tokens_are_bounded() {
        let answer = |length| {
            let raw = field(METADATA, &[field(2, b"7"), field(3, &vec![b'c'; length])].concat());
            let type_meta = [field(1, b"v1"), field(2, b"PodList")].concat();
            [MAGIC, &field(TYPE, &type_meta), &field(RAW, &raw)].concat()
        };
        assert!(read(Pods::default(), &answer(60_000), 4096).is_ok());
        assert!(read(Pods::default(), &answer(70_000), 4096).is_err());
    }
}
