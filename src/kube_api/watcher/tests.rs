//! The watcher against a scripted API server, in virtual time: tokio advances the clock whenever
//! everything waits, so an hour takes no time and every moment is exact.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::stream::{self, BoxStream};
use tokio::time::{sleep, timeout};

use super::*;
use crate::config::tests::settings;
use crate::discovery::policy::tests::{pod, policy};
use crate::discovery::sink::LastError;
use crate::provider::messages::tests::context;
use crate::provider::state::{Resume, SharedState, Sinks};

const NONE: Duration = Duration::ZERO;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A request that the watcher made.
#[derive(Clone, Debug, PartialEq)]
enum Request {
    List(&'static str),
    Watch(String),
}

#[derive(Clone, Debug)]
struct Made {
    request: Request,
    at: Duration,
    /// The number of times that the watcher has requested new connections before.
    connection: usize,
}

impl Made {
    fn is_list(&self) -> bool {
        matches!(self.request, Request::List(_))
    }
}

/// How the scripted server answers.
enum Answer {
    /// These pods, of this resourceVersion.
    Pods(&'static [&'static str], u32),
    Fails(ApiError),
    /// A watch that sends each of these events after a pause, and then ends.
    Events(Vec<(Duration, Sent)>, End),
    /// Nothing, not even headers.
    Silence,
}

#[derive(Clone)]
enum Sent {
    Added(&'static str, u32),
    Bookmark(u32),
}

#[derive(Clone, Copy)]
enum End {
    Never,
    ClosesAfter(Duration),
    BreaksAfter(Duration),
}

type Script = Box<dyn FnMut(&Made) -> Answer>;

struct ScriptedApi {
    script: Script,
    made: Rc<RefCell<Vec<Made>>>,
    started: Instant,
    connection: usize,
}

impl ScriptedApi {
    fn answer(&mut self, request: Request) -> Answer {
        let made = Made { request, at: self.started.elapsed(), connection: self.connection };
        self.made.borrow_mut().push(made.clone());
        (self.script)(&made)
    }
}

impl PodApi for ScriptedApi {
    type Events = BoxStream<'static, Result<Event, ApiError>>;

    async fn list(&mut self, consistency: &Consistency, _: ListEncoding) -> Result<List, ApiError> {
        let consistency = match consistency {
            Consistency::Any => "any",
            Consistency::NotOlderThan(_) => "not older than",
            Consistency::MostRecent => "most recent",
        };
        match self.answer(Request::List(consistency)) {
            Answer::Pods(names, version) => {
                let pods = names.iter().map(|name| pod(name, "10.0.0.1")).collect();
                Ok(List { pods, resource_version: version.to_string().into() })
            }
            Answer::Fails(error) => Err(error),
            Answer::Silence => no_answer().await,
            Answer::Events(..) => unreachable!("a watch in answer to a list"),
        }
    }

    async fn watch(&mut self, resource_version: &str) -> Result<Self::Events, ApiError> {
        match self.answer(Request::Watch(resource_version.into())) {
            Answer::Events(events, end) => Ok(play(events, end)),
            Answer::Fails(error) => Err(error),
            Answer::Silence => no_answer().await,
            Answer::Pods(..) => unreachable!("a list in answer to a watch"),
        }
    }

    async fn unselected(&mut self, _: &Identity) -> Result<Option<Labels>, ApiError> {
        match self.answer(Request::List("lookup")) {
            Answer::Fails(error) => Err(error),
            _ => Ok(None),
        }
    }

    fn use_new_connections(&mut self) {
        self.connection += 1;
    }

    fn explain(&mut self, error: ApiError) -> LastError {
        error.for_tests()
    }
}

/// The request times out, as it would with the default `request_timeout_ms`.
async fn no_answer<T>() -> Result<T, ApiError> {
    sleep(10 * SECOND).await;
    Err(ApiError::new(ErrorClass::TimedOut, "no answer within 10s"))
}

fn play(events: Vec<(Duration, Sent)>, end: End) -> BoxStream<'static, Result<Event, ApiError>> {
    let sent = stream::iter(events).then(|(pause, sent)| async move {
        sleep(pause).await;
        Ok(event(&sent))
    });
    let last = stream::once(async move {
        match end {
            End::Never => std::future::pending().await,
            End::ClosesAfter(pause) => {
                sleep(pause).await;
                None
            }
            End::BreaksAfter(pause) => {
                sleep(pause).await;
                Some(Err(ApiError::new(ErrorClass::Unreachable, "connection reset")))
            }
        }
    });
    Box::pin(sent.chain(last.filter_map(std::future::ready)))
}

fn event(sent: &Sent) -> Event {
    match sent {
        Sent::Added(name, version) => {
            let mut added = pod(name, "10.0.0.1");
            added.resource_version = version.to_string().into();
            Event::Added(added)
        }
        Sent::Bookmark(version) => Event::Bookmark(version.to_string().into()),
    }
}

fn refused(http_status: u16) -> ApiError {
    ApiError::answered(http_status, None, br#"{"kind":"Status","message":"no","reason":"no"}"#)
}

fn open() -> Answer {
    Answer::Events(vec![], End::Never)
}

/// Runs the watcher against a script for so long, next to what a caller does. Returns its requests.
async fn run(
    script: impl FnMut(&Made) -> Answer + 'static,
    lasts: Duration,
    shared: &Arc<SharedState>,
    caller: impl Future<Output = ()>,
) -> Vec<Made> {
    run_as(PeerPolicy { identity: Identity::None, ..policy("") }, script, lasts, shared, caller)
        .await
}

async fn run_as(
    policy: PeerPolicy,
    script: impl FnMut(&Made) -> Answer + 'static,
    lasts: Duration,
    shared: &Arc<SharedState>,
    caller: impl Future<Output = ()>,
) -> Vec<Made> {
    let made = Rc::default();
    let api = ScriptedApi {
        script: Box::new(script),
        made: Rc::clone(&made),
        started: Instant::now(),
        connection: 0,
    };
    let timings = WatcherTimings::of(&settings(&[]));
    let watcher = Watcher::new(api, policy, timings, shared.clone());
    let _ = timeout(lasts, async { tokio::join!(watcher.run(), caller) }).await;
    Rc::try_unwrap(made).unwrap_or_else(|_| unreachable!("the watcher has ended")).into_inner()
}

fn shared() -> Arc<SharedState> {
    Arc::new(SharedState::new(Resume::default(), context(), &settings(&[]), Sinks::default()))
}

/// Asks for a fresh list whenever the last was answered, from a moment on.
async fn keep_asking(shared: &SharedState, from: Duration) {
    sleep(from).await;
    loop {
        let _ = shared.refresh(&mut 0, NONE);
        sleep(Duration::from_millis(100)).await;
    }
}

fn within(made: &[Made], from: Duration, lasts: Duration) -> Vec<Made> {
    made.iter().filter(|made| made.at >= from && made.at < from + lasts).cloned().collect()
}

fn names(shared: &SharedState) -> Vec<String> {
    let snapshot = shared.newer_than(0, NONE).unwrap();
    (0..snapshot.len()).map(|index| snapshot.peer(index).unwrap().pod.name.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn callers_cannot_turn_refused_lists_into_a_storm() {
    for status in [401, 403, 429, 500, 503] {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            Request::List(_) if made.at < 10 * SECOND => Answer::Pods(&["a"], 5),
            Request::List(_) => Answer::Fails(refused(status)),
            Request::Watch(_) => open(),
        };
        let made = run(script, MINUTE, &shared, keep_asking(&shared, 10 * SECOND)).await;
        let requests = within(&made, 10 * SECOND, 5 * SECOND);
        assert!((2..=5).contains(&requests.len()), "{status}: {requests:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_everything_gets_at_most_five_requests_in_five_seconds() {
    for status in [401, 403, 429, 500, 503].repeat(50) {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            _ if made.at >= 10 * SECOND => Answer::Fails(refused(status)),
            Request::List(_) => Answer::Pods(&["a"], 5),
            Request::Watch(_) => Answer::Events(vec![], End::BreaksAfter(10 * SECOND - made.at)),
        };
        let made = run(script, MINUTE, &shared, keep_asking(&shared, 10 * SECOND)).await;
        let requests = within(&made, 10 * SECOND, 5 * SECOND);
        assert!((2..=5).contains(&requests.len()), "{status}: {requests:?}");
    }
}

/// Lists succeed meanwhile, so that callers get what they ask for.
#[tokio::test(start_paused = true)]
async fn callers_cannot_turn_refused_watches_into_a_storm() {
    for status in [401, 403, 429, 500, 503] {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            Request::List(_) => Answer::Pods(&["a"], 5),
            Request::Watch(_) => Answer::Fails(refused(status)),
        };
        let made = run(script, MINUTE, &shared, keep_asking(&shared, NONE)).await;
        let watches: Vec<_> =
            made.iter().filter(|made| !made.is_list()).map(|made| made.at).collect();
        assert!((3..=10).contains(&watches.len()), "{status}: {watches:?}");
        assert!(
            watches.windows(6).all(|six| six[5] - six[0] > 5 * SECOND),
            "{status}: {watches:?}"
        );
        let lists = made.len() - watches.len();
        assert!((30..=62).contains(&lists), "{status}: {lists}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_and_refused_lists_share_one_pace() {
    for status in [401, 403, 429, 500, 503].repeat(50) {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            _ if made.at >= 80 * SECOND => Answer::Fails(refused(status)),
            Request::List(_) => Answer::Pods(&["a"], 5),
            Request::Watch(_) => open(),
        };
        let made = run(script, 5 * MINUTE, &shared, keep_asking(&shared, 89 * SECOND)).await;
        let requests: Vec<_> =
            made.iter().map(|made| made.at).filter(|at| *at >= 80 * SECOND).collect();
        assert!(requests.len() > 10, "{status}: {requests:?}");
        assert!(
            requests.windows(6).all(|six| six[5] - six[0] > 5 * SECOND),
            "{status}: {requests:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_keeps_refusing_is_left_for_another_one() {
    for status in [429, 503] {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            Request::List(_) if made.at < SECOND => Answer::Pods(&["a"], 5),
            Request::Watch(_) if made.at < SECOND => {
                Answer::Events(vec![(NONE, Sent::Bookmark(6))], End::ClosesAfter(SECOND))
            }
            _ if made.connection == 0 => {
                let mut error = refused(status);
                error.retry_after = Some(SECOND);
                Answer::Fails(error)
            }
            Request::List(_) => Answer::Pods(&["b"], 9),
            Request::Watch(_) => open(),
        };
        let made = run(script, MINUTE, &shared, async {}).await;
        assert!(made.last().unwrap().connection > 0, "{status}: {made:?}");
        assert!(shared.health().unwrap().watching, "{status}: {made:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_at_most_five_seconds_after_an_outage() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        _ if made.at > 10 * SECOND && made.at < 3 * MINUTE => Answer::Fails(refused(503)),
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) if made.at < 3 * MINUTE => {
            Answer::Events(vec![], End::BreaksAfter(11 * SECOND - made.at))
        }
        Request::Watch(_) => open(),
    };
    let made = run(script, 4 * MINUTE, &shared, keep_asking(&shared, 3 * MINUTE)).await;
    let list = made.iter().find(|made| made.is_list() && made.at >= 3 * MINUTE).unwrap();
    assert!(list.at <= 3 * MINUTE + 5 * SECOND, "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honored_for_callers_too() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) if made.at < SECOND => Answer::Pods(&["a"], 5),
        Request::List(_) => {
            let mut error = refused(429);
            error.retry_after = Some(20 * SECOND);
            Answer::Fails(error)
        }
        Request::Watch(_) => open(),
    };
    let made = run(script, 2 * MINUTE, &shared, keep_asking(&shared, 10 * SECOND)).await;
    let lists: Vec<_> =
        made[1..].iter().filter(|made| made.is_list()).map(|made| made.at).collect();
    assert!(
        lists.len() >= 4 && lists.windows(2).all(|two| two[1] - two[0] >= 20 * SECOND),
        "{lists:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_need_not_wait_after_watches_that_were_cut() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) if made.at < 30 * SECOND => {
            Answer::Events(vec![(NONE, Sent::Bookmark(6))], End::BreaksAfter(SECOND / 2))
        }
        Request::Watch(_) => open(),
    };
    let caller = async {
        sleep(29 * SECOND).await;
        let _ = shared.refresh(&mut 0, NONE);
    };
    let made = run(script, MINUTE, &shared, caller).await;
    let list = made[1..].iter().find(|made| made.is_list()).unwrap();
    assert_eq!(list.at, 29 * SECOND);
    // The watcher is never without a watch for longer than five seconds.
    assert!(made.windows(2).all(|two| two[1].at - two[0].at <= 6 * SECOND), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_resource_version_that_is_too_old_costs_at_most_five_seconds() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) if made.at < 5 * MINUTE => Answer::Fails(refused(410)),
        Request::Watch(_) => open(),
    };
    let made = run(script, 5 * MINUTE, &shared, async {}).await;
    assert!(made.len() > 60, "{made:?}");
    assert!(made.windows(2).all(|two| two[1].at - two[0].at <= 5 * SECOND), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_at_once_cost_at_most_five_seconds_and_lead_to_lists() {
    for end in [End::ClosesAfter(NONE), End::BreaksAfter(NONE)] {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            Request::List(_) if made.at < MINUTE => Answer::Pods(&["a"], 5),
            Request::List(_) => Answer::Pods(&["b"], 9),
            Request::Watch(_) => Answer::Events(vec![], end),
        };
        let made = run(script, 2 * MINUTE, &shared, async {}).await;
        assert!(made.windows(2).all(|two| two[1].at - two[0].at <= 5 * SECOND), "{made:?}");
        assert_eq!(names(&shared), ["b"]);
    }
}

/// The clock of confirmations is real, not virtual.
fn last_confirmation(shared: &SharedState) -> std::time::Instant {
    let age = shared.health().unwrap().age.unwrap();
    std::time::Instant::now() - age
}

/// A balancer with a short idle limit ends each watch before its first bookmark.
#[tokio::test(start_paused = true)]
async fn a_quiet_watch_that_is_cut_again_and_again_is_not_stale() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) => Answer::Events(vec![], End::BreaksAfter(35 * SECOND)),
    };
    let caller = async {
        for _ in 0..9 {
            let before = std::time::Instant::now();
            sleep(MINUTE).await;
            assert!(last_confirmation(&shared) > before);
        }
    };
    run(script, 10 * MINUTE, &shared, caller).await;
}

/// A server that starts knows the roles last. Errors of another kind before that are no denial.
#[tokio::test(start_paused = true)]
async fn one_denial_after_an_outage_does_not_end_watching() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) if made.at < MINUTE => Answer::Fails(refused(503)),
        Request::Watch(_) if made.at < MINUTE + 31 * SECOND => Answer::Fails(refused(403)),
        Request::Watch(_) => open(),
    };
    let caller = async {
        sleep(2 * MINUTE).await;
        assert!(shared.health().unwrap().watching && !shared.health().unwrap().polling);
    };
    let made = run(script, 3 * MINUTE, &shared, caller).await;
    assert!(
        made.iter()
            .any(|made| !made.is_list() && made.at >= MINUTE && made.at < MINUTE + 31 * SECOND)
    );
}

#[tokio::test(start_paused = true)]
async fn watches_move_to_a_new_connection_now_and_then() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) => {
            let bookmarks = vec![(MINUTE, Sent::Bookmark(6)); 3];
            Answer::Events(bookmarks, End::ClosesAfter(35 * SECOND))
        }
    };
    let made = run(script, 6 * 60 * MINUTE, &shared, async {}).await;
    let watches: Vec<_> = made.iter().filter(|made| !made.is_list()).collect();
    let connections = watches.last().unwrap().connection;
    let per_connection = watches.len() / (connections + 1);
    assert!((7..=13).contains(&per_connection), "{} watches on {connections}", watches.len());
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_opened_again_on_a_new_connection_without_a_list() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) => open(),
    };
    let made = run(script, 8 * MINUTE, &shared, async {}).await;
    assert_eq!(made.iter().filter(|made| made.is_list()).count(), 1, "{made:?}");
    let watches: Vec<_> = made.iter().filter(|made| !made.is_list()).collect();
    assert!((5..=6).contains(&watches.len()), "{made:?}");
    for (two, connection) in watches.windows(2).zip(1..) {
        let silence = two[1].at - two[0].at;
        assert!(silence >= 90 * SECOND && silence <= 100 * SECOND, "{made:?}");
        assert_eq!((two[1].connection, &two[1].request), (connection, &Request::Watch("5".into())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_is_left_for_another_one() {
    let shared = shared();
    // The server of the first connection freezes.
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&[], 5),
        Request::Watch(_) if made.connection == 0 => open(),
        Request::Watch(_) => Answer::Events(vec![(NONE, Sent::Added("b", 6))], End::Never),
    };
    run(script, 101 * SECOND, &shared, async {}).await;
    assert_eq!(names(&shared), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_kept_while_another_one_is_refused() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&[], 5),
        Request::Watch(_) if made.connection == 0 => {
            Answer::Events(vec![(150 * SECOND, Sent::Added("b", 6))], End::Never)
        }
        Request::Watch(_) => Answer::Silence,
    };
    let made = run(script, 155 * SECOND, &shared, async {}).await;
    assert_eq!(names(&shared), ["b"]);
    assert!(shared.health().unwrap().last_error.is_none(), "it is alive");
    assert!((3..=8).contains(&made.len()), "{made:?}");
}

/// In 50 runs the event comes at any moment of a request for another watch.
#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_read_while_another_one_is_requested() {
    for _ in 0..50 {
        let shared = shared();
        let script = |made: &Made| match made.request {
            Request::List(_) => Answer::Pods(&[], 5),
            Request::Watch(_) if made.connection == 0 => {
                Answer::Events(vec![(100 * SECOND, Sent::Added("b", 6))], End::Never)
            }
            Request::Watch(_) => Answer::Silence,
        };
        run(script, 100 * SECOND + Duration::from_millis(10), &shared, async {}).await;
        assert_eq!(names(&shared), ["b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_silent_for_a_while_leads_to_no_list() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&[], 5),
        Request::Watch(_) if made.connection == 0 => {
            let events = vec![(150 * SECOND, Sent::Added("b", 6)), (MINUTE, Sent::Bookmark(7))];
            Answer::Events(events, End::ClosesAfter(SECOND))
        }
        Request::Watch(_) if made.at < 150 * SECOND => Answer::Silence,
        Request::Watch(_) => open(),
    };
    let made = run(script, 8 * MINUTE, &shared, async {}).await;
    assert_eq!(made.iter().filter(|made| made.is_list()).count(), 1, "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_cannot_be_opened_again_is_given_up() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&[], 5),
        Request::Watch(_) if made.connection == 0 => open(),
        Request::Watch(_) => Answer::Silence,
    };
    let caller = async {
        sleep(130 * SECOND).await;
        assert_eq!(shared.health().unwrap().last_error.unwrap().class, "timed-out");
        assert!(shared.health().unwrap().watching);
        sleep(170 * SECOND).await;
        assert!(!shared.health().unwrap().watching);
    };
    run(script, 6 * MINUTE, &shared, caller).await;
}

#[tokio::test(start_paused = true)]
async fn the_periodic_list_is_a_most_recent_one() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) => open(),
    };
    let made = run(script, 60 * MINUTE, &shared, async {}).await;
    let lists: Vec<_> = made.iter().filter(|made| made.is_list()).collect();
    assert!((5..=6).contains(&(lists.len() - 1)), "{lists:?}");
    assert!(
        lists[1..].iter().all(|list| list.request == Request::List("most recent")),
        "{lists:?}"
    );
    assert!(lists.windows(2).all(|two| two[1].at - two[0].at >= 9 * MINUTE), "{lists:?}");
}

/// Its watches send bookmarks on, and only its most-recent lists fail.
#[tokio::test(start_paused = true)]
async fn a_server_that_has_lost_etcd_is_left_for_another_one() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List("most recent") if made.connection == 0 => Answer::Silence,
        Request::List("most recent") => Answer::Pods(&["b"], 9),
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) => Answer::Events(vec![(MINUTE, Sent::Bookmark(6)); 60], End::Never),
    };
    let made = run(script, 13 * MINUTE, &shared, async {}).await;
    assert_eq!(names(&shared), ["b"]);
    let last = made.last().unwrap();
    assert_eq!((&last.request, last.connection), (&Request::Watch("9".into()), 1), "{made:?}");
}

/// Only a caller may have a list sooner.
#[tokio::test(start_paused = true)]
async fn periodic_lists_that_fail_back_off_although_a_watch_is_open() {
    let shared = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) if made.at < MINUTE => Answer::Pods(&["a"], 5),
        Request::List(_) => Answer::Fails(refused(503)),
        Request::Watch(_) => Answer::Events(vec![(MINUTE, Sent::Bookmark(6)); 60], End::Never),
    };
    let made = run(script, 30 * MINUTE, &shared, async {}).await;
    let failed: Vec<_> =
        made.iter().filter(|made| made.is_list()).map(|made| made.at).skip(8).collect();
    assert!(
        failed.len() > 10 && failed.windows(2).all(|two| two[1] - two[0] >= 15 * SECOND),
        "{failed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_long_outage_the_watch_is_resumed_at_once_and_a_list_follows_within_two_minutes() {
    for (outage, lists) in [(40 * SECOND, 2), (3 * SECOND, 1)] {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            Request::List(_) if made.at < MINUTE => Answer::Pods(&["a"], 900),
            Request::List(_) => Answer::Pods(&["b"], 600),
            Request::Watch(_) if made.at < MINUTE => {
                Answer::Events(vec![(NONE, Sent::Bookmark(900))], End::BreaksAfter(MINUTE))
            }
            Request::Watch(_) if made.at < MINUTE + outage => {
                Answer::Fails(ApiError::new(ErrorClass::Unreachable, "refused"))
            }
            Request::Watch(_) => Answer::Events(vec![(MINUTE, Sent::Bookmark(900)); 9], End::Never),
        };
        let made = run(script, 5 * MINUTE, &shared, async {}).await;
        let made_lists: Vec<_> = made.iter().filter(|made| made.is_list()).collect();
        assert_eq!(made_lists.len(), lists, "{made:?}");
        let resumed = made.iter().find(|made| made.at >= MINUTE + outage).unwrap();
        assert_eq!(resumed.request, Request::Watch("900".into()));
        if lists == 2 {
            assert_eq!(made_lists[1].request, Request::List("most recent"));
            assert!(made_lists[1].at <= resumed.at + 2 * MINUTE, "{made:?}");
            // Its resourceVersion is behind the known one: all that was known is discarded.
            assert_eq!(names(&shared), ["b"]);
            assert_eq!(made.last().unwrap().request, Request::Watch("600".into()));
        }
    }
}

/// A list that may come from a cache does not show that a backup was restored.
#[tokio::test(start_paused = true)]
async fn a_long_outage_that_ends_with_a_list_is_followed_by_a_most_recent_one() {
    let shared = shared();
    let mut recovered = false;
    let script = move |made: &Made| match made.request {
        Request::Watch(_) if made.at < MINUTE => {
            Answer::Events(vec![(NONE, Sent::Bookmark(900))], End::BreaksAfter(MINUTE))
        }
        _ if made.at >= MINUTE && made.at < MINUTE + 40 * SECOND => Answer::Fails(refused(503)),
        Request::List(_) => {
            recovered = made.at >= MINUTE;
            Answer::Pods(&["a"], 900)
        }
        Request::Watch(_) if !recovered => Answer::Fails(refused(503)),
        Request::Watch(_) => Answer::Events(vec![(MINUTE, Sent::Bookmark(900)); 9], End::Never),
    };
    let made = run(script, 6 * MINUTE, &shared, async {}).await;
    let lists: Vec<_> =
        made.iter().filter(|made| made.is_list() && made.at >= MINUTE + 40 * SECOND).collect();
    assert!(lists.len() == 2 && lists[1].at <= lists[0].at + 2 * MINUTE + SECOND, "{lists:?}");
    let requests: Vec<_> = lists.iter().map(|list| list.request.clone()).collect();
    assert_eq!(requests, [Request::List("not older than"), Request::List("most recent")]);
}

/// This pod is not among the pods, and its lookup is refused.
#[tokio::test(start_paused = true)]
async fn lookups_of_this_pod_are_not_repeated_with_each_list() {
    for pause in [5 * SECOND, 20 * SECOND] {
        let shared = shared();
        let script = move |made: &Made| match made.request {
            Request::List("lookup") => {
                let mut error = refused(403);
                error.retry_after = (pause > 5 * SECOND).then_some(pause);
                Answer::Fails(error)
            }
            Request::List(_) => Answer::Pods(&["a"], 5),
            Request::Watch(_) => open(),
        };
        // A list that is due in the same moment may come first, so there is time for more lookups
        // than are required.
        let made =
            run_as(policy("me"), script, 5 * MINUTE, &shared, keep_asking(&shared, NONE)).await;
        let is_lookup = |made: &&Made| made.request == Request::List("lookup");
        let lookups: Vec<_> = made.iter().filter(is_lookup).map(|made| made.at).collect();
        assert!(
            lookups.len() >= 5 && lookups.windows(2).all(|two| two[1] - two[0] >= pause),
            "{lookups:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_registration_does_not_go_back_behind_the_last_one() {
    let first = shared();
    let script = |made: &Made| match made.request {
        Request::List(_) => Answer::Pods(&["a"], 5),
        Request::Watch(_) => Answer::Events(vec![(NONE, Sent::Bookmark(70))], End::Never),
    };
    run(script, MINUTE, &first, async {}).await;
    let closed = crate::error::Error::new(crate::status::Status::Closed, "closed");
    let resume = first.end(closed);
    let second = Arc::new(SharedState::new(resume, context(), &settings(&[]), Sinks::default()));
    // The server lags: it refuses the list, as one that ignores the condition would be refused.
    let script = |made: &Made| match made.request {
        Request::List("not older than") => Answer::Pods(&["old"], 60),
        Request::List("most recent") => Answer::Pods(&["a"], 70),
        Request::List(other) => panic!("a list of consistency {other}"),
        Request::Watch(_) => open(),
    };
    run(script, MINUTE, &second, async {}).await;
    assert_eq!(names(&second), ["a"]);
}
