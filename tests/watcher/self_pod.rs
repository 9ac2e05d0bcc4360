//! The lookup of this pod, if the selector does not match it.

use kubepeers::testing::Status;

use super::fake::{Fake, Reply, is_watch, list, page, pod};
use super::{AT_ONCE, LONG, eventually};

/// Nothing happens to the pods meanwhile.
#[test]
fn unanswered_lookup_of_this_pod_is_repeated() {
    let is_question = |path: &str| path.contains("metadata.name");
    let fake = Fake::start(move |number, path| match number {
        _ if is_watch(path) => Reply::Open(vec![]),
        0 => list(&[("a", "10.0.0.1")], 5),
        1 => Reply::Silence,
        _ if is_question(path) => page(&[pod("me", "10.0.0.2", 1)], "", 5),
        _ => Reply::Silence,
    });
    let provider = fake.provider(&[("membership", "member"), ("pod_name", "me")]);
    provider.register(LONG).unwrap();
    fake.has_been_asked(2);
    assert!(is_question(&fake.paths()[1]), "{:?}", fake.paths());
    eventually(|| provider.discover_peers(AT_ONCE).unwrap_err().status() == Status::SelfExcluded);
}
