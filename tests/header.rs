//! `include/kubepeers.h` is what cbindgen makes of the sources. `make header` writes it anew.

use std::collections::BTreeSet;
use std::path::Path;

use kubepeers::config::Config;

#[test]
fn the_committed_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let bindings = cbindgen::generate_with_config(root, config).expect("cbindgen understands the sources");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let generated = String::from_utf8(generated).expect("a header is text");

    let path = root.join("include/kubepeers.h");
    if std::env::var_os("KUBEPEERS_WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("the header is there");
    assert!(
        committed == generated,
        "include/kubepeers.h is not what the sources say: run `make header` and commit the result"
    );
}

/// A header is included beside many others.
#[test]
fn every_name_of_the_header_has_the_prefix() {
    let header = include_str!("../include/kubepeers.h");
    let mut named = header.lines().filter_map(|line| {
        let last = |rest: &str| match rest.split_once("(*") {
            Some((_, function)) => function.split(')').next().unwrap_or_default().to_owned(),
            None => rest.trim_end_matches(';').rsplit(' ').next().unwrap_or_default().to_owned(),
        };
        line.strip_prefix("typedef ").or_else(|| line.strip_prefix("struct ")).map(last)
    });
    let count = named.clone().count();
    assert_eq!(named.find(|name| !name.starts_with("kubepeers_")), None);
    assert!(count >= 6, "{count} types found");
}

/// Functions, numbers and configuration keys are added, never changed or taken away.
#[test]
fn what_was_published_stays() {
    let header = include_str!("../include/kubepeers.h");
    let published: BTreeSet<&str> =
        include_str!("abi/published").lines().filter(|line| !line.starts_with('#')).collect();
    let functions = header.lines().filter(|line| !line.starts_with([' ', '/', '#'])).filter_map(|line| {
        let name = line.split('(').next()?.rsplit([' ', '*']).next()?;
        (name.starts_with("kubepeers_") && line.contains('(')).then(|| format!("function {name}"))
    });
    let numbers = header.lines().filter_map(|line| {
        let (name, number) = line.strip_prefix("#define ")?.split_once(' ')?;
        (!name.contains("_VERSION_")).then(|| format!("number {name} {number}"))
    });
    let no_such_key = Config::default().set("?", "?").unwrap_err();
    let keys = no_such_key.message().split("the keys are ").nth(1).unwrap().split(", ").map(|key| format!("key {key}"));
    let there: BTreeSet<String> = functions.chain(numbers).chain(keys).collect();
    let missing: Vec<_> = published.iter().filter(|line| !there.contains(**line)).collect();
    let new: Vec<_> = there.iter().filter(|line| !published.contains(line.as_str())).collect();
    assert!(missing.is_empty(), "published, and gone or changed: {missing:?}. Programs break: see docs/abi.md");
    assert!(
        new.is_empty(),
        "not in tests/abi/published yet: {new:?}. Add the lines once you are sure: they stay for ever"
    );
    assert!(there.len() > 90, "{} found", there.len());
}
