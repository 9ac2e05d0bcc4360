//! The library's one thread and the tokio runtime on it.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use futures_util::future::select;
use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::status::Status;

/// What a thread runs.
pub type Body = Box<dyn FnOnce() + Send>;

/// How a thread is started; the C ABI's way blocks all signals in it.
pub type Spawn = fn(Body) -> io::Result<JoinHandle<()>>;

/// Starts a thread that carries the library's name.
pub fn spawn_named(body: Body) -> io::Result<JoinHandle<()>> {
    Builder::new().name("kubepeers".into()).spawn(body)
}

/// A future that runs on a thread of its own until it ends or is stopped.
#[derive(Debug)]
pub struct Task {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Task {
    /// Starts it. `on_panic` is told if the future panics, and the thread ends.
    pub fn start<F: Future<Output = ()>>(
        spawn: Spawn,
        future: impl FnOnce() -> F + Send + 'static,
        on_panic: impl FnOnce(Error) + Send + 'static,
    ) -> Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(no_thread)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = spawn(Box::new(move || {
            let run = AssertUnwindSafe(|| runtime.block_on(select(stopped, Box::pin(future()))));
            if let Err(panic) = catch_unwind(run) {
                on_panic(Error::new(
                    Status::Internal,
                    format!("the watcher failed internally: {}", panic_text(&*panic)),
                ));
            }
            // A name lookup that hangs must not hold up the end: its thread is left to end by itself.
            runtime.shutdown_background();
        }))
        .map_err(no_thread)?;
        Ok(Self { stop, thread })
    }

    /// Stops it where it stands and joins the thread.
    pub fn stop(self) {
        // Fails if the future has ended by itself; then there is nothing to stop.
        let _ = self.stop.send(());
        // The thread's own panics are caught inside it.
        let _ = self.thread.join();
    }
}

/// What a panic said.
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a message")
}

fn no_thread(error: io::Error) -> Error {
    Error::new(Status::Internal, format!("cannot start the watcher's thread: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_task_is_stopped_where_it_waits() {
        Task::start(spawn_named, std::future::pending, |e| panic!("{e}")).unwrap().stop();
    }

    #[test]
    fn a_panic_is_told() {
        let (sender, told) = channel();
        let task = Task::start(spawn_named, || async { panic!("no {}", 1) }, move |e| sender.send(e).unwrap()).unwrap();
        let error = told.recv().unwrap();
        assert_eq!(error.status(), Status::Internal);
        assert!(error.message().ends_with("no 1"), "{error}");
        task.stop();
    }
}
