//! A list of pods in JSON, and after a NUL the events of a watch in pieces as the first byte says.

#![no_main]

mod judged;

use kubepeers::testing::fuzzing::{json_events, json_list};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, rest)) = bytes.split_first() else { return };
    let (list, events) = rest.split_at(rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len()));
    let pods = json_list(list).map_or(Vec::new(), |(pods, ..)| pods);
    let events = events.get(1..).unwrap_or_default();
    assert_eq!(json_events(events, usize::from(*piece) + 1), json_events(events, usize::MAX));
    judged::judge(pods, events);
});
