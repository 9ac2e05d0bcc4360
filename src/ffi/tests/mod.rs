//! What only Miri shows: that each export keeps to the pointers and lifetimes that the header
//! promises. `tests/c` checks what the exports do, with the real library.

#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "this is the host, which keeps to the header"
)]

pub(super) mod fake;

use std::ffi::{CStr, c_char};
use std::ptr::null_mut;
use std::thread;

use super::*;
use crate::status::Status;

const A_MINUTE: i32 = 60_000;
const NO_ERROR: *mut *mut kubepeers_error = null_mut();

/// A copy of a string of the library.
fn text(text: *const c_char) -> String {
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().into()
}

fn config_of(namespace: &CStr) -> *mut kubepeers_config {
    let config = kubepeers_config_new();
    for (key, value) in [
        (c"namespace", namespace),
        (c"discovery_port_name", c"gossip"),
        (c"pod_labels", c"app=test"),
        (c"log", c"debug"),
    ] {
        // Freed after the call: the library copies its arguments.
        let (key, value) = (key.to_owned(), value.to_owned());
        assert_eq!(
            unsafe { kubepeers_config_set(config, key.as_ptr(), value.as_ptr(), NO_ERROR) },
            0
        );
    }
    config
}

/// The configuration is freed before the provider is used.
fn provider_of(namespace: &CStr) -> kubepeers_provider {
    let (config, mut provider) = (config_of(namespace), 0);
    unsafe {
        assert_eq!(kubepeers_init(config, &raw mut provider, NO_ERROR), 0);
        kubepeers_config_free(config);
    }
    provider
}

fn registered() -> kubepeers_provider {
    let provider = provider_of(c"default");
    assert_eq!(unsafe { kubepeers_register(provider, A_MINUTE, NO_ERROR) }, 0);
    provider
}

fn close(provider: kubepeers_provider) {
    assert_eq!(unsafe { kubepeers_close(provider, NO_ERROR) }, 0);
}

/// Calls with a place for a result, which the call writes.
fn result<T>(call: impl Fn(*mut *mut T) -> kubepeers_status) -> *mut T {
    let mut result = null_mut();
    assert_eq!(call(&raw mut result), 0);
    result
}

/// Calls without a place for the error and with one, reads the error, and frees it.
fn fails(expected: Status, call: impl Fn(*mut *mut kubepeers_error) -> kubepeers_status) -> String {
    let mut error = null_mut();
    assert_eq!((call(NO_ERROR), call(&raw mut error)), (expected.code(), expected.code()));
    unsafe {
        assert_eq!(kubepeers_error_status(error), expected.code());
        let message = text(kubepeers_error_message(error));
        let manifest = kubepeers_error_manifest(error);
        assert!(manifest.is_null() || text(manifest) == "kind: Role\n");
        assert!(kubepeers_error_http_status(error) < 600);
        assert!(kubepeers_error_is_retryable(error) < 2);
        kubepeers_error_free(error);
        message
    }
}

/// All texts of a peer, or `None` past the end.
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
fn init_reads_and_writes_its_provider() {
    let (config, mut provider) = (config_of(c"default"), registered());
    let (live, place) = (provider, &raw mut provider);
    unsafe {
        fails(Status::AlreadyInitialized, |error| kubepeers_init(config, place, error));
        assert_eq!((*place, kubepeers_deregister(live, NO_ERROR)), (live, 0));
        close(live);
        assert_eq!(kubepeers_init(config, place, NO_ERROR), 0);
        assert_ne!(*place, live);
        close(*place);
        kubepeers_config_free(config);
    }
}

#[test]
fn objects_outlive_their_provider_and_each_other() {
    let (provider, mut level, mut at) = (registered(), 0, 0);
    let places = (&raw mut level, &raw mut at);
    unsafe {
        let peers = result(|peers| kubepeers_discover_peers(provider, A_MINUTE, peers, NO_ERROR));
        let own = result(|own| kubepeers_get_self(provider, A_MINUTE, own, NO_ERROR));
        let generation = kubepeers_peers_generation(peers);
        assert_eq!((generation, kubepeers_generation(provider)), (1, 1));
        fails(Status::Timeout, |error| kubepeers_wait(provider, 1, 0, &mut null_mut(), error));
        assert_eq!(kubepeers_refresh(provider, &mut 0, A_MINUTE, NO_ERROR), 0);
        let newer = result(|peers| kubepeers_wait(provider, generation, A_MINUTE, peers, NO_ERROR));
        let three =
            result(|peers| kubepeers_wait_for_peers(provider, 3, 0, A_MINUTE, peers, NO_ERROR));
        let health = result(|health| kubepeers_get_health(provider, health, NO_ERROR));
        let json =
            result(|text| kubepeers_explain(provider, KUBEPEERS_EXPLAIN_JSON, text, NO_ERROR));
        let metrics = result(|text| kubepeers_metrics(provider, text, NO_ERROR));
        let record =
            result(|text| kubepeers_log_next(provider, places.0, places.1, text, NO_ERROR));
        close(provider);
        kubepeers_peers_free(newer);
        kubepeers_peers_free(own);
        assert_eq!(peer(three, 2).unwrap()[2], "p3");
        kubepeers_peers_free(three);
        assert_eq!(
            peer(peers, 0).unwrap(),
            ["10.0.0.1:3322", "10.0.0.1", "p1", "uid-p1", "node-1", "r1"]
        );
        assert_eq!(numbers(peers, 1), [3322, 0, 0, 0]);
        for past in [2, usize::MAX, usize::MAX / 5 + 1] {
            assert_eq!((peer(peers, past), numbers(peers, past)), (None, [0; 4]));
        }
        kubepeers_peers_free(peers);
        assert!(kubepeers_health_age_ms(health) >= 0 && kubepeers_health_error(health).is_null());
        assert_eq!(
            (kubepeers_health_is_stale(health), kubepeers_health_is_polling(health)),
            (0, 0)
        );
        assert!(kubepeers_health_is_watching(health) < 2);
        kubepeers_health_free(health);
        assert!(text(json).starts_with('{') && text(metrics).contains("kubepeers_peers{"));
        assert!(
            text(record).contains("discovering pods")
                && *places.0 == KUBEPEERS_LOG_INFO
                && *places.1 > 0
        );
        for text in [json, metrics, record] {
            kubepeers_text_free(text);
        }
    }
}

#[test]
fn the_error_of_a_health_record_lives_as_long() {
    let provider = provider_of(c"forbidden");
    unsafe {
        assert_eq!(kubepeers_register(provider, 0, NO_ERROR), 0);
        let fails = || {
            fails(Status::NotSynced, |error| {
                kubepeers_discover_peers(provider, 0, &mut null_mut(), error)
            })
        };
        while !fails().contains("no\u{fffd} Role") {
            thread::yield_now();
        }
        let health = result(|health| kubepeers_get_health(provider, health, NO_ERROR));
        close(provider);
        let error = kubepeers_health_error(health);
        assert_eq!(
            (kubepeers_error_status(error), kubepeers_error_http_status(error)),
            (Status::Forbidden.code(), 403)
        );
        assert_eq!(text(kubepeers_error_message(error)), "no\u{fffd} Role");
        assert_eq!(text(kubepeers_health_error_class(health)), "forbidden");
        kubepeers_health_free(health);
    }
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
    let list =
        result(|peers| unsafe { kubepeers_discover_peers(provider, A_MINUTE, peers, NO_ERROR) });
    let shared = Shared(list);
    thread::scope(|scope| {
        let other = scope.spawn(|| texts(&shared));
        assert_eq!(texts(&shared), other.join().unwrap());
    });
    unsafe { kubepeers_peers_free(list) };
    close(provider);
}

#[test]
fn close_ends_a_wait_and_may_come_at_any_time() {
    let provider = registered();
    let wait = || {
        fails(Status::Closed, |error| unsafe {
            kubepeers_wait(provider, u64::MAX, A_MINUTE, &mut null_mut(), error)
        })
    };
    thread::scope(|scope| {
        scope.spawn(wait);
        scope.spawn(|| close(provider));
        close(provider);
    });
}

#[test]
fn addresses_are_copied_if_there_is_room() {
    let (provider, mut length, mut generation) = (registered(), 0, 0);
    let places = (&raw mut length, &raw mut generation);
    let copy = |buffer: &mut [u8]| unsafe {
        let (start, size) = (buffer.as_mut_ptr().cast(), buffer.len());
        assert_eq!(
            kubepeers_copy_addresses(
                provider, 0, A_MINUTE, start, size, places.0, places.1, NO_ERROR
            ),
            0
        );
        (*places.0, *places.1)
    };
    let mut buffer = [7; 30];
    assert_eq!((copy(&mut buffer[..27]), buffer), ((28, 1), [7; 30]));
    assert_eq!(copy(&mut buffer), (28, 1));
    assert_eq!(&buffer, b"10.0.0.1:3322\x0010.0.0.2:3322\x00\x07\x07");
    close(provider);
}

#[test]
fn doctor_writes_its_texts_which_outlive_the_configuration() {
    let config = config_of(c"forbidden");
    let (mut report, mut manifest) = (null_mut(), null_mut());
    unsafe {
        let form = KUBEPEERS_DOCTOR_TEXT;
        let place = &raw mut report;
        assert_eq!(kubepeers_doctor(config, A_MINUTE, form, place, &raw mut manifest, NO_ERROR), 0);
        let other = result(|text| {
            kubepeers_doctor(config, 0, KUBEPEERS_DOCTOR_JSON, text, null_mut(), NO_ERROR)
        });
        let invalid = |config, form, text| {
            fails(Status::InvalidArgument, |error| {
                kubepeers_doctor(config, 0, form, text, null_mut(), error)
            })
        };
        assert!(invalid(std::ptr::null(), form, place).contains("`config` is NULL"));
        assert!(invalid(config, form, null_mut()).contains("`text` is NULL"));
        assert!(invalid(config, 0, place).contains("`form` is 0"));
        kubepeers_config_free(config);
        assert!(text(report).starts_with("WRONG list: "), "{}", text(report));
        assert_eq!(text(manifest), "kind: Role\n");
        assert!(text(other).starts_with("{\"outcome\":\"wr"), "{}", text(other));
        for text in [report, manifest, other] {
            kubepeers_text_free(text);
        }
    }
}

#[test]
fn static_strings() {
    for status in Status::ALL {
        assert_eq!(text(kubepeers_status_name(status.code())), status.name());
    }
    assert_eq!(text(kubepeers_status_name(Status::Timeout.code())), "TIMEOUT");
    assert_eq!(text(kubepeers_status_name(1)), "UNKNOWN");
    assert_eq!(
        text(kubepeers_version()) + &text(kubepeers_id()),
        concat!(env!("CARGO_PKG_VERSION"), "kubernetes")
    );
    assert_eq!(kubepeers_version_number(), KUBEPEERS_VERSION_NUMBER);
}
