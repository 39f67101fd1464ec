//! The scripts of deploy/dev, each call on one stack.

use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The scripts' exit code for what is not installed.
const MISSING: i32 = 69;

/// What this machine has not, in a sentence.
#[derive(Debug, Clone)]
pub(crate) struct Missing(pub(crate) String);

/// A stack of servers in a directory of its own.
#[derive(Debug)]
pub(super) struct Stack {
    script: &'static str,
    directory: PathBuf,
}

impl Stack {
    /// The one that all test processes of this checkout share.
    pub(super) fn shared(script: &'static str) -> Self {
        Self { script, directory: checkout().join(script) }
    }

    /// One that nobody else has.
    pub(super) fn own(script: &'static str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{script}-{}-{count}", std::process::id());
        Self { script, directory: checkout().join(name) }
    }

    /// Makes and starts it with these options, or starts what is down of it; the addresses of its
    /// members. It goes when this process ends.
    pub(super) fn start(&self, options: &[&str], preset: &str) -> Result<Vec<String>, Missing> {
        let keeper = std::process::id().to_string();
        let mut command = self.command();
        if std::env::var("VIEWLOG_TEST_SERVERS").as_deref() != Ok("keep") {
            command.args(["--while", &keeper]);
        }
        let (code, out, err) = finish(command.args(options).args(["start", preset]));
        match code {
            0 => Ok(addresses(&out)),
            MISSING => Err(Missing(err.trim().replace('\n', "; "))),
            _ => panic!("deploy/dev/{} start {preset} failed: {err}", self.script),
        }
    }

    /// Does something with it; what was said.
    pub(super) fn run(&self, arguments: &[impl AsRef<OsStr>]) -> String {
        let (code, out, err) = finish(self.command().args(arguments));
        assert_eq!(code, 0, "deploy/dev/{} failed: {out}{err}", self.script);
        out
    }

    /// Kills it and removes what it had; what goes wrong at that is only said, as a test has ended.
    pub(super) fn destroy(&self) {
        let (code, _, err) = finish(self.command().arg("destroy"));
        if code != 0 {
            println!("deploy/dev/{} destroy failed: {err}", self.script);
        }
        let _ = std::fs::remove_file(self.directory.with_extension("lock"));
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn command(&self) -> Command {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/dev");
        let mut command = Command::new(scripts.join(self.script));
        command.arg("--stack").arg(&self.directory).stdin(Stdio::null());
        command
    }
}

/// Where this checkout's tests keep their servers.
pub(super) fn checkout() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_MANIFEST_DIR").hash(&mut hasher);
    std::env::temp_dir().join(format!("viewlog-tests-{:016x}", hasher.finish()))
}

fn finish(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("a script that can be run");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    print!("{err}");
    (output.status.code().unwrap_or(-1), out, err)
}

/// Each line of a status has one.
fn addresses(status: &str) -> Vec<String> {
    let is_address = |word: &&str| word.starts_with("127.") && word.contains(':');
    let of_line = |line: &str| line.split_whitespace().find(is_address).map(str::to_owned);
    status.lines().filter_map(of_line).collect()
}
