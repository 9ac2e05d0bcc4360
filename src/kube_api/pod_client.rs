//! The requests there are: watch the pods, list a page of them, look for the own one.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Response};
use kube::api::{ListParams, VersionMatch, WatchEvent, WatchParams};
use kube::client::Body;
use kube::core::Request;
use serde::Deserialize;
use tokio::time::timeout;

use super::auth::{Credentials, Warn};
use super::backoff::random;
use super::error::{ApiError, ErrorClass};
use super::list::json::{JsonListReader, ListReader};
use super::list::protobuf;
use super::response;
use crate::config::Settings;
use crate::health::LastError;
use crate::identity::Identity;
use crate::pod::Pod;

/// How many pods one page of a list has.
const PAGE: u32 = 500;
/// A watch is renewed by then, below the idle limit of common load balancers (240 s).
const LONGEST_WATCH_S: u32 = 230;
/// Not all at the same time.
const WATCH_JITTER_S: f64 = 30.0;

/// A list may last this many request timeouts, as long as it goes on coming.
const LISTS_LAST: u32 = 3;
/// More than a cluster has.
const MOST_PODS: usize = 200_000;
const MOST_PAGES: usize = MOST_PODS / PAGE as usize;

/// In which form an answer is to come.
struct Form {
    accept: &'static str,
    encoding: &'static str,
}

/// As everybody understands it.
const PLAIN: Form = Form { accept: "application/json", encoding: "identity" };
/// Half the work for the API server and a twentieth of the bytes. Who does not know protobuf answers in JSON.
const COMPACT: Form = Form { accept: "application/vnd.kubernetes.protobuf, application/json", encoding: "gzip" };

/// What a watch tells, as it comes.
pub(super) type Events = BoxStream<'static, Result<WatchEvent<Pod>, ApiError>>;

/// The pods of one selector in one namespace of one API server.
#[derive(Debug)]
pub struct PodClient {
    credentials: Credentials,
    namespace: String,
    selector: String,
    labels: BTreeMap<String, String>,
    request_timeout: Duration,
}

/// The labels of a pod.
pub(super) type Labels = BTreeMap<String, String>;

/// Of which moment a list is to be.
#[derive(Clone, Debug)]
pub(super) enum Consistency {
    /// Any that the server has at hand: cheapest for it.
    Any,
    /// Of this resourceVersion or later.
    NotOlderThan(Box<str>),
    /// Not before the request.
    MostRecent {
        /// In pages and not compressed, as the oldest and simplest server or proxy understands it.
        plainly: bool,
    },
}

/// A complete list.
pub(super) struct List {
    pub(super) pods: Vec<Pod>,
    pub(super) resource_version: Box<str>,
}

/// A list of pods of which only this is of interest.
#[derive(Deserialize)]
struct Found {
    items: Vec<FoundPod>,
}

#[derive(Deserialize)]
struct FoundPod {
    metadata: FoundMetadata,
}

#[derive(Deserialize)]
struct FoundMetadata {
    name: String,
    uid: String,
    #[serde(default)]
    labels: Labels,
}

impl PodClient {
    /// Of the configured selector and namespace.
    pub fn new(settings: &Settings, credentials: Credentials) -> Self {
        Self {
            credentials,
            namespace: settings.namespace.clone(),
            selector: settings.selector(),
            labels: settings.labels.clone(),
            request_timeout: settings.request_timeout,
        }
    }

    /// Sends warnings about the credentials there from now on.
    pub(super) fn warn_through(&mut self, warn: Box<Warn>) {
        self.credentials.warn_through(warn);
    }

    /// A watch of each change since a resourceVersion.
    pub(super) async fn watch_since(&mut self, resource_version: &str) -> Result<Events, ApiError> {
        let seconds = LONGEST_WATCH_S - (random() * WATCH_JITTER_S) as u32;
        let params = WatchParams::default().labels(&self.selector).timeout(seconds);
        let request = self.pods().watch(&params, resource_version).map_err(kube::Error::BuildRequest)?;
        // A proxy that compresses holds back what it has not enough of.
        let answer = self.ask("watch", &PLAIN, request).await?;
        Ok(response::lines(answer.into_body()).map(|line| event(&line?)).boxed())
    }

    /// All pods, of one moment.
    pub(super) async fn list(&mut self, moment: &Consistency) -> Result<List, ApiError> {
        let mut list = List { pods: Vec::new(), resource_version: "".into() };
        let mut next = String::new();
        for _ in 0..MOST_PAGES {
            (list.resource_version, next) = self.list_page(moment, &next, &mut list.pods).await?;
            if next.is_empty() {
                return Ok(list);
            }
        }
        Err(endless())
    }

    /// One page of a list; `next` is empty for the first. Gives where the next one begins.
    async fn list_page(
        &mut self,
        moment: &Consistency,
        next: &str,
        pods: &mut Vec<Pod>,
    ) -> Result<(Box<str>, String), ApiError> {
        let mut params = ListParams::default().labels(&self.selector);
        params = match moment {
            Consistency::Any => params.match_any(),
            Consistency::NotOlderThan(resource_version) => {
                params.at(resource_version).matching(VersionMatch::NotOlderThan)
            }
            Consistency::MostRecent { plainly: false } => params,
            Consistency::MostRecent { plainly: true } => params.limit(PAGE),
        };
        if !next.is_empty() {
            params = ListParams { resource_version: None, version_match: None, ..params }.continue_token(next);
        }
        let form = if matches!(moment, Consistency::MostRecent { plainly: true }) { &PLAIN } else { &COMPACT };
        let answer = self.ask_for_list(&params, form).await?;
        let mut items = reader(&answer);
        let mut body = answer.into_body();
        let read = async {
            while let Some(piece) = self.in_time(response::piece(&mut body)).await.map_err(ApiError::halfway)? {
                items.feed(&piece)?;
                pods.extend(items.take());
                if pods.len() > MOST_PODS {
                    return Err(endless());
                }
            }
            items.finish()
        };
        let read = timeout(self.request_timeout * LISTS_LAST, read).await;
        read.unwrap_or_else(|_| Err(ApiError::new(ErrorClass::Incomplete, "the list does not end")))
    }

    /// The labels of the own pod, if there is one and they are not those that are selected.
    pub(super) async fn unselected(&mut self, identity: &Identity) -> Result<Option<Labels>, ApiError> {
        let Some(name) = identity.name() else { return Ok(None) };
        let params = ListParams::default().fields(&format!("metadata.name={name}"));
        let answer = self.ask_for_list(&params, &PLAIN).await?;
        let found: Found = self.in_time(response::object(answer.into_body())).await?;
        let own = found
            .items
            .into_iter()
            .map(|pod| pod.metadata)
            .find(|pod| pod.name == name && identity.may_have_uid(&pod.uid));
        let selected = |labels: &Labels| self.labels.iter().all(|(key, value)| labels.get(key) == Some(value));
        Ok(own.map(|pod| pod.labels).filter(|labels| !selected(labels)))
    }

    async fn ask_for_list(&mut self, params: &ListParams, form: &Form) -> Result<Response<Body>, ApiError> {
        let request = self.pods().list(params).map_err(kube::Error::BuildRequest)?;
        self.ask("list", form, request).await
    }

    fn pods(&self) -> Request {
        Request::new(format!("/api/v1/namespaces/{}/pods", self.namespace))
    }

    async fn ask(
        &mut self,
        verb: &'static str,
        form: &Form,
        mut request: http::Request<Vec<u8>>,
    ) -> Result<Response<Body>, ApiError> {
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(form.accept));
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(form.encoding));
        // A login plugin may hang.
        let client = self.credentials.current_client();
        let client = timeout(self.request_timeout, client).await.map_err(|_| no_answer(self.request_timeout))??;
        let answer = async { response::accepted(client.send(request.map(Body::from)).await?).await };
        self.in_time(answer).await.map_err(|failure| failure.doing(verb))
    }

    /// Nothing in the client bounds how long an answer may take.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        match timeout(self.request_timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(self.request_timeout)),
        }
    }

    /// A failure as a caller hears of it.
    pub(super) fn explain(&mut self, failure: ApiError) -> LastError {
        if failure.class == ErrorClass::Unauthorized {
            self.credentials.forget();
        }
        failure.into_trouble(&self.credentials, &self.namespace)
    }
}

/// Reads the list that comes in an answer.
fn reader(answer: &Response<Body>) -> Box<dyn ListReader> {
    let is_protobuf = |kind: &HeaderValue| kind.as_bytes().starts_with(b"application/vnd.kubernetes.protobuf");
    if answer.headers().get(CONTENT_TYPE).is_some_and(is_protobuf) {
        Box::new(protobuf::Pods::default())
    } else {
        Box::new(JsonListReader::new())
    }
}

fn no_answer(timeout: Duration) -> ApiError {
    ApiError::new(ErrorClass::TimedOut, format!("no answer within {timeout:?}"))
}

fn endless() -> ApiError {
    ApiError::new(ErrorClass::Incomplete, "the list has no end")
}

/// One line of a watch.
pub(super) fn event(line: &[u8]) -> Result<WatchEvent<Pod>, ApiError> {
    let malformed =
        |why: String| ApiError::new(ErrorClass::Malformed, format!("a watch event that is not one of a pod: {why}"));
    let event: WatchEvent<Pod> = serde_json::from_slice(line).map_err(|e| malformed(e.to_string()))?;
    let resource_version: &str = match &event {
        WatchEvent::Added(pod) | WatchEvent::Modified(pod) | WatchEvent::Deleted(pod) => &pod.resource_version,
        WatchEvent::Bookmark(mark) => &mark.metadata.resource_version,
        WatchEvent::Error(_) => return Ok(event),
    };
    // A watch from no resourceVersion would be another kind of watch.
    if resource_version.is_empty() { Err(malformed("no resourceVersion".into())) } else { Ok(event) }
}
