//! The three requests: watch the pods, list a page of pods, look up this pod.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Response};
use kube::api::{ListParams, VersionMatch, WatchParams};
use kube::client::Body;
use kube::core::Request;
use serde::Deserialize;
use tokio::time::timeout;

use super::auth::{Credentials, Warn};
use super::client::HttpClient;
use super::error::{ApiError, ErrorClass};
use super::list::json::JsonListReader;
use super::list::{ListReader, bounded, protobuf};
use super::pod_store::Budget;
use super::response;
use super::watch_stream::json::JsonLines;
use super::watch_stream::protobuf::ProtobufFrames;
use super::watch_stream::{self, Events};
use super::watcher::PodApi;
use crate::config::Settings;
use crate::discovery::identity::Identity;
use crate::discovery::pod::Pod;
use crate::discovery::sink::{LOGIN_HANGS, LastError};

/// The number of pods in one page of a list.
const PAGE: u32 = 200;
/// A watch is renewed by then, below the idle limit of common load balancers (240 s).
const LONGEST_WATCH_S: u32 = 230;
/// Watches end up to this much earlier, at random, so that they do not all end at the same time.
const WATCH_JITTER_S: f64 = 30.0;

/// A list with all its pages may last this many request timeouts, as long as bytes arrive.
const LISTS_LAST: u32 = 3;
/// More pages than the pods that fit into the memory can have.
const MOST_PAGES: usize = 400;

/// The encoding of a response.
struct Form {
    accept: &'static str,
    encoding: &'static str,
}

/// The encoding that every server and proxy supports.
const PLAIN: Form = Form { accept: "application/json", encoding: "identity" };
/// It halves the work of the API server, and needs a twentieth of the bytes. A server that lacks
/// protobuf answers in JSON.
const COMPACT: Form =
    Form { accept: "application/vnd.kubernetes.protobuf, application/json", encoding: "gzip" };

/// A watch in protobuf, not compressed: a proxy that compresses delays events until it has enough
/// bytes.
const COMPACT_WATCH: Form = Form {
    accept: "application/vnd.kubernetes.protobuf;stream=watch, application/json",
    encoding: "identity",
};

/// The pods of one selector in one namespace of one API server.
#[derive(Debug)]
pub struct PodClient {
    credentials: Credentials,
    namespace: String,
    selector: String,
    labels: BTreeMap<String, String>,
    request_timeout: Duration,
    /// The server, or a proxy before it, has refused watches in protobuf.
    watches_in_json: bool,
}

/// The labels of a pod.
pub(super) type Labels = BTreeMap<String, String>;

/// How fresh a list must be.
#[derive(Clone, Debug)]
pub(super) enum Consistency {
    /// Whatever the server has in its cache: the cheapest for it.
    Any,
    /// The list must not be older than this resourceVersion.
    NotOlderThan(Box<str>),
    /// The list must be at least as new as the request.
    MostRecent,
}

/// How a list is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListEncoding {
    /// All pods in one answer, in protobuf, compressed.
    Compact,
    /// Once in the way that the oldest and simplest server or proxy understands: in pages, in
    /// JSON, not compressed.
    PlainOnce,
    /// Always in that way: the server refuses the other one.
    Plain,
}

impl ListEncoding {
    pub(super) fn is_plain(self) -> bool {
        self != Self::Compact
    }

    /// The next list after an error that may be due to the encoding uses the other one.
    pub(super) fn after_error(self, error: &ApiError) -> Self {
        match self {
            _ if !error.is_about_encoding() => self,
            Self::Compact if error.class == ErrorClass::NotSupported => Self::Plain,
            Self::Compact => Self::PlainOnce,
            Self::PlainOnce | Self::Plain => Self::Compact,
        }
    }

    pub(super) fn after_success(self) -> Self {
        if self == Self::PlainOnce { Self::Compact } else { self }
    }
}

/// A complete list.
pub(super) struct List {
    pub(super) pods: Vec<Pod>,
    pub(super) resource_version: Box<str>,
}

/// The fields that a lookup reads of a list of pods.
#[derive(Deserialize)]
struct Found {
    #[serde(deserialize_with = "bounded::list::<16, _, _>")]
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
    #[serde(default, deserialize_with = "bounded::labels")]
    labels: Labels,
}

impl PodClient {
    /// Creates a client for the pods of the configured selector.
    pub fn new(settings: &Settings, namespace: String, credentials: Credentials) -> Self {
        Self {
            credentials,
            namespace,
            selector: settings.selector(),
            labels: settings.labels.clone(),
            request_timeout: settings.request_timeout,
            watches_in_json: false,
        }
    }

    /// Sends warnings about the credentials there from now on.
    pub(super) fn warn_through(&mut self, warn: Box<Warn>) {
        self.credentials.warn_through(warn);
    }

    async fn watch_since(&mut self, resource_version: &str) -> Result<Events, ApiError> {
        let seconds = LONGEST_WATCH_S - (fastrand::f64() * WATCH_JITTER_S) as u32;
        let params = WatchParams::default().labels(&self.selector).timeout(seconds);
        let request =
            self.pods().watch(&params, resource_version).map_err(kube::Error::BuildRequest)?;
        if !self.watches_in_json {
            match self.ask("watch", &COMPACT_WATCH, request.clone()).await {
                Err(refused) if refused.is_of_the_media_type() => self.watches_in_json = true,
                answer => return answer.map(events),
            }
        }
        self.ask("watch", &PLAIN, request).await.map(events)
    }

    /// Reads all pages.
    async fn list_all(
        &mut self,
        consistency: &Consistency,
        encoding: ListEncoding,
    ) -> Result<List, ApiError> {
        let mut list = List { pods: Vec::new(), resource_version: "".into() };
        let (mut next, mut budget) = (String::new(), Budget::default());
        for _ in 0..MOST_PAGES {
            (list.resource_version, next) =
                self.list_page(consistency, encoding, &next, &mut list.pods, &mut budget).await?;
            if next.is_empty() {
                return Ok(list);
            }
        }
        Err(ApiError::new(
            ErrorClass::Incomplete,
            format!("the list has more than {MOST_PAGES} pages"),
        ))
    }

    /// Reads one page of a list; `next` is empty for the first. Returns its resourceVersion and
    /// where the next page begins.
    async fn list_page(
        &mut self,
        consistency: &Consistency,
        encoding: ListEncoding,
        next: &str,
        pods: &mut Vec<Pod>,
        budget: &mut Budget,
    ) -> Result<(Box<str>, String), ApiError> {
        let mut params = ListParams::default().labels(&self.selector);
        params = match consistency {
            // Servers ignore the limit of a list from their cache. A most-recent one satisfies
            // every consistency.
            _ if encoding.is_plain() => params.limit(PAGE),
            Consistency::Any => params.match_any(),
            Consistency::NotOlderThan(resource_version) => {
                params.at(resource_version).matching(VersionMatch::NotOlderThan)
            }
            Consistency::MostRecent => params,
        };
        if !next.is_empty() {
            params = ListParams { resource_version: None, version_match: None, ..params }
                .continue_token(next);
        }
        let form = if encoding.is_plain() { &PLAIN } else { &COMPACT };
        let answer = self.ask_for_list(&params, form).await?;
        let mut items = reader(&answer);
        let mut body = answer.into_body();
        let mut keep = |pod: Pod| budget.add(&pod).map(|()| pods.push(pod));
        while let Some(piece) =
            self.in_time(response::piece(&mut body)).await.map_err(ApiError::halfway)?
        {
            items.feed(&piece)?;
            items.take().into_iter().try_for_each(&mut keep)?;
        }
        let end = items.finish()?;
        items.take().into_iter().try_for_each(&mut keep)?;
        Ok(end)
    }

    async fn labels_if_unselected(
        &mut self,
        identity: &Identity,
    ) -> Result<Option<Labels>, ApiError> {
        let Some(name) = identity.name() else { return Ok(None) };
        let params = ListParams::default().fields(&format!("metadata.name={name}"));
        let answer = self.ask_for_list(&params, &PLAIN).await?;
        let found: Found = self.in_time(response::object(answer.into_body())).await?;
        let own = found
            .items
            .into_iter()
            .map(|pod| pod.metadata)
            .find(|pod| pod.name == name && identity.may_have_uid(&pod.uid));
        let selected =
            |labels: &Labels| self.labels.iter().all(|(key, value)| labels.get(key) == Some(value));
        Ok(own.map(|pod| pod.labels).filter(|labels| !selected(labels)))
    }

    async fn ask_for_list(
        &mut self,
        params: &ListParams,
        form: &Form,
    ) -> Result<Response<Body>, ApiError> {
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
        let client = self.client().await?;
        let connections = client.connections();
        let opened = connections.opened();
        let answer = self.send(&client, verb, request.clone()).await;
        let reused = connections.opened() == opened;
        match answer {
            // The server closed a connection that was kept: this does not mean that the server has
            // failed.
            Err(error) if reused && error.is_broken_connection() => {
                connections.renew();
                self.send(&client, verb, request).await
            }
            answer => answer,
        }
    }

    async fn client(&mut self) -> Result<HttpClient, ApiError> {
        // A login plugin may hang.
        let client = timeout(self.request_timeout, self.credentials.current_client()).await;
        client.map_err(|_| {
            let message = format!(
                "{LOGIN_HANGS} within {:?}; run kubectl to see what its login plugin waits for",
                self.request_timeout
            );
            ApiError::new(ErrorClass::TimedOut, message)
        })?
    }

    async fn send(
        &self,
        client: &HttpClient,
        verb: &'static str,
        request: http::Request<Vec<u8>>,
    ) -> Result<Response<Body>, ApiError> {
        let answer = async { response::accepted(client.send(request).await?).await };
        self.in_time(answer).await.map_err(|error| error.doing(verb))
    }

    /// Nothing in the client bounds how long an answer may take.
    async fn in_time<T>(
        &self,
        answer: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        match timeout(self.request_timeout, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(self.request_timeout)),
        }
    }
}

impl PodApi for PodClient {
    type Events = Events;

    async fn list(
        &mut self,
        consistency: &Consistency,
        encoding: ListEncoding,
    ) -> Result<List, ApiError> {
        let longest = self.request_timeout * LISTS_LAST;
        let listed = timeout(longest, self.list_all(consistency, encoding)).await;
        listed.unwrap_or_else(|_| {
            Err(ApiError::new(
                ErrorClass::Incomplete,
                "the list took too long; raise `request_timeout_ms`",
            ))
        })
    }

    async fn watch(&mut self, resource_version: &str) -> Result<Events, ApiError> {
        self.watch_since(resource_version).await
    }

    async fn unselected(&mut self, identity: &Identity) -> Result<Option<Labels>, ApiError> {
        self.labels_if_unselected(identity).await
    }

    fn use_new_connections(&mut self) {
        self.credentials.use_new_connections();
    }

    fn explain(&mut self, error: ApiError) -> LastError {
        if error.class == ErrorClass::Unauthorized {
            self.credentials.forget();
        }
        error.into_last_error(&self.credentials, &self.namespace)
    }
}

/// Reads the events of an answer in the form in which the server has chosen to send them.
fn events(answer: Response<Body>) -> Events {
    if is_protobuf(&answer) {
        watch_stream::events(answer.into_body(), ProtobufFrames)
    } else {
        watch_stream::events(answer.into_body(), JsonLines::default())
    }
}

fn is_protobuf(answer: &Response<Body>) -> bool {
    let is_protobuf =
        |kind: &HeaderValue| kind.as_bytes().starts_with(b"application/vnd.kubernetes.protobuf");
    answer.headers().get(CONTENT_TYPE).is_some_and(is_protobuf)
}

/// Reads the list that comes in an answer.
fn reader(answer: &Response<Body>) -> Box<dyn ListReader> {
    if is_protobuf(answer) {
        Box::new(protobuf::Pods::default())
    } else {
        Box::new(JsonListReader::default())
    }
}

fn no_answer(timeout: Duration) -> ApiError {
    ApiError::new(ErrorClass::TimedOut, format!("no answer within {timeout:?}"))
}
