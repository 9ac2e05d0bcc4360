//! Watches in protobuf, and servers that have only JSON.

use super::fake::{Fake, Reply, event, is_list, is_watch, list, status};
use super::{LONG, becomes, metric};

const PROTOBUF: &str = "Content-Type: application/vnd.kubernetes.protobuf;stream=watch";
/// The events of Kubernetes 1.36 after a list at 412: a pod `plain` changes and terminates, and
/// `second` is added and deleted.
const EVENTS: &[u8] = include_bytes!("../data/events.pb");
/// The response to a watch from a resourceVersion that was compacted.
const GONE: &[u8] = include_bytes!("../data/gone.pb");

#[test]
fn watches_in_protobuf_are_read() {
    // These end with the second change of `second`, which is Running then.
    let ends = frame_ends(EVENTS);
    let fake = Fake::start(move |_, path| match path {
        path if is_watch(path) => Reply::OpenRaw(PROTOBUF, EVENTS[..ends[2]].into()),
        _ => list(&[("a", "10.0.0.1")], 412),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    becomes(&provider, &["10.0.0.1", "10.0.0.2"]);
    assert_eq!(metric(&provider, "events_total"), 3.0);
}

#[test]
fn bookmarks_in_protobuf_move_the_watch_on() {
    let fake = Fake::start(|number, path| match path {
        _ if number == 1 => Reply::Raw(200, PROTOBUF, EVENTS.into()),
        path if is_watch(path) => Reply::Open(vec![]),
        _ => list(&[("a", "10.0.0.1")], 412),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let watches = fake.has_been_asked_for(2, is_watch);
    assert!(watches[1].path.contains("resourceVersion=429"), "{watches:?}");
}

#[test]
fn protobuf_that_cannot_be_read_leads_to_a_new_list() {
    let oversized = [&[0x7f, 0, 0, 0][..], &[0; 4096]].concat();
    for (answer, class) in [
        (oversized, "malformed"),
        (b"\0\0\0\x05hello".to_vec(), "malformed"),
        (b"{\"type\":\"ADDED\"}\n".to_vec(), "malformed"),
        (GONE.to_vec(), "gone"),
    ] {
        let fake = Fake::start(move |number, path| match path {
            _ if number == 1 => Reply::OpenRaw(PROTOBUF, answer.clone()),
            path if is_watch(path) => Reply::Open(vec![]),
            _ if number == 0 => list(&[("a", "10.0.0.1")], 412),
            _ => list(&[("b", "10.0.0.2")], 500),
        });
        let provider = fake.provider(&[]);
        provider.register(LONG).unwrap();
        becomes(&provider, &["10.0.0.2"]);
        assert!(provider.metrics().unwrap().contains(&format!("class=\"{class}\"}} 1")));
    }
}

#[test]
fn servers_that_refuse_protobuf_are_asked_for_json_from_then_on() {
    for code in [406, 415] {
        let fake = Fake::start(move |number, path| match path {
            _ if number == 1 => Reply::Body(code, status(code, "only JSON")),
            _ if number == 2 => Reply::Body(200, event("ADDED", "b", "10.0.0.2", 8)),
            path if is_watch(path) => Reply::Open(vec![event("ADDED", "c", "10.0.0.3", 9)]),
            _ => list(&[("a", "10.0.0.1")], 7),
        });
        let provider = fake.provider(&[]);
        provider.register(LONG).unwrap();
        becomes(&provider, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        let accepted: Vec<String> =
            fake.has_been_asked_for(3, is_watch).into_iter().map(|asked| asked.accept).collect();
        assert!(accepted[0].contains("protobuf"), "{accepted:?}");
        assert_eq!(accepted[1..], ["application/json", "application/json"]);
        assert_eq!(fake.paths().iter().filter(|path| is_list(path)).count(), 1);
        // It is not an error.
        assert!(!provider.metrics().unwrap().contains("failures_total{"));
    }
}

fn frame_ends(mut frames: &[u8]) -> Vec<usize> {
    let mut ends = vec![];
    while let Some(header) = frames.first_chunk::<4>() {
        let length = 4 + u32::from_be_bytes(*header) as usize;
        ends.push(ends.last().unwrap_or(&0) + length);
        frames = &frames[length..];
    }
    ends
}
