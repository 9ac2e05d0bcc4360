//! TLS in front of a fake server, with certificates that are made for the test.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::fake::Fake;

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: Vec<u8>,
    key: KeyPair,
}

impl Identity {
    /// Its own issuer.
    pub(crate) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap().der().to_vec(), key }
    }

    pub(crate) fn certificate_pem(&self) -> String {
        pem("CERTIFICATE", &self.certificate)
    }

    pub(crate) fn key_pem(&self) -> String {
        pem("PRIVATE KEY", &self.key.serialize_der())
    }

    /// Replaces bytes of the certificate by as many others, wherever they are.
    pub(crate) fn patched(mut self, from: &[u8], to: &[u8]) -> Self {
        let places: Vec<usize> = self
            .certificate
            .windows(from.len())
            .enumerate()
            .filter(|(_, bytes)| *bytes == from)
            .map(|(i, _)| i)
            .collect();
        assert!(!places.is_empty() && from.len() == to.len());
        places.iter().for_each(|i| self.certificate[*i..i + to.len()].copy_from_slice(to));
        self
    }

    /// The same certificate with a key that is not its own.
    pub(crate) fn with_key_of(self, other: Self) -> Self {
        Self { certificate: self.certificate, key: other.key }
    }

    /// Presents the certificate, also one that rustls cannot verify, or that does not fit the key.
    pub(crate) fn server_config(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = provider.key_provider.load_private_key(self.private_key().into()).unwrap();
        let certified = CertifiedKey::new(vec![self.certificate.clone().into()], key);
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        builder
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
    }

    /// Accepts only clients with a certificate of this CA.
    pub(crate) fn server_config_for_clients_of(&self, ca: &Ca) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(ca.identity.certificate.clone())).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .unwrap();
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = builder.with_client_cert_verifier(clients);
        builder
            .with_single_cert(vec![self.certificate.clone().into()], self.private_key().into())
            .unwrap()
    }

    fn private_key(&self) -> PrivatePkcs8KeyDer<'static> {
        self.key.serialize_der().into()
    }
}

/// A CA.
pub(crate) struct Ca {
    params: CertificateParams,
    pub(crate) identity: Identity,
}

impl Ca {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { identity: Identity::self_signed(&params), params }
    }

    pub(crate) fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.identity.key);
        Identity { certificate: params.signed_by(&key, &issuer).unwrap().der().to_vec(), key }
    }

    pub(crate) fn pem(&self) -> String {
        self.identity.certificate_pem()
    }
}

/// What goes into a certificate.
pub(crate) fn params(name: &str, subject_alt_names: &[&str]) -> CertificateParams {
    let names: Vec<String> = subject_alt_names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// What goes into the certificate of a server of these tests.
pub(crate) fn server_params() -> CertificateParams {
    params("server", &["127.0.0.1"])
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// A server that speaks TLS with its clients, and passes on what they ask.
#[derive(Clone)]
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    config: Arc<Mutex<Arc<ServerConfig>>>,
}

impl TlsServer {
    pub(crate) fn start(fake: &Fake, config: ServerConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (upstream, port) = (fake.port(), listener.local_addr().unwrap().port());
        let server = Self { port, config: Arc::new(Mutex::new(Arc::new(config))) };
        let serving = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let config = serving.config.lock().unwrap().clone();
                // A client that refuses the certificate is no fault of the server.
                thread::spawn(move || {
                    pass_on(stream.unwrap(), config, upstream).unwrap_or_default()
                });
            }
        });
        server
    }

    /// Serves new connections so from now on.
    pub(crate) fn replace(&self, config: ServerConfig) {
        *self.config.lock().unwrap() = Arc::new(config);
    }
}

/// One request, and its answer to the end.
fn pass_on(stream: TcpStream, config: Arc<ServerConfig>, upstream: u16) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if client.read_line(&mut request)? == 0 {
            return Ok(());
        }
    }
    let mut server = TcpStream::connect(("127.0.0.1", upstream))?;
    server.write_all(request.as_bytes())?;
    let mut client = client.into_inner();
    copy(&mut server, &mut client)?;
    client.conn.send_close_notify();
    client.flush()
}
