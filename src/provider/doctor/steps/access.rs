//! From the credentials to the permissions. The class of an error says which step it belongs to.

use std::time::UNIX_EPOCH;

use super::{API_SERVER, CREDENTIALS, LIST, LOGIN, TLS, WATCH};
use crate::config::Source;
use crate::discovery::access::{Login, Server, Token, Trust};
use crate::discovery::sink::{LOGIN_HANGS, LastError};
use crate::error::Error;
use crate::provider::doctor::fixes;
use crate::provider::doctor::observe::{Connected, Observed, Progress};
use crate::provider::doctor::report::{Fix, State, Step};
use crate::provider::doctor::words::{advice, advice_on, limit, span};
use crate::status::Status;

/// Where an error belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Credentials,
    Connection,
    Tls,
    /// The API server responds, but not usefully.
    Response,
    Login,
    Permission,
}

impl Place {
    fn of(failure: &LastError) -> Self {
        match failure.class {
            "credentials" => Self::Credentials,
            "timed-out" if failure.detail.starts_with(LOGIN_HANGS) => Self::Credentials,
            "no-such-host" | "unreachable" | "timed-out" | "resources" => Self::Connection,
            "tls" => Self::Tls,
            "unauthorized" => Self::Login,
            // The server answers, but does not accept the credentials.
            "forbidden" if failure.detail.contains("\"system:anonymous\"") => Self::Login,
            "forbidden" => Self::Permission,
            _ => Self::Response,
        }
    }
}

/// Returns the steps up to the first that is wrong.
pub(super) fn steps(observed: &Observed) -> Vec<Step> {
    match &observed.connection {
        Err(error) => vec![no_credentials(observed, error)],
        Ok(connected) if connected.progress.listed => listed(observed, connected),
        Ok(connected) => not_listed(observed, &connected.progress),
    }
}

fn no_credentials(observed: &Observed, error: &Error) -> Step {
    let (what, _) = advice(error.message());
    match (error.status(), &observed.settings.source) {
        (Status::NotInCluster, _) => Step::wrong(CREDENTIALS, what, fixes::not_in_cluster()),
        (Status::NoResources, _) => Step::wrong(CREDENTIALS, what, fixes::resources()),
        (_, Source::ServiceAccount(dir)) if observed.access.login == Login::NoToken => {
            let missing = format!("no service account token is mounted at {}", dir.display());
            Step::wrong(CREDENTIALS, missing, fixes::no_token(observed)).and(what)
        }
        _ => Step::wrong(CREDENTIALS, what, fixes::credentials(observed, error.message())),
    }
}

/// The pods have been listed: everything up to the permission to list succeeds.
fn listed(observed: &Observed, connected: &Connected) -> Vec<Step> {
    let lost = connected.progress.failure.as_ref().filter(|failure| {
        let Progress { watched, polling, lists_again, lists_failed, .. } = &connected.progress;
        let fails = *lists_failed || (Place::of(failure) == Place::Connection && !lists_again);
        fails && !watched && polling.is_none()
    });
    if lost.is_some_and(|failure| Place::of(failure) != Place::Connection) {
        let mut steps = not_listed(observed, &connected.progress);
        let wrong = steps.iter_mut().find(|step| step.state == State::Wrong);
        let before = "the API server has listed the pods before";
        wrong.into_iter().for_each(|step| step.facts.push(before.into()));
        return steps;
    }
    let mut steps = vec![credentials(observed)];
    steps.push(match lost {
        Some(failure) => {
            let what = format!(
                "the API server {} has listed the pods, but cannot be reached since: {}",
                server_name(observed),
                failure.detail
            );
            Step::wrong(API_SERVER, what, unreachable(observed, failure))
        }
        None => Step::ok(API_SERVER, format!("{} answers", server_name(observed))),
    });
    steps.push(tls(observed));
    steps.push(login(observed));
    steps.push(Step::ok(LIST, format!("{} may list pods{}", who(observed), within(connected))));
    if lost.is_none() {
        steps.push(watch(observed, connected));
    }
    steps
}

fn not_listed(observed: &Observed, progress: &Progress) -> Vec<Step> {
    let mut steps = vec![credentials(observed)];
    let Some(failure) = &progress.failure else {
        let what = format!(
            "the API server {} has not answered within {}",
            server_name(observed),
            limit(observed.timeout)
        );
        steps.push(Step::wrong(API_SERVER, what, fixes::unreachable(observed)));
        return steps;
    };
    let place = Place::of(failure);
    let (what, advice) = advice_on(failure);
    match place {
        Place::Credentials => {
            let fix = fixes::credentials(observed, failure.error.message());
            return vec![Step::wrong(CREDENTIALS, what, fix)];
        }
        Place::Connection => {
            steps.push(Step::wrong(API_SERVER, what, unreachable(observed, failure)));
            return steps;
        }
        Place::Response => {
            steps.push(Step::wrong(API_SERVER, what, fixes::server(observed)));
            steps.push(tls(observed));
            return steps;
        }
        Place::Tls => {
            let connects = format!("{} accepts connections", server_name(observed));
            steps.push(Step::ok(API_SERVER, connects));
            let fix = fixes::after(advice, fixes::tls(observed));
            steps.push(Step::wrong(TLS, what, fix));
            return steps;
        }
        Place::Login | Place::Permission => {
            steps.push(Step::ok(API_SERVER, format!("{} answers", server_name(observed))));
            steps.push(tls(observed));
        }
    }
    if place == Place::Login {
        steps.push(rejected(observed, failure));
    } else {
        steps.push(login(observed));
        steps.push(denied(observed, failure, LIST, Step::wrong));
    }
    steps
}

fn unreachable(observed: &Observed, failure: &LastError) -> Fix {
    let fix = match (failure.class, &observed.access.server) {
        ("resources", _) => fixes::resources(),
        ("no-such-host", Some(server)) => fixes::unresolved(&server.host),
        _ => fixes::unreachable(observed),
    };
    fixes::after(advice_on(failure).1, fix)
}

/// The credentials can be read.
fn credentials(observed: &Observed) -> Step {
    let from = match &observed.settings.source {
        Source::ServiceAccount(dir) => dir.display().to_string(),
        Source::Kubeconfig(path, context) => {
            let context =
                context.as_ref().map(|name| format!(", context {name}")).unwrap_or_default();
            format!("kubeconfig {}{context}", path.display())
        }
    };
    let step = |fact: String| Step::ok(CREDENTIALS, fact);
    let token = match &observed.access.login {
        Login::Token(token) => token,
        Login::ClientCertificate => return step(format!("a client certificate, from {from}")),
        Login::Password => return step(format!("a user name and a password, from {from}")),
        Login::Plugin => return step(format!("a login plugin, from {from}")),
        Login::Nothing => return step(format!("none, from {from}: requests are anonymous")),
        Login::Unknown | Login::NoToken => return step(format!("from {from}")),
    };
    let bound = token.pod.as_ref().map_or_else(String::new, |pod| format!(", bound to pod {pod}"));
    let fact = match &token.service_account {
        Some((namespace, name)) => {
            format!("a token of service account {namespace}/{name}{bound}, from {from}")
        }
        None => format!("a token, from {from}"),
    };
    match lifetime(observed, token) {
        None => step(fact),
        Some(left @ 1..) => step(fact).and(format!("the token expires in {}", span(left as u64))),
        Some(past) => {
            let ago = span(past.unsigned_abs());
            Step::warning(
                CREDENTIALS,
                format!("the token expired {ago} ago, by the clock of this machine"),
                fixes::login(observed),
            )
            .and(fact)
        }
    }
}

/// Returns how many seconds are left until the token expires.
fn lifetime(observed: &Observed, token: &Token) -> Option<i64> {
    let now = observed.now.duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(token.expires?.saturating_sub(i64::try_from(now).ok()?))
}

/// The API server has answered.
fn tls(observed: &Observed) -> Step {
    match &observed.access.trust {
        Trust::Everyone => Step::warning(
            TLS,
            "the certificate of the API server is not verified (`insecure-skip-tls-verify`)",
            fixes::not_verified(),
        ),
        Trust::NoTls => Step::warning(
            TLS,
            "the connection to the API server is not encrypted (http)",
            fixes::not_encrypted(),
        ),
        Trust::Ca(ca) => {
            let step = Step::ok(
                TLS,
                format!("the certificate of the API server is trusted because of {ca}"),
            );
            step.and_all(
                observed.access.skipped.iter().map(|why| format!("skipped certificates: {why}")),
            )
        }
        Trust::Unknown => Step::ok(TLS, "the API server has answered"),
    }
}

/// The API server has answered a request, or has denied it to a known user.
fn login(observed: &Observed) -> Step {
    let with = match &observed.access.login {
        Login::Token(Token { service_account: Some((namespace, name)), .. }) => {
            format!("the token of service account {namespace}/{name}")
        }
        Login::Token(_) => "the token".into(),
        Login::ClientCertificate => "the client certificate".into(),
        Login::Password => "the user name and the password".into(),
        Login::Plugin => "the credentials of the login plugin".into(),
        Login::Nothing => return Step::ok(LOGIN, "the API server answers without credentials"),
        Login::Unknown | Login::NoToken => "these credentials".into(),
    };
    Step::ok(LOGIN, format!("the API server answers requests with {with}"))
}

fn rejected(observed: &Observed, failure: &LastError) -> Step {
    let expired = match &observed.access.login {
        Login::Token(token) => lifetime(observed, token).filter(|left| *left <= 0),
        _ => None,
    };
    let what = match (expired, &observed.access.login, failure.class) {
        (Some(past), ..) => format!(
            "the API server rejects the token, which expired {} ago",
            span(past.unsigned_abs())
        ),
        (None, Login::Nothing, _) => "the API server requires credentials".into(),
        (None, _, "forbidden") => {
            "the API server does not know the user of these credentials".into()
        }
        (None, Login::Token(_), _) => "the API server rejects the token".into(),
        _ => "the API server rejects the credentials".into(),
    };
    Step::wrong(LOGIN, what, fixes::login(observed)).and(says(failure))
}

/// The API server knows the user, and denies the request.
fn denied(
    observed: &Observed,
    failure: &LastError,
    verb: &'static str,
    step: fn(&'static str, String, Fix) -> Step,
) -> Step {
    let namespace = observed.namespace().unwrap_or_default();
    let what = format!("{} may not {verb} pods in namespace {namespace}", who(observed));
    let elsewhere = observed.service_account().map(|(home, _)| home);
    let elsewhere = elsewhere.filter(|home| *home != namespace);
    step(verb, what, fixes::permission(observed, failure)).and(says(failure)).and_all(
        elsewhere.map(|home| {
            format!(
                "the service account is of namespace {home}: check that `namespace` = `{namespace}` is intended"
            )
        }),
    )
}

/// The pods can be listed. Can they be watched?
fn watch(observed: &Observed, connected: &Connected) -> Step {
    const LATE: &str = "changes are noticed late, because the pods are listed again and again";
    let Progress { watched, polling, failure, .. } = &connected.progress;
    if *watched {
        return Step::ok(WATCH, format!("{} may watch pods{}", who(observed), within(connected)));
    }
    match polling.as_ref().map_or(failure.as_ref(), Option::as_ref) {
        None if polling.is_some() => {
            let every = observed.settings.poll_interval;
            Step::ok(WATCH, format!("not used: `watch` = `poll` lists the pods every {every:?}"))
        }
        None => {
            let what = format!(
                "the API server has not answered a watch within {}",
                limit(observed.timeout)
            );
            Step::warning(WATCH, what, fixes::server(observed))
        }
        Some(failure) if failure.class == "forbidden" => {
            let mut step = denied(observed, failure, WATCH, Step::warning);
            step.facts[0].push_str(", so changes are noticed late");
            let every = observed.settings.poll_interval;
            let polled =
                polling.is_some().then(|| format!("the pods are listed every {every:?} instead"));
            step.and_all(polled)
        }
        Some(failure) => {
            let (what, _) = advice_on(failure);
            let what = format!("the pods can be listed, but not watched: {what}");
            Step::warning(WATCH, what, fixes::server(observed)).and(LATE)
        }
    }
}

fn says(failure: &LastError) -> String {
    let status = match failure.error.http_status() {
        0 => String::new(),
        status => format!(" ({status})"),
    };
    format!("the API server says{status}: {}", failure.detail)
}

fn who(observed: &Observed) -> String {
    match observed.service_account() {
        Some((namespace, name)) => format!("service account {namespace}/{name}"),
        None => "the user of these credentials".into(),
    }
}

fn within(connected: &Connected) -> String {
    format!(" in namespace {}", connected.namespace)
}

fn server_name(observed: &Observed) -> String {
    match (&observed.access.server, &observed.settings.source) {
        (Some(Server { scheme, host, port }), _) => format!("{scheme}://{host}:{port}"),
        (None, Source::Kubeconfig(path, _)) => format!("of kubeconfig {}", path.display()),
        (None, Source::ServiceAccount(_)) => "of this cluster".into(),
    }
}
