//! Servers elsewhere: encrypted ones are asked and followed where an authority that is believed
//! vouches for them; of others that is not looked at; none is followed to another place.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use super::household::quiet_household;
use crate::binary::{Running, Served, err, finish, out, said, viewlog};
use crate::servers::{Authority, authority};

fn asking(server: &str, arguments: &[&str]) -> Command {
    let mut command = viewlog();
    command.args(arguments).args(["--account", "home", "--server", server]);
    command
}

fn asked(server: &str, arguments: &[&str], ca: &Path) -> Output {
    finish(asking(server, arguments).env("VIEWLOG_TLS__CA_FILE", ca))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_at_https_is_asked_and_followed_whose_authority_is_believed() {
    let data = quiet_household();
    let served = Served::start(data.path(), &[]);
    let front = authority().encrypting(&served.url).await;
    let history = asked(&front, &["history"], &authority().ca());
    assert!(out(&history).contains("Kingsroad"), "{}", said(&history));
    let by_the_system = finish(asking(&front, &["now"]).env("SSL_CERT_FILE", authority().ca()));
    assert_eq!(out(&by_the_system), "nothing is playing\n", "{}", said(&by_the_system));
    let mut watch = asking(&front, &["watch", "--json"]);
    let mut watching = Running::start(watch.env("VIEWLOG_TLS__CA_FILE", authority().ca()));
    watching.line("what is playing", |line| line.contains("\"playing\":[]"));
    assert_eq!((watching.interrupt(), watching.said().as_str()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_believed_is_told_with_the_setting_that_would_believe_it() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let front = authority().encrypting(&served.url).await;
    let plain = served.url.replace("http:", "https:");
    let stranger = Authority::in_directory(data.path().join("stranger")).ca();
    let nothing = data.path().join("nothing.pem");
    let right = authority().ca();
    for (server, ca, status, told) in [
        (&front, &stranger, 3, "tls.ca_file"),
        (&plain, &right, 3, "it does not speak TLS there"),
        (&front, &nothing, 2, "nothing.pem: No such file"),
    ] {
        for command in ["now", "watch"] {
            let refused = asked(server, &[command], ca);
            assert_eq!(refused.status.code(), Some(status), "{told}: {}", said(&refused));
            assert!(err(&refused).contains(told), "{told}: {}", said(&refused));
            assert_eq!(err(&refused).lines().count(), 1, "{}", said(&refused));
        }
    }
}

#[test]
fn a_server_elsewhere_wants_nothing_that_a_node_here_would() {
    let data = quiet_household();
    let served = Served::start(data.path(), &[]);
    let mut command = asking(&served.url, &["now"]);
    // Neither stores that go together, nor a key, nor authorities for what is not encrypted.
    command.env("VIEWLOG_LOG", "cassandra://h1/viewlog").env("VIEWLOG_LISTEN", "10.0.0.1:7070");
    let nowhere = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| (name, "/nonexistent"));
    let playing = finish(command.envs(nowhere));
    assert_eq!(out(&playing), "nothing is playing\n", "{}", said(&playing));
}

#[test]
fn a_server_that_sends_on_is_not_followed_but_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let answer = b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://example.org/here\r\n\
                       Content-Length: 0\r\nConnection: close\r\n\r\n";
        for mut asker in listener.incoming().map_while(Result::ok) {
            let _ = asker.read(&mut [0; 4_096]);
            let _ = asker.write_all(answer);
        }
    });
    let moved = "the server sends on to https://example.org/here; name the one there with --server";
    for command in [&["now"][..], &["watch"], &["erase", "--yes"]] {
        let told = finish(&mut asking(&server, command));
        assert_eq!(told.status.code(), Some(2), "{command:?}: {}", said(&told));
        assert!(err(&told).contains(moved), "{command:?}: {}", said(&told));
    }
}
