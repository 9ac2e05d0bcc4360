//! A list of pods in JSON, in pieces as the first byte says, and after a NUL the events of a watch.

#![no_main]

mod judged;

use kubepeers::testing::Pod;
use kubepeers::testing::fuzzing::{Listed, is_resource_version, json_events, json_list};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde::de::IgnoredAny;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, rest)) = bytes.split_first() else { return };
    let (list, events) = rest.split_at(rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len()));
    let whole = json_list(list, usize::MAX);
    assert_eq!(json_list(list, usize::from(*piece) + 1), whole);
    if let Some(parsed) = parsed_at_once(list) {
        assert_eq!(whole, Some(parsed));
    }
    let events = events.get(1..).unwrap_or_default();
    assert_eq!(json_events(events, usize::from(*piece) + 1), json_events(events, usize::MAX));
    judged::judge(whole.map_or(Vec::new(), |(pods, ..)| pods), events);
});

/// A list and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    kind: String,
    #[serde(default, rename = "apiVersion")]
    _api_version: IgnoredAny,
    metadata: Metadata,
    #[serde(deserialize_with = "Option::deserialize")]
    items: Option<Vec<Pod>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: Box<str>,
    r#continue: Option<String>,
}

/// By serde alone.
fn parsed_at_once(list: &[u8]) -> Listed {
    let Plain { kind, metadata, items, .. } = serde_json::from_slice(list).ok()?;
    let whole = kind == "PodList" && is_resource_version(&metadata.resource_version);
    whole.then(|| (items.unwrap_or_default(), metadata.resource_version, metadata.r#continue.unwrap_or_default()))
}
