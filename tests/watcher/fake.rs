//! A server for what a real API server won't do on demand: it answers each request as a script says.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use kubepeers::testing::{Config, KubeApi, Provider, Settings, connect, spawn_named};

use socket2::SockRef;

use super::eventually;

/// What to answer a request with.
pub(crate) enum Reply {
    /// This status and body, then the connection is closed.
    Body(u16, String),
    /// The same with another header, or compressed.
    Raw(u16, &'static str, Vec<u8>),
    /// These lines, and the connection stays open, silent.
    Open(Vec<String>),
    /// This body, and the connection serves another request.
    Kept(String),
    /// The connection is reset without an answer.
    Reset,
    /// The same with a header and any bytes.
    OpenRaw(&'static str, Vec<u8>),
    /// Not even headers.
    Silence,
}

/// The script: the number of the request, from 0, and its path with the query.
type Script = dyn Fn(usize, &str) -> Reply + Send + Sync;

/// That a test has seen what it wants to see: before that a script does not go on, however long the test takes.
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

/// What the server was asked, and when: no later than it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) accept: String,
    pub(crate) encoding: String,
    pub(crate) authorization: String,
    pub(crate) at: Instant,
}

/// Runs until the process ends.
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

    /// Gives this list, then watches that tell these events and stay open.
    pub(crate) fn steady(list: impl Fn() -> Reply + Send + Sync + 'static, events: Vec<String>) -> Self {
        Self::start(move |_, path| if is_watch(path) { Reply::Open(events.clone()) } else { list() })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The paths asked for so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.path).collect()
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub(crate) fn has_been_asked(&self, times: usize) {
        eventually(|| self.asked().len() >= times);
    }

    /// Waits until so many requests of one kind have come; gives these, without any that came later.
    #[track_caller]
    pub(crate) fn has_been_asked_for(&self, times: usize, kind: impl Fn(&str) -> bool) -> Vec<Asked> {
        let of_kind = || self.asked().into_iter().filter(|asked| kind(&asked.path)).take(times).collect::<Vec<_>>();
        eventually(|| of_kind().len() == times);
        of_kind()
    }

    /// A provider that is no pod and asks this server.
    pub(crate) fn provider(&self, extra: &[(&str, &str)]) -> Provider {
        provider(&format!("http://127.0.0.1:{}", self.port), "{}", extra)
    }

    /// A configuration that asks this server.
    pub(crate) fn settings(&self) -> Settings {
        config(&format!("http://127.0.0.1:{}", self.port), "{}", &[]).complete().unwrap()
    }

    /// The same as this user.
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

/// Backoff: each wait has at least half of its step, and the steps double. Whatever stands still makes them longer.
#[track_caller]
pub(crate) fn come_later_each_time(asked: &[Asked]) {
    for (two, step) in asked.windows(2).zip((0..).map(|i| Duration::from_millis(200 << i))) {
        assert!(two[1].at - two[0].at >= step / 2, "{asked:?}");
    }
}

/// A provider that is no pod and asks a server as this user of a kubeconfig.
pub(crate) fn provider(server: &str, user: &str, extra: &[(&str, &str)]) -> Provider {
    Provider::new(config(server, user, extra), Arc::new(KubeApi { spawn: spawn_named, connect })).unwrap()
}

/// Its configuration.
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

/// The configuration of a provider that is no pod, with the service account of the pod it runs in.
pub(crate) fn config_in_pod(extra: &[(&str, &str)]) -> Config {
    let mut config = Config::default();
    let required = [
        ("namespace", "ns"),
        ("discovery_port_name", "gossip"),
        ("remoting_port_name", "remoting"),
        ("peers_port_name", "peers"),
        ("pod_labels", "app=demo"),
        ("membership", "observer"),
        // Longer than anything here takes.
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
        let header = |name| headers.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        let (accept, encoding, authorization) =
            (header("accept: "), header("accept-encoding: "), header("authorization: "));
        let number = {
            let mut log = log.lock().unwrap();
            log.push(Asked { path: path.clone(), accept, encoding, authorization, at: Instant::now() });
            log.len() - 1
        };
        // A client that is gone by now is no fault of the test.
        if !matches!(reply(&mut stream, script(number, &path)), Ok(true)) {
            return;
        }
    }
}

/// Returns whether the connection serves another request.
fn reply(stream: &mut TcpStream, reply: Reply) -> std::io::Result<bool> {
    match reply {
        Reply::Body(status, body) => write_all(stream, status, "Connection: close", body.as_bytes())?,
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

fn write_all(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> std::io::Result<()> {
    let json = if headers.contains("Content-Type") { "" } else { "Content-Type: application/json\r\n" };
    write!(stream, "HTTP/1.1 {status} X\r\n{json}{headers}\r\n\r\n")?;
    stream.write_all(body)
}

/// Until the client closes.
fn hold(stream: &TcpStream) -> std::io::Result<()> {
    BufReader::new(stream).lines().for_each(drop);
    Ok(())
}

/// A watch event of a Running pod.
pub(crate) fn event(kind: &str, name: &str, ip: &str, resource_version: u32) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{}}}\n", pod(name, ip, resource_version))
}

/// A Running pod.
pub(crate) fn pod(name: &str, ip: &str, resource_version: u32) -> String {
    serde_json::json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": resource_version.to_string()},
        "spec": {"containers": [{"ports": [{"name": "gossip", "containerPort": 3322}]}]},
        "status": {"phase": "Running", "podIP": ip}
    })
    .to_string()
}

/// A bookmark.
pub(crate) fn bookmark(resource_version: u32) -> String {
    let metadata = serde_json::json!({"resourceVersion": resource_version.to_string()});
    serde_json::json!({"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", "metadata": metadata}})
        .to_string()
        + "\n"
}

/// A list of Running pods, of which there are more if `next` is not empty.
pub(crate) fn page(pods: &[String], next: &str, resource_version: u32) -> Reply {
    Reply::Body(200, page_text(pods, next, resource_version))
}

/// A list of Running pods.
pub(crate) fn list(pods: &[(&str, &str)], resource_version: u32) -> Reply {
    let pods: Vec<String> = pods.iter().map(|(name, ip)| pod(name, ip, 1)).collect();
    page(&pods, "", resource_version)
}

/// The text of a page.
pub(crate) fn page_text(pods: &[String], next: &str, resource_version: u32) -> String {
    let metadata = serde_json::json!({"resourceVersion": resource_version.to_string(), "continue": next});
    format!("{{\"kind\":\"PodList\",\"metadata\":{metadata},\"items\":[{}]}}", pods.join(","))
}

/// What the API server says when it refuses something.
pub(crate) fn status(code: u16, message: &str) -> String {
    serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message,
        "reason": "X"})
    .to_string()
}
