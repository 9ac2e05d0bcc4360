//! From a configuration to a watch that is ready to start.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Credentials, PodClient, WatcherTimings, watch};
use crate::config::Settings;
use crate::discovery::identity::{Identity, Surroundings};
use crate::discovery::policy::Rules;
use crate::error::Result;
use crate::provider::state::Latest;

/// Publishes the pods for as long as it runs.
pub type Watch = Box<dyn FnOnce(Rules, Arc<Latest>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// What the environment and the credentials yield, before the first request.
pub struct Connection {
    /// The namespace of the pods.
    pub namespace: String,
    /// Which of the pods this process runs in.
    pub identity: Identity,
    /// Starts the watch.
    pub watch: Watch,
}

/// Reads the credentials and prepares a watch. Tests have their own.
pub type Connect = fn(&Settings, &Surroundings<'_>) -> Result<Connection>;

/// Prepares a watch of the API server.
pub fn connect(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<Connection> {
    let credentials = Credentials::find(&settings.source, surroundings.variable)?;
    let namespace = match &settings.namespace {
        Some(namespace) => namespace.clone(),
        None => credentials.namespace()?,
    };
    let identity = Identity::find(settings, credentials.claims(), surroundings)?;
    let mut client = PodClient::new(settings, namespace.clone(), credentials);
    let timings = WatcherTimings::of(settings);
    let watch = Box::new(move |rules, latest: Arc<Latest>| {
        let warned = latest.clone();
        client.warn_through(Box::new(move |message| warned.warn(message)));
        Box::pin(watch(client, rules, timings, latest)) as Pin<Box<dyn Future<Output = ()>>>
    });
    Ok(Connection { namespace, identity, watch })
}
