//! Stores that are reached by TLS: who is believed, who is not, and who this node is.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::json;
use viewlog::events::SessionId;
use viewlog::projections::{Redis, RedisOptions};
use viewlog::tls::TlsFiles;

use super::{Fleet, asked, done, fact};
use crate::binary::{Served, finish, said, viewlog};
use crate::servers::{Authority, CASSANDRA_NAME, OwnRedis, authority, cassandra, redis};
use crate::support::{at, eventually};

/// What a process is told of whom to believe.
struct Believing {
    ca: PathBuf,
    cassandra_name: &'static str,
}

impl Believing {
    fn environment(&self) -> [(&str, &str); 2] {
        [
            ("VIEWLOG_TLS__CA_FILE", self.ca.to_str().unwrap()),
            ("VIEWLOG_TLS__CASSANDRA_NAME", self.cassandra_name),
        ]
    }

    fn run(&self, arguments: &[&str]) -> Output {
        finish(viewlog().args(arguments).envs(self.environment()))
    }
}

/// The right ones.
fn well() -> Believing {
    Believing { ca: authority().ca(), cassandra_name: CASSANDRA_NAME }
}

/// An authority that vouched for nobody here.
fn stranger(directory: &Path) -> PathBuf {
    Authority::in_directory(directory.join("stranger")).ca()
}

fn encrypted_log() -> Option<String> {
    let cassandra = cassandra()?;
    Some(format!("{}?tls=true", cassandra.url(&cassandra.keyspace())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_stores_are_both_encrypted_records_answers_and_is_heard() {
    let (Some(log), Some(redis)) = (encrypted_log(), OwnRedis::encrypted("one")) else { return };
    let applied = well().run(&["schema", "apply", "--log", &log]);
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
    let fleet = Fleet { log, views: redis.url_of_encrypted() };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node_with(data.path(), &well().environment());
    let session = SessionId::derived(at(0), 7);
    let facts: Vec<_> = (0..20).map(|seq| fact(session, seq)).collect();
    let client = crate::support::client();
    let url = format!("{}/v1/accounts/home/events", node.url);
    let sent = client.post(url).json(&json!({ "events": facts })).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    let resume = format!("{}/v1/accounts/home/profiles/anna/resume/film", node.url);
    eventually("the views have all of it", async || {
        let found = asked(&resume).await;
        found["source"] == "views" && found["position_ms"] == 19_000
    })
    .await;
    let system = format!("{}/v1/system", node.url);
    eventually("other nodes are heard", async || {
        asked(&system).await["relay"]["connected"] == true
    })
    .await;
    done(&node.url, &["verify"]);
    assert_eq!(node.terminate(), Some(0));

    let stores = [("VIEWLOG_LOG", fleet.log.as_str()), ("VIEWLOG_VIEWS", fleet.views.as_str())];
    let doctor = |believing: &Believing| {
        let mut doctor = viewlog();
        doctor.args(["doctor", "--data"]).arg(data.path()).envs(stores);
        said(&finish(doctor.envs(believing.environment())))
    };
    let looked = doctor(&well());
    assert!(looked.contains("log: its tables are as they should be"), "{looked}");
    let answers = format!("views: {} answers", &fleet.views["rediss://".len()..]);
    assert!(looked.contains(&answers), "{answers}: {looked}");
    let elsewhere = tempfile::tempdir().unwrap();
    let looked = doctor(&Believing { ca: stranger(elsewhere.path()), ..well() });
    assert_eq!(looked.matches("tls.ca_file").count(), 2, "both are not believed: {looked}");
}

#[test]
fn a_cassandra_that_is_not_believed_is_refused_with_the_setting_that_would_believe_it() {
    let Some(log) = encrypted_log() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = stranger(elsewhere.path());
    for (ca, cassandra_name, setting) in [
        (stranger, CASSANDRA_NAME, "tls.ca_file"),
        (authority().ca(), "", "tls.cassandra_name"),
        (authority().ca(), "other.test", "tls.cassandra_name"),
        (elsewhere.path().join("nothing.pem"), CASSANDRA_NAME, "nothing.pem"),
        (authority().key(), CASSANDRA_NAME, "no certificate in PEM"),
    ] {
        let refused = Believing { ca, cassandra_name }.run(&["schema", "check", "--log", &log]);
        assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
        assert!(said(&refused).contains(setting), "{setting}: {}", said(&refused));
    }
}

fn way(url: &str, tls: TlsFiles) -> Redis {
    let options = RedisOptions {
        response_timeout: Duration::from_secs(10),
        connect_timeout: Duration::from_secs(10),
        pause: Duration::from_millis(1),
        tls,
        ..RedisOptions::default()
    };
    Redis::new(&url.parse().unwrap(), options).unwrap()
}

/// Whether a Redis lets itself be asked, and why not.
async fn asks(url: &str, tls: TlsFiles) -> Result<(), String> {
    let redis = way(url, tls);
    for number in 0..20 {
        let mut set = redis::cmd("SET");
        set.arg(format!("number-{number}")).arg("there");
        redis.run(&set).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_or_a_cluster_is_believed_by_its_authority_and_may_ask_who_it_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    let ca_file = Some(authority().ca());
    for preset in ["one", "cluster"] {
        let Some(redis) = OwnRedis::encrypted(preset) else { return };
        let url = redis.url_of_encrypted();
        let believing = TlsFiles { ca_file: ca_file.clone(), ..TlsFiles::default() };
        assert_eq!(asks(&url, believing.clone()).await, Ok(()), "{url}");
        let strange = Some(stranger(elsewhere.path()));
        let refused = asks(&url, TlsFiles { ca_file: strange, ..TlsFiles::default() }).await;
        if preset == "one" {
            let why = refused.unwrap_err();
            assert!(why.contains("tls.ca_file"), "{why}");
        } else {
            refused.unwrap_err();
        }
        redis.ask_who_it_is();
        assert!(asks(&url, believing.clone()).await.is_err(), "it wants to know who asks");
        let known = TlsFiles {
            certificate_file: Some(authority().certificate()),
            key_file: Some(authority().key()),
            ..believing
        };
        assert_eq!(asks(&url, known).await, Ok(()), "{url}");
    }
}

#[test]
fn a_node_that_cannot_read_whom_to_believe_does_not_start() {
    let (Some(log), Some(redis)) = (encrypted_log(), redis()) else { return };
    let data = tempfile::tempdir().unwrap();
    let views = redis.url().replace("redis://", "rediss://");
    let nothing = [("VIEWLOG_TLS__CA_FILE", "/nonexistent/ca.pem")];
    let node = Served::begin(data.path(), &["--log", &log, "--views", &views], &nothing);
    let told = node.ended(Duration::from_secs(30));
    assert_eq!(told, Some(3));
}
