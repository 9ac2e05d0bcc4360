//! Lines of `key=value`, set one after the other. What is refused changes nothing, and says which
//! key it was.

#![no_main]

use kubepeers::testing::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut config = Config::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        set(&mut config, key, value);
    }
    if let Ok(settings) = config.complete() {
        assert!(settings.namespace.as_ref().is_none_or(|namespace| (1..=63).contains(&namespace.len())));
        assert!(!settings.selector().contains(['\n', ' ']));
    }
});

fn set(config: &mut Config, key: &str, value: &str) {
    let before = format!("{config:?}");
    let Err(error) = config.set(key, value) else { return };
    assert_eq!(format!("{config:?}"), before);
    assert!(error.message().len() < 2000, "{error}");
    let known = error.message().contains(&format!("`{key}`"));
    assert!(known || error.message().contains("is not a key"), "{error}");
}
