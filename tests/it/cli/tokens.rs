//! `token create`, and what servers and commands make of it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use viewlog::events::{Clock, SystemClock};

use super::doctor::doctor;
use super::household::quiet_household;
use crate::binary::{Served, err, finish, out, run, said, viewlog};

const SECRET: &str = "a-secret-in-the-environment-of-some-length";

fn create(data: &Path, options: &[&str]) -> Command {
    let mut command = viewlog();
    command.args(["token", "create"]).args(options).arg("--data").arg(data);
    command
}

/// The token that a command prints, alone.
fn token(made: &Output) -> String {
    assert_eq!(made.status.code(), Some(0), "{}", said(made));
    let text = out(made);
    assert_eq!(text.lines().count(), 1, "{}", said(made));
    text.trim_end().to_owned()
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

fn asks(server: &str, token: &str, arguments: &[&str]) -> Output {
    finish(viewlog().args(arguments).args(["--server", server, "--token", token]))
}

#[test]
fn a_token_and_a_key_are_made_and_a_server_takes_them_with_no_further_setting() {
    let data = quiet_household();
    let refused = run(data.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(err(&refused).contains("viewlog token create"), "{}", said(&refused));
    let made = finish(&mut create(data.path(), &["--account", "home", "--scope", "record,read"]));
    let token = token(&made);
    assert!(err(&made).contains("made a key in"), "{}", said(&made));
    let key = data.path().join("auth-secret");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_to_string(&key).unwrap().trim_end().len(), 64);

    let served = Served::start(data.path(), &["--listen", "0.0.0.0:0"]);
    let history = asks(&served.url, &token, &["history", "--account", "home", "--profile", "dora"]);
    assert!(out(&history).contains("Kingsroad"), "{}", said(&history));
    let without = finish(viewlog().args(["now", "--account", "home", "--server", &served.url]));
    assert_eq!(without.status.code(), Some(2), "{}", said(&without));
    assert!(err(&without).contains("--token or VIEWLOG_TOKEN"), "{}", said(&without));
    let other = asks(&served.url, &token, &["now", "--account", "other"]);
    assert_eq!(other.status.code(), Some(1), "{}", said(&other));
    assert!(err(&other).contains("another account"), "{}", said(&other));
    let mut by_environment = viewlog();
    by_environment.args(["now", "--account", "home"]);
    by_environment.env("VIEWLOG_SERVER", &served.url).env("VIEWLOG_TOKEN", &token);
    assert_eq!(finish(&mut by_environment).status.code(), Some(0));
    // Whoever may read the data directory needs none.
    let here = run(data.path(), &["verify"]);
    assert_eq!(here.status.code(), Some(0), "{}", said(&here));
    let mut stray = viewlog();
    stray.args(["now", "--account", "home", "--data"]).arg(data.path());
    assert_eq!(finish(stray.env("VIEWLOG_TOKEN", "of-another-server")).status.code(), Some(0));
    // Nothing that was said holds a token.
    assert!(!served.said().contains(&token) && !served.said().contains("eyJ"), "{}", served.said());
    assert_eq!(served.terminate(), Some(0));
}

#[test]
fn commands_on_a_directory_with_a_key_work_without_a_server() {
    let data = quiet_household();
    token(&finish(&mut create(data.path(), &["--all", "--scope", "read"])));
    let history = run(data.path(), &["history", "--account", "home", "--profile", "dora"]);
    assert!(out(&history).contains("Kingsroad"), "{}", said(&history));
}

#[test]
fn a_token_says_what_was_asked_for() {
    let data = tempfile::tempdir().unwrap();
    let now = SystemClock.now().ms() / 1_000;
    let options = ["--account", "home", "--scope", "read", "--profile", "anna", "--ttl", "12h"];
    let made = finish(&mut create(data.path(), &[&options[..], &["--streams", "2"]].concat()));
    let claims_of = claims(&token(&made));
    assert_eq!(claims_of["sub"], "home");
    assert_eq!(claims_of["scope"], "read");
    assert_eq!(claims_of["profile"], "anna");
    assert_eq!(claims_of["streams"], 2);
    let left = claims_of["exp"].as_i64().unwrap() - now;
    assert!((43_200..43_260).contains(&left), "{claims_of}");
    let again = finish(&mut create(data.path(), &["--all", "--scope", "admin,record,read"]));
    assert_eq!(err(&again), "", "the key is made once");
    let claims_of = claims(&token(&again));
    assert_eq!(
        (&claims_of["sub"], &claims_of["scope"]),
        (&"*".into(), &"record read admin".into())
    );
    assert!(claims_of.get("profile").is_none() && claims_of.get("aud").is_none(), "{claims_of}");
    let left = claims_of["exp"].as_i64().unwrap() - now;
    assert!((2_592_000..2_592_060).contains(&left), "{claims_of}");
}

#[test]
fn many_who_make_the_first_key_make_one() {
    let data = tempfile::tempdir().unwrap();
    let options = ["--account", "home", "--scope", "read"];
    let makers: Vec<_> = (0..6)
        .map(|_| {
            let data = data.path().to_owned();
            std::thread::spawn(move || token(&finish(&mut create(&data, &options))))
        })
        .collect();
    let tokens: Vec<String> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
    let left: Vec<_> = std::fs::read_dir(data.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    let served = Served::start(data.path(), &[]);
    for token in tokens {
        let seen = asks(&served.url, &token, &["now", "--account", "home"]);
        assert_eq!(seen.status.code(), Some(0), "{}", said(&seen));
    }
    served.kill();
}

#[test]
fn the_configured_secret_signs_and_no_other_is_made() {
    let data = tempfile::tempdir().unwrap();
    let mut command = create(data.path(), &["--account", "home", "--scope", "read"]);
    let audience = ["--auth-audience", "living-room"];
    let made = finish(command.args(audience).env("VIEWLOG_AUTH_SECRET", SECRET));
    let token = token(&made);
    assert_eq!(claims(&token)["aud"], "living-room");
    assert!(!data.path().join("auth-secret").exists());
    let file = data.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let file = file.to_str().unwrap();
    let served =
        Served::start(data.path(), &["--auth-secret-file", file, audience[0], audience[1]]);
    let seen = asks(&served.url, &token, &["now", "--account", "home"]);
    assert_eq!(seen.status.code(), Some(0), "{}", said(&seen));
    served.kill();
}

#[test]
fn a_token_wants_no_more_of_the_configuration_than_its_key() {
    let data = tempfile::tempdir().unwrap();
    let mut command = create(data.path(), &["--account", "home", "--scope", "read"]);
    command.env("VIEWLOG_LOG", "cassandra://h1/viewlog").env("VIEWLOG_LISTEN", "10.0.0.1:7070");
    command.env("VIEWLOG_ROLE", "collect");
    token(&finish(command.env("VIEWLOG_AUTH_SECRET", SECRET)));
    let file = data.path().join("secret");
    let twice = finish(command.env("VIEWLOG_AUTH_SECRET_FILE", file));
    assert_eq!(twice.status.code(), Some(2), "{}", said(&twice));
    assert!(err(&twice).contains("name one of them"), "{}", said(&twice));
}

#[test]
fn where_others_make_tokens_that_is_said() {
    let data = tempfile::tempdir().unwrap();
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519.pub.pem");
    let options = ["--account", "home", "--scope", "read", "--auth-key", key];
    let refused = finish(&mut create(data.path(), &options));
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(err(&refused).contains("whoever holds the private key"), "{}", said(&refused));
    assert!(!data.path().join("auth-secret").exists());
}

#[test]
fn wrong_use_is_told() {
    let data = tempfile::tempdir().unwrap();
    for options in [
        &["--scope", "read"][..],
        &["--account", "home"],
        &["--account", "home", "--all", "--scope", "read"],
        &["--account", "*", "--scope", "read"],
        &["--all", "--profile", "anna", "--scope", "read"],
        &["--account", "home", "--scope", "write"],
        &["--account", "home", "--scope", ""],
        &["--account", "home", "--scope", "read", "--ttl", "0d"],
        &["--account", "home", "--scope", "read", "--ttl", "forever"],
        &["--account", "home", "--scope", "read", "--ttl", "99999d"],
        &["--account", "home", "--scope", "read", "--streams", "0"],
        &["--account", "home", "--scope", "read", "--auth-secret-file", "/nonexistent"],
        &["--account", "home", "--scope", "read", "--auth-secret-file", "/dev/null"],
        &["--account", "home", "--scope", "read", "--auth-jwks-url", "ftp://example.org/keys"],
    ] {
        let wrong = finish(&mut create(data.path(), options));
        assert_eq!(wrong.status.code(), Some(2), "{options:?}: {}", said(&wrong));
        assert_eq!(out(&wrong), "", "{options:?}");
    }
    let short = finish(
        create(data.path(), &["--all", "--scope", "read"]).env("VIEWLOG_AUTH_SECRET", "too-short"),
    );
    assert_eq!(short.status.code(), Some(2), "{}", said(&short));
    assert!(err(&short).contains("at least 32 bytes"), "{}", said(&short));
    assert!(!err(&short).contains("too-short"), "{}", said(&short));
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
}

#[test]
fn a_server_that_cannot_have_its_keys_does_not_start() {
    let data = tempfile::tempdir().unwrap();
    let private = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/rsa.pem");
    for (options, told) in [
        (["--auth-key", private], "holds a private key"),
        (["--auth-key", "/nonexistent"], "/nonexistent"),
        (["--auth-secret-file", "/dev/null"], "at least 32 bytes"),
        (["--auth-jwks-url", "ftp://example.org/keys"], "must be an address such as https://"),
    ] {
        let refused =
            run(data.path(), &[&["serve", "--listen", "127.0.0.1:0"][..], &options].concat());
        assert_eq!(refused.status.code(), Some(2), "{options:?}: {}", said(&refused));
        assert!(err(&refused).contains(told), "{options:?}: {}", said(&refused));
    }
}

#[test]
fn the_doctor_looks_at_the_keys() {
    let data = tempfile::tempdir().unwrap();
    let well = doctor(data.path(), &[]);
    assert!(out(&well).contains("tokens: nobody needs one"), "{}", said(&well));
    token(&finish(&mut create(data.path(), &["--all", "--scope", "read"])));
    let well = doctor(data.path(), &[]);
    assert_eq!(well.status.code(), Some(0), "{}", said(&well));
    assert!(out(&well).contains("tokens: checked by HS256"), "{}", said(&well));
    let key = data.path().join("auth-secret");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = doctor(data.path(), &[]);
    assert_eq!(open.status.code(), Some(1), "{}", said(&open));
    assert!(
        out(&open).contains("(mode 644)") && out(&open).contains("chmod 600"),
        "{}",
        said(&open)
    );
    let public = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keys/ed25519.pub.pem");
    let nobody = doctor(data.path(), &[("VIEWLOG_AUTH_KEY", public)]);
    assert!(out(&nobody).contains("checked by EdDSA"), "{}", said(&nobody));
    assert!(out(&nobody).contains("no auth_audience is set"), "{}", said(&nobody));
    let address = ("VIEWLOG_AUTH_JWKS_URL", "http://keys.invalid/keys");
    let away = doctor(data.path(), &[address, ("VIEWLOG_AUTH_AUDIENCE", "viewlog")]);
    assert!(out(&away).contains("come unencrypted"), "{}", said(&away));
    std::fs::write(&key, "short").unwrap();
    let short = doctor(data.path(), &[]);
    assert!(out(&short).contains("at least 32 bytes and this has 5"), "{}", said(&short));
}
