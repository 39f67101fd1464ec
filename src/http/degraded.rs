//! What is not as it should be with a node, and whether it is to be asked all the same.
//!
//! Each state has its metric too: `viewlog_log_up`, `viewlog_spool_waiting`, `viewlog_views_up`,
//! `viewlog_relay_up`, `viewlog_views_lag_seconds`, `viewlog_append_seconds` and
//! `viewlog_clock_ahead_seconds`.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::Node;
use crate::actors::PaceObserved;
use crate::events::Skew;
use crate::projections::Freshness;

/// The clocks of the stores that this node shares with others, beside its own.
#[derive(Debug, Default)]
pub struct Clocks(Vec<Arc<Skew>>);

impl Clocks {
    /// Looks at this one too.
    pub fn add(&mut self, skew: Arc<Skew>) {
        self.0.push(skew);
    }

    /// By how much this node's clock is ahead of each store's, as far as that is known.
    pub(super) fn ahead_ms(&self) -> impl Iterator<Item = (&'static str, i64)> {
        self.0.iter().filter_map(|skew| Some((skew.store(), skew.ahead_ms()?)))
    }

    /// By how much it is ahead of this store's.
    pub(super) fn ahead_of_ms(&self, store: &str) -> Option<i64> {
        self.ahead_ms().find(|(name, _)| *name == store).map(|(_, ahead_ms)| ahead_ms)
    }

    /// What is to be said of a clock that is too far off.
    fn far(&self) -> Option<String> {
        let mut far = self.ahead_ms().filter(|(_, ahead_ms)| ahead_ms.abs() > Skew::MS_MAX);
        far.next().map(|(store, ahead_ms)| {
            let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
            let s = ahead_ms.unsigned_abs() / 1_000;
            format!("this node's clock is {s} s {way} that of the store of its {store}; set it")
        })
    }
}

/// Something that is not as it should be.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Degraded {
    /// `log_away`, `spool`, `views_away`, `deaf`, `behind`, `slow` or `clock`.
    what: &'static str,
    /// What it is, and what comes of it.
    detail: String,
}

/// Everything that is not as it should be.
pub(super) fn degraded(node: &Node) -> Vec<Degraded> {
    let mut found = Vec::new();
    let mut add = |what, detail: Option<String>| {
        found.extend(detail.map(|detail| Degraded { what, detail }));
    };
    let stopped = node.log.health().stopped;
    add("log_away", stopped.map(|why| format!("the log takes no facts: {why}")));
    let views = node.views.standing();
    let views_away = (!views.ok).then(|| {
        format!("{} does not answer: answers are folded from the log, and slower", views.kind)
    });
    add("views_away", views_away);
    let observed = node.system.observe();
    let deaf = (views.ok && observed.is_deaf).then(|| {
        "this node does not hear the others by the pub/sub of redis, whose user may need its \
         channels (&*): live feeds lack what is recorded there, and others answer as stale"
            .to_owned()
    });
    add("deaf", deaf);
    add("behind", behind(node));
    let waiting = observed.spool.map_or(0, |spool| spool.standing.facts);
    let spool = (waiting > 0).then(|| {
        format!("{waiting} facts wait on this node's disk alone until the log has taken them")
    });
    add("spool", spool);
    let pace = observed.pace;
    let slow = pace.is_slow().then(|| {
        let PaceObserved { slow, appends } = pace;
        format!("the log took more than half a second for {slow} of the last {appends} appends")
    });
    add("slow", slow);
    add("clock", node.clocks.far());
    found
}

/// How far views are behind, if answers say so.
fn behind(node: &Node) -> Option<String> {
    let now = node.clock.now();
    let as_of = node.freshness.as_of(now);
    Freshness::is_stale(as_of, now).then(|| {
        format!(
            "views may lack what was recorded since {as_of}: signals wait, or a sweep is to come"
        )
    })
}

/// Why the node is better not asked, if it is: nobody could record, or what is recorded would bear
/// wrong times.
pub(super) fn unready(node: &Node) -> Option<String> {
    if node.log.health().stopped.is_some() {
        return Some("the log takes no facts; the server's log says why".to_owned());
    }
    node.clocks.far()
}
