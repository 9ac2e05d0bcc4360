//! Which errors of the watcher register returns.

use std::future::pending;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use kubepeers::testing::{
    Body, Connection, Environment, Error, Identity, KubeApi, LastError, Provider, Result, Settings,
    Status, Watch, spawn_named,
};

use super::fake::config;
use super::{AT_ONCE, LONG};

static FOUND: Barrier = Barrier::new(2);

/// Starts the thread, and returns once the watcher has reported its error.
fn spawn_and_wait(body: Body) -> io::Result<JoinHandle<()>> {
    let thread = spawn_named(body)?;
    FOUND.wait();
    Ok(thread)
}

fn forbidden(_: &Settings, _: &Environment<'_>) -> Result<Connection> {
    let watch: Watch = Box::new(|_, sink| {
        Box::pin(async move {
            let error = Error::new(Status::Forbidden, "may not list");
            sink.fail(LastError::new(error, "forbidden"));
            FOUND.wait();
            pending().await
        })
    });
    Ok(Connection { namespace: "ns".into(), identity: Identity::None, watch })
}

/// This does not depend on how early the watcher finds the error.
#[test]
fn register_without_waiting_leaves_errors_to_later_calls() {
    let api = KubeApi { spawn: spawn_and_wait, connect: forbidden };
    let provider = Provider::new(config("http://127.0.0.1", "{}", &[]), Arc::new(api)).unwrap();
    provider.register(AT_ONCE).unwrap();
    let error = provider.discover_peers(AT_ONCE).unwrap_err();
    assert_eq!((error.status(), error.is_retryable()), (Status::NotSynced, false), "{error}");
    provider.deregister().unwrap();
    assert_eq!(provider.register(LONG).unwrap_err().status(), Status::Forbidden);
}
