//! Observes how far discovery gets, with a provider of its own.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::config::{Config, Settings};
use crate::discovery::access::Access;
use crate::discovery::identity::Environment;
use crate::discovery::sink::LastError;
use crate::discovery::snapshot::{Snapshot, View};
use crate::error::{Error, Result};
use crate::provider::state::{SharedState, State};
use crate::provider::{Backend, Provider, Timeout, machine_addresses, variable};
use crate::status::Status;

/// A server that does not answer must be noticed before the examination ends.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// How long this pod may take to appear among the pods.
const SELF_PATIENCE: Duration = Duration::from_secs(3);
/// A watch that a server only seems to grant usually fails at once. It counts when it has been open
/// for so long, or has delivered an event.
const WATCH_COUNTS_AFTER: Duration = Duration::from_millis(250);
/// How long the search for each label alone may take.
const ALONE_PATIENCE: Duration = Duration::from_secs(3);
/// No more labels than these are searched for alone.
const MOST_LABELS: usize = 8;

/// What was observed.
#[derive(Debug)]
pub(super) struct Observed {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) now: SystemTime,
    pub(super) timeout: Duration,
    /// The error if the credentials cannot be read.
    pub(super) connection: Result<Connected>,
}

/// What the requests have shown.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) namespace: String,
    /// The local pod, for messages.
    pub(super) self_pod: String,
    /// Why this process cannot be identified with a pod. It was examined as an observer then.
    pub(super) unidentified: Option<Error>,
    pub(super) progress: Progress,
    /// `None` if the pods have not been listed.
    pub(super) pods: Option<Pods>,
}

/// How far the requests have got.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The pods have been listed.
    pub(super) listed: bool,
    /// The API server has granted a watch, which has not failed at once.
    pub(super) watched: bool,
    /// The pods are polled, for this reason; `None` in it if the configuration requests that.
    pub(super) polling: Option<Option<LastError>>,
    /// The last error: of a list until one succeeds, and then of a watch.
    pub(super) failure: Option<LastError>,
    /// A list has succeeded after that error.
    pub(super) lists_again: bool,
    /// The list after that error has failed, too.
    pub(super) lists_failed: bool,
}

/// The pods, and the answer.
#[derive(Debug)]
pub(super) struct Pods {
    pub(super) view: Arc<View>,
    /// The answer of `discover_peers`; `None` if this process cannot be identified.
    pub(super) answer: Option<Result<Arc<Snapshot>>>,
    /// How many pods have each label, if no pod has all of several.
    pub(super) alone: Vec<(String, usize)>,
}

/// Observes until everything is known, at most for `timeout`. Returns an error if the configuration
/// is invalid.
pub(super) fn observe(
    config: &Config,
    backend: &Arc<dyn Backend>,
    timeout: Duration,
) -> Result<Observed> {
    let deadline = Instant::now() + timeout;
    let mut config = config.clone();
    config.default_request_timeout(REQUEST_TIMEOUT);
    let settings = config.clone().complete()?;
    let environment = Environment { variable: &variable, addresses: &machine_addresses };
    let access = backend.inspect(&settings, &environment);
    let connection = connect(config, backend, deadline);
    Ok(Observed { settings, access, now: SystemTime::now(), timeout, connection })
}

fn connect(config: Config, backend: &Arc<dyn Backend>, deadline: Instant) -> Result<Connected> {
    let (provider, unidentified) = match registered(config.clone(), backend) {
        Err(error) if error.status() == Status::NoIdentity => {
            (registered(as_observer(config.clone())?, backend)?, Some(error))
        }
        outcome => (outcome?, None),
    };
    let shared = provider.shared()?;
    let progress = wait(&shared, deadline)?;
    let view = shared.lock_live()?.view.clone();
    let pods = view.map(|_| pods(&shared, unidentified.is_some(), config, backend, deadline));
    Ok(Connected {
        namespace: shared.context.namespace.clone(),
        self_pod: shared.context.self_pod.clone(),
        unidentified,
        progress,
        pods: pods.transpose()?,
    })
}

fn registered(config: Config, backend: &Arc<dyn Backend>) -> Result<Provider> {
    let provider = Provider::new(config, backend.clone())?;
    provider.register(Timeout::AtMost(Duration::ZERO))?;
    Ok(provider)
}

fn as_observer(mut config: Config) -> Result<Config> {
    config.set("membership", "observer")?;
    Ok(config)
}

fn pods(
    shared: &SharedState,
    is_unidentified: bool,
    config: Config,
    backend: &Arc<dyn Backend>,
    deadline: Instant,
) -> Result<Pods> {
    let answer =
        (!is_unidentified).then(|| shared.newer_than(0, left(deadline).min(SELF_PATIENCE)));
    let view = shared.lock_live()?.view.clone().expect("a view is never removed");
    let is_empty = view.peers.is_empty() && view.excluded.is_empty();
    let alone = if is_empty { alone(config, backend, deadline) } else { Ok(Vec::new()) };
    Ok(Pods { view, answer, alone: alone.unwrap_or_default() })
}

/// Counts the pods that have each of several labels. They are all searched for at the same time.
fn alone(
    mut config: Config,
    backend: &Arc<dyn Backend>,
    deadline: Instant,
) -> Result<Vec<(String, usize)>> {
    let labels = config.clone().complete()?.labels;
    if !(2..=MOST_LABELS).contains(&labels.len()) {
        return Ok(Vec::new());
    }
    let deadline = deadline.min(Instant::now() + ALONE_PATIENCE);
    config.set("watch", "poll")?;
    let mut searches = Vec::new();
    for (key, value) in labels {
        let label = format!("{key}={value}");
        let mut config = as_observer(config.clone())?;
        config.set("pod_labels", &label)?;
        searches.push((label, registered(config, backend)?));
    }
    let mut found = Vec::new();
    for (label, provider) in searches {
        let shared = provider.shared()?;
        shared.first_sync(left(deadline))?;
        if let Some(view) = &shared.lock_live()?.view {
            found.push((label, view.peers.len() + view.excluded.len()));
        }
    }
    Ok(found)
}

/// Waits until the pods are listed, and watched or polled, or until an error is permanent.
fn wait(shared: &SharedState, deadline: Instant) -> Result<Progress> {
    let mut progress = Progress::default();
    let mut again: Option<SecondList> = None;
    let mut watching_since: Option<Instant> = None;
    let mut state = shared.lock_live()?;
    loop {
        progress.update(&state);
        if progress.listed && progress.failure.is_some() {
            let again = again.get_or_insert_with(|| SecondList::request(shared, &state));
            progress.lists_again = again.has_succeeded(&state);
            progress.lists_failed = !progress.lists_again && again.has_failed(&state);
        }
        watching_since = state.watching.then(|| watching_since.unwrap_or_else(Instant::now));
        let open_for = watching_since.map(|since| since.elapsed());
        let mut left = left(deadline);
        progress.watched |= state.stats.events > 0
            || open_for.is_some_and(|open| open >= WATCH_COUNTS_AFTER || left.is_zero());
        if progress.is_settled() || left.is_zero() {
            return Ok(progress);
        }
        if let Some(open) = open_for.filter(|_| !progress.watched) {
            left = left.min(WATCH_COUNTS_AFTER.saturating_sub(open));
        }
        state = shared.wait_for_change(state, left)?;
    }
}

/// A list after the first error. It shows whether the API server answers nothing, or only no watch.
struct SecondList {
    requested: Instant,
    /// How many lists had begun, and how many requests had failed.
    before: (u64, u64),
}

impl SecondList {
    fn request(shared: &SharedState, state: &State) -> Self {
        let requested = Instant::now();
        shared.request_list(requested);
        Self { requested, before: (state.stats.lists, failures(state)) }
    }

    fn has_succeeded(&self, state: &State) -> bool {
        state.last_list.is_some_and(|list| list.requested >= self.requested)
    }

    /// The watcher opens no watch before this list.
    fn has_failed(&self, state: &State) -> bool {
        state.stats.lists > self.before.0 && failures(state) > self.before.1
    }
}

fn failures(state: &State) -> u64 {
    state.stats.failures.values().sum()
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

impl Progress {
    fn update(&mut self, state: &State) {
        if !self.listed && state.view.is_some() {
            self.listed = true;
            // What failed before has recovered.
            self.failure = None;
        }
        self.polling = state.polling.as_ref().map(|polling| polling.why.clone());
        // After a 410 the watcher lists again: that is not an error.
        if let Some(failure) = state.failure.as_ref().filter(|failure| failure.class != "gone") {
            self.failure = Some(failure.clone());
        }
    }

    fn is_settled(&self) -> bool {
        let is_permanent =
            self.failure.as_ref().is_some_and(|failure| !failure.error.is_retryable());
        is_permanent || (self.listed && (self.watched || self.polling.is_some()))
    }
}
