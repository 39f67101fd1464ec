//! Small reads of an account that was read before: without a script, and as right as with one.

use std::time::Duration;

use bytes::Bytes;
use viewlog::events::Timestamp;
use viewlog::projections::{Entry, Page, Query, RedisViews, Select, Target, View, ViewStore};

use super::{
    begun, clock, filled, keys, lose_key, merge, play, query, scripts_run, told, views, views_idle,
    views_on, way,
};
use crate::servers::OwnRedis;
use crate::support::{at, home, id};

/// What is read of a title, twice, since a mark may stand beside its plays.
fn of_title(title: &'static str) -> [Query; 2] {
    let label = Select::Labelled(Bytes::from_static(title.as_bytes()));
    [query(label.clone()), Query { view: View::MARKS, scope: Some(id("anna")), select: label }]
}

async fn read(store: &RedisViews, title: &'static str) -> Option<Vec<Page>> {
    store.read(&home(), &of_title(title)).await.unwrap()
}

/// The values of both pages of the title that all plays are of.
async fn values(store: &RedisViews) -> Option<Vec<String>> {
    let pages = read(store, "t").await?;
    Some(pages.iter().flat_map(super::texts).collect())
}

fn mark(key: u8, version: u64, value: &str) -> Entry {
    Entry { view: View::MARKS, rank: None, ..play(key, version, value) }
}

/// Runs it, and says that it took no script.
async fn without_a_script<T>(server: &OwnRedis, work: impl Future<Output = T>) -> T {
    let before = scripts_run(server);
    let result = work.await;
    assert_eq!(scripts_run(server), before, "a script was run");
    result
}

#[tokio::test]
async fn what_was_read_before_is_read_without_a_script() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "a"), mark(9, 1, "m")]).await;
    assert_eq!(values(&store).await.unwrap(), ["a", "m"]);
    assert_eq!(without_a_script(&server, values(&store)).await.unwrap(), ["a", "m"]);

    merge(&store, play(1, 2, "b")).await;
    assert_eq!(without_a_script(&server, values(&store)).await.unwrap(), ["b", "m"], "newer");
    merge(&store, play(2, 1, "c")).await;
    assert_eq!(without_a_script(&server, values(&store)).await.unwrap(), ["b", "c", "m"], "more");
    let other = Entry { label: Bytes::from_static(b"other"), ..play(1, 3, "d") };
    merge(&store, other).await;
    assert_eq!(without_a_script(&server, values(&store)).await.unwrap(), ["c", "m"], "fewer");
}

#[tokio::test]
async fn that_there_is_nothing_needs_no_script_either() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    for title in ["unknown", "t", "unknown"] {
        let first = read(&store, title).await.unwrap();
        let again = without_a_script(&server, read(&store, title)).await.unwrap();
        assert_eq!(first, again);
        assert_eq!(first[0].entries.len(), usize::from(title == "t"));
    }
    filled(&store, &id("empty"), vec![]).await;
    let empty = store.read(&id("empty"), &of_title("t")).await.unwrap().unwrap();
    let again = without_a_script(&server, store.read(&id("empty"), &of_title("t"))).await;
    assert_eq!(again.unwrap().unwrap(), empty);
}

#[tokio::test]
async fn what_is_expired_and_what_was_dropped_is_said_alike() {
    let Some(server) = OwnRedis::one() else { return };
    let clock = clock();
    let store = views(way(&server.url()), "own-", 2, &clock);
    let lasting = |key| play(key, 1, "lasting");
    let passing = Entry { expires_at: Some(at(10)), ..play(4, 1, "passing") };
    filled(&store, &home(), vec![lasting(1), lasting(2), lasting(3), passing]).await;
    let first = read(&store, "t").await.unwrap();
    assert_eq!(first[0].entries.len(), 2, "{first:?}");
    assert!(first[0].floor.is_some(), "{first:?}");
    assert_eq!(without_a_script(&server, read(&store, "t")).await.unwrap(), first);
    clock.set(at(20));
    let last = without_a_script(&server, read(&store, "t")).await.unwrap();
    assert_eq!(super::texts(&last[0]), ["lasting"]);
    assert_eq!(last[0].floor, first[0].floor);
}

#[tokio::test]
async fn any_key_or_entry_that_is_gone_is_noticed_without_a_script() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let entries = [play(1, 1, "a"), play(2, 1, "b"), mark(9, 1, "m")];
    filled(&store, &home(), entries.to_vec()).await;
    let count = keys(&server, "*");
    assert_eq!(count, 7, "generations, card, entries, ranks, labels, and of marks but the ranks");
    for lost in 1..=count {
        server.flush();
        filled(&store, &home(), entries.to_vec()).await;
        assert_eq!(values(&store).await.unwrap(), ["a", "b", "m"]);
        let lost = lose_key(&server, lost);
        let is_of_ranks = lost.windows(2).any(|two| two == b"}r");
        let left = values(&store).await;
        assert_eq!(left.is_some(), is_of_ranks, "without {:?}", String::from_utf8_lossy(&lost));
    }
    server.flush();
    filled(&store, &home(), entries.to_vec()).await;
    assert_eq!(values(&store).await.unwrap(), ["a", "b", "m"]);
    let lose_entry = "for _, key in ipairs(redis.call('keys', '*}h*')) do
                        redis.call('hdel', key, '\\2')
                      end";
    told::<()>(&server, &["EVAL", lose_entry, "0"]);
    assert_eq!(values(&store).await, None);
}

#[tokio::test]
async fn an_account_that_moved_is_found_where_it_is_now() {
    let Some(server) = OwnRedis::one() else { return };
    let (store, other) = (views_on(&server), views_on(&server));
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    assert_eq!(values(&store).await.unwrap(), ["a"]);
    // Another node forgets it, and fills it again.
    other.forget(&home()).await.unwrap();
    assert_eq!(values(&store).await, None);
    filled(&other, &home(), vec![play(2, 1, "b")]).await;
    assert_eq!(values(&store).await.unwrap(), ["b"]);
    assert_eq!(without_a_script(&server, values(&store)).await.unwrap(), ["b"]);
    // Another node rebuilds.
    let opened = other.begin_generation(None).await.unwrap();
    let mut fill = other.begin_fill(&home(), Target::Next).await.unwrap().unwrap();
    assert!(other.fill(&mut fill, vec![play(3, 1, "c")]).await.unwrap());
    assert!(other.end_fill(fill, true).await.unwrap());
    assert_eq!(values(&store).await.unwrap(), ["b"], "what is prepared is not read");
    other.flip(opened).await.unwrap();
    assert_eq!(values(&store).await.unwrap(), ["c"]);
    // A fill that is not complete is not read.
    other.forget(&home()).await.unwrap();
    let mut fill = begun(&other, &home()).await;
    assert!(other.fill(&mut fill, vec![play(4, 1, "d")]).await.unwrap());
    assert_eq!(values(&store).await, None);
    assert!(other.end_fill(fill, true).await.unwrap());
    assert_eq!(values(&store).await.unwrap(), ["d"]);
}

#[tokio::test]
async fn an_account_that_is_read_lives_on() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_idle(&server, Duration::from_hours(1));
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    let card: Vec<String> = told(&server, &["KEYS", "*ahome"]);
    let used = || -> i64 { told(&server, &["HGET", &card[0], "u"]) };
    assert_eq!(values(&store).await.unwrap(), ["a"]);
    let at_first = used();
    assert_eq!(without_a_script(&server, values(&store)).await.unwrap(), ["a"]);
    assert_eq!(used(), at_first, "what was used a moment ago is let be");

    let long_ago = Timestamp::from_ms(at_first).plus_ms(-120_000).ms().to_string();
    told::<()>(&server, &["HSET", &card[0], "u", &long_ago]);
    assert_eq!(values(&store).await.unwrap(), ["a"]);
    assert!(used() >= at_first, "its keys are told to stay");
    let too_long_ago = Timestamp::from_ms(at_first).plus_ms(-3_600_000).ms().to_string();
    told::<()>(&server, &["HSET", &card[0], "u", &too_long_ago]);
    assert_eq!(values(&store).await, None, "it counts as gone");
}

#[tokio::test]
async fn who_may_not_make_transactions_is_answered_by_the_script() {
    let Some(server) = OwnRedis::one() else { return };
    told::<()>(&server, &["ACL", "SETUSER", "viewlog", "on", ">secret", "~*", "+@all", "-multi"]);
    let url = server.url().replace("redis://", "redis://viewlog:secret@");
    let store = views(way(&url), "own-", usize::MAX, &clock());
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    for _ in 0..3 {
        assert_eq!(values(&store).await.unwrap(), ["a"]);
    }
    assert!(store.standing().ok);
}

/// Of a mark and plays that always change together, never one without the other.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_of_one_instant() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let together = |version: u64| {
        let value = version.to_string();
        vec![play(1, version, &value), play(2, version, &value), mark(9, version, &value)]
    };
    filled(&store, &home(), together(1)).await;
    assert_eq!(values(&store).await.unwrap(), ["1", "1", "1"]);
    let writer = store.clone();
    let writes = tokio::spawn(async move {
        for version in 2..=300 {
            // Now and then one more, so that the label lists another.
            let mut entries = together(version);
            if version % 10 == 0 {
                entries.push(play(3 + u8::try_from(version % 100).unwrap(), version, "more"));
            }
            writer.merge(vec![(home(), entries)]).await.unwrap();
        }
    });
    loop {
        let is_last = writes.is_finished();
        let found = values(&store).await.unwrap();
        let versions: Vec<_> = found.iter().filter(|value| *value != "more").collect();
        assert!(versions.len() == 3 && versions.iter().all(|one| *one == versions[0]), "{found:?}");
        if is_last {
            assert_eq!(versions[0], "300");
            break;
        }
    }
    writes.await.unwrap();
}
