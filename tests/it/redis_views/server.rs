//! Redis servers of a test's own: started on a free port, ended with the process that started them.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use viewlog::projections::{RedisOptions, RedisUrl};

/// Says the server's process, and ends it when the input ends, whatever becomes of us.
const KEEPER: &str = "redis-server \"$@\" & echo $!; read _; kill -KILL $!; wait 2>/dev/null";

/// A server of one test.
pub(crate) struct Server {
    pub(crate) port: u16,
    dir: TempDir,
    pid: String,
    keeper: Child,
}

impl Server {
    /// Starts a server; none, and loudly so, where there is none installed.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let is_there = Command::new("redis-server").arg("--version").output().is_ok();
        if !is_there {
            assert!(std::env::var("CI").is_err(), "redis-server is not installed");
            println!("SKIPPED: redis-server is not installed, so views in Redis are not tested");
            return None;
        }
        Some(Self::start_on(free_port(), tempfile::tempdir().unwrap(), arguments))
    }

    fn start_on(port: u16, dir: TempDir, arguments: &[&str]) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "redis"])
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--logfile", "log", "--dir", dir.path().to_str().unwrap()])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pid = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut pid).unwrap();
        let server = Self { port, dir, pid: pid.trim().to_owned(), keeper };
        let begun = std::time::Instant::now();
        // One that asks for a password is there, too.
        while !["PONG", "NOAUTH"].iter().any(|word| server.cli(&["ping"]).contains(word)) {
            assert!(begun.elapsed() < Duration::from_secs(20), "redis-server does not start");
            std::thread::yield_now();
        }
        server
    }

    /// What `redis-cli` prints.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let said = Command::new("redis-cli").args(["-p", &port]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// Ends it at once, as a crash would, and starts it anew on what it had saved.
    pub(crate) fn restart(self, arguments: &[&str]) -> Self {
        let (port, dir) = self.end();
        Self::start_on(port, dir, arguments)
    }

    /// The saved state of the whole server.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        assert!(self.cli(&["save"]).contains("OK"));
        std::fs::read(self.dump()).unwrap()
    }

    /// Crashes and comes back with an older state, as a failover to a lagging replica would.
    pub(crate) fn restore(self, snapshot: &[u8]) -> Self {
        let dump = self.dump();
        let (port, dir) = self.end();
        std::fs::write(dump, snapshot).unwrap();
        Self::start_on(port, dir, &[])
    }

    /// Stops it where it is, or lets it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &self.pid]).status().unwrap().success());
    }

    pub(crate) fn url(&self) -> RedisUrl {
        format!("redis://127.0.0.1:{}", self.port).parse().unwrap()
    }

    fn dump(&self) -> PathBuf {
        self.dir.path().join("dump.rdb")
    }

    fn end(mut self) -> (u16, TempDir) {
        self.close();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        (self.port, dir)
    }

    fn close(&mut self) {
        drop(self.keeper.stdin.take());
        drop(self.keeper.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    // Below 55,536, so that the port of a cluster's bus exists.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 {
            return port;
        }
    }
}

/// A prefix that no other test has.
pub(crate) fn fresh_prefix() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("t{}-{}-", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Bounds for machines that have much else to do.
pub(crate) fn patient() -> RedisOptions {
    let (response_timeout, connect_timeout) = (Duration::from_secs(10), Duration::from_secs(10));
    let pause = Duration::from_millis(20);
    RedisOptions { response_timeout, connect_timeout, pause, ..RedisOptions::default() }
}
