//! At least one of two pods whose gates are open has the other among its peers. Checked with
//! simulated stores and many random schedules.
//!
//! A store is a sequence of revisions, each of which changes one pod. The pods of a client are
//! always those of one revision. A list returns the state of any revision, even an older one than
//! before, because it may come from a cache that lags. A watch then moves forward, revision by
//! revision; it may lag, break and resume. The code under test is `view_of`, which turns the pods
//! into a view.

use std::sync::Arc;

use kubepeers::testing::{
    AnswerGate, Identity, PeerPolicy, Phase, Pod, PolicyOptions, Port, PortName, PortRule, Ports,
    View, view_of,
};

const SCHEDULES: u64 = 3_000;

/// A deterministic sequence (splitmix64), so that a schedule that fails can be repeated by its
/// number.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }
}

/// Returns a pod in one of its states: absent, Pending, Running, Ready.
fn pod(number: usize, state: usize) -> Option<Pod> {
    (state > 0).then(|| Pod {
        name: format!("pod-{number}").into(),
        uid: format!("uid-{number}").into(),
        resource_version: "1".into(),
        revision: "".into(),
        node_name: "".into(),
        started: "".into(),
        terminating: false,
        phase: if state == 1 { Phase::Pending } else { Phase::Running },
        ready: state == 3,
        ips: if state == 1 { [].into() } else { [ip(number).into()].into() },
        ports: [Port { name: PortName::new("gossip").unwrap(), number: 3322 }].into(),
        malformed: false,
    })
}

fn ip(number: usize) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::new(10, 0, 0, number as u8)
}

/// The states of all pods, one entry for each revision.
type Store = Vec<Vec<usize>>;

/// Creates a store. Every pod goes through its states in order; the order of the pods is random.
fn store(random: &mut Random, pods: usize) -> Store {
    let mut now = vec![0; pods];
    let mut store = vec![now.clone()];
    while now.iter().any(|state| *state < 3) {
        let number = random.below(pods);
        if now[number] < 3 {
            now[number] += 1;
            store.push(now.clone());
        }
    }
    store
}

/// How a client reads the pods.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// The client reads them like a client of Kubernetes.
    Ordered,
    /// Each pod is of another revision, as with an unordered watch, or with one stream for each
    /// pod.
    Unordered,
}

/// Returns the states that a client has, one after the other.
fn life(random: &mut Random, store: &Store, reading: Reading) -> Vec<Vec<usize>> {
    let mut seen = Vec::new();
    let mut revision = 0;
    for _ in 0..6 {
        // A list from any cache may go back.
        revision = if random.below(4) == 0 {
            random.below(store.len())
        } else {
            random.below(store.len() - revision) + revision
        };
        for _ in 0..=random.below(4) {
            seen.push(match reading {
                Reading::Ordered => store[revision].clone(),
                Reading::Unordered => (0..store[0].len())
                    .map(|number| store[random.below(store.len())][number])
                    .collect(),
            });
            revision = (revision + random.below(3)).min(store.len() - 1);
        }
    }
    seen
}

/// Returns the views of pod `own` that may be returned to callers.
fn answers(own: usize, life: &[Vec<usize>], options: PolicyOptions, gated: bool) -> Vec<View> {
    let port = |name: &str| PortRule { name: name.into(), default: None };
    let ports = Ports {
        discovery: port("gossip"),
        peers: Some(port("peers")),
        remoting: Some(port("remoting")),
    };
    let policy =
        PeerPolicy { ports, identity: Identity::Name(format!("pod-{own}")), options, alive: None };
    let views = life.iter().map(|states| {
        let pods = states.iter().enumerate().filter_map(|(number, state)| pod(number, *state));
        let pods: Vec<_> = pods.map(Arc::new).collect();
        view_of(pods.iter(), &policy)
    });
    views.filter(|view| !gated || view.gate == AnswerGate::Open).collect()
}

fn sees(view: &View, other: usize) -> bool {
    view.peers.iter().any(|peer| peer.address.ip() == ip(other))
}

/// Returns the first schedule in which neither of two pods has the other, and the number of
/// compared pairs.
fn blind_pair(options: PolicyOptions, reading: Reading, gated: bool) -> (Option<u64>, usize) {
    let mut compared = 0;
    for schedule in 0..SCHEDULES {
        let mut random = Random(schedule);
        let pods = 2 + random.below(5);
        let store = store(&mut random, pods);
        let answers: Vec<Vec<View>> = (0..pods)
            .map(|own| answers(own, &life(&mut random, &store, reading), options, gated))
            .collect();
        for a in 0..pods {
            for b in a + 1..pods {
                for (of_a, of_b) in
                    answers[a].iter().flat_map(|x| answers[b].iter().map(move |y| (x, y)))
                {
                    compared += 1;
                    if !sees(of_a, b) && !sees(of_b, a) {
                        return (Some(schedule), compared);
                    }
                }
            }
        }
    }
    (None, compared)
}

#[test]
fn one_of_two_pods_with_answers_has_the_other() {
    let (blind, compared) = blind_pair(PolicyOptions::default(), Reading::Ordered, true);
    assert_eq!(blind, None, "the schedule in which two pods are blind to each other");
    assert!(compared > 100_000, "only {compared} pairs of answers were compared");
}

#[test]
fn guarantee_holds_with_pending_pods_included() {
    let (blind, _) = blind_pair(
        PolicyOptions { pending_too: true, ..PolicyOptions::default() },
        Reading::Ordered,
        true,
    );
    assert_eq!(blind, None);
}

#[test]
fn test_finds_policies_that_break_the_guarantee() {
    let ready = PolicyOptions { only_ready: true, ..PolicyOptions::default() };
    for (what, options, reading, gated) in [
        ("answers before self is seen", PolicyOptions::default(), Reading::Ordered, false),
        ("pods read in no order", PolicyOptions::default(), Reading::Unordered, true),
        ("only ready pods", ready, Reading::Ordered, true),
    ] {
        assert!(blind_pair(options, reading, gated).0.is_some(), "{what}: not found");
    }
}
