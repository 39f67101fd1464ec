//! A real nginx or HAProxy with the example's own text, in which nothing but addresses and places
//! of files is another.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::deployed;
use crate::servers::{Missing, or_skipped};
use crate::support::{eventually, free_address};

/// Which proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    Nginx,
    HaProxy,
}

/// One that runs; it ends with the value.
pub(super) struct Proxy {
    child: Child,
    directory: tempfile::TempDir,
    pub(super) url: String,
}

impl Proxy {
    /// In front of these nodes, each an address and port; none where the program is missing.
    pub(super) async fn of(make: Make, nodes: &[String]) -> Option<Self> {
        Self::by_role(make, &|_| nodes).await
    }

    /// In front of the nodes of each role, by its name.
    pub(super) async fn by_role<'n>(
        make: Make,
        nodes: &dyn Fn(&str) -> &'n [String],
    ) -> Option<Self> {
        let program = or_skipped(program(make))?;
        let directory = tempfile::tempdir().unwrap();
        let at = free_address().to_string();
        let (file, text) = (directory.path().join("conf"), example(make, &at, directory.path()));
        std::fs::write(&file, with_nodes(&text, nodes)).unwrap();
        let mut command = Command::new(program);
        match make {
            // One process, which does not outlive a kill.
            Make::Nginx => command.arg("-g").arg("daemon off; master_process off; pid pid;"),
            Make::HaProxy => command.arg("-db"),
        };
        if make == Make::Nginx {
            command.arg("-p").arg(directory.path()).arg("-c").arg(&file);
        } else {
            command.arg("-f").arg(&file);
        }
        let log = |name: &str| File::create(directory.path().join(name)).unwrap();
        command.stdin(Stdio::null()).stdout(log("out.log")).stderr(log("err.log"));
        let child = command.spawn().unwrap();
        let mut proxy = Self { child, directory, url: format!("http://{at}") };
        proxy.until_it_answers().await;
        Some(proxy)
    }

    async fn until_it_answers(&mut self) {
        let address = format!("{}/healthz", self.url);
        eventually("the proxy answers for a node", async || {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the proxy ended at once: {}", self.logged());
            crate::support::get(&address).await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// All that it logged so far, wherever.
    pub(super) fn logged(&self) -> String {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        let logs = files.map(|file| file.unwrap().path());
        let logs = logs.filter(|path| path.extension().is_some_and(|is| is == "log"));
        logs.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Distributions put servers where only root looks.
fn program(make: Make) -> Result<PathBuf, Missing> {
    let name = match make {
        Make::Nginx => "nginx",
        Make::HaProxy => "haproxy",
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let mut found = places.map(|place| place.join(name)).filter(|program| program.exists());
    found.next().ok_or_else(|| Missing(format!("{name} is not installed")))
}

/// The example, at another address and with all files in a directory.
fn example(make: Make, at: &str, directory: &Path) -> String {
    let directory = directory.display();
    let changes = match make {
        Make::Nginx => {
            let of = |what: &str| format!("    {what}_temp_path {directory}/{what};\n");
            let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
            let places: String = kinds.into_iter().map(of).collect();
            vec![
                ("listen 80;", format!("listen {at};")),
                ("/var/log/nginx/", format!("{directory}/")),
                ("http {\n", format!("http {{\n{places}")),
            ]
        }
        Make::HaProxy => vec![
            ("bind :80", format!("bind {at}")),
            // A node on a busy machine is late and not lost; a lost one is found by asking it.
            ("inter 1s fall 2", "inter 10s fall 3".to_owned()),
        ],
    };
    let text = deployed(match make {
        Make::Nginx => "nginx.conf",
        Make::HaProxy => "haproxy.cfg",
    });
    changes.into_iter().fold(text, |text, (old, new)| {
        assert!(text.contains(old), "the example has {old:?}");
        text.replace(old, &new)
    })
}

/// In each list of a role the line of the first node of the example for each of these, and none for
/// the second.
fn with_nodes<'n>(text: &str, nodes: &dyn Fn(&str) -> &'n [String]) -> String {
    let (mut lines, mut role) = (Vec::new(), "");
    for line in text.lines().filter(|line| !line.contains("viewlog-2:7070")) {
        let list = line.trim().strip_prefix("upstream ").or(line.strip_prefix("backend "));
        role = list.map_or(role, |list| list.split([' ', '-']).next().unwrap());
        if !line.contains("viewlog-1:7070") {
            lines.push(line.to_owned());
            continue;
        }
        for (at, node) in (1..).zip(nodes(role)) {
            let line = line.replace("viewlog-1:7070", node);
            lines.push(
                line.replace("viewlog-1", &format!("n{at}")).replace("id 1", &format!("id {at}")),
            );
        }
    }
    lines.join("\n") + "\n"
}
