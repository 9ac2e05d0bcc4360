//! Every export as a host calls it, over a fake API server; Miri runs this too.

#![allow(clippy::undocumented_unsafe_blocks, reason = "this is the host, which keeps to the header")]

pub(super) mod fake;
mod host;

use std::io::Read;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::ptr::{null, null_mut};
use std::thread;

use super::*;
use crate::status::Status;
use host::{A_MINUTE, config_of, fails, given, gives_nothing, list, ok, provider_of, registered, text};

/// Returns all fields of a peer, or `None` past the end.
fn peer(peers: *const kubepeers_peers, index: usize) -> Option<[String; 6]> {
    let texts = unsafe {
        [
            kubepeers_peers_address(peers, index),
            kubepeers_peers_host(peers, index),
            kubepeers_peers_name(peers, index),
            kubepeers_peers_uid(peers, index),
            kubepeers_peers_node_name(peers, index),
            kubepeers_peers_revision(peers, index),
        ]
    };
    let exists = index < unsafe { kubepeers_peers_len(peers) };
    assert!(texts.iter().all(|text| text.is_null() != exists));
    exists.then(|| texts.map(text))
}

fn numbers(peers: *const kubepeers_peers, index: usize) -> [i32; 4] {
    unsafe {
        [
            kubepeers_peers_discovery_port(peers, index).into(),
            kubepeers_peers_remoting_port(peers, index).into(),
            kubepeers_peers_peers_port(peers, index).into(),
            kubepeers_peers_is_ready(peers, index),
        ]
    }
}

#[test]
fn functions_that_cannot_fail_accept_null() {
    unsafe {
        assert_eq!((kubepeers_peers_len(null()), kubepeers_peers_generation(null())), (0, 0));
        assert_eq!((peer(null(), 0), numbers(null(), 0)), (None, [0; 4]));
        assert_eq!((kubepeers_health_age_ms(null()), kubepeers_health_is_stale(null())), (-1, 1));
        assert_eq!(kubepeers_health_is_polling(null()), 0);
        assert!(kubepeers_health_error(null()).is_null());
        assert_eq!(text(kubepeers_health_error_class(null())), "");
        assert_eq!((kubepeers_error_status(null()), text(kubepeers_error_message(null()))), (0, String::new()));
        assert_eq!((kubepeers_error_is_retryable(null()), kubepeers_error_http_status(null())), (0, 0));
        kubepeers_config_free(null_mut());
        kubepeers_peers_free(null_mut());
        kubepeers_health_free(null_mut());
        kubepeers_text_free(null_mut());
        kubepeers_error_free(null_mut());
    }
}

#[test]
fn required_null_is_invalid_argument() {
    let (config, mut provider, live) = (config_of("default"), 0, registered());
    let invalid = |call: &dyn Fn(*mut *mut kubepeers_error) -> kubepeers_status| {
        assert!(fails(Status::InvalidArgument, call).ends_with("is NULL"));
    };
    let key = c"namespace".as_ptr();
    unsafe {
        invalid(&|error| kubepeers_config_set(null_mut(), key, key, error));
        invalid(&|error| kubepeers_config_set(config, null(), key, error));
        invalid(&|error| kubepeers_config_set(config, key, null(), error));
        invalid(&|error| kubepeers_init(config, null_mut(), error));
        let place = &raw mut provider;
        invalid(&|error| kubepeers_init(null(), place, error));
        invalid(&|error| kubepeers_discover_peers(live, 0, null_mut(), error));
        invalid(&|error| kubepeers_wait(live, 0, 0, null_mut(), error));
        invalid(&|error| kubepeers_wait_for_peers(live, 0, 0, 0, null_mut(), error));
        invalid(&|error| kubepeers_get_health(live, null_mut(), error));
        invalid(&|error| kubepeers_explain(live, KUBEPEERS_EXPLAIN_JSON, null_mut(), error));
        invalid(&|error| kubepeers_metrics(live, null_mut(), error));
        invalid(&|error| kubepeers_change_fd(live, null_mut(), error));
        invalid(&|error| kubepeers_log_next(live, null_mut(), null_mut(), null_mut(), error));
        kubepeers_config_free(config);
    }
    ok(|error| unsafe { kubepeers_close(live, error) });
}

#[test]
fn invalid_texts_and_numbers_are_refused() {
    let (config, provider) = (config_of("default"), registered());
    let long = std::ffi::CString::new(vec![b'a'; 5000]).unwrap();
    unsafe {
        let set = |key: *const _, value: *const _| move |error| kubepeers_config_set(config, key, value, error);
        fails(Status::InvalidUtf8, set(c"\xff".as_ptr(), c"x".as_ptr()));
        fails(Status::InvalidUtf8, set(c"namespace".as_ptr(), c"a\xc3".as_ptr()));
        fails(Status::UnknownKey, set(c"name_space".as_ptr(), c"x".as_ptr()));
        fails(Status::UnknownKey, set(long.as_ptr(), long.as_ptr()));
        fails(Status::InvalidConfig, set(c"namespace".as_ptr(), long.as_ptr()));
        for form in [0, 3, -1, i32::MAX, i32::MIN] {
            gives_nothing(Status::InvalidArgument, |text, error| kubepeers_explain(provider, form, text, error));
        }
        gives_nothing(Status::InvalidArgument, |peers, error| {
            kubepeers_wait_for_peers(provider, 0, -1, 0, peers, error)
        });
        kubepeers_config_free(config);
    }
    ok(|error| unsafe { kubepeers_close(provider, error) });
}

/// Every call on this provider but close.
fn all_fail(expected: Status, provider: kubepeers_provider) {
    unsafe {
        fails(expected, |error| kubepeers_register(provider, 0, error));
        gives_nothing(expected, |peers, error| kubepeers_discover_peers(provider, 0, peers, error));
        gives_nothing(expected, |peers, error| kubepeers_wait(provider, 1, 0, peers, error));
        gives_nothing(expected, |peers, error| kubepeers_wait_for_peers(provider, 1, 0, 0, peers, error));
        fails(expected, |error| kubepeers_refresh(provider, null_mut(), 0, error));
        gives_nothing(expected, |health, error| kubepeers_get_health(provider, health, error));
        gives_nothing(expected, |text, error| kubepeers_explain(provider, KUBEPEERS_EXPLAIN_TABLE, text, error));
        gives_nothing(expected, |text, error| kubepeers_metrics(provider, text, error));
        fails(expected, |error| kubepeers_deregister(provider, error));
        let (mut length, mut generation, mut fd) = (7, 7, -7);
        let places = (&raw mut length, &raw mut generation, &raw mut fd);
        fails(expected, |error| kubepeers_copy_addresses(provider, 0, 0, null_mut(), 0, places.0, places.1, error));
        fails(expected, |error| kubepeers_change_fd(provider, places.2, error));
        assert_eq!((length, generation, fd), (7, 7, -7));
        gives_nothing(expected, |text, error| kubepeers_log_next(provider, null_mut(), null_mut(), text, error));
    }
    assert_eq!(kubepeers_generation(provider), 0);
}

#[test]
fn invalid_and_closed_providers_are_refused() {
    all_fail(Status::NotInitialized, 0);
    ok(|error| unsafe { kubepeers_close(0, error) });
    for forged in [1, 42, u64::MAX, 1 << 55, 1 << 63] {
        all_fail(Status::InvalidHandle, forged);
        fails(Status::InvalidHandle, |error| unsafe { kubepeers_close(forged, error) });
    }
    let provider = registered();
    for _ in 0..2 {
        ok(|error| unsafe { kubepeers_close(provider, error) });
        all_fail(Status::Closed, provider);
    }
}

#[test]
fn provider_lives_from_init_to_close() {
    let provider = registered();
    let peers = list(provider);
    let generation = unsafe { kubepeers_peers_generation(peers) };
    assert_eq!((generation, kubepeers_generation(provider)), (1, 1));
    assert_eq!(peer(peers, 0).unwrap(), ["10.0.0.1:3322", "10.0.0.1", "p1", "uid-p1", "node-1", "r1"]);
    assert_eq!(numbers(peers, 1), [3322, 0, 0, 0]);
    for past in [2, usize::MAX, usize::MAX / 5 + 1] {
        assert_eq!((peer(peers, past), numbers(peers, past)), (None, [0; 4]));
    }
    unsafe {
        fails(Status::AlreadyRegistered, |error| kubepeers_register(provider, 0, error));
        gives_nothing(Status::Timeout, |peers, error| kubepeers_wait(provider, generation, 0, peers, error));
        gives_nothing(Status::Timeout, |peers, error| kubepeers_wait_for_peers(provider, 9, 0, 0, peers, error));
        ok(|error| kubepeers_refresh(provider, null_mut(), A_MINUTE, error));
        let newer = given(|peers, error| kubepeers_wait(provider, generation, A_MINUTE, peers, error));
        let three = given(|peers, error| kubepeers_wait_for_peers(provider, 3, 0, A_MINUTE, peers, error));
        ok(|error| kubepeers_close(provider, error));
        assert!(kubepeers_peers_len(newer) > 2 && kubepeers_peers_len(three) > 2 && kubepeers_peers_len(peers) == 2);
        kubepeers_peers_free(newer);
        assert_eq!(peer(three, 2).unwrap()[2], "p3");
        kubepeers_peers_free(three);
        assert_eq!(peer(peers, 1).unwrap()[0], "10.0.0.2:3322");
        kubepeers_peers_free(peers);
    }
}

#[test]
fn health_and_texts_are_returned() {
    let provider = registered();
    unsafe {
        let health = given(|health, error| kubepeers_get_health(provider, health, error));
        let json = given(|text, error| kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, text, error));
        let metrics = given(|text, error| kubepeers_metrics(provider, text, error));
        ok(|error| kubepeers_close(provider, error));
        assert!(kubepeers_health_age_ms(health) >= 0 && kubepeers_health_error(health).is_null());
        assert_eq!((kubepeers_health_is_stale(health), kubepeers_health_is_polling(health)), (0, 0));
        kubepeers_health_free(health);
        assert!(text(json).starts_with('{') && text(metrics).contains("kubepeers_peers{"));
        kubepeers_text_free(json);
        kubepeers_text_free(metrics);
    }
}

#[test]
fn errors_of_the_watcher_are_statuses() {
    unsafe {
        let unknown = provider_of("unknown");
        assert_eq!(fails(Status::NoCredentials, |error| kubepeers_register(unknown, 0, error)), "there are none");
        let forbidden = provider_of("forbidden");
        let message = fails(Status::Forbidden, |error| kubepeers_register(forbidden, A_MINUTE, error));
        assert_eq!(message, "no\u{fffd} Role");
        let broken = provider_of("broken");
        assert!(fails(Status::Internal, |error| kubepeers_register(broken, A_MINUTE, error)).ends_with("broken"));
        for provider in [unknown, forbidden, broken] {
            all_but_register_fail(provider);
            ok(|error| kubepeers_close(provider, error));
        }
    }
}

fn all_but_register_fail(provider: kubepeers_provider) {
    unsafe {
        gives_nothing(Status::NotRegistered, |peers, error| kubepeers_discover_peers(provider, 0, peers, error));
        fails(Status::NotRegistered, |error| kubepeers_deregister(provider, error));
    }
}

#[test]
fn init_refuses_a_live_provider() {
    let (config, mut provider, empty) = (config_of("default"), registered(), kubepeers_config_new());
    let live = provider;
    unsafe {
        let place = &raw mut provider;
        fails(Status::AlreadyInitialized, |error| kubepeers_init(config, place, error));
        ok(|error| kubepeers_deregister(live, error));
        ok(|error| kubepeers_register(live, A_MINUTE, error));
        ok(|error| kubepeers_close(live, error));
        fails(Status::InvalidConfig, |error| kubepeers_init(empty, place, error));
        assert_eq!(*place, live);
        ok(|error| kubepeers_init(config, place, error));
        assert_ne!(*place, live);
        ok(|error| kubepeers_close(*place, error));
        kubepeers_config_free(config);
        kubepeers_config_free(empty);
    }
}

#[test]
fn log_next_returns_and_removes_records() {
    let (provider, mut level, mut at) = (provider_logging(), 0, 0);
    let places = (&raw mut level, &raw mut at);
    unsafe {
        ok(|error| kubepeers_register(provider, A_MINUTE, error));
        let record = given(|text, error| kubepeers_log_next(provider, places.0, places.1, text, error));
        assert!(text(record).contains("looking for pods") && *places.0 == KUBEPEERS_LOG_INFO && *places.1 > 0);
        kubepeers_text_free(record);
        ok(|error| kubepeers_close(provider, error));
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no ioctl for sockets")]
fn a_descriptor_is_readable_at_once() {
    let (provider, mut fd, mut bytes) = (provider_of("default"), -1, [0; 8]);
    let place = &raw mut fd;
    ok(|error| unsafe { kubepeers_change_fd(provider, place, error) });
    let mut changes = unsafe { UnixStream::from_raw_fd(fd) };
    assert!(changes.read(&mut bytes).unwrap() > 0);
    ok(|error| unsafe { kubepeers_close(provider, error) });
    assert_eq!(changes.read(&mut bytes).unwrap(), 0);
}

fn provider_logging() -> kubepeers_provider {
    let (config, mut provider) = (config_of("default"), 0);
    unsafe {
        ok(|error| kubepeers_config_set(config, c"log".as_ptr(), c"debug".as_ptr(), error));
        ok(|error| kubepeers_init(config, &raw mut provider, error));
        kubepeers_config_free(config);
    }
    provider
}

/// A list as another thread may have it.
struct Shared(*const kubepeers_peers);
unsafe impl Sync for Shared {}

fn texts(list: &Shared) -> Vec<Option<[String; 6]>> {
    (0..3).map(|index| peer(list.0, index)).collect()
}

#[test]
fn two_threads_read_one_list() {
    let provider = registered();
    let (first, second) = (list(provider), list(provider));
    let shared = Shared(first);
    thread::scope(|scope| {
        let other = scope.spawn(|| texts(&shared));
        assert_eq!(texts(&Shared(second)), other.join().unwrap());
    });
    unsafe {
        kubepeers_peers_free(first);
        ok(|error| kubepeers_close(provider, error));
        kubepeers_peers_free(second);
    }
}

#[test]
fn close_ends_a_wait_at_any_time() {
    let provider = registered();
    thread::scope(|scope| {
        for timeout in [i32::MAX, A_MINUTE] {
            scope.spawn(move || {
                gives_nothing(Status::Closed, |peers, error| unsafe {
                    kubepeers_wait(provider, u64::MAX, timeout, peers, error)
                });
            });
        }
        scope.spawn(move || unsafe { kubepeers_close(provider, null_mut()) });
        ok(|error| unsafe { kubepeers_close(provider, error) });
    });
    all_fail(Status::Closed, provider);
}

#[test]
fn copy_addresses_copies_only_if_the_buffer_is_large_enough() {
    let provider = registered();
    let (mut length, mut generation) = (0, 0);
    let places = (&raw mut length, &raw mut generation);
    let copy = |known, buffer: &mut [u8]| unsafe {
        let (start, size) = (buffer.as_mut_ptr().cast(), buffer.len());
        ok(|error| kubepeers_copy_addresses(provider, known, A_MINUTE, start, size, places.0, places.1, error));
        (*places.0, *places.1)
    };
    let mut buffer = [7; 30];
    assert_eq!((copy(0, &mut buffer[..27]), buffer), ((28, 1), [7; 30]));
    assert_eq!((copy(1, &mut buffer), buffer), ((0, 1), [7; 30]));
    assert_eq!(copy(0, &mut buffer), (28, 1));
    assert_eq!(&buffer, b"10.0.0.1:3322\x0010.0.0.2:3322\x00\x07\x07");
    ok(|error| unsafe { kubepeers_close(provider, error) });
}

#[test]
fn functions_without_an_object_work() {
    assert_eq!(text(kubepeers_status_name(Status::Timeout.code())), "TIMEOUT");
    assert_eq!(text(kubepeers_status_name(i32::MIN)), "UNKNOWN");
    assert_eq!(
        (text(kubepeers_version()), text(kubepeers_id())),
        (env!("CARGO_PKG_VERSION").into(), "kubernetes".into())
    );
    assert_eq!(kubepeers_version_number(), KUBEPEERS_VERSION_NUMBER);
}
