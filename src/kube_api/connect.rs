//! From a configuration to a watch that is ready to begin.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::{Credentials, PodClient, WatcherTimings, watch};
use crate::config::Settings;
use crate::error::Result;
use crate::identity::{Identity, Surroundings};
use crate::latest::Latest;
use crate::verdict::Rules;

/// Tells of the pods for as long as it runs.
pub type Watch = Box<dyn FnOnce(Rules, Arc<Latest>) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

/// Finds out who this process is, and makes a watch. A test may have its own.
pub type Connect = fn(&Settings, &Surroundings<'_>) -> Result<(Identity, Watch)>;

/// To the API server.
pub fn connect(settings: &Settings, surroundings: &Surroundings<'_>) -> Result<(Identity, Watch)> {
    let credentials = Credentials::find(&settings.source, surroundings.variable)?;
    let identity = Identity::find(settings, credentials.claims(), surroundings)?;
    let mut cluster = PodClient::new(settings, credentials);
    let pace = WatcherTimings::of(settings);
    Ok((
        identity,
        Box::new(move |rules, latest| {
            let warned = latest.clone();
            cluster.warn_through(Box::new(move |message| warned.warn(message)));
            Box::pin(watch(cluster, rules, pace, latest))
        }),
    ))
}
