//! A token as it is on disk, and the same bytes as what a token claims.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kubepeers::testing::Claims;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    look(&Claims::of(&String::from_utf8_lossy(bytes)));
    look(&Claims::of(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(bytes))));
});

fn look(claims: &Claims) {
    if let Some((namespace, name)) = claims.service_account() {
        let subject = format!("system:serviceaccount:{namespace}:{name}");
        assert_eq!(claims.subject.as_deref(), Some(&*subject));
    }
}
