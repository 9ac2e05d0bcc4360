//! Who we are to the API server, and the client that goes with it.

mod files;
pub(in crate::kube_api) mod kubeconfig;
mod service_account;

use kube::Config;
use secrecy::ExposeSecret;

use self::service_account::ServiceAccount;
use crate::kube_api::client::{HttpClient, Sent};
use crate::kube_api::error::{ApiError, ErrorClass};

use crate::config::Source;
use crate::error::{Error, Result};
use crate::identity::Claims;
use crate::panics::{self, Place};
use crate::runtime::blocking;

/// The credentials, and the client made of them.
pub struct Credentials {
    origin: Origin,
    claims: Claims,
    client: Option<HttpClient>,
    sent: Sent,
}

enum Origin {
    ServiceAccount(ServiceAccount),
    /// Where it was read from, and what it says.
    Kubeconfig(String, Box<Config>),
}

impl Credentials {
    /// Finds the API server and reads the credentials, so that what is missing is said at once.
    pub fn find(source: &Source, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let (origin, claims) = match source {
            Source::ServiceAccount(dir) => {
                let account = ServiceAccount::find(dir, variable)?;
                let claims = account.claims();
                (Origin::ServiceAccount(account), claims)
            }
            Source::Kubeconfig(path, context) => {
                let config = kubeconfig::load(path, context.clone())?;
                (Origin::Kubeconfig(path.display().to_string(), Box::new(config)), Claims::default())
            }
        };
        Ok(Self { origin, claims, client: None, sent: Sent::default() })
    }

    /// What the token says about its holder; nothing for a kubeconfig.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// A client with the credentials as they are now. The same one for as long as they are the same.
    pub(in crate::kube_api) async fn current_client(&mut self) -> std::result::Result<HttpClient, ApiError> {
        if let Origin::ServiceAccount(account) = &mut self.origin
            && account.read_again()?
        {
            self.client = None;
        }
        if self.client.is_none() {
            self.client = Some(self.new_client().await?);
        }
        Ok(self.client.clone().expect("just made"))
    }

    async fn new_client(&self) -> std::result::Result<HttpClient, ApiError> {
        Ok(match &self.origin {
            Origin::ServiceAccount(account) => HttpClient::new(account.config()?, self.sent.clone())
                .map_err(|e| files::no_credentials(format!("the service account cannot be used: {e}")))?,
            // A kubeconfig may run a login plugin, which may hang: not on the thread that close has to join.
            Origin::Kubeconfig(path, config) => {
                let (config, sent) = ((**config).clone(), self.sent.clone());
                let login = move || {
                    panics::here(Place::Login);
                    HttpClient::new(config, sent)
                };
                let no_thread = |e| ApiError::new(ErrorClass::Resources, format!("cannot log in: {e}"));
                blocking(login).await.map_err(no_thread)?.map_err(|e| {
                    let why = || format!("the kubeconfig {path} cannot be used: {}", kubeconfig::why(&e));
                    files::no_descriptors().unwrap_or_else(|| files::no_credentials(why()))
                })?
            }
        })
    }

    /// They were refused: a plugin is to log in anew.
    pub(in crate::kube_api) fn forget(&mut self) {
        self.client = None;
    }

    /// Makes the next request on a new connection.
    pub(in crate::kube_api) fn use_new_connections(&self) {
        if let Some(client) = &self.client {
            client.connections().renew();
        }
    }

    /// A text of the server as it may be shown: servers and proxies have been seen to echo what they were sent.
    pub(in crate::kube_api) fn redact(&self, text: &str) -> String {
        let secrets = match &self.origin {
            Origin::ServiceAccount(account) => [Some(account.token()), None],
            Origin::Kubeconfig(_, config) => {
                let auth = &config.auth_info;
                [&auth.token, &auth.password].map(|secret| secret.as_ref().map(ExposeSecret::expose_secret))
            }
        };
        let sent = self.sent.secret();
        let secrets = secrets.into_iter().chain([sent.as_deref()]).flatten().filter(|secret| !secret.is_empty());
        let text = secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "[secret]"));
        without_authorization(&text)
    }

    /// For messages.
    pub(in crate::kube_api) fn server(&self) -> String {
        match &self.origin {
            Origin::ServiceAccount(account) => account.server().to_string(),
            Origin::Kubeconfig(path, _) => format!("of kubeconfig {path}"),
        }
    }

    /// Where the CA comes from, for messages.
    pub(in crate::kube_api) fn ca(&self) -> String {
        match &self.origin {
            Origin::ServiceAccount(account) => account.ca_file().display().to_string(),
            Origin::Kubeconfig(path, _) => path.clone(),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("server", &self.server()).finish_non_exhaustive()
    }
}

/// What follows the name of a scheme is a secret, wherever it came from.
fn without_authorization(text: &str) -> String {
    let mut shown = String::new();
    let mut secret = false;
    for word in text.split_inclusive(' ') {
        shown.push_str(if secret { "[secret] " } else { word });
        secret = word.ends_with("Bearer ") || word.ends_with("Basic ");
    }
    shown.trim_end().to_owned()
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let class = if error.is_retryable() { ErrorClass::Resources } else { ErrorClass::Credentials };
        ApiError::new(class, error.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echoed_header_is_not_shown() {
        let said = "you sent authorization: Bearer s3cr3t to me, and Basic dTpzM2NyM3Q=";
        assert_eq!(without_authorization(said), "you sent authorization: Bearer [secret] to me, and Basic [secret]");
        assert_eq!(without_authorization("nothing like that"), "nothing like that");
    }
}
