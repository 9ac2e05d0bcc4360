//! Collects the body of a list in JSON, and then parses it as a whole. Unlike protobuf, JSON is the
//! exception: a server or a proxy that lacks protobuf sends it, and it usually comes in pages.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::{LARGEST_METADATA, ListReader, bounded, malformed};
use crate::discovery::pod::Pod;
use crate::discovery::pod::bounds::is_resource_version;
use crate::kube_api::error::ApiError;
use crate::kube_api::pod_store::Budget;

/// The largest body, not compressed. It has room for a page of pods of 40 KB each; most have 10. If
/// a server sends more at once, the next list asks for pages. The parser may need as much memory
/// again, for a string with escapes.
const LARGEST_BODY: usize = 8 << 20;

#[derive(Default)]
pub(in crate::kube_api) struct JsonListReader {
    body: Vec<u8>,
    parsed: Vec<Pod>,
}

impl ListReader for JsonListReader {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        bounded(self.body.len() + bytes.len(), LARGEST_BODY)?;
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    fn take(&mut self) -> Vec<Pod> {
        std::mem::take(&mut self.parsed)
    }

    fn finish(&mut self) -> Result<(Box<str>, String), ApiError> {
        let list: PodList = serde_json::from_slice(&self.body).map_err(malformed)?;
        let ListMeta { resource_version, r#continue } = list.metadata;
        // A watch from "" or "0" is another kind of watch.
        if list.kind != "PodList" || !is_resource_version(&resource_version) {
            return Err(malformed("it is no PodList, or its resourceVersion is invalid"));
        }
        let next = r#continue.unwrap_or_default();
        bounded(next.len(), LARGEST_METADATA)?;
        self.parsed = list.items.map_or(Ok(Vec::new()), |items| items.0)?;
        Ok((resource_version, next))
    }
}

#[derive(Deserialize)]
struct PodList {
    kind: String,
    metadata: ListMeta,
    /// May be null. A list without `items` is malformed.
    #[serde(deserialize_with = "Option::deserialize")]
    items: Option<Items>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: Box<str>,
    /// The token of the next page; empty on the last page.
    r#continue: Option<String>,
}

/// The pods, or an error if they need too much memory: small pods need ten times their JSON.
struct Items(Result<Vec<Pod>, ApiError>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor).map(Self)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Result<Vec<Pod>, ApiError>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of pods")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let (mut pods, mut budget) = (Vec::new(), Budget::default());
        while let Some(pod) = items.next_element()? {
            if let Err(error) = budget.add(&pod) {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Err(error));
            }
            pods.push(pod);
        }
        Ok(Ok(pods))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kube_api::error::ErrorClass;

    fn text(error: ApiError) -> String {
        error.for_tests().error.to_string()
    }

    fn read(text: &[u8]) -> Result<(Vec<Pod>, Box<str>, String), ApiError> {
        let mut list = JsonListReader::default();
        for piece in text.chunks(1 << 15) {
            list.feed(piece)?;
        }
        assert!(list.take().is_empty());
        list.finish().map(|(resource_version, next)| (list.take(), resource_version, next))
    }

    fn pod(uid: usize) -> Value {
        json!({"metadata": {"name": "a", "uid": uid.to_string(), "resourceVersion": "1"}})
    }

    fn list(metadata: Value, items: Value) -> Vec<u8> {
        json!({"kind": "PodList", "metadata": metadata, "items": items}).to_string().into()
    }

    #[test]
    fn unknown_fields_and_brackets_in_strings_are_ignored() {
        let odd = json!({"items": [{"x": "}]\"\\"}], "kind": "]}", "\"[{": [[{}], {"b\\": 1}]});
        let mut other = pod(2);
        other["spec"] = json!({"nodeName": "n", "x": odd});
        let metadata = json!({"resourceVersion": "7", "x": odd, "continue": "\"c[{"});
        let list =
            json!({"a": odd, "items": [pod(1), other], "kind": "PodList", "metadata": metadata});
        for text in [list.to_string(), serde_json::to_string_pretty(&list).unwrap()] {
            let (pods, resource_version, next) = read(text.as_bytes()).unwrap();
            assert_eq!((&*pods[0].uid, &*pods[1].node_name, pods.len()), ("1", "n", 2));
            assert_eq!((&*resource_version, &*next), ("7", "\"c[{"));
        }
    }

    #[test]
    fn incomplete_list_is_refused() {
        let whole = list(json!({"resourceVersion": "7"}), json!([pod(1), pod(2)]));
        assert_eq!(read(&whole).unwrap().0.len(), 2);
        for end in 0..whole.len() {
            let error = read(&whole[..end]).unwrap_err();
            assert_eq!(error.class, ErrorClass::Malformed, "{end}");
        }
        assert!(read(&[&whole[..], b"{}"].concat()).is_err());
        for odd in ["[1]", "[[]]", "[\"a\"]", "[{}]", "{}", "[}", "[{]", "[{\"a\":}]", "\"\""] {
            let text = format!(
                r#"{{"kind":"PodList","metadata":{{"resourceVersion":"7"}},"items":{odd}}}"#
            );
            assert!(read(text.as_bytes()).is_err(), "{odd}");
        }
        for no_list in [
            r#"{"kind":"PodList","metadata":{"resourceVersion":"7"}}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":""},"items":[]}"#,
            r#"{"kind":"PodList","metadata":{"resourceVersion":"0"},"items":[]}"#,
            r#"{"kind":"ConfigMapList","metadata":{"resourceVersion":"7"},"items":[]}"#,
            r#"{"kind":"PodList","metadata":{},"items":[]}"#,
            "<html>",
        ] {
            assert!(read(no_list.as_bytes()).is_err(), "{no_list}");
        }
        let empty = list(json!({"resourceVersion": "7"}), Value::Null);
        assert!(read(&empty).unwrap().0.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let error = read(&vec![b' '; LARGEST_BODY + 1]).unwrap_err();
        assert_eq!(text(error), "not a list of pods: more than 8388608 bytes");
        let token = |length| json!({"resourceVersion": "7", "continue": "c".repeat(length)});
        assert!(read(&list(token(60_000), json!([]))).is_ok());
        assert!(read(&list(token(70_000), json!([]))).is_err());
        // Their JSON is much smaller than they are.
        let many = list(json!({"resourceVersion": "7"}), (0..50_000).map(pod).collect());
        assert!(many.len() < LARGEST_BODY);
        assert!(text(read(&many).unwrap_err()).starts_with("the pods need more than 12 MiB"));
    }
}
