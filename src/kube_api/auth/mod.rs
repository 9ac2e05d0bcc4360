//! The credentials for the API server, and the client that uses them.

mod ca_bundle;
mod describe;
mod exec;
mod files;
pub(in crate::kube_api) mod kubeconfig;
#[cfg(feature = "cli")]
pub(in crate::kube_api) mod process;
mod service_account;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

pub(in crate::kube_api) use self::describe::describe;
use self::exec::LoginError;
use self::kubeconfig::Kubeconfig;
use self::service_account::ServiceAccount;
use crate::kube_api::client::{HttpClient, Sent};
use crate::kube_api::error::{ApiError, ErrorClass};

use crate::config::Source;
use crate::discovery::identity::Claims;
use crate::error::{Error, Result};
use crate::kube_api::runtime::blocking;
use crate::panics::{self, Place};

/// A login is renewed this long before it expires.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_secs(60);

/// The credentials, and the client made of them.
pub struct Credentials {
    origin: Origin,
    claims: Claims,
    client: Option<HttpClient>,
    /// When the login expires that `client` was made with.
    expires: Option<Timestamp>,
    sent: Sent,
    /// The environment variable that names a proxy, which this library does not use.
    proxy: Option<&'static str>,
    warn: Box<Warn>,
    /// The last warning.
    warned: Option<String>,
}

/// Reports a sentence to the operator.
pub(in crate::kube_api) type Warn = dyn Fn(String) + Send + Sync;

enum Origin {
    ServiceAccount(ServiceAccount),
    Kubeconfig(Kubeconfig),
}

impl Credentials {
    /// Finds the API server and reads the credentials, so that the caller learns at once what is
    /// missing.
    pub fn find(source: &Source, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let (origin, claims) = match source {
            Source::ServiceAccount(dir) => {
                let account = ServiceAccount::find(dir, variable)?;
                let claims = account.claims();
                (Origin::ServiceAccount(account), claims)
            }
            Source::Kubeconfig(path, context) => {
                (Origin::Kubeconfig(Kubeconfig::load(path, context.clone())?), Claims::default())
            }
        };
        let proxy =
            ["HTTPS_PROXY", "https_proxy"].into_iter().find(|name| variable(name).is_some());
        Ok(Self {
            origin,
            claims,
            client: None,
            expires: None,
            sent: Sent::default(),
            proxy,
            warn: Box::new(|_| {}),
            warned: None,
        })
    }

    /// Sends warnings there from now on.
    pub(in crate::kube_api) fn warn_through(&mut self, warn: Box<Warn>) {
        self.warn = warn;
    }

    /// Returns the claims of the token, or none for a kubeconfig.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the namespace of the service account, or of the kubeconfig's context.
    pub fn namespace(&self) -> Result<String> {
        match &self.origin {
            Origin::ServiceAccount(account) => account.namespace(),
            Origin::Kubeconfig(kubeconfig) => kubeconfig.namespace(),
        }
    }

    /// Returns a client with the current credentials. It is the same one for as long as they are
    /// the same.
    pub(in crate::kube_api) async fn current_client(
        &mut self,
    ) -> std::result::Result<HttpClient, ApiError> {
        if let Origin::ServiceAccount(account) = &mut self.origin
            && account.read_again()?
        {
            self.client = None;
        }
        if self.expires.is_some_and(|expires| Timestamp::now() + RENEW_BEFORE >= expires) {
            self.client = None;
        }
        if self.client.is_none() {
            self.warn_of_skipped();
            let (client, expires) = self.new_client().await?;
            (self.client, self.expires) = (Some(client), expires);
        }
        Ok(self.client.clone().expect("just made"))
    }

    /// Reports CA certificates that cannot be used, once for as long as they are the same.
    fn warn_of_skipped(&mut self) {
        let skipped = self
            .skipped()
            .map(|skipped| format!("{} is used in part: skipped {skipped}", self.ca()));
        if skipped != self.warned {
            if let Some(skipped) = &skipped {
                (self.warn)(skipped.clone());
            }
            self.warned = skipped;
        }
    }

    async fn new_client(&self) -> std::result::Result<(HttpClient, Option<Timestamp>), ApiError> {
        Ok(match &self.origin {
            Origin::ServiceAccount(account) => {
                let unusable = |e| {
                    let why = kubeconfig::why(&e);
                    files::no_credentials(format!("the service account cannot be used: {why}"))
                };
                (HttpClient::new(account.config()?, self.sent.clone()).map_err(unusable)?, None)
            }
            Origin::Kubeconfig(Kubeconfig { path, config, .. }) => {
                let (mut config, sent) = ((**config).clone(), self.sent.clone());
                let no_thread =
                    |e| ApiError::new(ErrorClass::Resources, format!("cannot log in: {e}"));
                let unusable = |why| {
                    let unusable = || {
                        files::no_credentials(format!(
                            "the kubeconfig {path} cannot be used: {why}"
                        ))
                    };
                    ApiError::from(files::no_descriptors().unwrap_or_else(unusable))
                };
                let expires = exec::log_in(&mut config).await.map_err(|error| match error {
                    LoginError::Plugin(why) => unusable(why),
                    LoginError::NoThread(error) => no_thread(error),
                })?;
                // It reads files, which may hang: not on the thread that close has to join.
                let client = blocking(move || {
                    panics::here(Place::Login);
                    HttpClient::new(config, sent).map_err(|e| kubeconfig::why(&e))
                });
                (client.await.map_err(no_thread)?.map_err(unusable)?, expires)
            }
        })
    }

    /// Forgets the login, which the API server refused. A plugin logs in again.
    pub(in crate::kube_api) fn forget(&mut self) {
        self.client = None;
    }

    /// Makes the next request on a new connection.
    pub(in crate::kube_api) fn use_new_connections(&self) {
        if let Some(client) = &self.client {
            client.connections().renew();
        }
    }

    /// Removes the credentials from a text of the server: servers and proxies have been seen to
    /// echo what they were sent.
    pub(in crate::kube_api) fn redact(&self, text: &str) -> String {
        let secrets = match &self.origin {
            Origin::ServiceAccount(account) => [Some(account.token()), None],
            Origin::Kubeconfig(kubeconfig) => {
                let auth = &kubeconfig.config.auth_info;
                [&auth.token, &auth.password]
                    .map(|secret| secret.as_ref().map(ExposeSecret::expose_secret))
            }
        };
        let sent = self.sent.secret();
        let secrets = secrets
            .into_iter()
            .chain([sent.as_deref()])
            .flatten()
            .filter(|secret| !secret.is_empty());
        let text = secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"));
        without_authorization(&text)
    }

    /// Returns a description of the server for messages.
    pub(in crate::kube_api) fn server(&self) -> String {
        match &self.origin {
            Origin::ServiceAccount(account) => account.server().to_string(),
            Origin::Kubeconfig(kubeconfig) => format!("of kubeconfig {}", kubeconfig.path),
        }
    }

    /// Returns a description of the trusted CA for messages.
    pub(in crate::kube_api) fn ca(&self) -> String {
        match &self.origin {
            Origin::ServiceAccount(account) => account.ca(),
            Origin::Kubeconfig(kubeconfig) => kubeconfig.ca(),
        }
    }

    /// Returns advice for messages if that CA is not the CA of the server.
    pub(in crate::kube_api) fn ca_advice(&self) -> &'static str {
        match &self.origin {
            Origin::ServiceAccount(_) => "check that this is the CA of this cluster",
            Origin::Kubeconfig(kubeconfig) if kubeconfig.config.root_cert.is_some() => {
                "check that the `certificate-authority` of the kubeconfig is the CA of this cluster"
            }
            Origin::Kubeconfig(_) => {
                "set `certificate-authority` in the kubeconfig to the CA of the cluster"
            }
        }
    }

    /// Returns the CA certificates that cannot be used, for messages.
    pub(in crate::kube_api) fn skipped(&self) -> Option<String> {
        match &self.origin {
            Origin::ServiceAccount(account) => account.skipped(),
            Origin::Kubeconfig(kubeconfig) => kubeconfig.skipped.clone(),
        }
    }

    /// Returns a hint for messages if the API server cannot be reached.
    pub(in crate::kube_api) fn proxy_hint(&self) -> String {
        self.proxy.map_or_else(String::new, |name| {
            format!("; this library does not use the proxy in {name}: allow direct connections to the API server")
        })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("server", &self.server()).finish_non_exhaustive()
    }
}

/// Removes the secret after the name of a scheme, whatever its source.
fn without_authorization(text: &str) -> String {
    let is_blank = |c: char| c.is_whitespace() || c.is_control();
    let mut shown = String::new();
    let mut follows_scheme = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (blanks, words) = rest.split_at(rest.find(|c| !is_blank(c)).unwrap_or(rest.len()));
        let (word, after) = words.split_at(words.find(is_blank).unwrap_or(words.len()));
        let is_scheme = names_scheme(word);
        let is_secret = follows_scheme && !is_scheme && !is_noun(word) && !word.is_empty();
        shown.push_str(blanks);
        shown.push_str(if is_secret { "[secret]" } else { word });
        (rest, follows_scheme) = (after, is_scheme);
    }
    shown.trim_end().to_owned()
}

/// Returns whether the word ends with a scheme of HTTP, such as in `authorization:bearer`.
fn names_scheme(word: &str) -> bool {
    let word = word.trim_end_matches([':', '=', '"', '\'']).to_ascii_lowercase();
    word.ends_with("bearer") || word.ends_with("basic")
}

/// Returns whether the word follows a scheme in a sentence, such as in `invalid bearer token`.
fn is_noun(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
    ["token", "tokens", "auth", "authentication", "authorization"]
        .iter()
        .any(|noun| word.eq_ignore_ascii_case(noun))
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let class =
            if error.is_retryable() { ErrorClass::Resources } else { ErrorClass::Credentials };
        ApiError::caused_by(class, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_header_is_not_shown() {
        let said = "you sent authorization: Bearer s3cr3t to me, and Basic dTpzM2NyM3Q=";
        assert_eq!(
            without_authorization(said),
            "you sent authorization: Bearer [secret] to me, and Basic [secret]"
        );
        for same in
            ["nothing like that", "a  b", "", "basics of bearer", "invalid bearer token, expired"]
        {
            assert_eq!(without_authorization(same), same);
        }
        for said in [
            "Bearer  s3cr3t",
            "bearer s3cr3t",
            "BASIC\ts3cr3t",
            "Bearer\n s3cr3t",
            "x:Bearer \u{a0} s3cr3t",
            "\"Bearer s3cr3t\"",
            "{authorization:bearer s3cr3t}",
            "Bearer: s3cr3t",
            "Bearer Bearer s3cr3t",
        ] {
            let shown = without_authorization(said);
            assert!(!shown.contains("s3cr3t") && shown.contains("[secret]"), "{said:?}: {shown:?}");
        }
    }
}
