//! Positions, leases and notices, which live beside what they vouch for.

use std::time::Duration;

use viewlog::events::Slice;
use viewlog::projections::Position;

use super::each;
use crate::support::{at, eventually, home};

#[tokio::test]
async fn a_position_is_unknown_until_it_is_said_and_never_goes_back() {
    each(10, async |store, _| {
        let slice = Slice::of(&home());
        let other = Slice::all().find(|other| *other != slice).unwrap();
        let swept = async || store.position(slice, Position::Swept).await.unwrap();
        assert_eq!(swept().await, None);
        store.advance(slice, Position::Swept, at(10)).await.unwrap();
        assert_eq!(swept().await, Some(at(10)));
        store.advance(slice, Position::Swept, at(9)).await.unwrap();
        assert_eq!(swept().await, Some(at(10)));
        store.advance(slice, Position::Swept, at(11)).await.unwrap();
        assert_eq!(swept().await, Some(at(11)));
        assert_eq!(store.position(slice, Position::SweptAgain).await.unwrap(), None);
        assert_eq!(store.position(other, Position::Swept).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_lease_is_one_holders_until_it_is_released_or_its_time_is_over() {
    each(10, async |store, clock| {
        let ttl = Duration::from_millis(40);
        let long = Duration::from_secs(60);
        assert!(store.lease("sweep-1", "a", long).await.unwrap());
        assert!(store.lease("sweep-1", "a", long).await.unwrap(), "renewed");
        assert!(!store.lease("sweep-1", "b", long).await.unwrap());
        assert!(store.lease("sweep-2", "b", long).await.unwrap());
        store.release("sweep-1", "b").await.unwrap();
        assert!(!store.lease("sweep-1", "b", long).await.unwrap(), "not its to release");
        store.release("sweep-1", "a").await.unwrap();
        assert!(store.lease("sweep-1", "b", ttl).await.unwrap());
        let taken_over = async || {
            // Some stores go by this clock, others by their own.
            clock.advance_ms(50);
            store.lease("sweep-1", "a", long).await.unwrap()
        };
        eventually("its time is over", taken_over).await;
    })
    .await;
}

#[tokio::test]
async fn a_notice_is_read_until_another_is_left_or_its_time_is_over() {
    each(10, async |store, clock| {
        let long = Duration::from_secs(60);
        let read = async |name| store.notice(name).await.unwrap();
        assert_eq!(read("work").await, None);
        store.set_notice("work", b"begun", long).await.unwrap();
        store.set_notice("other work", b"", long).await.unwrap();
        store.set_notice("work", b"done\0\xff", long).await.unwrap();
        assert_eq!(read("work").await.unwrap(), b"done\0\xff");
        assert_eq!(read("other work").await.unwrap(), b"");
        store.set_notice("work", b"soon gone", Duration::from_millis(40)).await.unwrap();
        let is_gone = async || {
            clock.advance_ms(50);
            read("work").await.is_none()
        };
        eventually("its time is over", is_gone).await;
        assert_eq!(read("other work").await.unwrap(), b"");
    })
    .await;
}
