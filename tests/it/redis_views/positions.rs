//! Positions and the clock of the server: no node's clock that is ahead keeps others from sweeping.

use std::sync::Arc;
use std::time::Duration;

use viewlog::events::memory::MemoryLog;
use viewlog::events::{Clock, ManualClock, Slice, SystemClock, Timestamp};
use viewlog::projections::{Pass, Position, Sweep, Swept, ViewStore};

use super::shared;
use crate::support::home;

const HOUR_MS: i64 = 3_600_000;

fn in_hours(hours: i64) -> Timestamp {
    SystemClock.now().plus_ms(hours * HOUR_MS)
}

#[tokio::test]
async fn a_position_ahead_of_the_server_is_none_and_is_put_right() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let Some(views) = shared(10, &clock) else { return };
    let slice = Slice::of(&home());
    let swept = async || views.position(slice, Position::Swept).await.unwrap();
    views.advance(slice, Position::Swept, in_hours(72)).await.unwrap();
    assert_eq!(swept().await, None);
    let past = in_hours(-1);
    views.advance(slice, Position::Swept, past).await.unwrap();
    assert_eq!(swept().await, Some(past));
    assert!(views.has_come(past).await.unwrap());
    assert!(!views.has_come(in_hours(1)).await.unwrap());
}

#[tokio::test]
async fn a_node_whose_clock_is_ahead_sweeps_nothing_before_it_is_due() {
    let ahead = Arc::new(ManualClock::new(in_hours(72)));
    let Some(views) = shared(10, &ahead) else { return };
    let views = Arc::new(views);
    let slice = Slice::of(&home());
    let now = SystemClock.now();
    views.advance(slice, Position::Swept, now).await.unwrap();
    let sweep = |clock: Arc<dyn Clock>| Sweep {
        log: Arc::new(MemoryLog::default()),
        views: Arc::clone(&views) as Arc<dyn ViewStore>,
        clock,
        holder: "one".to_owned(),
        append_deadline: Duration::from_secs(10),
        tell_erased: Box::new(|_| {}),
    };
    let (swept, rest) = sweep(ahead).slice(slice, Pass::First).await.unwrap();
    assert_eq!(swept, Swept::default());
    assert!(rest.since <= now, "{rest:?}");
    assert_eq!(views.position(slice, Position::Swept).await.unwrap(), Some(now));
    views.advance(slice, Position::SweptAgain, in_hours(-6)).await.unwrap();
    let (swept, _) = sweep(Arc::new(SystemClock)).slice(slice, Pass::Second).await.unwrap();
    assert!(swept.windows > 0, "a clock that is right sweeps what is due");
}
