//! The memory of a process stays below 64 MB, whatever a server sends.
//!
//! Each client runs in a process of its own, of which the kernel measures the peak.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use kubepeers::testing::{
    Config, Form, KubeApi, Provider, Timeout, connect, peer_texts, spawn_named,
};

const LIMIT_MB: f64 = 64.0;
/// More than any bound, so that an unbounded reader needs more than the limit.
const ENDLESS: usize = 96 << 20;

/// Writes the body of an answer; the number of the list or watch counts from 0.
type Body = fn(&mut dyn Write, usize) -> std::io::Result<()>;

/// A server that misbehaves in one way.
struct Case {
    name: &'static str,
    /// Of lists and of watches.
    headers: [&'static str; 2],
    list: Body,
    /// `None` for watches that are fine.
    watch: Option<Body>,
}

const PLAIN: &str = "Content-Type: application/json";
const PROTOBUF: &str = "Content-Type: application/vnd.kubernetes.protobuf;stream=watch";
const GZIP: &str = "Content-Type: application/json\r\nContent-Encoding: gzip";

const CASES: &[Case] = &[
    Case { name: "an endless list of pods", headers: [PLAIN; 2], list: endless_pods, watch: None },
    Case {
        name: "an endless list of names alone",
        headers: [PLAIN; 2],
        list: endless_small_pods,
        watch: None,
    },
    Case {
        name: "an endless list in a gzip bomb",
        headers: [GZIP, PLAIN],
        list: bomb,
        watch: None,
    },
    Case { name: "lists with a key of 8 MB", headers: [PLAIN; 2], list: long_key, watch: None },
    Case {
        name: "node names of 4 MB",
        headers: [PLAIN; 2],
        list: long_node_names,
        watch: Some(long_node_name_events),
    },
    Case {
        name: "thousands of ports",
        headers: [PLAIN; 2],
        list: many_ports,
        watch: Some(many_ports_events),
    },
    Case {
        name: "millions of containers",
        headers: [PLAIN; 2],
        list: many_containers,
        watch: None,
    },
    Case {
        name: "an endless watch of new pods",
        headers: [PLAIN; 2],
        list: few_pods,
        watch: Some(endless_events),
    },
    Case {
        name: "a watch without the end of a line",
        headers: [PLAIN; 2],
        list: few_pods,
        watch: Some(endless_line),
    },
    Case {
        name: "events with millions of values",
        headers: [PLAIN; 2],
        list: few_pods,
        watch: Some(deep_events),
    },
    Case {
        name: "events in protobuf with millions of containers",
        headers: [PLAIN, PROTOBUF],
        list: few_pods,
        watch: Some(protobuf_events),
    },
    Case {
        name: "full lists of ever other pods",
        headers: [PLAIN; 2],
        list: other_pods,
        watch: None,
    },
    Case {
        name: "full lists of pods that change",
        headers: [PLAIN; 2],
        list: changing_pods,
        watch: Some(changes),
    },
];

#[test]
fn memory_is_bounded_against_any_server() {
    if let Ok(port) = std::env::var(PORT) {
        return client(port.parse().unwrap());
    }
    let mut too_much = Vec::new();
    for case in CASES {
        let [peak, peers] = run_client(serve(case), case.watch.is_none());
        println!("{peak:5.1} MB, {peers} peers: {}", case.name);
        if peak >= LIMIT_MB {
            too_much.push(case.name);
        }
    }
    assert!(too_much.is_empty(), "{too_much:?}");
}

/// Runs the client in a process of its own, and returns the peak of its memory in MB, and the most
/// peers that it had.
fn run_client(port: u16, lists_only: bool) -> [f64; 2] {
    let mut client = Command::new(std::env::current_exe().unwrap());
    client
        .args(["--exact", "memory_is_bounded_against_any_server", "--nocapture"])
        .env(PORT, port.to_string());
    if lists_only {
        client.env(LISTS_ONLY, "");
    }
    let output = client.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    ["peak ", "peers "].map(|name| {
        text.lines().find_map(|line| line.strip_prefix(name)).expect(&text).parse().unwrap()
    })
}

/// The port of the server, in the environment of a client.
const PORT: &str = "KUBEPEERS_TEST_PORT";
/// Set if only lists misbehave. A caller that wants lists would end watches.
const LISTS_ONLY: &str = "KUBEPEERS_TEST_LISTS_ONLY";

fn client(port: u16) {
    let provider = provider(port);
    let _ = provider.register(Timeout::AtMost(Duration::ZERO));
    let mut most_peers = 0;
    // The server has been met in every state by then.
    while lists(&provider) < 4 {
        if std::env::var_os(LISTS_ONLY).is_some() {
            let _ = provider.refresh(&mut 0, Timeout::AtMost(Duration::from_secs(1)));
        }
        // A caller that reads all texts there are.
        if let Ok(peers) = provider.discover_peers(Timeout::AtMost(Duration::ZERO)) {
            most_peers = most_peers.max(peers.len());
            (0..peers.len()).for_each(|i| {
                black_box((
                    peer_texts::address(&peers, i),
                    peer_texts::text(&peers, i, peer_texts::Field::Name),
                ));
            });
        }
        let _ = black_box((provider.explain(Form::Json), provider.metrics(), provider.health()));
        let _ = black_box(provider.explain(Form::Table));
        thread::sleep(Duration::from_millis(200));
    }
    println!("\npeak {}\npeers {most_peers}", peak_mb());
}

/// How many lists the provider has begun.
fn lists(provider: &Provider) -> u32 {
    let metrics = provider.metrics().unwrap();
    let sample = |line: &&str| {
        line.starts_with("kubepeers_requests_total{") && line.contains("verb=\"list\"")
    };
    metrics.lines().find(sample).unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

fn provider(port: u16) -> Provider {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("kubeconfig");
    let kubeconfig = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, \
         clusters: [{{name: k, cluster: {{server: 'http://127.0.0.1:{port}'}}}}], \
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}], users: [{{name: u, user: {{}}}}]}}"
    );
    std::fs::write(&path, kubeconfig).unwrap();
    let mut config = Config::default();
    for (key, value) in [
        ("namespace", "ns"),
        ("discovery_port_name", "gossip"),
        ("remoting_port_name", "remoting"),
        ("peers_port_name", "peers"),
        ("pod_labels", "app=demo"),
        ("membership", "observer"),
        ("kubeconfig", path.to_str().unwrap()),
        ("log", "debug"),
    ] {
        config.set(key, value).unwrap();
    }
    let provider =
        Provider::new(config, Arc::new(KubeApi { spawn: spawn_named, connect })).unwrap();
    // It is read by register.
    let _ = folder.keep();
    provider
}

/// Runs until the process ends.
fn serve(case: &'static Case) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let counts = Arc::new([const { AtomicUsize::new(0) }; 2]);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, counts) = (stream.unwrap(), counts.clone());
            thread::spawn(move || {
                answer(stream, case, |watch| counts[watch].fetch_add(1, Ordering::Relaxed))
            });
        }
    });
    port
}

fn answer(stream: TcpStream, case: &Case, number: impl Fn(usize) -> usize) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let watch = usize::from(request.contains("watch=true"));
    let silent: Body = |_, _| Ok(());
    let body = [case.list, case.watch.unwrap_or(silent)][watch];
    let mut to = std::io::BufWriter::with_capacity(64 << 10, &stream);
    // A client that has seen enough closes.
    let _ = write!(to, "HTTP/1.1 200 OK\r\n{}\r\nConnection: close\r\n\r\n", case.headers[watch])
        .and_then(|()| body(&mut to, number(watch)))
        .and_then(|()| to.flush());
    if watch == 1 && case.watch.is_none() {
        let _ = BufReader::new(&stream).lines().count();
    }
}

fn list(
    to: &mut dyn Write,
    pods: impl Iterator<Item = String>,
    resource_version: usize,
) -> std::io::Result<()> {
    write!(
        to,
        r#"{{"kind":"PodList","metadata":{{"resourceVersion":"{resource_version}"}},"items":["#
    )?;
    for (number, pod) in pods.enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(to, "{comma}{pod}")?;
    }
    write!(to, "]}}")
}

fn events(to: &mut dyn Write, pods: impl Iterator<Item = String>) -> std::io::Result<()> {
    pods.into_iter().try_for_each(|pod| writeln!(to, r#"{{"type":"ADDED","object":{pod}}}"#))
}

/// A pod with texts as long as they may be.
fn pod(number: usize, ready: bool) -> String {
    let node = "n".repeat(253);
    pod_with(number, &format!(r#""nodeName":"{node}","containers":[{}]"#, container(1)), ready)
}

fn pod_with(number: usize, spec: &str, ready: bool) -> String {
    let (name, revision) = ("p".repeat(240), "r".repeat(63));
    let ip = format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    format!(
        r#"{{"metadata":{{"name":"{name}{number}","uid":"{number:0>128}","resourceVersion":"{}","labels":{{"pod-template-hash":"{revision}"}}}},"spec":{{{spec}}},"status":{{"phase":"Running","podIP":"{ip}","startTime":"2026-01-01T00:00:00Z","conditions":[{{"type":"Ready","status":"{}"}}]}}}}"#,
        number + 8,
        if ready { "True" } else { "False" },
    )
}

fn container(ports: usize) -> String {
    let ports: Vec<String> =
        (1..=ports).map(|n| format!(r#"{{"name":"gossip{n}","containerPort":{n}}}"#)).collect();
    format!(r#"{{"ports":[{{"name":"gossip","containerPort":3322}},{}]}}"#, ports.join(","))
}

fn few_pods(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    list(to, (0..3).map(|number| pod(number, true)), 7)
}

fn endless_pods(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    list(to, (0..).map(|number| pod(number, true)), 7)
}

fn endless_small_pods(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    let pod = |n| format!(r#"{{"metadata":{{"name":"a","uid":"{n}","resourceVersion":"1"}}}}"#);
    list(to, (0..).map(pod), 7)
}

fn bomb(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    let mut encoder = GzEncoder::new(to, Compression::best());
    let small = pod_with(0, "", true);
    list(&mut encoder, (0..).map(|number| small.replace("0000", &format!("{number:0>4}"))), 7)
}

/// A key with an escape, which the parser copies, in every other list.
fn long_key(to: &mut dyn Write, number: usize) -> std::io::Result<()> {
    if number.is_multiple_of(2) {
        return other_pods(to, number);
    }
    write!(to, r#"{{"\u006e{}":0}}"#, "n".repeat(8_000_000))
}

fn long_node_names(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    list(to, (0..200).map(long_node_name), 7)
}

fn long_node_name_events(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    events(to, (0..200).map(long_node_name))
}

/// Every other one is small enough to be read.
fn long_node_name(number: usize) -> String {
    let length = if number.is_multiple_of(2) { 4_000_000 } else { 4_200_000 };
    pod_with(number, &format!(r#""nodeName":"\u006e{}""#, "n".repeat(length)), true)
}

fn many_ports(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    list(
        to,
        (0..4000)
            .map(|number| pod_with(number, &format!(r#""containers":[{}]"#, container(250)), true)),
        7,
    )
}

fn many_ports_events(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    events(
        to,
        (0..4000).map(|number| {
            pod_with(number, &format!(r#""containers":[{}]"#, container(5000)), true)
        }),
    )
}

fn many_containers(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    let containers = vec!["{}"; 1_300_000].join(",");
    list(
        to,
        (0..20).map(|number| pod_with(number, &format!(r#""containers":[{containers}]"#), true)),
        7,
    )
}

fn endless_events(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    events(to, (0..).map(|number| pod(number, true)))
}

fn endless_line(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    (0..ENDLESS >> 16).try_for_each(|_| to.write_all(&[b'x'; 1 << 16]))
}

/// Values that a reader keeps for later if the type of the event comes after its object.
fn deep_events(to: &mut dyn Write, number: usize) -> std::io::Result<()> {
    let values = vec!["0"; 2_000_000].join(",");
    let kind = ["ADDED", "ERROR"][number % 2];
    writeln!(
        to,
        r#"{{"object":{{"metadata":[{values}],"details":{{"causes":[{values}]}}}},"type":"{kind}"}}"#
    )
}

/// Pods with almost 4 MiB of containers that say nothing, in the form that takes the fewest bytes.
fn protobuf_events(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    let containers = b"\x12\x00".repeat(2_000_000);
    for number in 0..50 {
        let metadata =
            [field(1, b"a"), field(5, format!("u{number}").as_bytes()), field(6, b"9")].concat();
        let pod = [field(1, &metadata), field(2, &containers)].concat();
        let types = field(1, &[field(1, b"v1"), field(2, b"Pod")].concat());
        let object = [b"k8s\0", &*types, &field(2, &pod)].concat();
        let event = [field(1, b"ADDED"), field(2, &field(1, &object))].concat();
        to.write_all(&(event.len() as u32).to_be_bytes())?;
        to.write_all(&event)?;
    }
    // Then one that cannot be read, so that the pods are listed again.
    to.write_all(&[0xff; 8])
}

/// A field of protobuf whose value is some bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = value.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(value);
    bytes
}

/// As many as fit, none of which was in the list before.
fn other_pods(to: &mut dyn Write, number: usize) -> std::io::Result<()> {
    list(to, (0..FULL).map(|pod_number| pod(number * FULL + pod_number, true)), 7 + number)
}

/// The same pods, each different from what it was.
fn changing_pods(to: &mut dyn Write, number: usize) -> std::io::Result<()> {
    list(to, (0..FULL).map(|pod_number| pod(pod_number, number.is_multiple_of(2))), 7 + number)
}

fn changes(to: &mut dyn Write, _: usize) -> std::io::Result<()> {
    events(
        to,
        (0..FULL).map(|number| pod(number, number.is_multiple_of(3)).replace("2026-01", "2027-01")),
    )
}

/// About as many of the largest pods as fit.
const FULL: usize = 6_000;
