//! The modules of src/ depend on each other in one direction: `kube_api → discovery ← provider ←
//! ffi`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each folder, or module of the root, may use besides itself.
const ALLOWED: &[(&str, &[&str])] = &[
    ("error", &["status"]),
    ("status", &[]),
    ("text", &[]),
    ("jitter", &[]),
    ("panics", &[]),
    ("discovery", &["error", "status", "text"]),
    ("config", &["discovery", "error", "status", "text"]),
    ("kube_api", &["config", "discovery", "error", "jitter", "panics", "status", "text"]),
    ("provider", &["config", "discovery", "error", "jitter", "panics", "status", "text"]),
    ("ffi", &["config", "discovery", "error", "kube_api", "panics", "provider", "status", "text"]),
    ("cli", &["config", "discovery", "error", "ffi", "kube_api", "provider", "status", "text"]),
];

/// Within these folders, no module may depend on itself by way of others.
const WITHOUT_CYCLES: &[&str] = &["discovery", "provider"];

/// Each module and the modules that it uses, as paths from the root of the crate.
type Uses = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

#[test]
fn folders_use_only_what_they_may_use() {
    let uses = uses();
    let mut wrong = Vec::new();
    for (module, used) in &uses {
        let folder = &module[0];
        let allowed = ALLOWED.iter().find(|(name, _)| name == folder);
        let allowed =
            allowed.unwrap_or_else(|| panic!("`{folder}` is not in the list of this test")).1;
        for path in used {
            if path[0] != *folder && !allowed.contains(&path[0].as_str()) {
                wrong.push(format!("{} uses {}", module.join("::"), path.join("::")));
            }
        }
    }
    assert!(uses.len() > 40, "only {} modules were found", uses.len());
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn modules_of_a_folder_have_no_cycles() {
    let uses = uses();
    for folder in WITHOUT_CYCLES {
        let modules: BTreeSet<&str> =
            uses.keys().filter(|module| module[0] == *folder).map(|m| name(m)).collect();
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (module, used) in uses.iter().filter(|(module, _)| module[0] == *folder) {
            let inside = used.iter().filter(|path| path[0] == *folder).map(|path| name(path));
            // What is not a module is a type or function of the folder's mod.rs.
            let targets = inside.map(|to| if modules.contains(to) { to } else { "mod" });
            graph.entry(name(module)).or_default().extend(targets.filter(|to| *to != name(module)));
        }
        assert!(graph.values().map(BTreeSet::len).sum::<usize>() >= 5, "`{folder}`: {graph:?}");
        assert_eq!(cycle(&graph), None, "in `{folder}`");
    }
}

/// Returns the name of a module inside its folder.
fn name(path: &[String]) -> &str {
    path.get(1).map_or("mod", String::as_str)
}

/// Removes modules that use none of the others, until none is left or only cycles are.
fn cycle<'a>(graph: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Option<Vec<&'a str>> {
    let mut left = graph.clone();
    loop {
        let is_free = |used: &BTreeSet<&str>| used.iter().all(|module| !left.contains_key(module));
        let free: Vec<&str> =
            left.iter().filter(|(_, used)| is_free(used)).map(|(module, _)| *module).collect();
        if free.is_empty() {
            return (!left.is_empty()).then(|| left.into_keys().collect());
        }
        free.iter().for_each(|module| drop(left.remove(module)));
    }
}

fn uses() -> Uses {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut uses = Uses::new();
    for file in rust_files(&root) {
        let module = module_of(file.strip_prefix(&root).expect("the file is in src"));
        // A program is a crate of its own, which uses this one through `cli`.
        if module.first().is_some_and(|name| name == "bin") {
            continue;
        }
        let is_for_tests =
            module.iter().any(|name| matches!(name.as_str(), "tests" | "testing" | "fuzzing"));
        if module.is_empty() || is_for_tests {
            continue;
        }
        let source = without_tests(&fs::read_to_string(&file).expect("the source is readable"));
        uses.insert(
            module.clone(),
            paths(&source, &module).into_iter().filter(|path| is_of_a_folder(path)).collect(),
        );
    }
    uses
}

/// A path like `crate::Type` is not.
fn is_of_a_folder(path: &[String]) -> bool {
    path.first().is_some_and(|first| first.starts_with(|c: char| c.is_lowercase()))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// `kube_api/list/json.rs` is `kube_api::list::json`.
fn module_of(file: &Path) -> Vec<String> {
    let path = file.with_extension("");
    let parts = path.iter().map(|part| part.to_str().expect("paths are ASCII").to_owned());
    parts.filter(|part| !matches!(part.as_str(), "mod" | "lib")).collect()
}

/// Removes comments, and every item after `#[cfg(test)]`. Items at the start of a line end with a
/// line that does not begin with a blank.
fn without_tests(source: &str) -> String {
    let mut kept = String::new();
    let mut lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            let item = lines.next().unwrap_or_default();
            if item.ends_with('{') {
                lines.by_ref().find(|line| *line == "}");
            }
        } else {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Returns the paths that begin with `crate::` or `super::`, from the root of the crate.
fn paths(source: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for (at, _) in source.match_indices("crate::").chain(source.match_indices("super::")) {
        // A part of a longer path, such as `super::super::`, or of a word.
        if source[..at].ends_with(is_part) {
            continue;
        }
        let end = source[at..].find(|c| !is_part(c)).map_or(source.len(), |length| at + length);
        let (mut base, mut rest) = (module.to_vec(), &source[at..end]);
        if let Some(inside) = rest.strip_prefix("crate::") {
            (base, rest) = (Vec::new(), inside);
        }
        while let Some(inside) = rest.strip_prefix("super::") {
            base.pop();
            rest = inside;
        }
        if rest.is_empty() {
            // `use crate::{a, b::c}`
            let group = source[end..]
                .strip_prefix('{')
                .and_then(|group| group.split('}').next())
                .unwrap_or_default();
            for name in group.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                found.insert(joined(&base, name));
            }
        } else {
            found.insert(joined(&base, rest));
        }
    }
    found
}

/// Only modules count: the path ends at the first type or function.
fn joined(base: &[String], rest: &str) -> Vec<String> {
    let names = rest.split("::").map(str::trim).filter(|name| !name.is_empty());
    base.iter().cloned().chain(names.map(str::to_owned)).take(3).collect()
}
