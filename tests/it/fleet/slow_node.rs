//! A node that is frozen, or started again, under load: its players go to others meanwhile, and it
//! knows afterwards what those took.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::Fleet;
use super::load::{Habits, Load, is_well, nothing_is_lost};
use crate::binary::Served;
use crate::support::{a_moment, free_address};

/// Players that turn to another node after a second.
fn impatient() -> Habits {
    Habits { answer_within: Duration::from_secs(1), ..Habits::of("home") }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_frozen_node_does_not_take_others_do_and_it_catches_up() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let nodes = [fleet.node(data[0].path()), fleet.node(data[1].path())];
    let load = Load::begin(&impatient(), &[&nodes[0].url, &nodes[1].url]);
    load.goes_on(300).await;

    nodes[0].pause();
    let frozen = Instant::now();
    while frozen.elapsed() < Duration::from_secs(5) {
        a_moment().await;
    }
    load.goes_on(300).await;
    nodes[0].resume();
    load.goes_on(300).await;

    let (players, tally) = load.end().await;
    tally.say("one of two nodes frozen for 5 s");
    for node in nodes {
        nothing_is_lost(&players, &node.url).await;
        is_well(&players, &node.url).await;
        assert_eq!(node.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_started_again_one_after_the_other_lose_no_acknowledged_fact() {
    let Some(fleet) = Fleet::begin() else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let addresses = [free_address().to_string(), free_address().to_string()];
    let serve = |node: usize| {
        let stores = ["--log", &fleet.log, "--views", &fleet.views];
        let listen = ["--listen", &addresses[node]];
        Served::start(data[node].path(), &[stores.as_slice(), &listen].concat())
    };
    let urls = addresses.each_ref().map(|address| format!("http://{address}"));
    let mut nodes = vec![serve(0), serve(1)];
    let load = Load::begin(&impatient(), &[&urls[0], &urls[1]]);
    for number in [0, 1] {
        load.goes_on(300).await;
        // The other one takes its place in the list.
        let stopped = nodes.remove(0);
        assert_eq!(block_in_place(|| stopped.terminate()), Some(0));
        load.goes_on(300).await;
        nodes.push(block_in_place(|| serve(number)));
    }
    load.goes_on(300).await;
    let (players, tally) = load.end().await;
    tally.say("two nodes started again, one after the other");
    for node in nodes {
        nothing_is_lost(&players, &node.url).await;
        is_well(&players, &node.url).await;
        assert_eq!(node.terminate(), Some(0));
    }
}
