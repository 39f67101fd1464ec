//! What belongs to an account or to nobody, and many at once.

use super::*;

pub(super) async fn a_registered_week_is_listed(log: Log) {
    let account = account("weeks");
    let mut batch = Append::new(account.clone());
    let weeks = [202_648, 17, 202_501].map(Week::from_number);
    batch.weeks = [&weeks[..], &[Week::PERSON]].concat();
    batch.marks = vec![mark(session(1), "film")];
    log.append(&batch).await.unwrap();
    let expected = [17, 202_501, 202_648].map(Week::from_number);
    assert_eq!(log.weeks(&account).await.unwrap(), expected);
}

pub(super) async fn marks_are_kept_by_command(log: Log) {
    let account = account("marks");
    let mut batch = Append::new(account.clone());
    batch.marks = [2, 1, 3].map(|n| mark(session(n), "film")).into();
    log.append(&batch).await.unwrap();
    let marks = log.marks(&account).await.unwrap();
    assert_eq!(marks, [1, 2, 3].map(|n| mark(session(n), "film")));
    assert!(log.weeks(&account).await.unwrap().is_empty());
}

pub(super) async fn an_account_is_read_part_by_part(log: Log) {
    let account = account("parts");
    for depth in [Depth::Snapshots, Depth::Facts] {
        assert_eq!(parts(&log, &account, depth).await, [Part::Marks(vec![])]);
    }
    let sessions = [0, 14, 7].map(|days| SessionId::derived(at(days * 24 * 60 * 60), 1));
    for session in sessions {
        let events: Vec<_> = (0..3).map(|seq| event(session, seq)).collect();
        let mut batch = append(&account, &events);
        batch.snapshots = vec![snapshot(&events[..2])];
        log.append(&batch).await.unwrap();
    }
    for marks in [vec![], vec![mark(session(7), "film"), mark(session(8), "film")]] {
        let mut batch = Append::new(account.clone());
        batch.marks.clone_from(&marks);
        log.append(&batch).await.unwrap();
        for depth in [Depth::Snapshots, Depth::Facts] {
            let mut expected = vec![Part::Marks(marks.clone())];
            for newer in [1, 2, 0] {
                let week = sessions[newer].week();
                let stored = log.week(&account, week, depth).await.unwrap();
                assert_eq!(stored.len(), 1);
                expected.push(Part::Week(week, stored));
            }
            assert_eq!(parts(&log, &account, depth).await, expected);
        }
    }
}

pub(super) async fn accounts_are_paged_range_by_range(log: Log) {
    let first = account("paging");
    let ids: Vec<_> = ["", " b", "!", "0", "a", "ä"]
        .map(|end| AccountId::new(&format!("{first}{end}")).unwrap())
        .into();
    for (n, id) in ids.iter().enumerate().rev() {
        let mut batch = append(id, &[event(session(1), 0)]);
        batch.weeks.push(Week::from_number(202_501));
        if n == 3 {
            batch = Append::new(id.clone());
            batch.marks = vec![mark(session(1), "film")];
        }
        log.append(&batch).await.unwrap();
    }
    for parts in [1, 3] {
        let ranges = log.ranges(parts);
        assert!((1..=parts).contains(&ranges.len()));
        assert_eq!(ranges, log.ranges(parts));
        let mut seen = Vec::new();
        for range in ranges {
            let mut after = None;
            loop {
                let page = log.accounts(&range, after.as_ref(), 2).await.unwrap();
                assert!(page.len() <= 2);
                let Some(last) = page.last().cloned() else { break };
                after = Some(last);
                seen.extend(page.into_iter().filter(|id| ids.contains(id)));
            }
        }
        seen.sort();
        assert_eq!(seen, ids, "in {parts} parts");
    }
    let all = AccountRange::ALL;
    assert!(log.accounts(&all, None, 0).await.unwrap().is_empty());
    assert_eq!(log.accounts(&all, None, 1).await.unwrap().len(), 1);
}

pub(super) async fn a_note_is_kept_until_removed(log: Log) {
    let name = account("note").to_string();
    assert_eq!(log.note(&name).await.unwrap(), None);
    log.set_note(&name, Some(b"here")).await.unwrap();
    log.set_note(&name, Some(b"there")).await.unwrap();
    assert_eq!(log.note(&name).await.unwrap().as_deref(), Some(&b"there"[..]));
    log.set_note(&name, Some(b"")).await.unwrap();
    assert_eq!(log.note(&name).await.unwrap().as_deref(), Some(&b""[..]));
    log.set_note(&name, None).await.unwrap();
    assert_eq!(log.note(&name).await.unwrap(), None);
}

pub(super) async fn an_empty_append_is_nothing(log: Log) {
    let account = account("empty");
    log.append(&Append::new(account.clone())).await.unwrap();
    let all = log.accounts(&AccountRange::ALL, None, usize::MAX).await.unwrap();
    assert!(!all.contains(&account));
    assert_eq!(log.health().stopped, None);
}

pub(super) async fn many_append_at_once(log: Log) {
    const TASKS: u32 = 40;
    const EVENTS: u32 = 25;
    let account = account("many");
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let (log, account) = (Arc::clone(&log), account.clone());
            tokio::spawn(async move {
                let id = session(n.into());
                for seq in 0..EVENTS {
                    log.append(&append(&account, &[event(id, seq)])).await.unwrap();
                    // What is acknowledged is readable at once.
                    let stored = log.session(&key(&account, id)).await.unwrap().unwrap();
                    assert_eq!(stored.events.len(), seq as usize + 1);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let week = log.week(&account, session(0).week(), Depth::Facts).await.unwrap();
    assert_eq!(week.len(), TASKS as usize);
    assert!(week.iter().all(|stored| stored.events.len() == EVENTS as usize));
    assert_eq!(sessions(&week), (0..TASKS).map(|n| session(n.into())).collect::<Vec<_>>());
}
