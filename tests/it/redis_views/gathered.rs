//! Reads that go to Redis together: each has its own answer.

use bytes::Bytes;
use futures_util::future::{join_all, poll_immediate};
use tokio::task::unconstrained;
use viewlog::events::AccountId;
use viewlog::projections::{Query, RedisViews, Select, ViewError, ViewStore};

use super::away::hasty_views;
use super::{filled, play, query, scripts_run, texts, told, values_of, views_on};
use crate::servers::OwnRedis;
use crate::support::{eventually, id};

fn accounts(count: usize) -> Vec<AccountId> {
    (0..count).map(|number| id(&format!("account-{number}"))).collect()
}

/// So many accounts, each with a play that bears its name.
async fn filled_with_a_play(store: &RedisViews, count: usize) -> Vec<AccountId> {
    let accounts = accounts(count);
    for account in &accounts {
        filled(store, account, vec![play(1, 1, account.as_str())]).await;
    }
    accounts
}

/// What is read of a title, which is a small read.
fn by_label() -> Query {
    query(Select::Labelled(Bytes::from_static(b"t")))
}

#[tokio::test]
async fn reads_that_wait_together_take_few_calls_and_each_has_its_own_answer() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let accounts = accounts(100);
    for (number, account) in accounts.iter().enumerate().filter(|(number, _)| number % 3 != 0) {
        let plays =
            (0..number % 5).map(|key| play(u8::try_from(key).unwrap(), 1, account.as_str()));
        filled(&store, account, plays.collect()).await;
    }
    values_of(&store, &accounts[0]).await;
    let before = scripts_run(&server);
    server.pause(1);
    let queries = [by_label()];
    let read = || unconstrained(join_all(accounts.iter().map(|one| store.read(one, &queries))));
    let mut given_up = Box::pin(read());
    assert!(poll_immediate(&mut given_up).await.is_none(), "all of them wait");
    let mut answered = Box::pin(read());
    assert!(poll_immediate(&mut answered).await.is_none(), "and these");
    drop(given_up);
    server.resume(1);
    for (number, pages) in answered.await.into_iter().enumerate() {
        let Some(pages) = pages.unwrap() else {
            assert_eq!(number % 3, 0, "what was filled is read");
            continue;
        };
        assert_ne!(number % 3, 0, "what was not is not");
        assert_eq!(texts(&pages[0]), vec![accounts[number].as_str(); number % 5]);
    }
    let calls = scripts_run(&server) - before;
    assert!(calls <= 12, "{calls} calls for 200 reads");
}

#[tokio::test]
async fn lists_and_reads_of_many_titles_go_by_themselves() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let accounts = filled_with_a_play(&store, 20).await;
    let newest = query(Select::Ranked { below: None, limit: 50 });
    for queries in [vec![newest], vec![query(Select::All)], vec![by_label(); 100]] {
        let before = scripts_run(&server);
        let reads = join_all(accounts.iter().map(|one| store.read(one, &queries))).await;
        for (account, pages) in accounts.iter().zip(reads) {
            let pages = pages.unwrap().unwrap();
            assert_eq!(pages.len(), queries.len());
            assert!(pages.iter().all(|page| texts(page) == [account.as_str()]), "{pages:?}");
        }
        assert_eq!(scripts_run(&server) - before, 20, "{queries:?}");
    }
}

#[tokio::test]
async fn those_that_wait_together_fail_together_and_are_answered_once_redis_is_back() {
    let Some(server) = OwnRedis::one() else { return };
    let accounts = filled_with_a_play(&views_on(&server), 40).await;
    let (store, queries) = (hasty_views(&server.url()), [by_label()]);
    let read = || unconstrained(join_all(accounts.iter().map(|one| store.read(one, &queries))));
    eventually("Redis is used", async || read().await.iter().all(Result::is_ok)).await;
    server.pause(1);
    for failed in read().await {
        assert!(matches!(failed, Err(ViewError::Unavailable(_))), "{failed:?}");
    }
    server.resume(1);
    eventually("Redis is used again", async || read().await.iter().all(Result::is_ok)).await;
}

#[tokio::test]
async fn what_is_wrong_with_one_account_is_not_told_of_others() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let accounts = filled_with_a_play(&store, 40).await;
    let card: Vec<String> = told(&server, &["KEYS", "*aaccount-7"]);
    told::<()>(&server, &["SET", &card[0], "no card"]);
    server.pause(1);
    let queries = [by_label()];
    let reads = accounts.iter().map(|account| store.read(account, &queries));
    let mut reads = Box::pin(unconstrained(join_all(reads)));
    assert!(poll_immediate(&mut reads).await.is_none(), "all of them wait");
    server.resume(1);
    for (account, pages) in accounts.iter().zip(reads.await) {
        if account.as_str() == "account-7" {
            assert!(matches!(pages, Err(ViewError::Damaged(_))), "{pages:?}");
        } else {
            assert_eq!(texts(&pages.unwrap().unwrap()[0]), [account.as_str()]);
        }
    }
}
