//! A server that vanishes silently: the test takes down its own network namespace.

use std::process::Command;

use kubepeers::testing::{Provider, Status};

use super::fake::{Fake, list};
use super::{LONG, addresses, eventually, first, metric};

const INSIDE: &str = "KUBEPEERS_TEST_IN_NAMESPACE";
/// SIOCSIFFLAGS of the loopback device: IFF_UP or nothing. It uses Python, because not every
/// machine has `ip`.
const SET_LOOPBACK: &str = "import fcntl, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', int(sys.argv[1])))";

fn set_loopback(flags: &str) {
    assert!(Command::new("python3").args(["-c", SET_LOOPBACK, flags]).status().unwrap().success());
}

/// Without the timers of the connection, only the silence of the watch would show it, after four
/// minutes.
#[test]
fn a_server_that_vanishes_is_noticed_by_its_connection() {
    if std::env::var_os(INSIDE).is_some() {
        return vanish();
    }
    let test = [
        "blackhole::a_server_that_vanishes_is_noticed_by_its_connection",
        "--exact",
        "--nocapture",
    ];
    let inside = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(test)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[inside.stdout, inside.stderr].concat()).into_owned();
    assert!(
        inside.status.success() && said.contains("1 passed"),
        "is `unshare --user --net` allowed here? {said}"
    );
}

/// Returns the first error in the log.
fn failure(provider: &Provider) -> String {
    let mut told = String::new();
    eventually(|| {
        let record = provider.log().next();
        told = record.map(|record| record.message).unwrap_or_default();
        !told.is_empty()
    });
    told
}

fn vanish() {
    set_loopback("1");
    let fake = Fake::steady(|| list(&[("a", "10.0.0.1")], 5), vec![]);
    let provider = fake.provider(&[("log", "warn")]);
    assert_eq!(first(&provider), ["10.0.0.1"]);
    // Before that, the request would time out.
    eventually(|| metric(&provider, "watching") == 1.0);
    set_loopback("0");
    // Health soon reports the error of the next attempt, which has no network.
    let failure = failure(&provider);
    assert!(failure.contains("does not answer") && !failure.contains("silent"), "{failure}");
    assert_eq!(provider.health().unwrap().last_error.unwrap().error.status(), Status::Unavailable);
    assert_eq!(addresses(&provider.discover_peers(LONG).unwrap()), ["10.0.0.1"]);
    set_loopback("1");
    // The network is back, and the watch resumes.
    fake.has_been_asked(3);
    assert!(fake.paths()[2].contains("resourceVersion=5"), "{:?}", fake.paths());
}
