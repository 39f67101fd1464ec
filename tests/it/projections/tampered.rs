//! Views in Redis that somebody else changed: what verifying finds of it, and makes anew.

use std::sync::Arc;

use viewlog::events::memory::MemoryLog;
use viewlog::events::{Event, EventLog, Mark, MarkKind};
use viewlog::projections::{Person, RedisViews, RedisViewsOptions, Source, When};

use super::Node;
use super::maintenance::verified;
use crate::redis_views;
use crate::servers::redis;
use crate::support::{at, home, id, session, watch};

fn anna() -> Person {
    Person { account: home(), profile: id("anna") }
}

/// What somebody does to a key, and which one that is.
const CHANGES: [(&str, &str, &str); 10] = [
    ("an entry is taken out", "h*plays?anna", "call('HDEL', key, call('HKEYS', key)[1])"),
    ("an entry is no entry", "h*plays?anna", "call('HSET', key, call('HKEYS', key)[1], 'x')"),
    ("entries are of another type", "h*plays?anna", "call('DEL', key) call('SET', key, 'x')"),
    ("a rank is taken out", "r*plays?anna", "call('ZREM', key, call('ZRANGE', key, 0, 0)[1])"),
    ("a rank is wrong", "r*plays?anna", "call('ZADD', key, 9e15, call('ZRANGE', key, 0, 0)[1])"),
    ("ranks are of another type", "r*plays?anna", "call('DEL', key) call('SET', key, 'x')"),
    ("a label is taken out", "l*plays?anna", "call('HDEL', key, call('HKEYS', key)[1])"),
    (
        "a label is there twice",
        "l*plays?anna",
        "local label = call('HKEYS', key)[1] local list = call('HGET', key, label) \
         call('HSET', key, label, list .. list)",
    ),
    (
        "the card knows of no ranks",
        "a*",
        "local all = call('HGETALL', key) for i = 1, #all, 2 do \
         if string.find(all[i], 'plays', 1, true) then call('HSET', key, all[i], 'hl') end end",
    ),
    (
        "the card knows of no plays",
        "a*",
        "for _, field in ipairs(call('HKEYS', key)) do \
         if string.find(field, 'plays', 1, true) then call('HDEL', key, field) end end",
    ),
];

fn watched(number: u128, title: &str) -> Vec<Event> {
    let of_title = |event: Event| {
        let mut fact = event.fact;
        if let Some(about) = &mut fact.about {
            about.title = Some(id(title));
        }
        Event::new(fact, event.received_at, None)
    };
    watch(session(number), 40).into_iter().map(of_title).collect()
}

/// What of it readers notice by themselves.
const UNREADABLE: [(&str, &str, &str); 7] = [
    ("a play is no play", "h*plays?anna", "call('HSET', key, call('HKEYS', key)[1], 'x')"),
    ("a word is no word", "h*marks?anna", "call('HSET', key, call('HKEYS', key)[1], 'x')"),
    (
        "a bit of a play is another",
        "h*plays?anna",
        "local field = call('HKEYS', key)[1] local value = call('HGET', key, field) \
         local last = string.char(bit.bxor(string.byte(value, -10), 1)) \
         call('HSET', key, field, string.sub(value, 1, -11) .. last .. string.sub(value, -9))",
    ),
    (
        "a bit of a word is another",
        "h*marks?anna",
        "local field = call('HKEYS', key)[1] local value = call('HGET', key, field) \
         local last = string.char(bit.bxor(string.byte(value, -10), 1)) \
         call('HSET', key, field, string.sub(value, 1, -11) .. last .. string.sub(value, -9))",
    ),
    ("plays are of another type", "h*plays?anna", "call('DEL', key) call('SET', key, 'x')"),
    ("ranks are of another type", "r*plays?anna", "call('DEL', key) call('SET', key, 'x')"),
    ("labels are of another type", "l*plays?anna", "call('DEL', key) call('SET', key, 'x')"),
];

/// A node whose views are in Redis, of a household that watched and said something.
async fn household(url: &str, prefix: &str) -> Node {
    let way = redis_views::way(url);
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
    let node = Node::with(&log, |clock| {
        let options = RedisViewsOptions { prefix: prefix.to_owned(), ..<_>::default() };
        Arc::new(RedisViews::new(way, options, clock))
    });
    for (number, title) in [(0, "film"), (1, "series"), (2, "third"), (3, "film")] {
        node.record(&home(), watched(number, title)).await;
    }
    let kind = MarkKind::PositionSet { title: id("third"), position_ms: 7_000 };
    let (profile, command) = (id("anna"), session(50));
    let mark = Mark { command, profile, at: at(500), received_at: at(500), kind };
    node.say(&home(), mark).await;
    node
}

/// Does it to every key that is called so.
fn tamper(url: &str, pattern: &str, change: &str) {
    let mut connection = ::redis::Client::open(url).unwrap().get_connection().unwrap();
    let script = format!(
        "local call, changed = redis.call, 0 \
         for _, key in ipairs(call('KEYS', ARGV[1])) do {change} changed = changed + 1 end \
         return changed"
    );
    let changed: u64 = ::redis::Script::new(&script).arg(pattern).invoke(&mut connection).unwrap();
    assert!(changed > 0, "{change}");
}

#[actix_web::test]
async fn readers_answer_from_the_log_what_they_cannot_read_and_make_it_anew() {
    let Some(server) = redis() else { return };
    let url = server.url();
    for (what, keys, change) in UNREADABLE {
        let prefix = redis_views::fresh_prefix();
        let node = household(&url, &prefix).await;
        let (pattern, person) = (format!("{prefix}*}}{keys}"), anna());
        for title in ["film", "series", "third"].map(id) {
            // By itself: other questions would heal it.
            let page = async || node.answers.title(&person, &title, When::default()).await.unwrap();
            let before = page().await.unwrap().body;
            tamper(&url, &pattern, change);
            assert_eq!(page().await.unwrap().body, before, "{what}");
            let again = page().await.unwrap();
            assert_eq!((again.body, again.source), (before, Source::Views), "{what}");
        }
        let before = node.everything(&home()).await;
        tamper(&url, &pattern, change);
        assert_eq!(node.everything(&home()).await, before, "{what}");
        assert_eq!(verified(&node).await, [], "{what}");
        let now = node.answers.now(&home(), When::default()).await.unwrap();
        assert_eq!(now.source, Source::Views, "{what}");
        node.system.stop().await;
    }
}

#[actix_web::test]
async fn whatever_somebody_changed_in_redis_is_found_and_made_anew() {
    let Some(server) = redis() else { return };
    let url = server.url();
    for (what, keys, change) in CHANGES {
        let prefix = redis_views::fresh_prefix();
        let node = household(&url, &prefix).await;
        let before = node.everything(&home()).await;
        assert!(verified(&node).await.is_empty(), "{what}");
        tamper(&url, &format!("{prefix}*}}{keys}"), change);
        let found = verified(&node).await;
        // What is gone is noticed by whoever reads, who drops the rest.
        assert_eq!(found.is_empty(), what == "an entry is taken out", "{what}");
        assert_eq!(node.everything(&home()).await, before, "{what}: {found:?}");
        assert_eq!(verified(&node).await, [], "{what}");
        node.system.stop().await;
    }
}
