//! That the servers are there, and break and heal as told.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, Client, RedisResult};

use super::{Cassandra, OwnRedis};
use crate::servers;

#[tokio::test]
async fn the_shared_cassandra_answers_in_a_keyspace_of_the_test() {
    let Some(cassandra) = servers::cassandra() else { return };
    let keyspace = cassandra.keyspace();
    assert_ne!(keyspace, Cassandra::keyspace(cassandra));
    assert_eq!(cassandra.url(&keyspace), format!("cassandra://{}/{keyspace}", cassandra.node()));
    let session = cassandra.session().await;
    make_table(&session, &keyspace).await;
    let insert = format!("INSERT INTO {keyspace}.words (word) VALUES ('there')");
    session.query_unpaged(insert, ()).await.unwrap();
    assert_eq!(words(&session, &keyspace).await, ["there"]);
}

#[tokio::test]
async fn every_test_has_an_empty_database_of_the_shared_redis() {
    let Some(redis) = servers::redis() else { return };
    let (one, other) = (redis.url(), redis.url());
    assert_ne!(one, other);
    let mut one = connected(&one).await.unwrap();
    let mut other = connected(&other).await.unwrap();
    () = one.set("word", "there").await.unwrap();
    let answer: String = redis::cmd("PING").query_async(&mut other).await.unwrap();
    assert_eq!(answer, "PONG");
    assert!(!other.exists::<_, bool>("word").await.unwrap());
}

#[tokio::test]
async fn a_redis_of_the_tests_own_is_killed_frozen_flushed_and_set_back() {
    let Some(redis) = OwnRedis::one() else { return };
    let url = redis.url();
    () = connected(&url).await.unwrap().set("word", "first").await.unwrap();
    let snapshot = redis.snapshot(1);
    () = connected(&url).await.unwrap().set("word", "second").await.unwrap();
    redis.kill(1);
    assert!(connected(&url).await.is_err());
    redis.start_again(1);
    assert_eq!(word(&url).await, Some("second".to_owned()));
    redis.pause(1);
    let a_while = Duration::from_millis(200);
    assert!(tokio::time::timeout(a_while, word(&url)).await.is_err(), "it is frozen");
    redis.resume(1);
    redis.restore(1, &snapshot);
    assert_eq!(word(&url).await, Some("first".to_owned()));
    redis.kill(1);
    redis.start_again(1);
    assert_eq!(word(&url).await, Some("first".to_owned()), "what was set back is kept");
    redis.flush();
    assert_eq!(word(&url).await, None);
}

#[tokio::test]
async fn a_redis_cluster_has_three_masters_that_serve_every_slot() {
    let Some(redis) = OwnRedis::cluster() else { return };
    assert_eq!(redis.members().len(), 3);
    let nodes: Vec<_> = redis.members().iter().map(|at| format!("redis://{at}")).collect();
    let client = redis::cluster::ClusterClient::new(nodes).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    for slot in 0..100 {
        () = connection.set(format!("word {slot}"), slot).await.unwrap();
    }
    assert_eq!(connection.get::<_, u32>("word 73").await.unwrap(), 73);
}

type Session = scylla::client::session::Session;

async fn make_table(session: &Session, keyspace: &str) {
    let replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
    let make = format!("CREATE KEYSPACE {keyspace} WITH replication = {replication}");
    session.query_unpaged(make, ()).await.unwrap();
    let make = format!("CREATE TABLE {keyspace}.words (word text PRIMARY KEY)");
    session.query_unpaged(make, ()).await.unwrap();
}

async fn words(session: &Session, keyspace: &str) -> Vec<String> {
    let select = format!("SELECT word FROM {keyspace}.words");
    let rows = session.query_unpaged(select, ()).await.unwrap().into_rows_result().unwrap();
    rows.rows::<(String,)>().unwrap().map(|row| row.unwrap().0).collect()
}

async fn connected(url: &str) -> RedisResult<MultiplexedConnection> {
    Client::open(url)?.get_multiplexed_async_connection().await
}

async fn word(url: &str) -> Option<String> {
    connected(url).await.unwrap().get("word").await.unwrap()
}
