//! Connects providers to the Kubernetes API: the one place that knows both.

use crate::config::Settings;
use crate::discovery::access::Access;
use crate::discovery::identity::Environment;
use crate::discovery::sink::Connection;
use crate::error::{Error, Result};
use crate::kube_api::inspect;
use crate::kube_api::runtime::{Spawn, Task};
use crate::provider::{Backend, Run, WatcherThread};

/// The Kubernetes API as a backend.
#[derive(Clone, Copy, Debug)]
pub struct KubeApi {
    /// Starts the watcher's thread.
    pub spawn: Spawn,
    /// Reads the credentials and prepares the watch. Tests have functions of their own.
    pub connect: fn(&Settings, &Environment<'_>) -> Result<Connection>,
}

impl Backend for KubeApi {
    fn connect(&self, settings: &Settings, environment: &Environment<'_>) -> Result<Connection> {
        (self.connect)(settings, environment)
    }

    fn inspect(&self, settings: &Settings, environment: &Environment<'_>) -> Access {
        inspect(settings, environment)
    }

    fn spawn(
        &self,
        run: Run,
        on_panic: Box<dyn FnOnce(Error) + Send>,
    ) -> Result<Box<dyn WatcherThread>> {
        Ok(Box::new(Task::start(self.spawn, run, on_panic)?))
    }
}

impl WatcherThread for Task {
    fn stop(self: Box<Self>) {
        Task::stop(*self);
    }
}
