//! Rules about Rust files.

use super::{Findings, Source, names, rust, sources, word};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const WIDTH_MAX: usize = 100;

#[test]
fn no_file_is_longer_than_400_lines() {
    let mut findings = Findings::default();
    for source in rust() {
        let lines = source.lines().count();
        if lines > FILE_LINES_MAX {
            let what = format!("{lines} lines; at most {FILE_LINES_MAX}: split it by what it does");
            findings.add(&source, lines, what);
        }
    }
    findings.assert_none();
}

#[test]
fn no_function_is_longer_than_60_lines() {
    let mut findings = Findings::default();
    for source in rust() {
        for (from, lines) in functions(&source) {
            if lines > FUNCTION_LINES_MAX {
                let what = format!(
                    "a function of {lines} lines; at most {FUNCTION_LINES_MAX}: name its parts"
                );
                findings.add(&source, from, what);
            }
        }
    }
    findings.assert_none();
}

/// Where each function begins and how many lines it has, by the layout that rustfmt gives it.
fn functions(source: &Source) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        if !begins_function(line) {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let close = format!("{indent}}}");
        let rest = &lines[at..];
        let opening = rest.iter().position(|line| line.ends_with('{') || ends_at_once(line));
        let Some(opening) = opening.filter(|open| rest[*open].ends_with('{')) else { continue };
        let length = rest[opening..].iter().position(|line| *line == close);
        found.push((at + 1, opening + length.unwrap_or(0) + 1));
    }
    found
}

fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let prefix = ["const", "async", "unsafe", "pub", "pub(crate)", "pub(super)"];
    words.find(|word| !prefix.contains(word)) == Some("fn")
}

fn ends_at_once(line: &str) -> bool {
    line.ends_with(';') || line.ends_with('}')
}

#[test]
fn no_line_is_wider_than_100_columns() {
    let mut findings = Findings::default();
    for source in rust() {
        for (at, line) in source.lines() {
            let width = line.chars().count();
            if width > WIDTH_MAX && !line.contains("://") {
                let what = format!(
                    "{width} columns; at most {WIDTH_MAX}: run cargo fmt, or break the text"
                );
                findings.add(&source, at, what);
            }
        }
    }
    findings.assert_none();
}

#[test]
fn every_module_opens_by_saying_what_it_is() {
    let mut findings = Findings::default();
    for source in rust() {
        let empty = source.text.trim().is_empty();
        if !empty && !source.text.starts_with("//!") {
            findings.add(&source, 1, "open with //! and say what this is, promises, does not do");
        }
    }
    findings.assert_none();
}

/// Files under `where_`, but not those that begin with one of `except`, name none of `what`.
struct Wall {
    where_: &'static str,
    except: &'static [&'static str],
    what: &'static [&'static str],
    right: &'static str,
}

const OUTSIDE: &[&str] = &[
    "crate::actors",
    "crate::projections",
    "crate::http",
    "crate::adapters",
    "crate::cli",
    "crate::app",
    "crate::config",
    "actix",
    "actix_rt",
    "actix_web",
    "actix_ws",
];

const WALLS: &[Wall] = &[
    Wall {
        where_: "src/events",
        except: &[],
        what: OUTSIDE,
        right: "events know nothing outside themselves: move this to the one who asks",
    },
    Wall {
        where_: "src/projections",
        except: &[],
        what: &[
            "crate::actors",
            "crate::http",
            "crate::adapters",
            "crate::cli",
            "crate::app",
            "crate::config",
            "actix",
            "actix_rt",
            "actix_web",
            "actix_ws",
        ],
        right: "projections depend on events alone",
    },
    Wall {
        where_: "src/actors",
        except: &[],
        what: &[
            "crate::http",
            "crate::adapters",
            "crate::cli",
            "crate::app",
            "actix_web",
            "actix_ws",
        ],
        right: "dependence runs http, adapters, cli → actors, projections → events",
    },
    Wall {
        where_: "src/adapters",
        except: &[],
        what: &["crate::http", "crate::cli", "crate::app", "actix", "actix_web"],
        right: "an adapter turns a file into records and nothing else",
    },
    Wall {
        where_: "src/",
        except: &["src/events/embedded"],
        what: &["fjall"],
        right: "the embedded log alone knows its store; speak to the EventLog seam",
    },
    Wall {
        where_: "src/",
        except: &["src/events/cassandra"],
        what: &["scylla"],
        right: "the log on Cassandra alone knows its driver; speak to the EventLog seam",
    },
    Wall {
        where_: "src/",
        except: &["src/projections/redis"],
        what: &["redis::aio", "redis::cluster", "redis::Client", "redis::cmd", "redis::pipe"],
        right: "views in Redis alone know its driver; ask through projections::Redis",
    },
    Wall {
        where_: "src/",
        except: &["src/main.rs", "src/cli"],
        what: &["anyhow"],
        right: "anyhow belongs to main.rs and cli/; here, a small thiserror enum says what to do",
    },
    Wall {
        where_: "src/",
        except: &["src/config"],
        what: &["env::var", "env::var_os", "env::vars"],
        right: "config.rs is the only reader of the environment",
    },
    Wall {
        where_: "src/projections",
        except: &[],
        what: &["SystemTime", "Utc::now", "rand", "std::fs"],
        right: "projections are pure but for the Clock they are given",
    },
];

#[test]
fn dependence_runs_one_way() {
    let mut findings = Findings::default();
    for wall in WALLS {
        for source in sources(&["src"], "rs") {
            if !source.is_under(wall.where_) || wall.except.iter().any(|at| source.is_under(at)) {
                continue;
            }
            for (at, line) in source.code() {
                for what in wall.what.iter().filter(|what| names(line, what)) {
                    findings.add(&source, at, format!("names {what}; {}", wall.right));
                }
            }
        }
    }
    findings.assert_none();
}

/// The fold and all it needs: files of events without a clock, chance, files or waiting.
const PURE: &[&str] =
    &["codec", "event", "fact", "fence", "fold", "intervals", "json", "mark", "state"];

#[test]
fn fold_and_codec_are_pure() {
    let impure =
        ["async", "SystemTime", "Instant", "Utc::now", "rand", "std::fs", "tokio", "now_v7"];
    let mut findings = Findings::default();
    for source in sources(&["src/events"], "rs") {
        let inside = source.path.trim_start_matches("src/events/");
        let module = inside.split(['/', '.']).next().unwrap_or_default();
        if !PURE.contains(&module) {
            continue;
        }
        for (at, line) in source.code() {
            for what in impure.iter().filter(|what| names(line, what)) {
                findings.add(
                    &source,
                    at,
                    format!("names {what}; this must be a function of its input"),
                );
            }
        }
    }
    findings.assert_none();
}

#[test]
fn names_say_what_a_thing_does() {
    let vague = ["Manager", "Helper", "Helpers", "Util", "Utils", "Service", "Impl", "Base"];
    let mut findings = Findings::default();
    for source in rust() {
        for (at, line) in source.code() {
            let Some((kind, name)) = defined(line) else { continue };
            if let Some(word) =
                vague.iter().find(|word| name.to_lowercase().ends_with(&word.to_lowercase()))
            {
                let what = format!("{name} is called a {word}; name it after what it does");
                findings.add(&source, at, what);
            }
            if kind == "fn" && name.starts_with("get_") {
                findings.add(
                    &source,
                    at,
                    format!("{name}; a getter bears the name of what it gives"),
                );
            }
        }
    }
    findings.assert_none();
}

/// What a line defines, and its name.
fn defined(line: &str) -> Option<(&str, &str)> {
    let mut words = line
        .split_whitespace()
        .skip_while(|word| word.starts_with("pub") || ["const", "async", "unsafe"].contains(word));
    let kind = words
        .next()
        .filter(|kind| ["struct", "enum", "trait", "type", "mod", "fn"].contains(kind))?;
    let name = words.next()?.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    Some((kind, name))
}

#[test]
fn nothing_is_left_for_later_or_silenced() {
    let banned = [
        (word("TO", "DO"), "open an issue instead, and say here what is so"),
        (word("FIX", "ME"), "fix it, or open an issue"),
        (word("XX", "X"), "say what is so"),
        (word("#[al", "low("), "#[expect(lint, reason = \"…\")] fails once it is no longer needed"),
        (
            word("#![al", "low("),
            "#![expect(lint, reason = \"…\")] fails once it is no longer needed",
        ),
        (word("macro_", "rules!"), "no macros of our own; a function reads better"),
        (word("todo", "!("), "write it, or leave it out"),
    ];
    let mut findings = Findings::default();
    for source in rust() {
        for (at, line) in source.lines() {
            for (what, right) in banned.iter().filter(|(what, _)| line.contains(what.as_str())) {
                findings.add(&source, at, format!("holds {what}; {right}"));
            }
        }
    }
    findings.assert_none();
}

#[test]
fn every_expectation_gives_its_reason() {
    let expects = word("#[exp", "ect(");
    let mut findings = Findings::default();
    for source in rust() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if !line.replace("#!", "#").contains(&expects) {
                continue;
            }
            let whole: String = lines[at..].iter().take(12).copied().collect();
            let attribute = whole.split(")]").next().unwrap_or_default();
            if !attribute.contains("reason") {
                findings.add(&source, at + 1, "add reason = \"…\"");
            }
        }
    }
    findings.assert_none();
}

#[test]
fn tests_wait_for_conditions_and_never_sleep() {
    let sleeps = [word("thread::sl", "eep"), word("time::sl", "eep")];
    let waits = [
        // Where waiting for a condition is.
        "tests/it/support.rs",
        // Where processes are awaited with a deadline, and killed at a random moment.
        "tests/it/binary.rs",
        // Where bytes are late on purpose.
        "tests/it/proxy.rs",
    ];
    let mut findings = Findings::default();
    for source in sources(&["tests"], "rs") {
        if waits.contains(&source.path.as_str()) {
            continue;
        }
        for (at, line) in source.code() {
            if sleeps.iter().any(|sleep| line.contains(sleep.as_str())) {
                findings.add(
                    &source,
                    at,
                    "sleeps; wait for the condition with support::eventually",
                );
            }
        }
    }
    findings.assert_none();
}

#[test]
fn the_rules_see_what_they_should() {
    let text = "fn a() {\n}\n\nfn b(\n    c: u8,\n) -> u8 {\n    c\n}\ntrait T {\n    fn d();\n}\n";
    let source = Source { path: "x.rs".to_owned(), text: text.to_owned() };
    assert_eq!(functions(&source), [(1, 2), (4, 5)]);
    assert_eq!(defined("    pub(crate) async fn get_it<T>() {"), Some(("fn", "get_it")));
    assert_eq!(defined("pub struct Row(u8);"), Some(("struct", "Row")));
    assert_eq!(defined("let struct_ = 1;"), None);
    assert!(names("use fjall::Database;", "fjall"));
    assert!(!names("let fjall_path = 1;", "fjall"));
    assert!(!names("crate::actors_of", "crate::actors"));
}
