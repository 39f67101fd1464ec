//! The house style as a test: sizes, dependence, words, links. CONTRIBUTING.md says it in prose.
//!
//! Every finding names file and line and says what would be right. Heuristics read lines that
//! rustfmt laid out; they understand nothing of Rust and need not.

mod papers;
mod rules;

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project, by its path from the root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Lines with their numbers from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Lines that are neither comments nor documentation.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_under(&self, start: &str) -> bool {
        self.path.starts_with(start)
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files with this ending under these folders, or beside Cargo.toml for `.`.
fn sources(folders: &[&str], ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), *folder != ".", ending, &mut found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(folder: &Path, deep: bool, ending: &str, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            if deep {
                collect(&path, deep, ending, found);
            }
        } else if path.extension().is_some_and(|is| is == ending) {
            let text = fs::read_to_string(&path).expect("a text in UTF-8");
            let inside = path.strip_prefix(root()).expect("under the root");
            let path = inside.to_string_lossy().trim_start_matches("./").to_owned();
            found.push(Source { path, text });
        }
    }
}

fn rust() -> Vec<Source> {
    sources(&["src", "tests", "examples", "benches"], "rs")
}

/// What is wrong, one finding a line.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, source: &Source, line: usize, what: impl Display) {
        self.0.push(format!("{}:{line}: {what}", source.path));
    }

    fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}\n", self.0.join("\n"));
    }
}

/// A word spelt in two halves, so that this file does not hold what it looks for.
fn word(one: &str, other: &str) -> String {
    format!("{one}{other}")
}

/// True when `word` stands in `line` by itself.
fn names(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
