//! The client: kube's layers over connections that notice when the server is gone without a word.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};

use hyper::rt::Executor;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder, service_fn};
use tower_http::decompression::DecompressionLayer;

use crate::kube_api::tls;
use crate::panics::{self, Place};
use crate::runtime::blocking;

/// A connection on which nothing came for so long is asked whether it lives,
const IDLE: Duration = Duration::from_secs(5);
/// again and again in this time,
const INTERVAL: Duration = Duration::from_secs(3);
/// so many times: a server that vanished is noticed in 14 s, far below what an idle watch may last.
const PROBES: u32 = 3;

/// As kube makes one, but for the connector, and without the retries that would hide a failing server for half a minute.
pub(super) fn client(config: Config, sent: Sent) -> kube::Result<Client> {
    choose_crypto();
    let mut connector = HttpConnector::new_with_resolver(service_fn(resolve));
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_keepalive(Some(IDLE));
    connector.set_keepalive_interval(Some(INTERVAL));
    connector.set_keepalive_retries(Some(PROBES));
    // The same for what was sent and not acknowledged.
    connector.set_tcp_user_timeout(Some(IDLE + INTERVAL * PROBES));
    let connector = tls::connector(&config, connector)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .map_request(move |request: Request<Body>| {
            panics::here(Place::Request);
            sent.note(request.headers().get(AUTHORIZATION));
            request
        })
        .layer(DecompressionLayer::new())
        .service(hyper_util::client::legacy::Client::builder(Tasks).build(connector));
    Ok(Client::new(service, config.default_namespace))
}

/// How the last request said who it is of: with a token from a file or of a login plugin, maybe.
#[derive(Clone, Default)]
pub(super) struct Sent(Arc<Mutex<Option<HeaderValue>>>);

impl Sent {
    fn note(&self, authorization: Option<&HeaderValue>) {
        *self.lock() = authorization.cloned();
    }

    /// What was sent after the name of the scheme.
    pub(super) fn secret(&self) -> Option<String> {
        let sent = self.lock().clone()?;
        let (_scheme, secret) = sent.to_str().ok()?.split_once(' ')?;
        Some(secret.to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Option<HeaderValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where connections run, beside the watcher.
#[derive(Clone)]
struct Tasks;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, connection: F) {
        tokio::spawn(panics::within(Place::Connection, connection));
    }
}

/// The server's name has no address.
#[derive(Debug)]
pub(super) struct NoSuchHost(pub(super) io::Error);

impl std::fmt::Display for NoSuchHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NoSuchHost {}

/// As hyper does it, but where no thread can be started that is an error and not a panic.
async fn resolve(name: Name) -> Result<std::vec::IntoIter<SocketAddr>, BoxError> {
    let lookup = move || {
        panics::here(Place::Lookup);
        (name.as_str(), 0).to_socket_addrs()
    };
    Ok(blocking(lookup).await?.map_err(NoSuchHost)?)
}

/// Says which cryptography TLS uses in this process, and has it look at the processor.
pub fn choose_crypto() {
    let ring = rustls::crypto::ring::default_provider();
    let _ = ring.secure_random.fill(&mut [0]);
    // Fails if one is installed already, which serves as well.
    let _ = ring.install_default();
}
