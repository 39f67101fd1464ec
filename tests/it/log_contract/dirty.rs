//! The dirty index, where a log has one; slices and windows, by which it is read.

use std::collections::BTreeSet;

use super::*;

pub(super) async fn dirty_marks_are_found_by_window(log: Log) {
    let account = account("dirty");
    let slice = Slice::of(&account);
    let first = Window::at(slice, at(0));
    let mut batch = append(&account, &[event(session(1), 0)]);
    batch.marks = vec![mark(session(9), "film")];
    batch.dirty = [1, 9].map(|n| DirtyMark { window: first, session: session(n) }).into();
    batch.dirty.push(DirtyMark { window: first.next(), session: session(1) });
    for _ in 0..2 {
        log.append(&batch).await.unwrap();
    }
    let marked = async |window| -> Vec<SessionId> {
        let found = log.dirty(slice, window).await.unwrap().into_iter();
        let mut found: Vec<_> =
            found.filter(|key| key.account == account).map(|key| key.session).collect();
        found.sort();
        found
    };
    if !log.keeps_dirty_index() {
        assert!(marked(first).await.is_empty());
        return;
    }
    assert_eq!(marked(first).await, [session(1), session(9)]);
    assert_eq!(marked(first.next()).await, [session(1)]);
    assert!(marked(first.next().next()).await.is_empty());
    let other = Slice::from_number((slice.number() + 1) % Slice::COUNT).unwrap();
    assert!(log.dirty(other, first).await.unwrap().iter().all(|key| key.account != account));
}

pub(super) async fn a_dirty_mark_alone_makes_no_account(log: Log) {
    let account = account("ahead");
    let window = Window::at(Slice::of(&account), at(0));
    let mut batch = Append::new(account.clone());
    batch.dirty = vec![DirtyMark { window, session: session(1) }];
    log.append(&batch).await.unwrap();
    let all = log.accounts(&AccountRange::ALL, None, usize::MAX).await.unwrap();
    assert!(!all.contains(&account));
    let found = log.dirty(Slice::of(&account), window).await.unwrap();
    let expected = SessionKey { account, session: session(1) };
    assert_eq!(found.contains(&expected), log.keeps_dirty_index());
}

#[tokio::test]
async fn the_memory_log_drops_marks_of_windows_ten_days_past() {
    let log = MemoryLog::default();
    let account = account("old");
    let slice = Slice::of(&account);
    let mark = async |seconds| {
        let window = Window::at(slice, at(seconds));
        let mut batch = Append::new(account.clone());
        batch.dirty = vec![DirtyMark { window, session: session(1) }];
        log.append(&batch).await.unwrap();
        window
    };
    let first = mark(0).await;
    let second = mark(601).await;
    mark(601 + 10 * 86_400).await;
    assert!(log.dirty(slice, first).await.unwrap().is_empty());
    assert_eq!(log.dirty(slice, second).await.unwrap().len(), 1);
}

#[test]
fn an_account_has_one_slice_for_ever() {
    let slice = |text: &str| Slice::of(&AccountId::new(text).unwrap()).number();
    assert_eq!([slice("home"), slice("ä"), slice("account-7")], GOLDEN_SLICES);
    let all: BTreeSet<_> = (0..20_000).map(|n| slice(&format!("account-{n}"))).collect();
    assert_eq!(all.len(), usize::from(Slice::COUNT), "accounts spread over all slices");
    assert_eq!(Slice::all().count(), usize::from(Slice::COUNT));
    assert_eq!(Slice::from_number(Slice::COUNT), None);
}

const GOLDEN_SLICES: [u16; 3] = [538, 180, 830];

#[test]
fn windows_follow_one_another_without_a_gap() {
    for slice in [0, 1, 511, 1_023].map(|n| Slice::from_number(n).unwrap()) {
        for seconds in [0, 1, 599, 600, 601, 3_601] {
            let window = Window::at(slice, at(seconds));
            let end = window.ends_at(slice);
            assert!(at(seconds) < end);
            assert!(end.since_ms(at(seconds)) <= Window::LENGTH_MS.cast_signed());
            assert_eq!(Window::at(slice, end), window.next());
            assert_eq!(Window::at(slice, end.plus_ms(-1)), window);
            assert_eq!(Window::from_number(window.number()), window);
        }
        Window::at(slice, Timestamp::from_ms(0));
        assert!(Window::from_number(u64::MAX).next().ends_at(slice) <= Timestamp::MAX);
    }
}

#[test]
fn windows_of_all_slices_close_one_after_another() {
    let ends: BTreeSet<_> =
        Slice::all().map(|slice| Window::at(slice, at(0)).ends_at(slice)).collect();
    assert_eq!(ends.len(), usize::from(Slice::COUNT));
}
