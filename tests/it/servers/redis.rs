//! The one Redis that all tests share, and others that a test may break.

use std::path::PathBuf;
use std::sync::OnceLock;

use redis::{Client, Connection};

use super::{Missing, Stack, authority, or_skipped};

/// So many are given out and then again, but for the first, which counts them.
const DATABASES: u64 = 1_024;

/// A single server.
#[derive(Debug)]
pub(crate) struct Redis {
    member: String,
}

/// The shared server.
pub(crate) fn redis() -> Option<&'static Redis> {
    static SHARED: OnceLock<Result<Redis, Missing>> = OnceLock::new();
    or_skipped(SHARED.get_or_init(Redis::start).as_ref().map_err(Missing::clone))
}

impl Redis {
    fn start() -> Result<Self, Missing> {
        let databases = DATABASES.to_string();
        let options = ["--port", "free", "--databases", &databases];
        let members = Stack::shared("redis").start(&options, "one")?;
        Ok(Self { member: members[0].clone() })
    }

    /// Where a database is that no other test uses, and that is empty. What is published is heard
    /// in all databases: channels need a prefix of the test's own besides.
    pub(crate) fn url(&self) -> String {
        let mut first = connection(&format!("redis://{}/0", self.member));
        let given: u64 = redis::cmd("INCR").arg("databases given").query(&mut first).unwrap();
        let url = format!("redis://{}/{}", self.member, 1 + given % (DATABASES - 1));
        redis::cmd("FLUSHDB").exec(&mut connection(&url)).unwrap();
        url
    }
}

/// A connection that blocks.
fn connection(url: &str) -> Connection {
    Client::open(url).unwrap().get_connection().expect("a Redis that answers")
}

/// What a member held at a time.
#[derive(Debug)]
pub(crate) struct Snapshot(PathBuf);

/// A Redis of the test's own; killed, with its data, with the value. It writes an append-only file
/// that is synced every second.
#[derive(Debug)]
pub(crate) struct OwnRedis {
    stack: Stack,
    members: Vec<String>,
}

impl OwnRedis {
    /// A single server.
    pub(crate) fn one() -> Option<Self> {
        or_skipped(Self::begin("one"))
    }

    /// Three masters of a cluster.
    pub(crate) fn cluster() -> Option<Self> {
        or_skipped(Self::begin("cluster"))
    }

    fn begin(preset: &str) -> Result<Self, Missing> {
        Self::with(preset, &[])
    }

    fn with(preset: &str, options: &[&str]) -> Result<Self, Missing> {
        let stack = Stack::own("redis");
        let members = stack.start(&[&["--port", "free"], options].concat(), preset)?;
        Ok(Self { stack, members })
    }

    /// The same of those two, which encrypt as well.
    pub(crate) fn encrypted(preset: &str) -> Option<Self> {
        let tls = authority().directory();
        or_skipped(Self::with(preset, &["--tls", tls.to_str().unwrap()]))
    }

    /// Where it is encrypted.
    pub(crate) fn url_of_encrypted(&self) -> String {
        let scheme = if self.members.len() > 1 { "rediss-cluster" } else { "rediss" };
        let status = self.stack.run(&["status"]);
        let port = |line: &str| Some(format!("127.0.0.1:{}", line.split("with TLS at ").nth(1)?));
        let members: Vec<String> = status.lines().filter_map(port).collect();
        format!("{scheme}://{}", members.join(","))
    }

    /// From now on whoever encrypts has to show a certificate.
    pub(crate) fn ask_who_it_is(&self) {
        for member in 1..=self.members.len() {
            let member = member.to_string();
            self.stack.run(&["cli", &member, "config", "set", "tls-auth-clients", "yes"]);
        }
    }

    /// Where it is, as viewlog is told; the same after every restart.
    pub(crate) fn url(&self) -> String {
        match self.members.as_slice() {
            [member] => format!("redis://{member}"),
            members => format!("redis-cluster://{}", members.join(",")),
        }
    }

    /// Addresses and ports, member 1 first.
    pub(crate) fn members(&self) -> &[String] {
        &self.members
    }

    /// `kill -9` of a member; members are numbered from 1.
    pub(crate) fn kill(&self, member: usize) {
        self.stack.run(&["kill", &member.to_string()]);
    }

    /// Starts a member that was killed, with what it had on disk.
    pub(crate) fn start_again(&self, member: usize) {
        self.stack.run(&["start", &member.to_string()]);
    }

    /// Cuts the connections of all who subscribed to anything.
    pub(crate) fn cut_subscribers(&self) {
        for member in &self.members {
            let mut connection = connection(&format!("redis://{member}"));
            redis::cmd("CLIENT")
                .arg("KILL")
                .arg("TYPE")
                .arg("pubsub")
                .exec(&mut connection)
                .unwrap();
        }
    }

    /// Freezes a member; its connections stay open.
    pub(crate) fn pause(&self, member: usize) {
        self.stack.run(&["pause", &member.to_string()]);
    }

    /// Thaws it.
    pub(crate) fn resume(&self, member: usize) {
        self.stack.run(&["resume", &member.to_string()]);
    }

    /// Whether any key or value of the first member has this text in it.
    pub(crate) fn holds(&self, text: &str) -> bool {
        let mut connection = self.connection();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query(&mut connection).unwrap();
        keys.into_iter().any(|key| {
            let kind: String = redis::cmd("TYPE").arg(&key).query(&mut connection).unwrap();
            let mut read = match kind.as_str() {
                "hash" => redis::cmd("HGETALL"),
                "stream" => redis::cmd("XRANGE"),
                "zset" => redis::cmd("ZRANGE"),
                _ => redis::cmd("GET"),
            };
            read.arg(&key);
            match kind.as_str() {
                "stream" => read.arg("-").arg("+"),
                "zset" => read.arg(0).arg(-1),
                _ => &mut read,
            };
            let value: redis::Value = read.query(&mut connection).unwrap();
            format!("{:?} {value:?}", redis::Value::BulkString(key)).contains(text)
        })
    }

    /// Forgets everything, as an operator's FLUSHALL does.
    pub(crate) fn flush(&self) {
        self.stack.run(&["flush"]);
    }

    /// Copies another server from now on, and takes writes from nobody else.
    pub(crate) fn follow(&self, primary: &Self) {
        let (host, port) = primary.members[0].split_once(':').unwrap();
        redis::cmd("REPLICAOF").arg(host).arg(port).exec(&mut self.connection()).unwrap();
    }

    /// Follows nobody from now on, with what it has.
    pub(crate) fn promote(&self) {
        redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut self.connection()).unwrap();
    }

    /// Waits until a server that follows this one has all that this one was told.
    pub(crate) fn wait_for_follower(&self) {
        let mut connection = self.connection();
        // Only what the connection itself wrote is waited for, with all that was before it.
        redis::cmd("SET").arg("followed").arg(1).exec(&mut connection).unwrap();
        let have: u32 = redis::cmd("WAIT").arg(1).arg(60_000).query(&mut connection).unwrap();
        assert_eq!(have, 1, "a follower that keeps up");
    }

    fn connection(&self) -> Connection {
        connection(&format!("redis://{}", self.members[0]))
    }

    /// What a member holds now.
    pub(crate) fn snapshot(&self, member: usize) -> Snapshot {
        let name = format!("snapshot-{:016x}.rdb", rand::random::<u64>());
        let path = self.stack.directory().join(name);
        self.stack.run(&["save".as_ref(), member.to_string().as_ref(), path.as_os_str()]);
        Snapshot(path)
    }

    /// Kills a member, and starts it with what it held once: the time since never was.
    pub(crate) fn restore(&self, member: usize, snapshot: &Snapshot) {
        let member = member.to_string();
        self.stack.run(&["restore".as_ref(), member.as_ref(), snapshot.0.as_os_str()]);
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.stack.destroy();
    }
}
