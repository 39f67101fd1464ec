//! What can be said of the containers' files without an engine: what they copy and mount exists,
//! and viewlog takes what they tell it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::deployed;
use crate::binary::{finish, out, viewlog};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the image is built from.
fn copied() -> Vec<String> {
    let text = deployed("Dockerfile");
    let copies = text.lines().filter_map(|line| line.strip_prefix("COPY "));
    let copies = copies.filter(|rest| !rest.starts_with("--from"));
    copies
        .flat_map(|rest| {
            let words: Vec<&str> = rest.split_whitespace().collect();
            words[..words.len() - 1].iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_image_copies_what_exists_and_all_that_is_compiled_in() {
    let copied = copied();
    assert!(copied.contains(&"Cargo.lock".to_owned()), "{copied:?}");
    for source in &copied {
        assert!(root().join(source).exists(), "the Dockerfile copies {source}");
    }
    let mut compiled_in = BTreeSet::new();
    find_compiled_in(&root().join("src"), &mut compiled_in);
    assert!(compiled_in.len() > 10, "{compiled_in:?}");
    for file in compiled_in {
        let is_there = copied.iter().any(|source| file.starts_with(root().join(source)));
        assert!(is_there, "{} is compiled in; the Dockerfile does not copy it", file.display());
    }
}

/// The files that sources include as text.
fn find_compiled_in(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_compiled_in(&path, found);
        } else if path.extension().is_some_and(|is| is == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for rest in text.split("include_str!(\"").skip(1) {
                let named = rest.split('"').next().unwrap();
                found.insert(folder.join(named).canonicalize().unwrap());
            }
        }
    }
}

#[test]
fn the_image_is_built_by_the_toolchain_of_this_project() {
    let toolchain = std::fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let version = toolchain.split('"').nth(1).unwrap();
    let from = format!("FROM rust:{version}-");
    assert!(deployed("Dockerfile").contains(&from), "the Dockerfile says {from}");
}

#[test]
fn viewlog_takes_what_the_containers_tell_it() {
    let mut told = Vec::new();
    for (file, key) in [("Dockerfile", "CMD ["), ("compose.yaml", "command: [")] {
        let text = deployed(file);
        for line in text.lines().filter_map(|line| line.trim().strip_prefix(key)) {
            let words = line.split('"').skip(1).step_by(2).map(str::to_owned);
            told.push(words.collect::<Vec<_>>());
        }
    }
    let of_viewlog = |words: &&Vec<String>| ["serve", "schema"].contains(&words[0].as_str());
    assert!(told.iter().filter(of_viewlog).count() >= 3, "{told:?}");
    for words in told.iter().filter(of_viewlog) {
        let is_verb = |word: &&String| !word.starts_with('-');
        let verbs = words.iter().take(if words[0] == "serve" { 1 } else { 2 }).take_while(is_verb);
        let help = finish(viewlog().args(verbs).arg("--help"));
        assert_eq!(help.status.code(), Some(0), "{words:?}");
        let help = out(&help);
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag.as_str()), "{words:?}: there is no {flag} in {help}");
        }
    }
}

#[test]
fn the_settings_of_the_containers_exist() {
    let manual = deployed("viewlog.toml");
    for file in ["Dockerfile", "compose.yaml"] {
        let text = deployed(file);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let settings: BTreeSet<_> =
            words.filter_map(|word| word.strip_prefix("VIEWLOG_")).collect();
        for setting in settings {
            let line = format!("#{} =", setting.to_lowercase());
            assert!(manual.contains(&line), "{file} sets {setting}, which viewlog.toml has not");
        }
    }
}

#[test]
fn the_services_wait_for_services_that_exist_and_mount_files_that_do() {
    let text = deployed("compose.yaml");
    assert!(!text.contains('\t'), "YAML has no tabs");
    let services = block(&text, "services:");
    let names: BTreeSet<&str> = keys(&services, 2).collect();
    assert!(names.len() >= 6, "{names:?}");
    for line in services.lines() {
        if let Some(file) = line.trim().strip_prefix("- ./") {
            let file = file.split(':').next().unwrap();
            assert!(root().join("deploy").join(file).exists(), "compose.yaml mounts {file}");
        }
    }
    let waits = services.split("depends_on:\n").skip(1);
    let awaited: BTreeSet<&str> = waits.flat_map(|rest| keys(inside(rest, 6), 6)).collect();
    assert!(awaited.len() >= 4, "{awaited:?}");
    for name in awaited {
        assert!(names.contains(name), "compose.yaml waits for {name}; there is {names:?}");
    }
}

/// The lines under a heading at the margin.
fn block(text: &str, heading: &str) -> String {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let lines: Vec<&str> =
        lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect();
    lines.join("\n")
}

/// The beginning of a text that is indented so far at least.
fn inside(text: &str, indent: usize) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if line.len() - line.trim_start().len() < indent {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

/// The keys that are indented so far.
fn keys(text: &str, indent: usize) -> impl Iterator<Item = &str> {
    text.lines().filter_map(move |line| {
        let is_there = line.len() - line.trim_start().len() == indent;
        let (key, rest) = line.trim().split_once(':').filter(|_| is_there)?;
        let is_key = !key.starts_with(['#', '-']) && (rest.is_empty() || rest.starts_with(' '));
        is_key.then_some(key)
    })
}
