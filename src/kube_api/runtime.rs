//! The watcher's thread and the tokio runtime on it.

use std::any::Any;
use std::cell::Cell;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use tokio::runtime::Runtime;
use tokio::select;
use tokio::sync::oneshot;
use tokio::task::{self, spawn_blocking};

use super::client::choose_crypto;
use crate::error::{Error, Result};
use crate::panics::{Place, within};
use crate::status::Status;

/// The code that a thread runs.
pub type Body = Box<dyn FnOnce() + Send>;

/// Starts a thread. The function of `ffi` blocks all signals in it.
pub type Spawn = fn(Body) -> io::Result<JoinHandle<()>>;

/// The stack size of each thread. Without it, `RUST_MIN_STACK` in the host's environment would set
/// the size.
const STACK: usize = 2 << 20;

/// Starts a thread with the name of the library.
pub fn spawn_named(body: Body) -> io::Result<JoinHandle<()>> {
    Builder::new().name("kubepeers".into()).stack_size(STACK).spawn(body)
}

thread_local! {
    /// Reports a panic of another task to the future of this thread. Otherwise tokio would catch it
    /// silently.
    static PANICKED: Cell<Option<oneshot::Sender<String>>> = const { Cell::new(None) };
}

/// Reports a panic to the future that runs on this thread, if there is one. The panic hook calls
/// this.
pub(crate) fn report_panic(panic: &(dyn Any + Send)) {
    if let Some(reported) = PANICKED.try_with(Cell::take).ok().flatten() {
        let _ = reported.send(panic_text(panic).to_owned());
    }
}

/// A future that runs on a thread of its own until it ends or is stopped.
#[derive(Debug)]
pub struct Task {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Task {
    /// Starts the thread. If the future or another task on the thread panics, the thread calls
    /// `on_panic` and ends.
    pub fn start<F: Future<Output = ()>>(
        spawn: Spawn,
        future: impl FnOnce() -> F + Send + 'static,
        on_panic: impl FnOnce(Error) + Send + 'static,
    ) -> Result<Self> {
        let runtime = new_runtime()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = spawn(Box::new(move || {
            let run = AssertUnwindSafe(|| runtime.block_on(until_stopped(stopped, future())));
            if let Err(panic) =
                catch_unwind(run).unwrap_or_else(|panic| Err(panic_text(&*panic).to_owned()))
            {
                on_panic(Error::new(
                    Status::Internal,
                    format!("the watcher failed internally: {panic}"),
                ));
            }
            // A name lookup that hangs must not delay the end: its thread ends by itself later.
            runtime.shutdown_background();
        }))
        .map_err(|e| no_resources(&e.to_string()))?;
        Ok(Self { stop, thread })
    }

    /// Stops the future where it waits, and joins the thread.
    pub fn stop(self) {
        // It fails if the future has ended already.
        let _ = self.stop.send(());
        // The thread catches its panics.
        let _ = self.thread.join();
    }
}

/// Runs a future until it ends or is stopped. Returns the text of the panic if another task on this
/// thread panics.
async fn until_stopped<F: Future<Output = ()>>(
    stopped: oneshot::Receiver<()>,
    future: F,
) -> std::result::Result<(), String> {
    let (reported, panicked) = oneshot::channel();
    PANICKED.set(Some(reported));
    let stoppable = async {
        select! {
            biased;
            _ = stopped => {}
            () = future => {}
        }
    };
    select! {
        biased;
        () = within(Place::Watcher, stoppable) => Ok(()),
        reported = panicked => reported.map_or(Ok(()), Err),
    }
}

/// Runs code that may block on another thread. Returns an error if no thread can be started. If the
/// code panics, so does the caller.
pub(crate) async fn blocking<T: Send + 'static>(
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let unwatched = PANICKED.take();
    let started = catch_unwind(AssertUnwindSafe(|| spawn_blocking(body)));
    PANICKED.set(unwatched);
    let started = started
        .map_err(|_| io::Error::new(io::ErrorKind::OutOfMemory, "no thread can be started"))?;
    let mut started = AbortOnDrop(started);
    match (&mut started.0).await {
        Ok(outcome) => Ok(outcome),
        Err(failed) => panic!("{}", panic_text(&*failed.into_panic())),
    }
}

/// Aborts work that still waits for a thread when its caller is dropped.
struct AbortOnDrop<T>(task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does once what the first runtime of a process and its first connection would otherwise do at an
/// unknown moment.
pub(crate) fn prepare_process() -> Result<Descriptor> {
    choose_crypto();
    new_runtime()?;
    Descriptor::open().map_err(|e| no_resources(&e.to_string()))
}

/// A descriptor that represents those that tokio opens once per process and keeps. A daemon that
/// closes all descriptors after a fork closes this one, too. A runtime made after that would read
/// from other files that have got tokio's numbers.
#[derive(Debug)]
pub(crate) struct Descriptor {
    file: File,
    /// The device and the inode.
    identity: (u64, u64),
}

impl Descriptor {
    fn open() -> io::Result<Self> {
        let file = File::from(OwnedFd::from(io::pipe()?.0));
        let identity = identity(&file)?;
        Ok(Self { file, identity })
    }

    /// Returns an error if the descriptor has been closed.
    pub(crate) fn check(&self) -> Result<()> {
        if identity(&self.file).is_ok_and(|now| now == self.identity) {
            return Ok(());
        }
        Err(Error::new(
            Status::Forked,
            "the descriptors of the library were closed in this process: it cannot register; \
             load the library after the process has closed its descriptors, or close only those that it has opened",
        ))
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn new_runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // Name lookups and login plugins block a thread each. If they hang, the next one waits instead
    // of taking one more.
    builder
        .enable_io()
        .enable_time()
        .max_blocking_threads(2)
        .thread_name("kubepeers-aux")
        .thread_stack_size(STACK);
    // The first runtime of a process panics where it finds no file descriptors.
    match catch_unwind(AssertUnwindSafe(|| builder.build())) {
        Ok(built) => built.map_err(|e| no_resources(&e.to_string())),
        Err(panic) => Err(no_resources(panic_text(&*panic))),
    }
}

/// Returns the text of a panic.
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

fn no_resources(why: &str) -> Error {
    Error::new(Status::NoResources, format!("cannot start the watcher's thread: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Mutex};

    use futures_util::FutureExt;

    #[test]
    fn stop_ends_a_task_that_waits() {
        Task::start(spawn_named, std::future::pending, |e| panic!("{e}")).unwrap().stop();
    }

    #[test]
    fn work_that_waits_for_a_thread_is_dropped_with_its_caller() {
        let (done, outcomes) = channel();
        let (release, released) = channel::<()>();
        let released = Arc::new(Mutex::new(released));
        new_runtime().unwrap().block_on(async {
            // They occupy all threads.
            let hangs = || {
                let released = released.clone();
                tokio::spawn(blocking(move || {
                    released.lock().map(|released| released.recv().is_ok()).is_ok()
                }))
            };
            let hanging = [hangs(), hangs()];
            task::yield_now().await;
            assert!(blocking(move || done.send(())).now_or_never().is_none());
            drop(release);
            for hanging in hanging {
                hanging.await.unwrap().unwrap();
            }
            blocking(|| ()).await.unwrap();
        });
        assert!(outcomes.recv().is_err(), "it was run");
    }

    #[test]
    fn panic_is_reported() {
        let (sender, told) = channel();
        let task = Task::start(
            spawn_named,
            || async { panic!("no {}", 1) },
            move |e| sender.send(e).unwrap(),
        )
        .unwrap();
        let error = told.recv().unwrap();
        assert_eq!(error.status(), Status::Internal);
        assert!(error.message().ends_with("no 1"), "{error}");
        task.stop();
    }
}
