//! A list of pods in JSON, in pieces as the first byte says, and after a NUL the events of a watch.

#![no_main]

mod judged;

use kubepeers::cluster::fuzzing::{Listed, json_list};
use kubepeers::pod::Pod;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, rest)) = bytes.split_first() else { return };
    let (list, events) = rest.split_at(rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len()));
    let whole = json_list(list, usize::MAX);
    assert_eq!(json_list(list, usize::from(*piece) + 1), whole);
    if let Some(parsed) = parsed_at_once(list) {
        assert_eq!(whole, Some(parsed));
    }
    judged::judge(whole.map_or(Vec::new(), |(pods, ..)| pods), events.get(1..).unwrap_or_default());
});

/// The same by serde alone, where it is a list and nothing else.
fn parsed_at_once(list: &[u8]) -> Listed {
    let value: Value = serde_json::from_slice(list).ok()?;
    let object = value.as_object()?;
    let is_list = |key: &String| ["kind", "apiVersion", "metadata", "items"].contains(&key.as_str());
    let text = |name: &str| object["metadata"].get(name).and_then(Value::as_str).map(ToOwned::to_owned);
    let whole = object.keys().all(is_list) && object.get("kind")? == "PodList" && object.get("metadata")?.is_object();
    let resource_version = text("resourceVersion").filter(|version| whole && !["", "0"].contains(&version.as_str()))?;
    let next = object["metadata"].get("continue").unwrap_or(&Value::Null);
    if !next.is_null() && !next.is_string() {
        return None;
    }
    let pods: Vec<Pod> = serde_json::from_value(object.get("items")?.clone()).ok()?;
    Some((pods, resource_version.into(), text("continue").unwrap_or_default()))
}
