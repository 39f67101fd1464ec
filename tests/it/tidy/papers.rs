//! Rules about what is written for people: links lead somewhere, decisions are listed, named files
//! exist.

use std::path::Path;

use super::{Findings, Source, root, sources};

fn papers() -> Vec<Source> {
    let mut all = sources(&["."], "md");
    all.extend(sources(&["docs", "deploy", "examples", "tests"], "md"));
    all
}

/// Lines outside code blocks.
fn prose(paper: &Source) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    paper.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

/// Where the links of a line lead.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

#[test]
fn every_relative_link_leads_somewhere() {
    let mut findings = Findings::default();
    for paper in papers() {
        let folder = root().join(Path::new(&paper.path).parent().expect("a folder"));
        for (at, line) in prose(&paper) {
            for link in links(line) {
                let target = link.split('#').next().unwrap_or_default();
                let outside = link.contains("://") || link.starts_with("mailto:");
                if !outside && !target.is_empty() && !folder.join(target).exists() {
                    findings.add(&paper, at, format!("links to {link}, which does not exist"));
                }
            }
        }
    }
    findings.assert_none();
}

#[test]
fn every_file_that_is_named_exists() {
    let mut findings = Findings::default();
    for paper in papers().into_iter().filter(|paper| paper.path != "CHANGELOG.md") {
        for (at, line) in prose(&paper) {
            for named in line.split('`').skip(1).step_by(2).filter(|named| is_path(named)) {
                if !root().join(named).exists() {
                    findings.add(&paper, at, format!("names {named}, which does not exist"));
                }
            }
        }
    }
    findings.assert_none();
}

fn is_path(text: &str) -> bool {
    let folders = ["src/", "tests/", "docs/", "deploy/", "examples/", "benches/", ".ci/"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    folders.iter().any(|folder| text.starts_with(folder)) && text.chars().all(plain)
}

#[test]
fn every_decision_is_listed_and_numbered_in_turn() {
    let decisions = sources(&["docs/decisions"], "md");
    let (lists, records): (Vec<_>, Vec<_>) =
        decisions.into_iter().partition(|paper| paper.path.ends_with("README.md"));
    let list = lists.first().expect("docs/decisions/README.md lists the decisions");
    let mut findings = Findings::default();
    for (at, record) in records.iter().enumerate() {
        let file = record.path.rsplit('/').next().expect("a file");
        if !list.text.contains(&format!("]({file})")) {
            findings.add(record, 1, "is not listed; link it from docs/decisions/README.md");
        }
        if !file.starts_with(&format!("{:04}-", at + 1)) {
            findings.add(record, 1, format!("should be number {:04}", at + 1));
        }
        for part in ["## Context", "## Decision", "## Consequences"] {
            if !record.text.contains(part) {
                findings.add(record, 1, format!("has no {part}"));
            }
        }
    }
    findings.assert_none();
}

#[test]
fn the_architecture_fits_200_lines_and_the_readme_a_screen() {
    let mut findings = Findings::default();
    for (path, most) in [("ARCHITECTURE.md", 200), ("README.md", 80)] {
        let paper = papers().into_iter().find(|paper| paper.path == path).expect("the file");
        let lines = paper.lines().count();
        if lines > most {
            findings.add(&paper, lines, format!("{lines} lines; at most {most}"));
        }
    }
    findings.assert_none();
}

#[test]
fn the_changelog_has_a_place_for_what_comes_next() {
    let paper = papers().into_iter().find(|paper| paper.path == "CHANGELOG.md").expect("the file");
    assert!(paper.text.contains("## [Unreleased]") || paper.text.contains("unreleased"));
}
