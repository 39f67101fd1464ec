//! Stores of the run's own, where they are installed: `redis-server`, and a node of Cassandra by
//! `deploy/dev/cassandra`.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use viewlog::projections::{Redis, RedisOptions};

/// A running Redis; killed with the value.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) redis: Redis,
}

impl Server {
    /// On a port that nothing else should have, once it answers there; `None`, said aloud, where
    /// there is no `redis-server`.
    pub(crate) fn start(port: u16) -> Option<Self> {
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        let Ok(child) = command.stdout(Stdio::null()).spawn() else {
            println!("skipped: there is no redis-server");
            return None;
        };
        let url = format!("redis://127.0.0.1:{port}");
        let client = redis::Client::open(url.as_str()).unwrap();
        let mut server = Self { child, redis: way(&url), url };
        let ping = || redis::cmd("PING").exec(&mut client.get_connection()?);
        while ping().is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "redis-server ended at once");
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(server)
    }

    /// Another way to it, as another node has.
    pub(crate) fn way(&self) -> Redis {
        way(&self.url)
    }

    /// `GET` without pipelining by `redis-benchmark`, a second; `None` where there is none.
    pub(crate) fn plain_gets_per_s(&self, connections: usize) -> Option<f64> {
        let port = self.url.rsplit_once(':').unwrap().1;
        let connections = connections.to_string();
        let benchmark = Command::new("redis-benchmark")
            .args(["-p", port, "-c", &connections, "-n", "400000", "-d", "120", "-r", "20000"])
            .args(["-t", "set,get", "--csv"])
            .output()
            .ok()?;
        let lines = String::from_utf8(benchmark.stdout).unwrap();
        let gets = lines.lines().find_map(|line| line.strip_prefix("\"GET\",\"")).unwrap();
        Some(gets.split('"').next().unwrap().parse().unwrap())
    }
}

/// Waits, for minutes at most, until the machine has next to nothing to do: what was written before
/// is compacted, and what ran for the first time compiled.
pub(crate) fn settle() {
    for _ in 0..180 {
        let (idle, all) = processor_time();
        std::thread::sleep(Duration::from_secs(1));
        let (idle_then, all_then) = processor_time();
        if (idle_then - idle) * 100 >= (all_then - all) * 95 {
            return;
        }
    }
}

/// How long processors were idle, and how long they were there; as Linux counts.
fn processor_time() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    let times = text.lines().next().unwrap().split_whitespace().skip(1);
    let times: Vec<u64> = times.map(|time| time.parse().unwrap()).collect();
    (times[3] + times[4], times.iter().sum())
}

fn way(url: &str) -> Redis {
    Redis::new(&url.parse().unwrap(), RedisOptions::default()).unwrap()
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A node of Cassandra; gone with the value, or with this process.
pub(crate) struct Cassandra {
    directory: tempfile::TempDir,
    /// `address:port` of CQL.
    pub(crate) host: String,
}

impl Cassandra {
    /// Once it answers; `None`, said aloud, where Java or Maven is missing.
    pub(crate) fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut cassandra = Self { directory, host: String::new() };
        let process = std::process::id().to_string();
        let start = ["--net", "free", "--heap", "1G", "--while", &process, "start", "one"];
        let Some(status) = cassandra.ask(&start) else {
            println!("skipped: deploy/dev/cassandra starts no node here");
            return None;
        };
        let host = status.split_whitespace().find(|word| word.starts_with("127."));
        cassandra.host = host.unwrap().to_owned();
        Some(cassandra)
    }

    /// What `nodetool` says.
    pub(crate) fn nodetool(&self, arguments: &[&str]) -> String {
        self.ask(&[&["nodetool", "1"], arguments].concat()).unwrap()
    }

    fn ask(&self, arguments: &[&str]) -> Option<String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/dev/cassandra");
        let mut command = Command::new(script);
        command.arg("--stack").arg(self.directory.path().join("stack")).args(arguments);
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }
}

impl Drop for Cassandra {
    fn drop(&mut self) {
        drop(self.ask(&["destroy"]));
    }
}
