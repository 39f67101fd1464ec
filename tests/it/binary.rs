//! The real binary in processes of its own: servers, commands that end, commands that go on.
//!
//! Nothing here waits without bound. The sleeps poll a process, which has no other way to be
//! awaited with a deadline, and let a process run until the moment at which it is to die.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Whatever has not ended by then hangs; a loaded machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_EVERY: Duration = Duration::from_millis(5);

/// The binary, with nothing of the caller's configuration.
pub(crate) fn viewlog() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viewlog"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("VIEWLOG_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_LOG").env("TZ", "UTC").env("XDG_CONFIG_HOME", "/nonexistent");
    command.stdin(Stdio::null());
    command
}

/// Runs one command on a data directory to its end.
pub(crate) fn run(data: &Path, arguments: &[&str]) -> Output {
    finish(viewlog().args(arguments).arg("--data").arg(data))
}

/// The same with these variables in its environment.
pub(crate) fn run_with(data: &Path, arguments: &[&str], environment: &[(&str, String)]) -> Output {
    let environment = environment.iter().map(|(name, value)| (name, value));
    finish(viewlog().args(arguments).arg("--data").arg(data).envs(environment))
}

/// Runs a command to its end, whatever it writes.
pub(crate) fn finish(command: &mut Command) -> Output {
    finish_within(command, PATIENCE)
}

/// The same of one that may take longer.
pub(crate) fn finish_within(command: &mut Command, patience: Duration) -> Output {
    let (stdout, stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let status = wait(&mut child, patience);
    let status = status.unwrap_or_else(|| panic!("{command:?} hangs: {}", text(&stderr)));
    Output { status, stdout: text(&stdout).into_bytes(), stderr: text(&stderr).into_bytes() }
}

/// What a command printed.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a command said beside it.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All of it, for people to read when a test fails.
pub(crate) fn said(output: &Output) -> String {
    format!("{:?}\n{}\n{}", output.status, out(output), err(output))
}

/// A running server; killed with the value.
pub(crate) struct Served {
    child: Child,
    stderr: File,
    pub(crate) url: String,
}

impl Served {
    /// Serves `data` on a free port, and waits until it answers.
    pub(crate) fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::with(data, arguments, &[])
    }

    /// The same with these variables in its environment.
    pub(crate) fn with(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let note = data.join("server.json");
        let mut served = Self::begin(data, arguments, environment);
        let begun = Instant::now();
        while served.url.is_empty() {
            assert!(begun.elapsed() < PATIENCE, "the server does not start: {}", served.said());
            let ended = served.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended at once: {}", served.said());
            served.url = address(&note, served.child.id()).unwrap_or_default();
            std::thread::sleep(POLL_EVERY);
        }
        served
    }

    /// Starts one and does not wait for it; it has no address that is known.
    pub(crate) fn begin(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let stderr = tempfile::tempfile().unwrap();
        let mut command = viewlog();
        command.arg("serve").arg("--data").arg(data).args(arguments);
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.envs(environment.iter().copied());
        command.stdout(Stdio::null()).stderr(stderr.try_clone().unwrap());
        Self { child: command.spawn().unwrap(), stderr, url: String::new() }
    }

    /// What it said on stderr so far.
    pub(crate) fn said(&self) -> String {
        text(&self.stderr)
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it as `kill -9` does, in the middle of what it does after so long.
    pub(crate) fn kill_after(self, moment: Duration) {
        std::thread::sleep(moment);
        self.kill();
    }

    /// Freezes it: its connections stay open, and nobody is answered.
    pub(crate) fn pause(&self) {
        signal(&self.child, Signal::STOP);
    }

    /// Thaws it.
    pub(crate) fn resume(&self) {
        signal(&self.child, Signal::CONT);
    }

    /// How much memory it holds now, in bytes; `None` where the system has no /proc.
    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
    }

    /// Asks it to stop, as an operator does.
    pub(crate) fn ask_to_stop(&self) {
        signal(&self.child, Signal::TERM);
    }

    /// Its exit code, if it ends within so long.
    pub(crate) fn ended(mut self, within: Duration) -> Option<i32> {
        wait(&mut self.child, within)?.code()
    }

    /// Stops it in order; its exit code.
    pub(crate) fn terminate(self) -> Option<i32> {
        self.ask_to_stop();
        self.ended(PATIENCE)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that goes on until it is told; killed with the value.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    stderr: File,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Self {
        let stderr = tempfile::tempfile().unwrap();
        command.stdout(Stdio::piped()).stderr(stderr.try_clone().unwrap());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // A line is taken when it is asked for, as a reader at a terminal does.
        let (send, lines) = sync_channel(0);
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        Self { child, lines, stderr }
    }

    /// The next line on stdout that is so; the others before it are passed over.
    pub(crate) fn line(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("never: {what}; {}", self.said()));
            if is_so(&line) {
                return line;
            }
        }
    }

    /// What it said on stderr so far.
    pub(crate) fn said(&self) -> String {
        text(&self.stderr)
    }

    /// Ends it as Ctrl-C does; its exit code.
    pub(crate) fn interrupt(&mut self) -> Option<i32> {
        signal(&self.child, Signal::INT);
        self.ended()
    }

    /// Reads no more, as `head` does when it has enough.
    pub(crate) fn hang_up(&mut self) {
        self.lines = sync_channel(0).1;
    }

    /// Its exit code, once it has ended by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        wait(&mut self.child, PATIENCE)?.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}

fn wait(child: &mut Child, within: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if begun.elapsed() > within {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(POLL_EVERY);
    }
}

/// Everything in a file; its place is left alone, which it shares with whoever writes.
fn text(file: &File) -> String {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    let read = file.read_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes[..read]).into_owned()
}

/// Where this process says that it answers; another may have left a note before it.
fn address(note: &Path, pid: u32) -> Option<String> {
    let json: Value = serde_json::from_str(&std::fs::read_to_string(note).ok()?).ok()?;
    let url = json.get("url")?.as_str()?;
    (json.get("pid")? == pid).then(|| url.to_owned())
}
