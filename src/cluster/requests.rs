//! The two requests there are: watch the pods, and list a page of them.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};
use kube::api::{ListParams, WatchEvent, WatchParams};
use kube::client::Body;
use kube::core::Request;
use serde::Deserialize;
use tokio::time::timeout;

use super::answers;
use super::backoff::random;
use super::credentials::Credentials;
use super::failure::{Class, Failure};
use crate::config::Settings;
use crate::error::Error;
use crate::pod::Pod;

/// How many pods one page of a list has: a few MB.
const PAGE: u32 = 500;
/// A watch is renewed by then, below the idle limit of common load balancers (240 s).
const LONGEST_WATCH_S: u32 = 230;
/// Not all at the same time.
const WATCH_JITTER_S: f64 = 30.0;

/// What a watch tells, as it comes.
pub(super) type Events = BoxStream<'static, Result<WatchEvent<Pod>, Failure>>;

/// The pods of one selector in one namespace of one API server.
#[derive(Debug)]
pub struct Cluster {
    credentials: Credentials,
    namespace: String,
    selector: String,
    request_timeout: Duration,
}

/// A page of a list.
#[derive(Deserialize)]
pub(super) struct Page {
    kind: String,
    pub(super) metadata: PageMetadata,
    /// null for none; but a list without `items` is none.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) items: Option<Vec<Pod>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMetadata {
    pub(super) resource_version: String,
    /// Where the next page begins; none after the last.
    #[serde(default, rename = "continue")]
    pub(super) next: String,
}

impl Cluster {
    /// Of the configured selector and namespace.
    pub fn new(settings: &Settings, credentials: Credentials) -> Self {
        Self {
            credentials,
            namespace: settings.namespace.clone(),
            selector: settings.selector.clone(),
            request_timeout: settings.request_timeout,
        }
    }

    /// How long one request may go unanswered.
    pub(super) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// A watch that first tells of every pod there is (a "streaming list"), then of each change.
    pub(super) async fn watch_from_nothing(&mut self) -> Result<Events, Failure> {
        // No resourceVersion: at least as new as this moment.
        self.watch(WatchParams { send_initial_events: true, ..WatchParams::default() }, "").await
    }

    /// A watch of each change since a resourceVersion.
    pub(super) async fn watch_since(&mut self, resource_version: &str) -> Result<Events, Failure> {
        self.watch(WatchParams::default(), resource_version).await
    }

    async fn watch(&mut self, params: WatchParams, resource_version: &str) -> Result<Events, Failure> {
        let seconds = LONGEST_WATCH_S - (random() * WATCH_JITTER_S) as u32;
        let params = params.labels(&self.selector).timeout(seconds);
        let request = self.pods().watch(&params, resource_version).map_err(kube::Error::BuildRequest)?;
        let body = self.ask(request).await?;
        Ok(answers::lines(body).map(|line| event(&line?)).boxed())
    }

    /// One page of a list; `next` is empty for the first.
    pub(super) async fn list(&mut self, next: &str) -> Result<Page, Failure> {
        let mut params = ListParams::default().labels(&self.selector).limit(PAGE);
        if !next.is_empty() {
            params = params.continue_token(next);
        }
        let request = self.pods().list(&params).map_err(kube::Error::BuildRequest)?;
        let body = self.ask(request).await?;
        let page: Page = self.in_time(answers::page(body)).await?;
        if page.kind != "PodList" || page.metadata.resource_version.is_empty() {
            return Err(Failure::new(Class::Malformed, "the answer is not a list of pods"));
        }
        Ok(page)
    }

    fn pods(&self) -> Request {
        Request::new(format!("/api/v1/namespaces/{}/pods", self.namespace))
    }

    async fn ask(&mut self, request: http::Request<Vec<u8>>) -> Result<Body, Failure> {
        let client = self.credentials.current_client().await?;
        self.in_time(async { answers::accepted(client.send(request.map(Body::from)).await?).await }).await
    }

    /// Nothing in the client bounds how long an answer may take.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match timeout(self.request_timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(Class::TimedOut, format!("no answer within {:?}", self.request_timeout))),
        }
    }

    /// A failure as a caller hears of it.
    pub(super) fn explain(&mut self, failure: Failure) -> Error {
        if failure.class == Class::Unauthorized {
            self.credentials.forget();
        }
        failure.into_error(&self.credentials, &self.namespace)
    }
}

/// One line of a watch.
fn event(line: &[u8]) -> Result<WatchEvent<Pod>, Failure> {
    let malformed =
        |why: String| Failure::new(Class::Malformed, format!("a watch event that is not one of a pod: {why}"));
    let event: WatchEvent<Pod> = serde_json::from_slice(line).map_err(|e| malformed(e.to_string()))?;
    let resource_version = match &event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) | WatchEvent::Deleted(pod) => &pod.resource_version,
        WatchEvent::Bookmark(mark) => &mark.metadata.resource_version,
        WatchEvent::Error(_) => return Ok(event),
    };
    // A watch from no resourceVersion would be another kind of watch.
    if resource_version.is_empty() { Err(malformed("no resourceVersion".into())) } else { Ok(event) }
}
