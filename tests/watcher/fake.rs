//! A fake server for behavior that a real API server does not show on demand. It answers each
//! request by a script.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use kubepeers::testing::{Config, KubeApi, Provider, Settings, connect, spawn_named};

use socket2::SockRef;

use super::eventually;

/// The response to a request.
pub(crate) enum Reply {
    /// Sends this status and body, and closes the connection.
    Body(u16, String),
    /// Does the same with another header, or compressed.
    Raw(u16, &'static str, Vec<u8>),
    /// Sends these lines, and leaves the connection open and silent.
    Open(Vec<String>),
    /// Sends this body, and serves another request on the connection.
    Kept(String),
    /// Resets the connection without a response.
    Reset,
    /// Sends a header and any bytes, and leaves the connection open.
    OpenRaw(&'static str, Vec<u8>),
    /// Sends nothing, not even headers.
    Silence,
}

/// The script gets the number of the request, from 0, and its path with the query.
type Script = dyn Fn(usize, &str) -> Reply + Send + Sync;

/// A signal from a test to its script, which waits for it however long the test takes.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<OnceLock<()>>);

impl Seen {
    pub(crate) fn now(&self) {
        self.0.set(()).unwrap();
    }

    pub(crate) fn is_so(&self) -> bool {
        self.0.get().is_some()
    }

    pub(crate) fn wait(&self) {
        self.0.wait();
    }
}

/// A request, and when it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) accept: String,
    pub(crate) encoding: String,
    pub(crate) authorization: String,
    pub(crate) at: Instant,
}

/// The server. It runs until the process ends.
pub(crate) struct Fake {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    pub(crate) fn start(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, log) = (script.clone(), log.clone());
                thread::spawn(move || answer(stream.unwrap(), &*script, &log));
            }
        });
        Self { port, asked }
    }

    /// Starts a server that returns this list, and watches that send these events and stay open.
    pub(crate) fn steady(
        list: impl Fn() -> Reply + Send + Sync + 'static,
        events: Vec<String>,
    ) -> Self {
        Self::start(
            move |_, path| if is_watch(path) { Reply::Open(events.clone()) } else { list() },
        )
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns all requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the paths of all requests so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    /// Waits for this many requests.
    #[track_caller]
    pub(crate) fn has_been_asked(&self, times: usize) {
        eventually(|| self.asked().len() >= times);
    }

    /// Waits for this many requests of one kind. Returns these without later ones.
    #[track_caller]
    pub(crate) fn has_been_asked_for(
        &self,
        times: usize,
        kind: impl Fn(&str) -> bool,
    ) -> Vec<Asked> {
        let of_kind = || {
            self.asked()
                .into_iter()
                .filter(|asked| kind(&asked.path))
                .take(times)
                .collect::<Vec<_>>()
        };
        eventually(|| of_kind().len() == times);
        of_kind()
    }

    /// Returns an observer of this server.
    pub(crate) fn provider(&self, extra: &[(&str, &str)]) -> Provider {
        provider(&format!("http://127.0.0.1:{}", self.port), "{}", extra)
    }

    /// Returns the settings of an observer of this server.
    pub(crate) fn settings(&self) -> Settings {
        config(&format!("http://127.0.0.1:{}", self.port), "{}", &[]).complete().unwrap()
    }

    /// Returns an observer of this server with this user of a kubeconfig.
    pub(crate) fn provider_of(&self, user: &str) -> Provider {
        provider(&format!("http://127.0.0.1:{}", self.port), user, &[])
    }
}

pub(crate) fn is_watch(path: &str) -> bool {
    path.contains("watch=true")
}

pub(crate) fn is_list(path: &str) -> bool {
    !is_watch(path)
}

/// Checks the backoff: each pause is at least half of its step, and the steps double. A suspended
/// test makes them longer.
#[track_caller]
pub(crate) fn come_later_each_time(asked: &[Asked]) {
    for (two, step) in asked.windows(2).zip((0..).map(|i| Duration::from_millis(200 << i))) {
        assert!(two[1].at - two[0].at >= step / 2, "{asked:?}");
    }
}

/// Returns an observer of a server with this user of a kubeconfig.
pub(crate) fn provider(server: &str, user: &str, extra: &[(&str, &str)]) -> Provider {
    Provider::new(config(server, user, extra), Arc::new(KubeApi { spawn: spawn_named, connect }))
        .unwrap()
}

/// Returns the configuration of that observer.
pub(crate) fn config(server: &str, user: &str, extra: &[(&str, &str)]) -> Config {
    let path = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep().join("kubeconfig");
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         clusters: [{{name: k, cluster: {{server: '{server}'}}}}], \
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}], users: [{{name: u, user: {user}}}]}}"
    );
    std::fs::write(&path, kubeconfig).unwrap();
    let mut config = config_in_pod(&[]);
    for (key, value) in [("kubeconfig", path.to_str().unwrap())].iter().chain(extra) {
        config.set(key, value).unwrap();
    }
    config
}

/// Returns the configuration of an observer with the service account of its pod.
pub(crate) fn config_in_pod(extra: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    let required = [
        ("namespace", "ns"),
        ("discovery_port_name", "gossip"),
        ("remoting_port_name", "remoting"),
        ("peers_port_name", "peers"),
        ("pod_labels", "app=demo"),
        ("membership", "observer"),
        // No request here takes this long.
        ("request_timeout_ms", "60000"),
    ];
    for (key, value) in required.iter().chain(extra) {
        config.set(key, value).unwrap();
    }
    config
}

fn answer(mut stream: TcpStream, script: &Script, log: &Mutex<Vec<Asked>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    while let Some(path) = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)) {
        let headers: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let header = |name| {
            headers.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
        };
        let (accept, encoding, authorization) =
            (header("accept: "), header("accept-encoding: "), header("authorization: "));
        let number = {
            let mut log = log.lock().unwrap();
            log.push(Asked {
                path: path.clone(),
                accept,
                encoding,
                authorization,
                at: Instant::now(),
            });
            log.len() - 1
        };
        // The client may be gone by now, which is not an error.
        if !matches!(reply(&mut stream, script(number, &path)), Ok(true)) {
            return;
        }
    }
}

/// Returns whether the connection serves another request.
fn reply(stream: &mut TcpStream, reply: Reply) -> std::io::Result<bool> {
    match reply {
        Reply::Body(status, body) => {
            write_all(stream, status, "Connection: close", body.as_bytes())?
        }
        Reply::Raw(status, header, body) => {
            write_all(stream, status, &format!("Connection: close\r\n{header}"), &body)?;
        }
        Reply::Open(events) => {
            let _ = write_all(stream, 200, "X: y", events.concat().as_bytes());
            hold(stream)?;
        }
        Reply::OpenRaw(header, events) => {
            let _ = write_all(stream, 200, header, &events);
            hold(stream)?;
        }
        Reply::Kept(body) => {
            write_all(stream, 200, &format!("Content-Length: {}", body.len()), body.as_bytes())?;
            return Ok(true);
        }
        Reply::Reset => SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?,
        Reply::Silence => hold(stream)?,
    }
    Ok(false)
}

fn write_all(
    stream: &mut TcpStream,
    status: u16,
    headers: &str,
    body: &[u8],
) -> std::io::Result<()> {
    let json =
        if headers.contains("Content-Type") { "" } else { "Content-Type: application/json\r\n" };
    write!(stream, "HTTP/1.1 {status} X\r\n{json}{headers}\r\n\r\n")?;
    stream.write_all(body)
}

/// Waits until the client closes the connection.
fn hold(stream: &TcpStream) -> std::io::Result<()> {
    BufReader::new(stream).lines().for_each(drop);
    Ok(())
}

/// Returns a watch event of a Running pod.
pub(crate) fn event(kind: &str, name: &str, ip: &str, resource_version: u32) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{}}}\n", pod(name, ip, resource_version))
}

/// Returns a Running pod.
pub(crate) fn pod(name: &str, ip: &str, resource_version: u32) -> String {
    serde_json::json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": resource_version.to_string()},
        "spec": {"containers": [{"ports": [{"name": "gossip", "containerPort": 3322}]}]},
        "status": {"phase": "Running", "podIP": ip}
    })
    .to_string()
}

/// Returns a bookmark.
pub(crate) fn bookmark(resource_version: u32) -> String {
    let metadata = serde_json::json!({"resourceVersion": resource_version.to_string()});
    serde_json::json!({"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}})
        .to_string()
        + "\n"
}

/// Returns a page of Running pods. There are more if `next` is not empty.
pub(crate) fn page(pods: &[String], next: &str, resource_version: u32) -> Reply {
    Reply::Body(200, page_text(pods, next, resource_version))
}

/// Returns a list of Running pods.
pub(crate) fn list(pods: &[(&str, &str)], resource_version: u32) -> Reply {
    let pods: Vec<String> = pods.iter().map(|(name, ip)| pod(name, ip, 1)).collect();
    page(&pods, "", resource_version)
}

/// Returns the text of a page.
pub(crate) fn page_text(pods: &[String], next: &str, resource_version: u32) -> String {
    let metadata =
        serde_json::json!({"resourceVersion": resource_version.to_string(), "continue": next});
    format!("{{\"kind\":\"PodList\",\"metadata\":{metadata},\"items\":[{}]}}", pods.join(","))
}

/// Returns the Status object of a refused request.
pub(crate) fn status(code: u16, message: &str) -> String {
    serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
        "reason": "X"})
    .to_string()
}
