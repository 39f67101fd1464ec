//! A disk without space: facts are refused with a reason and a time to try again, reads go on.

use std::path::Path;
use std::process::Command;

use reqwest::Response;
use serde_json::{Value, json};

use super::exported;
use super::players::{Player, players};
use crate::binary::{Served, out, run, said};
use crate::support::eventually;

/// The most that may be asked for, and more than most disks have free.
const FULL: &[(&str, &str)] = &[
    ("VIEWLOG_EMBEDDED__FREE_BYTES_MIN", "1099511627776"),
    ("VIEWLOG_ACTORS__APPEND_DEADLINE_MS", "200"),
];

async fn send(served: &Served, player: &Player, seq: u64) -> Response {
    let url = format!("{}/v1/accounts/{}/events", served.url, player.account);
    crate::support::client().post(url).json(&player.fact(seq)).send().await.unwrap()
}

async fn ask(served: &Served, path: &str) -> (u16, Value) {
    let answer = crate::support::get(format!("{}{path}", served.url)).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_full_disk_stops_writing_with_a_clear_word_and_keeps_reading() {
    let data = tempfile::tempdir().unwrap();
    let disk = rustix::fs::statvfs(data.path()).unwrap();
    if disk.f_bavail * disk.f_frsize > 1 << 40 {
        return println!("skipped: this disk has more free than can be asked for");
    }
    let player = players(1).remove(0);
    let served = Served::start(data.path(), &[]);
    assert_eq!(send(&served, &player, 0).await.status(), 200);
    assert_eq!(served.terminate(), Some(0));

    let served = Served::with(data.path(), &[], FULL);
    assert_eq!(ask(&served, "/readyz").await.0, 200, "nothing was refused yet");
    let refused = send(&served, &player, 1).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "store_unavailable");
    assert!(problem["detail"].as_str().unwrap().contains("log"), "{problem}");
    assert_eq!(ask(&served, "/readyz").await.0, 503);
    assert_eq!(ask(&served, "/healthz").await.0, 200);
    assert_eq!(
        ask(&served, "/v1/system").await.1["log"],
        json!({ "kind": "embedded", "ok": false })
    );
    let (status, session) =
        ask(&served, &format!("/v1/accounts/home-0/sessions/{}", player.session)).await;
    assert_eq!(status, 200, "{session}");
    assert_eq!(exported(data.path(), "home-0").len(), 1);
    assert!(served.said().contains("the disk is full"), "{}", served.said());

    let doctor = run(data.path(), &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{}", said(&doctor));
    assert!(
        out(&doctor).contains("wrong store: the server says it is not ready"),
        "{}",
        said(&doctor)
    );
    let hidden = run(data.path(), &["hide", "film", "--account", "home-0", "--profile", "anna"]);
    assert_eq!(hidden.status.code(), Some(3), "{}", said(&hidden));
    assert_eq!(served.terminate(), Some(0));

    let served = Served::start(data.path(), &[]);
    assert_eq!(send(&served, &player, 1).await.status(), 200);
    assert_eq!(exported(data.path(), "home-0")[&player.session.to_string()], [0, 1]);
    drop(served);
}

/// A small file system of its own, where the machine allows one.
struct Disk(tempfile::TempDir);

impl Disk {
    fn of_mib(mib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"]).arg(dir.path());
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

#[tokio::test]
async fn a_server_whose_disk_fills_up_goes_on_once_there_is_space() {
    let Some(disk) = Disk::of_mib(192) else {
        return println!("skipped: cannot mount a small file system here");
    };
    let data = disk.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let player = players(1).remove(0);
    let served = Served::with(&data, &[], &FULL[1..]);
    assert_eq!(send(&served, &player, 0).await.status(), 200);
    let others = disk.path().join("others");
    std::fs::write(&others, vec![1; 160 << 20]).unwrap();
    eventually("it is full", async || send(&served, &player, 1).await.status() == 503).await;
    assert_eq!(ask(&served, "/readyz").await.0, 503);
    assert_eq!(exported(&data, "home-0").len(), 1);
    std::fs::remove_file(others).unwrap();
    eventually("it is ready again", async || ask(&served, "/readyz").await.0 == 200).await;
    assert_eq!(send(&served, &player, 1).await.status(), 200);
    served.kill();
    assert_eq!(exported(&data, "home-0")[&player.session.to_string()], [0, 1]);
}
