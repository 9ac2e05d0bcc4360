//! Prepares a watch from the configuration and the environment.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::auth::describe;
use super::{Credentials, PodClient, WatcherTimings, watch};
use crate::config::Settings;
use crate::discovery::access::Access;
use crate::discovery::identity::{Environment, Identity};
use crate::discovery::sink::{Connection, Sink};
use crate::error::Result;

/// Describes the API server and the credentials, without a request.
pub(crate) fn inspect(settings: &Settings, environment: &Environment<'_>) -> Access {
    describe(&settings.source, environment.variable)
}

/// Prepares a watch of the API server.
pub fn connect(settings: &Settings, environment: &Environment<'_>) -> Result<Connection> {
    let credentials = Credentials::find(&settings.source, environment.variable)?;
    let namespace = match &settings.namespace {
        Some(namespace) => namespace.clone(),
        None => credentials.namespace()?,
    };
    let claims = credentials.claims();
    let identity =
        Identity::find(&settings.self_options, settings.runs_in_pod(), claims, environment)?;
    let mut client = PodClient::new(settings, namespace.clone(), credentials);
    let timings = WatcherTimings::of(settings);
    let watch = Box::new(move |policy, sink: Arc<dyn Sink>| {
        let warned = sink.clone();
        client.warn_through(Box::new(move |message| warned.warn(message)));
        Box::pin(watch(client, policy, timings, sink)) as Pin<Box<dyn Future<Output = ()>>>
    });
    Ok(Connection { namespace, identity, watch })
}
