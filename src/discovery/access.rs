//! What files and environment say about the API server and the credentials, for a diagnosis. It
//! holds no secret.

/// The way to the API server, as far as files and environment describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The API server, if it is known.
    pub server: Option<Server>,
    /// How the library decides whether to trust the API server.
    pub trust: Trust,
    /// The CA certificates that cannot be used, and why.
    pub skipped: Option<String>,
    /// What identifies this process to the API server.
    pub login: Login,
}

/// The address of an API server. User names and passwords of a URL are not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Server {
    pub scheme: String,
    pub host: String,
    pub port: u16,
}

/// How the library decides whether to trust the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The files do not show it.
    #[default]
    Unknown,
    /// By the certificates of this CA: its description for messages.
    Ca(String),
    /// It trusts every server: `insecure-skip-tls-verify`.
    Everyone,
    /// The connection does not use TLS.
    NoTls,
}

/// What identifies this process to the API server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Login {
    /// The files do not show it.
    #[default]
    Unknown,
    /// The directory of the service account has no token.
    NoToken,
    /// A token.
    Token(Token),
    /// A client certificate of the kubeconfig.
    ClientCertificate,
    /// A user name and a password of the kubeconfig.
    Password,
    /// A login plugin of the kubeconfig.
    Plugin,
    /// The kubeconfig has no credentials.
    Nothing,
}

/// What a token says about itself. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// The namespace and the name of the service account.
    pub service_account: Option<(String, String)>,
    /// The pod that the token is bound to.
    pub pod: Option<String>,
    /// When the token expires, in seconds since 1970.
    pub expires: Option<i64>,
}
