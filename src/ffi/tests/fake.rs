//! In the place of the API server: the namespace says what it tells of the pods.

use std::future::pending;
use std::sync::Arc;
use std::time::Instant;

use crate::config::Settings;
use crate::discovery::identity::{Identity, Surroundings};
use crate::discovery::policy::Rules;
use crate::discovery::policy::tests::pod;
use crate::discovery::snapshot::View;
use crate::error::{Error, Result};
use crate::kube_api::{Connection, Watch};
use crate::provider::health::LastError;
use crate::provider::state::Latest;
use crate::status::Status;

pub(crate) fn connect(settings: &Settings, _: &Surroundings<'_>) -> Result<Connection> {
    let namespace = settings.namespace.clone().unwrap_or_else(|| "default".into());
    let watch: Watch = match namespace.as_str() {
        "unknown" => return Err(Error::new(Status::NoCredentials, "there are none")),
        "forbidden" => Box::new(|_, latest| Box::pin(forbidden(latest))),
        "broken" => Box::new(|_, _| Box::pin(async { panic!("broken") })),
        _ => Box::new(|rules, latest| Box::pin(changing(rules, latest))),
    };
    Ok(Connection { namespace, identity: Identity::None, watch })
}

/// One peer more whenever somebody wants to know anew.
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
