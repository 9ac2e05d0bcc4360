//! The life of a provider: init, register, discover_peers and wait, deregister, close.

pub mod explain;
pub mod health;
pub mod log;
pub mod messages;
pub mod metrics;
pub mod notifier;
pub mod snapshot_slot;
pub mod state;

use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::{Config, Settings};
use crate::discovery::identity::{Identity, Surroundings};
use crate::discovery::policy::Rules;
use crate::discovery::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::kube_api::runtime::{Spawn, Task};
use crate::kube_api::{Connect, Connection};
use crate::provider::explain::Form;
use crate::provider::health::Health;
use crate::provider::log::{Level, Log};
use crate::provider::messages::Subject;
use crate::provider::snapshot_slot::SlotWriter;
use crate::provider::state::{Latest, Outlets, Resume};
use crate::status::Status;

/// The shortest default: a server whose cache lags answers a most-recent list after up to 3.1 s.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(5);

/// A discovery provider. Any thread may call anything at any time.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    spawn: Spawn,
    connect: Connect,
    outlets: Outlets,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// Where an earlier registration ended.
    resume: Resume,
}

#[derive(Debug)]
enum Phase {
    Initialized,
    Registered(Registration),
    Closed,
}

#[derive(Debug)]
struct Registration {
    latest: Arc<Latest>,
    task: Task,
}

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub enum Timeout {
    /// As configured.
    Default,
    /// At most this long.
    AtMost(Duration),
}

impl Timeout {
    /// The C ABI's form: negative for the configured default.
    pub fn from_ms(ms: i32) -> Self {
        u64::try_from(ms).map_or(Self::Default, |ms| Self::AtMost(Duration::from_millis(ms)))
    }

    fn or(self, configured: Duration) -> Duration {
        match self {
            Self::Default => configured,
            Self::AtMost(duration) => duration,
        }
    }
}

impl Provider {
    /// Validates the configuration; touches nothing else. `spawn` will start the watcher's thread, which runs what `connect` gives.
    pub fn new(config: Config, spawn: Spawn, connect: Connect) -> Result<Self> {
        let state = Mutex::new(State { phase: Phase::Initialized, resume: Resume::default() });
        let settings = config.complete()?;
        let outlets = Outlets { log: Arc::new(Log::new(settings.log)), ..Outlets::default() };
        Ok(Self { settings, spawn, connect, outlets, state })
    }

    /// Stores there, from register on, the snapshot that is returned at once.
    pub fn store_in(&mut self, slot: SlotWriter) {
        slot.store(None);
        self.outlets.slot = slot;
    }

    /// Starts watching and waits for the first sync.
    pub fn register(&self, timeout: Timeout) -> Result<()> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let latest = self.start(&Surroundings { variable: &variable, addresses: &machine_addresses })?;
        let timeout = timeout.or(self.settings.register_timeout);
        // Whoever does not wait hears of it when asking: what the watcher has found by now is chance.
        let synced = if timeout.is_zero() { Ok(()) } else { latest.first_sync(timeout) };
        if let Err(error) = &synced {
            self.stop_registration(&latest, error);
        }
        synced
    }

    fn start(&self, surroundings: &Surroundings<'_>) -> Result<Arc<Latest>> {
        self.lock().may_register()?;
        // Files are read without the lock: if that lasts, close must not have to wait for it.
        let Connection { namespace, identity, watch } = (self.connect)(&self.settings, surroundings)?;
        let mut state = self.lock();
        state.may_register()?;
        let subject = self.subject(namespace, &identity);
        let Subject { namespace, selector, own, .. } = &subject;
        let what = || format!("looking for pods with labels `{selector}` in namespace `{namespace}`; own pod: {own}");
        self.outlets.log.write(Level::Info, what);
        let latest = Arc::new(Latest::new(state.resume.clone(), subject, &self.settings, self.outlets.clone()));
        let Settings { ports, choices, .. } = &self.settings;
        let rules = Rules { ports: ports.clone(), identity, choices: *choices, alive: None };
        let (watched, failed) = (latest.clone(), latest.clone());
        let task = Task::start(
            self.spawn,
            move || async move {
                // Only a panic ends either of them before the task is stopped.
                tokio::join!(watch(rules, watched.clone()), watched.notify_in_time());
            },
            move |panic| drop(failed.end(panic)),
        )?;
        state.phase = Phase::Registered(Registration { latest: latest.clone(), task });
        drop(state);
        self.outlets.changes.tell();
        Ok(latest)
    }

    fn subject(&self, namespace: String, identity: &Identity) -> Subject {
        Subject {
            namespace,
            selector: self.settings.selector(),
            discovery_port_name: self.settings.ports.discovery.name.clone(),
            own: identity.describe(),
        }
    }

    /// Undoes a registration that failed, unless another thread ended it already.
    fn stop_registration(&self, latest: &Arc<Latest>, error: &Error) {
        let why = Error::new(Status::NotRegistered, format!("register failed meanwhile: {error}"));
        let task = {
            let mut state = self.lock();
            match &state.phase {
                Phase::Registered(now) if Arc::ptr_eq(&now.latest, latest) => {
                    leave(&mut state, Phase::Initialized, why)
                }
                _ => None,
            }
        };
        join(task);
    }

    /// A descriptor that is readable when there may be something new.
    pub fn change_descriptor(&self) -> Result<OwnedFd> {
        let no = |e| Error::new(Status::NoResources, format!("no descriptor can be made: {e}"));
        self.outlets.changes.descriptor().map_err(no)
    }

    /// What happens, in words.
    pub fn log(&self) -> &Log {
        &self.outlets.log
    }

    /// The peers now, once they are known and self is seen.
    pub fn discover_peers(&self, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.wait(0, timeout)
    }

    /// Returns a list of this pod alone, waiting like `discover_peers`.
    pub fn self_peer(&self, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.wait(0, timeout).map(|snapshot| Arc::new(snapshot.of_self()))
    }

    /// The next snapshot newer than a generation.
    pub fn wait(&self, after_generation: u64, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.latest()?.newer_than(after_generation, timeout.or(self.settings.discover_timeout))
    }

    /// At least `min` peers whose addresses have been the same for `stable_for`.
    pub fn wait_for_peers(&self, min: usize, stable_for: Duration, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.latest()?.settled(min, stable_for, timeout.or(self.settings.discover_timeout))
    }

    /// Forces a new list and waits for it. On success, later results are at least as new as the request: this call if it is 0,
    /// or else the earlier call that has set it.
    pub fn refresh(&self, request: &mut u64, timeout: Timeout) -> Result<()> {
        self.latest()?.refresh(request, timeout.or(self.settings.discover_timeout.max(REFRESH_TIMEOUT)))
    }

    /// How sure the answers are.
    pub fn health(&self) -> Result<Health> {
        self.latest()?.health()
    }

    /// Metrics in the text format of Prometheus.
    pub fn metrics(&self) -> Result<String> {
        self.latest()?.metrics()
    }

    /// Every pod of the selector and its verdict.
    pub fn explain(&self, form: Form) -> Result<String> {
        self.latest()?.explain(form)
    }

    fn latest(&self) -> Result<Arc<Latest>> {
        match &self.lock().phase {
            Phase::Registered(registration) => Ok(registration.latest.clone()),
            Phase::Initialized => Err(not_registered("call register first")),
            Phase::Closed => Err(closed()),
        }
    }

    /// Stops watching. The provider may be registered again.
    pub fn deregister(&self) -> Result<()> {
        let task = {
            let mut state = self.lock();
            match state.phase {
                Phase::Registered(_) => {
                    leave(&mut state, Phase::Initialized, not_registered("deregister was called meanwhile"))
                }
                Phase::Initialized => return Err(not_registered("there is nothing to deregister")),
                Phase::Closed => return Err(closed()),
            }
        };
        join(task);
        Ok(())
    }

    /// Ends the provider for good; again is nothing.
    pub fn close(&self) {
        let task = leave(&mut self.lock(), Phase::Closed, closed());
        join(task);
        self.outlets.changes.end();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics between two changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn may_register(&self) -> Result<()> {
        match self.phase {
            Phase::Initialized => Ok(()),
            Phase::Registered(_) => Err(Error::new(Status::AlreadyRegistered, "register was called before")),
            Phase::Closed => Err(closed()),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.close();
    }
}

/// Goes to another phase. A registration ends: whoever waits is answered with `reason`. Gives what is left to join.
fn leave(state: &mut State, next: Phase, reason: Error) -> Option<Task> {
    match std::mem::replace(&mut state.phase, next) {
        Phase::Registered(Registration { latest, task }) => {
            state.resume = latest.end(reason);
            Some(task)
        }
        Phase::Initialized | Phase::Closed => None,
    }
}

/// Those that another machine could know. Without any, other ways to find the own pod remain.
fn machine_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    interfaces.filter(|interface| !interface.is_loopback() && !interface.is_link_local()).map(|it| it.ip()).collect()
}

/// Without the lock, which callers need meanwhile.
fn join(task: Option<Task>) {
    if let Some(task) = task {
        task.stop();
    }
}

fn not_registered(why: &str) -> Error {
    Error::new(Status::NotRegistered, format!("not registered: {why}"))
}

fn closed() -> Error {
    Error::new(Status::Closed, "the provider is closed; call init to create a new one")
}
