//! A list of pods or the events of a watch, in protobuf and in pieces as the first byte says.

#![no_main]

mod judged;

use kubepeers::testing::fuzzing::{protobuf_events, protobuf_list, said};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, list)) = bytes.split_first() else { return };
    let whole = protobuf_list(list, usize::MAX);
    assert_eq!(protobuf_list(list, usize::from(*piece) + 1), whole);
    assert_eq!(protobuf_events(list, usize::from(*piece) + 1), protobuf_events(list, usize::MAX));
    let _ = said(list);
    judged::judge(whole.map_or(Vec::new(), |(pods, ..)| pods), b"");
});
