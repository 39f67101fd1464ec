//! A store that cannot be reached: what is said of it, to whom, and how it comes back.

use std::time::{Duration, Instant};

use viewlog::events::cassandra::{CassandraOptions, Login, OpenError};
use viewlog::events::{AppendError, ReadError};

use super::keyspace::options;
use super::*;
use crate::proxy::{Proxy, Way};
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_is_said_to_be_away_and_noticed_when_it_is_back() {
    let Some(keyspace) = Keyspace::shared().await else { return };
    let (proxy, log) = behind_a_proxy(&keyspace).await;
    let account = account("away");
    fill(&log, &account, 1, 1).await;
    assert_eq!(log.health().stopped, None);

    proxy.refuse().await;
    proxy.cut();
    let next = append(&account, &[event(session(1), 1)]);
    eventually("appends find nobody there", async || {
        let asked = Instant::now();
        let refused = log.append(&next).await.unwrap_err();
        assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
        matches!(refused, AppendError::Unavailable(_))
    })
    .await;
    let unread = log.weeks(&account).await.unwrap_err();
    assert!(matches!(unread, ReadError::Unavailable(_)), "{unread}");
    let stopped = log.health().stopped.unwrap();
    assert_eq!(stopped, "no node of its store answers", "people read this");

    proxy.heal().await;
    eventually("it is noticed without being asked", async || log.health().stopped.is_none()).await;
    log.append(&next).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.events.len(), 2);
}

/// Requests may take two seconds here.
async fn behind_a_proxy(keyspace: &Keyspace) -> (Proxy, CassandraLog) {
    let proxy = Proxy::to(&keyspace.options.hosts[0]).await;
    let options = CassandraOptions {
        hosts: vec![proxy.address().to_string()],
        request_timeout: Duration::from_secs(2),
        ..keyspace.options.clone()
    };
    let log = CassandraLog::open(&options, Arc::new(SystemClock)).await.unwrap();
    (proxy, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_falls_silent_leaves_appends_in_doubt_and_is_noticed_when_it_speaks() {
    let Some(keyspace) = Keyspace::shared().await else { return };
    let (proxy, log) = behind_a_proxy(&keyspace).await;
    let log = Arc::new(log);
    let account = account("silent");
    fill(&log, &account, 1, 1).await;

    proxy.silence(Way::ToClient);
    let next = append(&account, &[event(session(1), 1)]);
    let refused = log.append(&next).await.unwrap_err();
    assert!(matches!(refused, AppendError::InDoubt(_)), "it may have arrived: {refused}");
    assert_eq!(log.health().stopped, None, "one that is late proves nothing");
    let asked: Vec<_> = (0..10)
        .map(|_| {
            let (log, next) = (Arc::clone(&log), next.clone());
            tokio::spawn(async move { log.append(&next).await })
        })
        .collect();
    for asked in asked {
        asked.await.unwrap().unwrap_err();
    }
    assert!(log.health().stopped.is_some());

    proxy.heal().await;
    eventually("it is noticed without being asked", async || log.health().stopped.is_none()).await;
    log.append(&next).await.unwrap();
    let stored = log.session(&key(&account, session(1))).await.unwrap().unwrap();
    assert_eq!(stored.events.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_falls_silent_is_noticed_while_nobody_asks_anything() {
    let Some(keyspace) = Keyspace::shared().await else { return };
    let (proxy, log) = behind_a_proxy(&keyspace).await;
    proxy.silence(Way::ToClient);
    eventually("it is away", async || log.health().stopped.is_some()).await;
    proxy.heal().await;
    eventually("it is back", async || log.health().stopped.is_none()).await;
}

#[tokio::test]
async fn where_nobody_listens_the_hosts_are_named_and_the_password_is_not() {
    let mut nobody = options(vec!["127.0.0.1:1".to_owned()], "viewlog".to_owned());
    let login = Login { user: "anna".to_owned(), password: "hunter2".to_owned() };
    nobody.login = Some(login);
    let opened = CassandraLog::open(&nobody, Arc::new(SystemClock)).await;
    let error = opened.err().unwrap();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    for said in [error.to_string(), format!("{error:?}"), format!("{nobody:?}")] {
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test]
async fn a_datacentre_that_is_not_there_is_refused_with_those_that_are() {
    let Some(keyspace) = Keyspace::shared().await else { return };
    let mut options = keyspace.options.clone();
    options.datacentre = Some("atlantis".to_owned());
    let error = CassandraLog::open(&options, Arc::new(SystemClock)).await.err().unwrap();
    assert!(matches!(error, OpenError::Datacentre { .. }), "{error}");
    let said = error.to_string();
    assert!(said.contains("no datacentre atlantis; there is "), "{said}");
}
