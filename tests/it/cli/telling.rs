//! What a person says of titles, and erasing: done, shown, undone, with and without a server.

use std::path::Path;

use serde_json::Value;

use super::household::{FILM, SEEN, household, quiet_household};
use crate::binary::{Served, err, out, run, run_with, said};

fn told(data: &Path, arguments: &[&str]) -> String {
    let done = run(data, &[arguments, &["--account", "home", "--profile", "dora"]].concat());
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {}", said(&done));
    assert_eq!(err(&done), "", "{arguments:?}");
    out(&done)
}

#[test]
fn what_a_person_says_counts_and_can_be_undone() {
    for is_served in [false, true] {
        let data = quiet_household();
        let _served = is_served.then(|| Served::start(data.path(), &[]));
        let data = data.path();
        let before = [told(data, &["title", FILM]), told(data, &["resume", FILM])];
        assert!(told(data, &["continue"]).contains(FILM));

        assert_eq!(told(data, &["hide", FILM]), "done\n");
        assert_eq!(told(data, &["continue"]), "nothing to go on with\n");
        assert!(told(data, &["title", FILM]).contains("hidden    yes"));
        assert_eq!(told(data, &["show", FILM]), "done\n");
        assert!(told(data, &["continue"]).contains(FILM));

        assert_eq!(told(data, &["position", FILM, "40:00"]), "done\n");
        let moved = told(data, &["resume", FILM, "--explain"]);
        assert!(moved.contains("go on at    39:55"), "{moved}");
        assert!(moved.contains("decided by position_set at "), "{moved}");
        assert!(moved.contains("older         25:00  "), "{moved}");

        assert_eq!(told(data, &["watched", FILM]), "done\n");
        assert_eq!(told(data, &["continue"]), "nothing to go on with\n");
        assert!(told(data, &["title", FILM]).contains("finished  once"));
        assert_eq!(told(data, &["unwatched", FILM]), "done\n");
        assert!(told(data, &["title", FILM]).contains("finished  no"));

        assert_eq!(told(data, &["undo", "--since", "1h", "--title", FILM]), "done\n");
        assert_eq!(told(data, &["title", FILM]), before[0]);
        let resumed = told(data, &["resume", FILM]);
        assert!(resumed.contains("go on at    24:55"), "{resumed} after {}", before[1]);
        assert!(told(data, &["title", SEEN]).contains("finished  once"));
    }
}

#[test]
fn a_word_with_json_prints_the_server_s_answer() {
    let data = quiet_household();
    let answer: Value =
        serde_json::from_str(&told(data.path(), &["hide", FILM, "--json"])).unwrap();
    assert_eq!(answer["recorded"], 1);
}

#[test]
fn erasing_is_for_those_who_say_yes() {
    let data = quiet_household();
    for more in [&["--title", FILM][..], &[]] {
        let asked = [&["erase", "--account", "home", "--profile", "dora"], more].concat();
        let refused = run(data.path(), &asked);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        assert!(err(&refused).contains("cannot be undone; say --yes"), "{}", said(&refused));
    }
    assert!(told(data.path(), &["continue"]).contains(FILM));
}

#[test]
fn an_account_is_erased_with_everyone_in_it() {
    let data = household();
    let data = data.path();
    let refused = run(data, &["erase", "--account", "home"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let told = "erasing account home with everyone in it cannot be undone; say --yes";
    assert!(err(&refused).contains(told), "{}", said(&refused));
    // A household that the environment names is not meant by leaving out a profile.
    let by_environment = ("VIEWLOG_ACCOUNT", "home".to_owned());
    let refused = run_with(data, &["erase", "--yes"], &[by_environment]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(err(&refused).contains("--account"), "{}", said(&refused));
    let profiles = || out(&run(data, &["profiles", "--account", "home"]));
    assert!(profiles().contains("dora"), "{}", profiles());

    let erased = run(data, &["erase", "--account", "home", "--yes"]);
    assert_eq!((erased.status.code(), err(&erased).as_str()), (Some(0), ""), "{}", said(&erased));
    let receipt = out(&erased);
    assert!(receipt.starts_with("erased ") && receipt.contains(" events, "), "{receipt}");
    assert!(receipt.contains("is refused from now on\nreceipt "), "{receipt}");
    assert_eq!(profiles(), "nobody has watched anything on account home\n");
    let rest = run(data, &["export", "--account", "home"]);
    assert_eq!(out(&rest), "", "{}", said(&rest));
    let again = run(data, &["erase", "--account", "home", "--yes", "--json"]);
    let receipt: Value = serde_json::from_str(&out(&again)).unwrap();
    assert_eq!((&receipt["status"], &receipt["scope"]), (&"done".into(), &"account".into()));
}

#[test]
fn what_is_erased_is_gone_and_stays_gone() {
    let data = household();
    let data = data.path();
    let history = || told(data, &["history"]);
    let plays = told(data, &["history", "--json", "--title", FILM]);
    let plays: Value = serde_json::from_str(&plays).unwrap();
    let play = plays["items"][0]["sessions"][0].as_str().unwrap();

    let receipt = told(data, &["erase", "--session", play, "--yes"]);
    assert!(receipt.starts_with("erased 3 events, 1 snapshot"), "{receipt}");
    assert_eq!(history().matches(FILM).count(), 1, "{}", history());

    let receipt = told(data, &["erase", "--title", FILM, "--yes", "--json"]);
    let receipt: Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["status"], &receipt["scope"]), (&"done".into(), &"title".into()));
    assert_eq!(receipt["deleted"]["events"], 3);
    assert!(!history().contains(FILM) && history().contains(SEEN), "{}", history());

    let receipt = told(data, &["erase", "--yes"]);
    assert!(receipt.contains("is refused from now on\nreceipt "), "{receipt}");
    assert_eq!(history(), "nothing was watched\n");
    let rest = out(&run(data, &["export", "--account", "home"]));
    assert!(!rest.contains("dora") && rest.contains("anna"));

    let file = super::household::lines_in_a_file(&super::household::evening());
    let again =
        run(data, &["import", "viewlog", file.path().to_str().unwrap(), "--account", "home"]);
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    assert!(out(&again).contains("erased"), "{}", said(&again));
    assert_eq!(history(), "nothing was watched\n");
}
