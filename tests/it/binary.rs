//! The real binary in a process of its own.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running server; killed with the value.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
}

impl Served {
    /// Serves `data` on a free port, and waits until it answers.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        let note = data.join("server.json");
        let _ = std::fs::remove_file(&note);
        let child = viewlog()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut served = Self { child, url: String::new() };
        let begun = Instant::now();
        while served.url.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server did not start");
            assert!(served.child.try_wait().unwrap().is_none(), "the server ended at once");
            served.url = address(&note).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(5));
        }
        served
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as an operator does; its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid =
            i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(note: &Path) -> Option<String> {
    let json: Value = serde_json::from_str(&std::fs::read_to_string(note).ok()?).ok()?;
    Some(json.get("url")?.as_str()?.to_owned())
}

/// The binary, with nothing of the caller's configuration.
pub(crate) fn viewlog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewlog"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VIEWLOG_")) {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null());
    command
}

/// Runs one command on a data directory to its end.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> Output {
    viewlog().args(arguments).arg("--data").arg(data).output().unwrap()
}

/// What a command printed, for people to read when a test fails.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{:?}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
