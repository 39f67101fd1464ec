//! What lies between a node and its stores is cut, slow, closed and silent, under load.

use std::time::{Duration, Instant};

use super::Fleet;
use super::load::{Habits, Load, is_well, nothing_is_lost};
use crate::proxy::{Proxy, Way};
use crate::support::a_moment;

/// A node whose stores are behind proxies, with players at it.
struct Troubled {
    node: crate::binary::Served,
    load: Load,
    log: Proxy,
    views: Proxy,
    _data: tempfile::TempDir,
}

impl Troubled {
    async fn begun() -> Option<Self> {
        let direct = Fleet::begin()?;
        let (log, log_url) = through(&direct.log).await;
        let (views, views_url) = through(&direct.views).await;
        let data = tempfile::tempdir().unwrap();
        let node = Fleet { log: log_url, views: views_url }.node(data.path());
        let load = Load::begin(&Habits::of("home"), &[&node.url]);
        load.goes_on(300).await;
        Some(Self { node, load, log, views, _data: data })
    }

    async fn ends_well(self, what: &str) {
        self.load.goes_on(300).await;
        let (players, tally) = self.load.end().await;
        tally.say(what);
        nothing_is_lost(&players, &self.node.url).await;
        is_well(&players, &self.node.url).await;
        assert_eq!(self.node.terminate(), Some(0));
    }
}

/// A proxy to the host of a URL, and the URL by way of it.
pub(super) async fn through(url: &str) -> (Proxy, String) {
    let host = url.split("://").nth(1).unwrap().split('/').next().unwrap();
    let proxy = Proxy::to(host).await;
    let way = url.replacen(host, &proxy.address().to_string(), 1);
    (proxy, way)
}

/// So long, while players go on as they may.
async fn lasts(seconds: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        a_moment().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_again_and_again_lose_no_acknowledged_fact() {
    let Some(troubled) = Troubled::begun().await else { return };
    for _ in 0..5 {
        troubled.log.cut();
        troubled.load.goes_on(50).await;
        troubled.views.cut();
        troubled.load.goes_on(50).await;
    }
    troubled.ends_well("connections cut ten times").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_are_slow_or_closed_for_seconds_lose_no_acknowledged_fact() {
    let Some(troubled) = Troubled::begun().await else { return };
    for proxy in [&troubled.log, &troubled.views] {
        proxy.delay(Duration::from_millis(200));
        troubled.load.goes_on(50).await;
        proxy.heal().await;
        proxy.refuse().await;
        proxy.cut();
        lasts(3).await;
        proxy.heal().await;
        troubled.load.goes_on(50).await;
    }
    troubled.ends_well("200 ms late, then closed for 3 s, one store after the other").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_fall_silent_for_seconds_lose_no_acknowledged_fact() {
    let Some(troubled) = Troubled::begun().await else { return };
    for way in [Way::ToServer, Way::ToClient] {
        for proxy in [&troubled.log, &troubled.views] {
            proxy.silence(way);
            lasts(4).await;
            proxy.heal().await;
            troubled.load.goes_on(50).await;
        }
    }
    troubled.ends_well("silent for 4 s in each direction, one store after the other").await;
}
