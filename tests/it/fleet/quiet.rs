//! Stores that go away from a node that nobody asks anything.

use serde_json::Value;

use viewlog::telemetry::UNSWEPT_SECONDS;

use super::{Fleet, asked};
use crate::binary::Served;
use crate::deploy::alerts::OF_A_FLEET;
use crate::proxy::Proxy;
use crate::servers::{OwnRedis, cassandra};
use crate::support::eventually;

async fn readiness(node: &Served) -> u16 {
    crate::support::get(format!("{}/readyz", node.url)).await.unwrap().status().as_u16()
}

/// What is not as it should be, in short.
async fn degraded(node: &Served) -> Vec<String> {
    let system = asked(&format!("{}/v1/system", node.url)).await;
    let states = system["degraded"].as_array().unwrap().iter();
    states.map(|state: &Value| state["what"].as_str().unwrap().to_owned()).collect()
}

async fn metric(node: &Served, name: &str) -> String {
    let said =
        crate::support::get(format!("{}/metrics", node.url)).await.unwrap().text().await.unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {said}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_node_notices_that_its_stores_went_away_and_came_back() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(mut fleet) = Fleet::on(redis.url()) else { return };
    let Some(server) = cassandra() else { return };
    let proxy = Proxy::to(server.node()).await;
    fleet.log = fleet.log.replace(server.node(), &proxy.address().to_string());
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node(data.path());
    assert_eq!((readiness(&node).await, degraded(&node).await), (200, vec![]));
    assert_eq!(metric(&node, "viewlog_log_up").await, "1");
    eventually("what a fleet alone has is measured", async || {
        let url = format!("{}/metrics", node.url);
        let said = crate::support::get(url).await.unwrap().text().await.unwrap();
        // How far sweeps are is known when one has been through all slices, in some minutes.
        let soon = OF_A_FLEET.iter().filter(|name| **name != UNSWEPT_SECONDS);
        soon.into_iter().all(|name| said.contains(&format!("\n{name}")))
    })
    .await;

    proxy.refuse().await;
    proxy.cut();
    eventually("it is not ready", async || readiness(&node).await == 503).await;
    assert_eq!(degraded(&node).await, ["log_away"]);
    assert_eq!(metric(&node, "viewlog_log_up").await, "0");
    proxy.heal().await;
    eventually("it is ready again", async || readiness(&node).await == 200).await;
    eventually("it says so", async || metric(&node, "viewlog_log_up").await == "1").await;

    redis.kill(1);
    eventually("it misses its views", async || degraded(&node).await == ["views_away"]).await;
    assert_eq!(readiness(&node).await, 200, "facts are taken, and the log answers");
    assert_eq!(metric(&node, "viewlog_views_up").await, "0");
    redis.start_again(1);
    // With its last second a Redis that dies may lose what was merged in it; then it is behind.
    let is_back = async || !degraded(&node).await.contains(&"views_away".to_owned());
    eventually("it has them again", is_back).await;
    assert_eq!(metric(&node, "viewlog_views_up").await, "1");
    let clocks =
        ["log", "views"].map(|store| format!("viewlog_clock_ahead_seconds{{store=\"{store}\"}}"));
    for clock in clocks {
        let ahead_s: f64 = metric(&node, &clock).await.parse().unwrap();
        assert!(ahead_s.abs() < 5.0, "one machine, one clock: {ahead_s}");
    }
    assert_eq!(node.terminate(), Some(0));
}

/// As the user of a Redis that somebody gave all keys and commands.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_may_not_hear_the_others_says_so_and_what_would_let_it() {
    let Some(redis) = OwnRedis::one() else { return };
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER").arg("viewlog").arg(&["on", ">hunter2", "~*", "+@all", "resetchannels"]);
    user.exec(&mut connection).unwrap();
    let views = redis.url().replace("redis://", "redis://viewlog:hunter2@");
    let Some(fleet) = Fleet::on(views) else { return };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node(data.path());
    eventually("it says so", async || degraded(&node).await.contains(&"deaf".to_owned())).await;
    assert!(asked(&format!("{}/v1/system", node.url)).await.to_string().contains("(&*)"));
    redis::cmd("ACL").arg("SETUSER").arg("viewlog").arg("&*").exec(&mut connection).unwrap();
    eventually("it hears them", async || degraded(&node).await.is_empty()).await;
    assert_eq!(node.terminate(), Some(0));
}
