//! From a configuration to a watch that is ready to start.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Credentials, PodClient, WatcherTimings, watch};
use crate::config::Settings;
use crate::error::Result;
use crate::identity::{Identity, Surroundings};
use crate::latest::Latest;
use crate::verdict::Rules;

/// Publishes the pods for as long as it runs.
pub type Watch = Box<dyn FnOnce(Rules, Arc<Latest>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Finds the identity of this process, and prepares a watch. Tests have their own.
pub type Connect = fn(&Settings, &Surroundings<'_>) -> Result<(Identity, Watch)>;

/// Prepares a watch of the API server.
pub fn connect(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<(Identity, Watch)> {
    let credentials = Credentials::find(&settings.source, surroundings.variable)?;
    let identity = Identity::find(settings, credentials.claims(), surroundings)?;
    let mut client = PodClient::new(settings, credentials);
    let timings = WatcherTimings::of(settings);
    Ok((
        identity,
        Box::new(move |rules, latest| {
            let warned = latest.clone();
            client.warn_through(Box::new(move |message| warned.warn(message)));
            Box::pin(watch(client, rules, timings, latest))
        }),
    ))
}
