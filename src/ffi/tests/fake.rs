//! A fake API server: the namespace selects how it answers.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Settings;
use crate::discovery::identity::{Environment, Identity};
use crate::discovery::pod_index::view_of;
use crate::discovery::policy::PeerPolicy;
use crate::discovery::policy::tests::pod;
use crate::discovery::sink::{Connection, LastError, Sink, Watch};
use crate::error::{Error, Result};
use crate::status::Status;

pub(crate) fn connect(settings: &Settings, _: &Environment<'_>) -> Result<Connection> {
    let namespace = settings.namespace.clone().unwrap_or_else(|| "default".into());
    let watch: Watch = match namespace.as_str() {
        "forbidden" => Box::new(|_, sink| Box::pin(forbidden(sink))),
        _ => Box::new(|policy, sink| Box::pin(changing(policy, sink))),
    };
    Ok(Connection { namespace, identity: Identity::None, watch })
}

/// Adds a peer whenever a list is requested.
async fn changing(policy: PeerPolicy, sink: Arc<dyn Sink>) {
    for count in 2.. {
        let asked = Instant::now();
        let pods: Vec<_> =
            (1..=count).map(|i| Arc::new(pod(&format!("p{i}"), &format!("10.0.0.{i}")))).collect();
        sink.publish(view_of(pods.iter(), &policy));
        sink.list_completed(asked);
        sink.list_requested().await;
    }
}

async fn forbidden(sink: Arc<dyn Sink>) {
    let error = Error::new(Status::Forbidden, "no\0 Role").with_http_status(403);
    let error = error.with_manifest("kind: Role\n");
    sink.fail(LastError::new(error, "forbidden"));
    pending().await
}
