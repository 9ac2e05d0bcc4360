//! The life of a provider: init, register, discover_peers and wait, deregister, close.

pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod health;
pub(crate) mod log;
pub(crate) mod messages;
pub(crate) mod metrics;
pub(crate) mod notifier;
pub(crate) mod snapshot_slot;
pub(crate) mod state;
mod wait;

use std::fmt::Debug;
use std::future::Future;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::config::{Config, LogLevel, Settings};
use crate::discovery::access::Access;
use crate::discovery::identity::{Environment, Identity};
use crate::discovery::policy::PeerPolicy;
use crate::discovery::sink::Connection;
use crate::discovery::snapshot::{Snapshot, View};
use crate::error::{Error, Result};
use crate::provider::explain::Form;
use crate::provider::health::Health;
use crate::provider::log::Log;
use crate::provider::messages::MessageContext;
use crate::provider::snapshot_slot::SlotWriter;
use crate::provider::state::{Resume, SharedState, Sinks};
use crate::status::Status;

/// The shortest default: a server whose cache lags answers a most-recent list after up to 3.1 s.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the pods come from. `ffi` implements it with the Kubernetes API; tests have their own
/// implementations.
pub trait Backend: Debug + Send + Sync {
    /// Reads the credentials, identifies the local pod, and prepares the watch.
    fn connect(&self, settings: &Settings, environment: &Environment<'_>) -> Result<Connection>;

    /// Describes the API server and the credentials, without a request.
    fn inspect(&self, settings: &Settings, environment: &Environment<'_>) -> Access;

    /// Runs a future on a thread of its own until the thread is stopped. Calls `on_panic` if it
    /// panics.
    fn spawn(
        &self,
        run: Run,
        on_panic: Box<dyn FnOnce(Error) + Send>,
    ) -> Result<Box<dyn WatcherThread>>;
}

/// Creates the future that the watcher's thread runs.
pub type Run = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// The thread of a registration.
pub trait WatcherThread: Debug + Send {
    /// Stops the future where it waits, and joins the thread.
    fn stop(self: Box<Self>);
}

/// A discovery provider. Any thread may call any function at any time.
#[derive(Debug)]
pub struct Provider {
    settings: Settings,
    backend: Arc<dyn Backend>,
    sinks: Sinks,
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
    shared: Arc<SharedState>,
    thread: Box<dyn WatcherThread>,
}

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub enum Timeout {
    /// The timeout of the configuration.
    Default,
    /// At most this long.
    AtMost(Duration),
}

impl Timeout {
    /// Converts the number of the C ABI, which is negative for the configured default.
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

/// Sets up what exists once per process, so that no fork can find it half set up later.
pub(crate) fn prepare_process() {
    LazyLock::force(&state::CLOCK);
}

impl Provider {
    /// Validates the configuration. It has no other effect.
    pub fn new(config: Config, backend: Arc<dyn Backend>) -> Result<Self> {
        let state = Mutex::new(State { phase: Phase::Initialized, resume: Resume::default() });
        let settings = config.complete()?;
        let sinks = Sinks { log: Arc::new(Log::new(settings.log)), ..Sinks::default() };
        Ok(Self { settings, backend, sinks, state })
    }

    /// Stores the snapshot that is returned at once in this slot, from register on.
    pub fn store_in(&mut self, slot: SlotWriter) {
        slot.store(None);
        self.sinks.slot = slot;
    }

    /// Starts the watcher and waits for the first list.
    pub fn register(&self, timeout: Timeout) -> Result<()> {
        let shared =
            self.start(&Environment { variable: &variable, addresses: &machine_addresses })?;
        let timeout = timeout.or(self.settings.register_timeout);
        // A caller that does not wait gets permanent errors from later calls: whether the watcher
        // has found one by now is chance.
        let synced = if timeout.is_zero() { Ok(()) } else { shared.first_sync(timeout) };
        if let Err(error) = &synced {
            self.stop_registration(&shared, error);
        }
        synced
    }

    fn start(&self, environment: &Environment<'_>) -> Result<Arc<SharedState>> {
        self.lock().may_register()?;
        // Files are read without the lock: they may be slow, and close must not wait for them.
        let Connection { namespace, identity, watch } =
            self.backend.connect(&self.settings, environment)?;
        let mut state = self.lock();
        state.may_register()?;
        let context = self.context(namespace, &identity);
        self.sinks.log.write(LogLevel::Info, || {
            let MessageContext { namespace, selector, self_pod, .. } = &context;
            format!("discovering pods with labels `{selector}` in namespace `{namespace}`; this pod: {self_pod}")
        });
        let shared = Arc::new(SharedState::new(
            state.resume.clone(),
            context,
            &self.settings,
            self.sinks.clone(),
        ));
        let Settings { ports, options, .. } = &self.settings;
        let policy = PeerPolicy { ports: ports.clone(), identity, options: *options, alive: None };
        let (watched, failed) = (shared.clone(), shared.clone());
        let run: Run = Box::new(move || {
            Box::pin(async move {
                // Only a panic ends either of them before the thread is stopped.
                tokio::join!(watch(policy, watched.clone()), watched.notify_in_time());
            })
        });
        let thread = self.backend.spawn(run, Box::new(move |panic| drop(failed.end(panic))))?;
        state.phase = Phase::Registered(Registration { shared: shared.clone(), thread });
        drop(state);
        self.sinks.notifier.notify();
        Ok(shared)
    }

    fn context(&self, namespace: String, identity: &Identity) -> MessageContext {
        MessageContext {
            namespace,
            selector: self.settings.selector(),
            discovery_port_name: self.settings.ports.discovery.name.clone(),
            self_pod: identity.describe(),
        }
    }

    /// Undoes a registration that failed, unless another thread has ended it already.
    fn stop_registration(&self, shared: &Arc<SharedState>, error: &Error) {
        let why = Error::new(Status::NotRegistered, format!("register failed meanwhile: {error}"));
        let thread = {
            let mut state = self.lock();
            match &state.phase {
                Phase::Registered(now) if Arc::ptr_eq(&now.shared, shared) => {
                    leave(&mut state, Phase::Initialized, why)
                }
                _ => None,
            }
        };
        join(thread);
    }

    /// Returns a new descriptor that is readable when a call may have a new outcome.
    pub fn change_descriptor(&self) -> Result<OwnedFd> {
        let descriptor = self.sinks.notifier.descriptor();
        descriptor
            .map_err(|e| Error::new(Status::NoResources, format!("no descriptor can be made: {e}")))
    }

    /// Returns the log records.
    pub fn log(&self) -> &Log {
        &self.sinks.log
    }

    /// Returns the peers, once the pods are listed and the local pod is among them.
    pub fn discover_peers(&self, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.wait(0, timeout)
    }

    /// Returns a list of the local pod alone. Waits like `discover_peers`.
    pub fn self_peer(&self, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.wait(0, timeout).map(|snapshot| Arc::new(snapshot.of_self()))
    }

    /// Returns the peers, once their generation is above this one.
    pub fn wait(&self, after_generation: u64, timeout: Timeout) -> Result<Arc<Snapshot>> {
        self.shared()?.newer_than(after_generation, timeout.or(self.settings.discover_timeout))
    }

    /// Returns the peers, once there are at least `min` and their addresses have been the same for
    /// `stable_for`.
    pub fn wait_for_peers(
        &self,
        min: usize,
        stable_for: Duration,
        timeout: Timeout,
    ) -> Result<Arc<Snapshot>> {
        self.shared()?.settled(min, stable_for, timeout.or(self.settings.discover_timeout))
    }

    /// Forces a new list and waits for it. On success, later results are at least as new as this
    /// call if `*request` is 0, or else as the earlier call that has set it.
    pub fn refresh(&self, request: &mut u64, timeout: Timeout) -> Result<()> {
        self.shared()?
            .refresh(request, timeout.or(self.settings.discover_timeout.max(REFRESH_TIMEOUT)))
    }

    /// Returns how reliable the results are.
    pub fn health(&self) -> Result<Health> {
        self.shared()?.health()
    }

    /// Returns the metrics in Prometheus text format.
    pub fn metrics(&self) -> Result<String> {
        self.shared()?.metrics()
    }

    /// Returns every pod of the selector with its verdict.
    pub fn explain(&self, form: Form) -> Result<String> {
        self.shared()?.explain(form)
    }

    /// Returns the last view of the pods, for the command.
    pub fn view(&self) -> Result<Arc<View>> {
        self.shared()?.view()
    }

    /// Returns the namespace, the labels, the port and this pod as messages name them.
    pub fn message_context(&self) -> Result<MessageContext> {
        Ok(self.shared()?.context().clone())
    }

    fn shared(&self) -> Result<Arc<SharedState>> {
        match &self.lock().phase {
            Phase::Registered(registration) => Ok(registration.shared.clone()),
            Phase::Initialized => Err(not_registered("call register first")),
            Phase::Closed => Err(closed()),
        }
    }

    /// Stops the watcher. The provider may be registered again.
    pub fn deregister(&self) -> Result<()> {
        let thread = {
            let mut state = self.lock();
            match state.phase {
                Phase::Registered(_) => leave(
                    &mut state,
                    Phase::Initialized,
                    not_registered("deregister was called meanwhile"),
                ),
                Phase::Initialized => return Err(not_registered("there is nothing to deregister")),
                Phase::Closed => return Err(closed()),
            }
        };
        join(thread);
        Ok(())
    }

    /// Closes the provider permanently. A second call has no effect.
    pub fn close(&self) {
        let thread = leave(&mut self.lock(), Phase::Closed, closed());
        join(thread);
        self.sinks.notifier.end();
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
            Phase::Registered(_) => {
                Err(Error::new(Status::AlreadyRegistered, "register was called before"))
            }
            Phase::Closed => Err(closed()),
        }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.close();
    }
}

/// Enters another phase. If a registration ends, all its waiting calls return `reason`. Returns the
/// thread to join.
fn leave(state: &mut State, next: Phase, reason: Error) -> Option<Box<dyn WatcherThread>> {
    match std::mem::replace(&mut state.phase, next) {
        Phase::Registered(Registration { shared, thread }) => {
            state.resume = shared.end(reason);
            Some(thread)
        }
        Phase::Initialized | Phase::Closed => None,
    }
}

/// Returns an environment variable, if it is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the addresses that another machine could know. Without any, other ways to identify the
/// local pod remain.
fn machine_addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    interfaces
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|it| it.ip())
        .collect()
}

/// Runs without the lock, which callers need meanwhile.
fn join(thread: Option<Box<dyn WatcherThread>>) {
    if let Some(thread) = thread {
        thread.stop();
    }
}

fn not_registered(why: &str) -> Error {
    Error::new(Status::NotRegistered, format!("not registered: {why}"))
}

fn closed() -> Error {
    Error::new(Status::Closed, "the provider is closed; call init to create a new one")
}
