//! What register tells of what the watcher finds.

use std::future::pending;
use std::io;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use kubepeers::testing::{
    Body, Connection, Environment, Error, Identity, KubeApi, LastError, Provider, Result, Settings, Status, Watch,
    spawn_named,
};

use super::fake::config;
use super::{AT_ONCE, LONG};

static FOUND: Barrier = Barrier::new(2);

/// Goes on once the watcher has found what is wrong.
fn spawn_and_wait(body: Body) -> io::Result<JoinHandle<()>> {
    let thread = spawn_named(body)?;
    FOUND.wait();
    Ok(thread)
}

fn forbidden(_: &Settings, _: &Environment<'_>) -> Result<Connection> {
    let watch: Watch = Box::new(|_, sink| {
        Box::pin(async move {
            sink.fail(LastError { error: Error::new(Status::Forbidden, "may not list"), class: "forbidden" });
            FOUND.wait();
            pending().await
        })
    });
    Ok(Connection { namespace: "ns".into(), identity: Identity::None, watch })
}

/// However early it is found: whether register fails is not a matter of chance.
#[test]
fn who_does_not_wait_hears_of_a_failure_when_asking() {
    let api = KubeApi { spawn: spawn_and_wait, connect: forbidden };
    let provider = Provider::new(config("http://127.0.0.1", "{}", &[]), Arc::new(api)).unwrap();
    provider.register(AT_ONCE).unwrap();
    let error = provider.discover_peers(AT_ONCE).unwrap_err();
    assert_eq!((error.status(), error.is_retryable()), (Status::NotSynced, false), "{error}");
    provider.deregister().unwrap();
    assert_eq!(provider.register(LONG).unwrap_err().status(), Status::Forbidden);
}
