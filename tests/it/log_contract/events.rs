//! Events: durable, repeatable, ordered, apart from one another.

use super::*;

pub(super) async fn an_unknown_session_is_none(log: Log) {
    let account = account("unknown");
    assert_eq!(log.session(&key(&account, session(1))).await.unwrap(), None);
    assert!(log.events(&key(&account, session(1)), 0..=9).await.unwrap().is_empty());
    assert!(log.weeks(&account).await.unwrap().is_empty());
    assert!(log.week(&account, session(1).week(), Depth::Facts).await.unwrap().is_empty());
    assert!(log.marks(&account).await.unwrap().is_empty());
    assert!(log.fences(&account).await.unwrap().is_empty());
}

pub(super) async fn an_appended_event_is_read_back(log: Log) {
    let account = account("back");
    let events = [event(session(1), 0), event(session(1), 1)];
    log.append(&append(&account, &events)).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.session, session(1));
    assert_eq!(stored.snapshot, None);
    assert_eq!(stored.events, events);
    assert_eq!(stored.damage, None);
    assert_eq!(stored.state(), fold(None, &events));
}

pub(super) async fn a_repeated_append_changes_nothing(log: Log) {
    let account = account("repeat");
    let events = [event(session(1), 0), event(session(1), 1)];
    let mut batch = append(&account, &events);
    batch.marks = vec![mark(session(9), "film")];
    for _ in 0..3 {
        log.append(&batch).await.unwrap();
    }
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.events, events);
    assert_eq!(log.marks(&account).await.unwrap(), batch.marks);
    assert_eq!(log.weeks(&account).await.unwrap(), batch.weeks);
}

pub(super) async fn events_come_in_their_order(log: Log) {
    let account = account("order");
    // 300 goes past one byte of the number; two events share number 2.
    let mut other = event(session(1), 2);
    other.fact.position_ms += 1;
    let other = Event::recorded(other.fact, other.received_at, None);
    let mut events: Vec<_> =
        [300, 2, 255, 0, 256].map(|seq| event(session(1), seq)).into_iter().collect();
    events.push(other);
    for event in &events {
        log.append(&append(&account, std::slice::from_ref(event))).await.unwrap();
    }
    events.sort_by_key(|event| event.order);
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(seqs(&stored.events), [0, 2, 2, 255, 256, 300]);
    assert_eq!(stored.events, events);
}

pub(super) async fn events_are_read_by_their_numbers(log: Log) {
    let account = account("numbers");
    let events: Vec<_> = (0..10).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.snapshots = vec![snapshot(&events)];
    log.append(&batch).await.unwrap();
    let key = key(&account, session(1));
    let read = async |range| seqs(&log.events(&key, range).await.unwrap());
    assert_eq!(read(3..=5).await, [3, 4, 5]);
    assert_eq!(read(9..=u64::MAX).await, [9]);
    assert_eq!(read(0..=0).await, [0]);
    assert!(read(10..=20).await.is_empty());
    #[expect(clippy::reversed_empty_ranges, reason = "a caller may reckon one")]
    let reversed = read(5..=3).await;
    assert!(reversed.is_empty());
}

pub(super) async fn accounts_and_sessions_do_not_mix(log: Log) {
    let name = account("mix");
    let longer = AccountId::new(&format!("{name}0")).unwrap();
    for account in [&name, &longer] {
        for number in [1, 2, 3] {
            let count = number + u32::from(account == &longer) * 10;
            let events: Vec<_> = (0..count).map(|seq| event(session(number.into()), seq)).collect();
            log.append(&append(account, &events)).await.unwrap();
        }
    }
    let stored = log.session(&key(&name, session(2))).await.unwrap().unwrap();
    assert_eq!(stored.events.len(), 2);
    let week = log.week(&name, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week.iter().map(|stored| stored.events.len()).collect::<Vec<_>>(), [1, 2, 3]);
    let week = log.week(&longer, session(1).week(), Depth::Facts).await.unwrap();
    assert_eq!(week.iter().map(|stored| stored.events.len()).collect::<Vec<_>>(), [11, 12, 13]);
}

pub(super) async fn a_week_has_its_sessions_by_id(log: Log) {
    let account = account("week");
    let next_week = SessionId::derived(at(7 * 24 * 3_600), 1);
    for id in [session(3), next_week, session(1), session(2)] {
        let events = [event(id, 0), event(id, 1)];
        log.append(&append(&account, &events)).await.unwrap();
    }
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [session(1), session(2), session(3)]);
    assert!(week.iter().all(|stored| seqs(&stored.events) == [0, 1]));
    let week = log.week(&account, next_week.week(), Depth::Snapshots).await.unwrap();
    assert_eq!(sessions(&week), [next_week]);
}

pub(super) async fn damage_does_not_hide_neighbours(log: Log) {
    let account = account("damage");
    let events: Vec<_> = (0..4).map(|seq| event(session(1), seq)).collect();
    let mut batch = append(&account, &events);
    batch.events[1].body[3] ^= 0x40;
    batch.events[2].body.clear();
    log.append(&batch).await.unwrap();
    log.append(&append(&account, &[event(session(2), 0)])).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(seqs(&stored.events), [0, 3]);
    assert_eq!(stored.damage.as_ref().map(|damage| damage.rows), Some(2));
    let week = log.week(&account, session(1).week(), Depth::Snapshots).await.unwrap();
    assert_eq!(week[0], stored);
    assert_eq!(week[1].damage, None);
    let read = log.events(&key(&account, session(1)), 0..=9).await.unwrap();
    assert_eq!(seqs(&read), [0, 3]);
}
