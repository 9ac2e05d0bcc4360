//! How the pods are listed.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::fake::{Fake, Reply, Seen, event, is_watch, list, page, page_text, pod, status};
use super::{addresses, becomes, first, unsynced};
use crate::LONG;

#[test]
fn registration_needs_one_list_and_one_watch() {
    let fake = Fake::steady(|| list(&[("a", "10.0.0.1")], 7), vec![]);
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    fake.has_been_asked(2);
    (0..100).for_each(|_| assert_eq!(provider.discover_peers(LONG).unwrap().len(), 1));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let asked = fake.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    let has = |i: usize, part: &str| assert!(asked[i].path.contains(part), "{part}: {asked:?}");
    for i in [0, 1] {
        has(i, "/api/v1/namespaces/ns/pods?");
        has(i, "labelSelector=app%3Ddemo");
    }
    // A compressed list from the cache is enough.
    has(0, "resourceVersion=0");
    assert_eq!((asked[0].encoding.as_str(), asked[1].encoding.as_str()), ("gzip", "identity"));
    assert_eq!(asked[0].accept, "application/vnd.kubernetes.protobuf, application/json");
    assert_eq!(
        asked[1].accept,
        "application/vnd.kubernetes.protobuf;stream=watch, application/json"
    );
    has(1, "resourceVersion=7");
    has(1, "allowWatchBookmarks=true");
    let seconds: u32 = asked[1]
        .path
        .split("timeoutSeconds=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((200..=230).contains(&seconds), "below the idle limit of load balancers");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_lists_are_read() {
    let pods: Vec<String> =
        (1..=200).map(|i| pod(&format!("p{i}"), &format!("10.0.1.{i}"), 1)).collect();
    let list = move || Reply::Raw(200, "Content-Encoding: gzip", gzip(&page_text(&pods, "", 7)));
    assert_eq!(first(&Fake::steady(list, vec![]).provider(&[])).len(), 200);
}

const PROTOBUF: &str = "Content-Type: application/vnd.kubernetes.protobuf";
/// A list of four pods by a real API server. One of them is Running and stays.
const LIST: &[u8] = include_bytes!("../data/pods.pb");

#[test]
fn lists_in_protobuf_are_read() {
    let fake = Fake::steady(|| Reply::Raw(200, PROTOBUF, LIST.into()), vec![]);
    assert_eq!(first(&fake.provider(&[])), ["10.0.0.1"]);
    let refused = || Reply::Raw(404, PROTOBUF, include_bytes!("../data/not-found.pb").into());
    unsynced(&Fake::steady(refused, vec![]).provider(&[]), "404: pods \"none\" not found");
}

/// The next list is plain: in JSON, in pages, and not compressed.
#[test]
fn refused_encoding_is_replaced_by_another_one() {
    let compressed = gzip(&page_text(&[pod("a", "10.0.0.1", 1)], "", 7));
    let cut = compressed[..compressed.len() - 9].to_vec();
    let refusals: [fn(Vec<u8>) -> Reply; 9] = [
        |_| Reply::Body(406, status(406, "only the following media types are accepted")),
        |_| Reply::Raw(200, PROTOBUF, LIST[..LIST.len() - 9].into()),
        |_| Reply::Raw(200, PROTOBUF, b"k8s\0 this is no protobuf".into()),
        |_| Reply::Body(400, status(400, "resourceVersionMatch: Forbidden")),
        |_| Reply::Body(422, status(422, "no")),
        |_| Reply::Body(200, "<html>welcome</html>".into()),
        |_| Reply::Body(200, " ".repeat((32 << 20) + 1)),
        |cut| Reply::Raw(200, "Content-Encoding: gzip", cut),
        |_| Reply::Raw(200, "Content-Encoding: gzip", b"this is no gzip".into()),
    ];
    for refusal in refusals {
        let cut = cut.clone();
        let fake = Fake::start(move |_, path| match path {
            path if is_watch(path) => Reply::Open(vec![event("ADDED", "c", "10.0.0.3", 8)]),
            path if path.contains("continue=more") => page(&[pod("b", "10.0.0.2", 2)], "", 7),
            path if path.contains("limit=200") => page(&[pod("a", "10.0.0.1", 1)], "more", 7),
            _ => refusal(cut.clone()),
        });
        let provider = fake.provider(&[]);
        provider.register(LONG).unwrap();
        becomes(&provider, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
        let asked = fake.asked();
        assert_eq!(
            asked.iter().map(|asked| asked.encoding.as_str()).collect::<Vec<_>>(),
            ["gzip", "identity", "identity", "identity"]
        );
        assert_eq!(asked[1].accept, "application/json");
        assert!(asked[3].path.contains("resourceVersion=7"), "{asked:?}");
    }
}

/// An incomplete list must never be accepted as a complete one: it would be a false "alone".
#[test]
fn incomplete_list_is_an_error() {
    let half = page_text(&[pod("a", "10.0.0.1", 1), pod("b", "10.0.0.2", 1)], "", 7);
    let half = &half[..half.len() - 100];
    for body in [
        half,
        r#"{"metadata":{"resourceVersion":"5"}}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"5"}}"#,
        r#"{"kind":"ConfigMapList","metadata":{"resourceVersion":"5"},"items":[]}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":""},"items":[]}"#,
        r#"{"kind":"PodList","metadata":{"resourceVersion":"5"},"items":[{"metadata":{}}]}"#,
        "<html>",
        "",
    ] {
        let body = body.to_owned();
        let fake = Fake::start(move |_, _| Reply::Body(200, body.clone()));
        let error = unsynced(&fake.provider(&[]), "not a list of pods");
        assert!(error.is_retryable(), "{error}");
    }
}

#[test]
fn endless_list_is_abandoned() {
    let fake = Fake::start(|_, path| match path {
        path if path.contains("limit=200") => page(&[], "again", 7),
        _ => Reply::Body(422, status(422, "no")),
    });
    unsynced(&fake.provider(&[]), "more than 400 pages");
}

#[test]
fn list_starts_again_if_the_next_page_is_gone() {
    let fake = Fake::start(|number, path| match path {
        path if is_watch(path) => Reply::Open(vec![]),
        path if path.contains("continue=more") => Reply::Body(410, status(410, "too old")),
        _ if number == 0 => page(&[pod("a", "10.0.0.1", 1)], "more", 7),
        _ => page(&[pod("b", "10.0.0.2", 1)], "", 8),
    });
    assert_eq!(first(&fake.provider(&[])), ["10.0.0.2"]);
}

#[test]
fn thousands_of_deleted_pods_make_one_snapshot() {
    let pods = |every: usize| -> Vec<String> {
        let address = |i: usize| format!("10.{}.{}.{}", i / 65536, i / 256 % 256, i % 256);
        (1..=5000).step_by(every).map(|i| pod(&format!("p{i}"), &address(i), 1)).collect()
    };
    let (all, left) = (page_text(&pods(1), "", 7), page_text(&pods(2), "", 9));
    let seen = Seen::default();
    let all_seen = seen.clone();
    let fake = Fake::start(move |number, path| match path {
        path if is_watch(path) && number == 1 => {
            all_seen.wait();
            Reply::Body(410, status(410, "too old"))
        }
        path if is_watch(path) => Reply::Open(vec![]),
        _ => Reply::Body(200, if number == 0 { all.clone() } else { left.clone() }),
    });
    let provider = fake.provider(&[]);
    provider.register(LONG).unwrap();
    let before = provider.wait(0, LONG).unwrap();
    assert_eq!(before.len(), 5000);
    seen.now();
    let after = provider.wait(before.generation(), LONG).unwrap();
    assert_eq!((after.generation(), after.len()), (before.generation() + 1, 2500));
    assert!(
        addresses(&after).contains(&"10.0.19.135".to_owned())
            && !addresses(&after).contains(&"10.0.19.136".to_owned())
    );
}

/// One broken response must not make all later lists twenty times as large.
#[test]
fn compact_list_is_tried_again_after_a_plain_one() {
    let fake = Fake::start(|number, path| match number {
        0 => Reply::Body(200, "<html>".into()),
        _ if is_watch(path) => Reply::Open(vec![]),
        _ => list(&[("a", "10.0.0.1")], 5),
    });
    let provider = fake.provider(&[]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    provider.refresh(&mut 0, LONG).unwrap();
    let lists: Vec<_> = fake
        .asked()
        .into_iter()
        .filter(|asked| !is_watch(&asked.path))
        .map(|asked| asked.encoding)
        .collect();
    assert_eq!(lists, ["gzip", "identity", "gzip"]);
}
