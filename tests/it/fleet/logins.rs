//! A Cassandra that asks who connects, and what a node needs to be allowed there.

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use viewlog::events::SessionId;

use super::{Fleet, asked, done, fact};
use crate::binary::{finish, said, viewlog};
use crate::servers::{Cluster, redis};
use crate::support::{at, eventually};

const ADMINISTRATOR: (&str, &str) = ("cassandra", "cassandra");
/// With what an address has to spell otherwise.
const NODE: (&str, &str) = ("viewlog", "hunter2:/@");
const NODE_SPELLED: (&str, &str) = ("viewlog", "hunter2%3A%2F%40");

/// Past viewlog, as the administrator; there is one a moment after the server's first start.
async fn administrator(cluster: &Cluster) -> Session {
    let mut session = None;
    eventually("the administrator is let in", async || {
        let builder = SessionBuilder::new().known_nodes(cluster.nodes());
        session = builder.user(ADMINISTRATOR.0, ADMINISTRATOR.1).build().await.ok();
        session.is_some()
    })
    .await;
    session.unwrap()
}

async fn tell(session: &Session, statement: &str) {
    session.query_unpaged(statement, ()).await.unwrap();
}

/// What a command came to, which never shows a password.
fn told(arguments: &[&str]) -> (Option<i32>, String) {
    let output = finish(viewlog().args(arguments));
    assert!(!said(&output).contains("hunter2"), "{}", said(&output));
    (output.status.code(), said(&output))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_logs_in_and_may_read_and_write_and_nothing_else() {
    let Some(cluster) = Cluster::of_known_users() else { return };
    let Some(redis) = redis() else { return };
    let session = administrator(&cluster).await;
    let keyspace = cluster.keyspace();
    let log = cluster.url_of(NODE_SPELLED, &keyspace);

    let nobody = format!("cassandra://{}/{keyspace}", cluster.nodes()[0]);
    let stranger = cluster.url_of(("viewlog", "hunter2"), &keyspace);
    for refused in [&nobody, &stranger] {
        let (status, said) = told(&["schema", "check", "--log", refused]);
        assert_eq!(status, Some(3), "{said}");
        assert!(said.contains("password"), "{said}");
    }

    let (user, password) = NODE;
    let create = format!("CREATE ROLE {user} WITH PASSWORD = '{password}' AND LOGIN = true");
    tell(&session, &create).await;
    let (status, said) = told(&["schema", "apply", "--log", &log]);
    assert_ne!(status, Some(0), "a node's own role makes no tables: {said}");
    let administered = cluster.url_of(ADMINISTRATOR, &keyspace);
    assert_eq!(told(&["schema", "apply", "--log", &administered]).0, Some(0));
    for permission in ["SELECT", "MODIFY"] {
        tell(&session, &format!("GRANT {permission} ON KEYSPACE {keyspace} TO {user}")).await;
    }
    let (status, said) = told(&["schema", "check", "--log", &log]);
    assert_eq!(status, Some(0), "{said}");

    let fleet = Fleet { log, views: redis.url() };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node(data.path());
    let watched = SessionId::derived(at(0), 1);
    for seq in 0..20 {
        let url = format!("{}/v1/accounts/home/events", node.url);
        let sent = crate::support::client().post(url).json(&fact(watched, seq)).send().await;
        assert_eq!(sent.unwrap().status(), 200);
    }
    let resume = asked(&format!("{}/v1/accounts/home/profiles/anna/resume/film", node.url)).await;
    assert_eq!(resume["position_ms"], 19_000, "{resume}");
    done(&node.url, &["rebuild"]);
    done(&node.url, &["verify"]);
    let erased = format!("{}/v1/accounts/home", node.url);
    let erased = crate::support::client().delete(erased).send().await.unwrap();
    assert!(erased.status().is_success(), "{}", erased.status());
    assert_eq!(node.terminate(), Some(0));
}
