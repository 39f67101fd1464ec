//! A Redis of the run's own, where `redis-server` is installed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use viewlog::projections::{Redis, RedisOptions};

/// A running server; killed with the value.
pub(crate) struct Server {
    child: Child,
    url: String,
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
