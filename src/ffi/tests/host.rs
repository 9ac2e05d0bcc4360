//! What a host does again and again.

use std::ffi::{CStr, CString, c_char};
use std::ptr::null_mut;

use super::super::*;
use crate::status::Status;

pub(super) const A_MINUTE: i32 = 60_000;

/// A complete configuration.
pub(super) fn config_of(namespace: &str) -> *mut kubepeers_config {
    let config = kubepeers_config_new();
    for (key, value) in [
        ("namespace", namespace),
        ("discovery_port_name", "gossip"),
        ("remoting_port_name", "remoting"),
        ("peers_port_name", "peers"),
        ("pod_labels", "app=test"),
    ] {
        let (key, value) = (CString::new(key).unwrap(), CString::new(value).unwrap());
        ok(|error| unsafe { kubepeers_config_set(config, key.as_ptr(), value.as_ptr(), error) });
    }
    config
}

pub(super) fn provider_of(namespace: &str) -> kubepeers_provider {
    let (config, mut provider) = (config_of(namespace), 0);
    ok(|error| unsafe { kubepeers_init(config, &raw mut provider, error) });
    unsafe { kubepeers_config_free(config) };
    provider
}

pub(super) fn registered() -> kubepeers_provider {
    let provider = provider_of("default");
    ok(|error| unsafe { kubepeers_register(provider, A_MINUTE, error) });
    provider
}

/// The call succeeds and leaves the error alone.
pub(super) fn ok(mut call: impl FnMut(*mut *mut kubepeers_error) -> kubepeers_status) {
    let mut error = null_mut();
    let status = call(&raw mut error);
    assert!(error.is_null(), "{}", text(unsafe { kubepeers_error_message(error) }));
    assert_eq!(status, 0);
}

/// Checks that the call fails with this status, with an error and without. Returns the message.
pub(super) fn fails(expected: Status, call: impl Fn(*mut *mut kubepeers_error) -> kubepeers_status) -> String {
    assert_eq!(call(null_mut()), expected.code());
    let mut error = null_mut();
    assert_eq!(call(&raw mut error), expected.code());
    unsafe {
        assert_eq!(kubepeers_error_status(error), expected.code());
        let message = text(kubepeers_error_message(error));
        assert!((0..=1).contains(&kubepeers_error_is_retryable(error)));
        assert!((0..600).contains(&kubepeers_error_http_status(error)));
        kubepeers_error_free(error);
        message
    }
}

/// What the call writes when it succeeds.
pub(super) fn given<T>(call: impl Fn(*mut *mut T, *mut *mut kubepeers_error) -> kubepeers_status) -> *mut T {
    let (mut given, mut error) = (null_mut(), null_mut());
    assert_eq!(call(&raw mut given, &raw mut error), 0);
    assert!(error.is_null() && !given.is_null());
    given
}

/// The call fails like this and leaves its result alone.
pub(super) fn gives_nothing<T>(
    expected: Status,
    call: impl Fn(*mut *mut T, *mut *mut kubepeers_error) -> kubepeers_status,
) -> String {
    fails(expected, |error| {
        let mut given = null_mut();
        let status = call(&raw mut given, error);
        assert!(given.is_null());
        status
    })
}

pub(super) fn list(provider: kubepeers_provider) -> *mut kubepeers_peers {
    given(|peers, error| unsafe { kubepeers_discover_peers(provider, A_MINUTE, peers, error) })
}

/// A copy of a text of the library.
pub(super) fn text(text: *const c_char) -> String {
    assert!(!text.is_null());
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().into()
}
