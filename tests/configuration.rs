//! The documentation of the configuration keys agrees with their table.

use std::collections::BTreeSet;
use std::path::Path;

use kubepeers::testing::{KEYS, documentation};

#[test]
fn the_committed_documentation_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let generated = documentation();
    if std::env::var_os("KUBEPEERS_WRITE_DOCS").is_some() {
        std::fs::write(&path, &generated).expect("the documentation can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the documentation exists");
    assert!(
        committed == generated,
        "docs/configuration.md differs from src/config/keys.rs: run `make header` and commit the result"
    );
}

/// cbindgen copies the list from the doc comment of kubepeers_config_set.
#[test]
fn the_header_lists_exactly_the_keys_of_the_table() {
    let source = include_str!("../src/ffi/config.rs");
    let comment = source.lines().filter_map(|line| line.strip_prefix("///   "));
    let is_list_of_keys =
        |line: &&str| line.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | ',' | ' '));
    let listed: Vec<&str> = comment
        .filter(|line| !line.starts_with(' '))
        .filter(is_list_of_keys)
        .flat_map(|line| line.split(", "))
        .collect();
    let keys: BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(listed.len(), keys.len(), "{listed:?}");
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), keys);
}
