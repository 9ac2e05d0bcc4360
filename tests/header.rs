//! `include/kubepeers.h` is what cbindgen generates from the sources. `make header` writes it.

use std::path::Path;

#[test]
fn the_committed_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config =
        cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let bindings =
        cbindgen::generate_with_config(root, config).expect("cbindgen understands the sources");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let generated = String::from_utf8(generated).expect("a header is text");
    let generated: String = generated.split_inclusive('\n').map(with_parentheses).collect();

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

/// A negative number in a macro needs parentheses, which cbindgen does not write.
fn with_parentheses(line: &str) -> String {
    match (line.starts_with("#define "), line.split_once(" -")) {
        (true, Some((name, number))) => format!("{name} (-{})\n", number.trim_end()),
        _ => line.to_owned(),
    }
}

/// Wider lines wrap in editors, and in `man`.
#[test]
fn lines_have_at_most_80_columns() {
    let header = include_str!("../include/kubepeers.h");
    assert_eq!(header.lines().find(|line| line.chars().count() > 80), None);
}

/// A header is included alongside many others.
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
