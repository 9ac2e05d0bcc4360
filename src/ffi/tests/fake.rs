//! A fake API server: the namespace selects how it answers.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Settings;
use crate::error::{Error, Result};
use crate::health::LastError;
use crate::identity::{Identity, Surroundings};
use crate::kube_api::{Connection, Watch};
use crate::latest::Latest;
use crate::snapshot::View;
use crate::status::Status;
use crate::verdict::Rules;
use crate::verdict::tests::pod;

pub(crate) fn connect(settings: &Settings, _: &Surroundings<'_>) -> Result<Connection> {
    let namespace = settings.namespace.clone().unwrap_or_else(|| "default".into());
    let watch: Watch = match namespace.as_str() {
        "forbidden" => Box::new(|_, latest| Box::pin(forbidden(latest))),
        _ => Box::new(|rules, latest| Box::pin(changing(rules, latest))),
    };
    Ok(Connection { namespace, identity: Identity::None, watch })
}

/// Adds a peer whenever a list is requested.
async fn changing(rules: Rules, latest: Arc<Latest>) {
    for count in 2.. {
        let asked = Instant::now();
        let pods: Vec<_> = (1..=count).map(|i| Arc::new(pod(&format!("p{i}"), &format!("10.0.0.{i}")))).collect();
        latest.publish(View::of(pods.iter(), &rules));
        latest.listed(asked);
        latest.demanded().await;
    }
}

async fn forbidden(latest: Arc<Latest>) {
    let error = Error::new(Status::Forbidden, "no\0 Role").with_http_status(403);
    latest.fail(LastError { error, class: "forbidden" });
    pending().await
}
