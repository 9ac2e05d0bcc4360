//! The HTTP client: kube's layers over connections that notice a server that has vanished.

use std::future::ready;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::{BoxError, Service, ServiceBuilder, service_fn};
use tower_http::decompression::DecompressionLayer;

use crate::kube_api::runtime::blocking;
use crate::kube_api::tls::{self, ServerNames};
use crate::panics::{self, Place};

/// TCP keepalive: after 5 s without a byte the kernel probes the connection every 3 s, and closes
/// it after 3 probes. A server that vanished is noticed after 14 s.
const IDLE: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_secs(3);
const PROBES: u32 = 3;

/// The limit of the TCP connect, and of the TLS handshake that follows. One connection that stays
/// without an answer must not use up the patience of most callers.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

/// kube's client without the retries that would hide a failing server for half a minute, and its
/// connections.
#[derive(Clone)]
pub(super) struct HttpClient {
    client: Client,
    connections: Connections,
}

impl HttpClient {
    pub(super) fn new(config: Config, sent: Sent) -> kube::Result<Self> {
        choose_crypto();
        let connections = Connections::new(Connector::new(&config)?);
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
            .service(connections.clone());
        Ok(Self { client: Client::new(service, config.default_namespace), connections })
    }

    pub(super) async fn send(&self, request: Request<Vec<u8>>) -> kube::Result<Response<Body>> {
        self.client.send(request.map(Body::from)).await
    }

    pub(super) fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

/// The connections of a client. They share one TLS configuration and can be left for new ones.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    connector: Connector,
    pool: Mutex<Pool>,
}

type Pool = legacy::Client<Connector, Body>;

impl Connections {
    fn new(connector: Connector) -> Self {
        let pool = Mutex::new(new_pool(connector.clone()));
        Self(Arc::new(Shared { connector, pool }))
    }

    /// Makes the next request on a new connection. What is read from an old one goes on.
    pub(super) fn renew(&self) {
        *self.pool() = new_pool(self.0.connector.clone());
    }

    /// Returns how many connections were begun.
    pub(super) fn opened(&self) -> usize {
        self.0.connector.opened.load(Ordering::Relaxed)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.0.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_pool(connector: Connector) -> Pool {
    legacy::Client::builder(Tasks).build(connector)
}

impl Service<Request<Body>> for Connections {
    type Response = Response<Incoming>;
    type Error = legacy::Error;
    type Future = legacy::ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let pool = self.pool().clone();
        pool.request(request)
    }
}

type Tcp = TokioIo<TcpStream>;

/// Opens connections that notice a server that has vanished.
#[derive(Clone)]
struct Connector {
    tcp: HttpConnector<Resolver>,
    tls: Arc<rustls::ClientConfig>,
    /// The name that the server's certificate must have; by default the host of the URL.
    server_name: ServerNames,
    opened: Arc<AtomicUsize>,
}

impl Connector {
    fn new(config: &Config) -> kube::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_LIMIT));
        tcp.set_keepalive(Some(IDLE));
        tcp.set_keepalive_interval(Some(INTERVAL));
        tcp.set_keepalive_retries(Some(PROBES));
        // The same limit for bytes that were sent and not acknowledged.
        tcp.set_tcp_user_timeout(Some(IDLE + INTERVAL * PROBES));
        let tls = Arc::new(tls::client_config(config)?);
        Ok(Self { tcp, tls, server_name: tls::server_names(config)?, opened: Arc::default() })
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Tcp>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Service::<Uri>::poll_ready(&mut self.tcp, context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let connecting = self.tcp.call(uri.clone());
        let (tls, server_name) = (self.tls.clone(), self.server_name.clone());
        Box::pin(async move {
            let mut connected = Some(connecting.await?);
            let tcp = service_fn(move |_: Uri| {
                ready(connected.take().ok_or("one connection, one handshake"))
            });
            let handshake = HttpsConnector::new(tcp, tls, false, server_name).call(uri);
            match timeout(CONNECT_LIMIT, handshake).await {
                Ok(stream) => stream,
                Err(_) => Err(HandshakeTimeout.into()),
            }
        })
    }
}

/// The server took the connection and did not answer the TLS handshake.
#[derive(Debug, thiserror::Error)]
#[error("no answer to the TLS handshake within {:?}", CONNECT_LIMIT)]
pub(super) struct HandshakeTimeout;

/// The `Authorization` of the last request, which may come from a file or a login plugin.
#[derive(Clone, Default)]
pub(super) struct Sent(Arc<Mutex<Option<HeaderValue>>>);

impl Sent {
    fn note(&self, authorization: Option<&HeaderValue>) {
        *self.lock() = authorization.cloned();
    }

    /// Returns what follows the name of the scheme.
    pub(super) fn secret(&self) -> Option<String> {
        let sent = self.lock().clone()?;
        let (_scheme, secret) = sent.to_str().ok()?.split_once(' ')?;
        Some(secret.to_owned())
    }

    fn lock(&self) -> MutexGuard<'_, Option<HeaderValue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs connections alongside the watcher.
#[derive(Clone)]
struct Tasks;

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, connection: F) {
        tokio::spawn(panics::within(Place::Connection, connection));
    }
}

/// The name of the server has no address.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoSuchHost(pub(super) io::Error);

/// Resolves names like hyper does, but returns an error instead of a panic if no thread can be
/// started.
#[derive(Clone)]
struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let lookup = move || {
            panics::here(Place::Lookup);
            (name.as_str(), 0).to_socket_addrs()
        };
        Box::pin(async move { Ok(blocking(lookup).await?.map_err(NoSuchHost)?) })
    }
}

/// Selects the cryptography of TLS in this process, and lets it detect the processor.
pub(crate) fn choose_crypto() {
    let ring = rustls::crypto::ring::default_provider();
    let _ = ring.secure_random.fill(&mut [0]);
    // Fails if another one is installed already, which works too.
    let _ = ring.install_default();
}
