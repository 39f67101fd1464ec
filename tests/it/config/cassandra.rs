//! Where a log on Cassandra is, in one line of text.

use viewlog::config::{CassandraUrl, Config, LogStore};

use super::{assert_says, load};

fn url(text: &str) -> CassandraUrl {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn hosts_keyspace_datacentre_and_login_are_read() {
    let read =
        url("cassandra://anna:p%40ss%3A%2F%20w%C3%B6rd@h1,10.0.0.2:9142,[::1]/viewlog?dc=eu");
    assert_eq!(read.hosts, ["h1:9042", "10.0.0.2:9142", "[::1]:9042"]);
    assert_eq!((read.keyspace.as_str(), read.datacentre.as_deref()), ("viewlog", Some("eu")));
    let login = read.login.as_ref().unwrap();
    assert_eq!((login.user.as_str(), login.password.as_str()), ("anna", "p@ss:/ wörd"));
    let plain = url("cassandra://[2001:db8::1]:19042/v1_2");
    assert_eq!(plain.hosts, ["[2001:db8::1]:19042"]);
    assert_eq!((plain.datacentre, plain.login, plain.tls), (None, None, false));
    let encrypted = url("cassandra://h1/viewlog?dc=eu&tls=true");
    assert!(encrypted.tls);
    assert_eq!(encrypted.to_string(), "cassandra://h1:9042/viewlog?dc=eu&tls=true");
    assert!(!url("cassandra://h1/viewlog?tls=false").tls);
}

#[test]
fn the_password_is_shown_nowhere() {
    let secret = url("cassandra://anna:hunter2@h1/viewlog?dc=eu");
    let config = Config { log: LogStore::Cassandra(secret.clone()), ..Config::default() };
    let options = config.cassandra_options(&secret);
    for shown in
        [secret.to_string(), format!("{secret:?}"), format!("{config:?}"), format!("{options:?}")]
    {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    assert_eq!(secret.to_string(), "cassandra://…@h1:9042/viewlog?dc=eu");
}

#[test]
fn what_is_no_such_address_is_refused_with_what_would_be_right() {
    let cases = [
        ("cassandra://h1", "names no keyspace"),
        ("cassandra://h1/", "a keyspace is up to 48 small letters"),
        ("cassandra://h1/View", "a keyspace is up to 48 small letters"),
        ("cassandra://h1/1view", "a letter first"),
        ("cassandra:///viewlog", "hosts must be names or addresses"),
        ("cassandra://h1,,h2/viewlog", "hosts must be names or addresses"),
        ("cassandra://h1:0/viewlog", "hosts must be names or addresses"),
        ("cassandra://h1:port/viewlog", "hosts must be names or addresses"),
        ("cassandra://::1/viewlog", "hosts must be names or addresses"),
        ("cassandra://anna@h1/viewlog", "user:password, percent-encoded"),
        ("cassandra://anna:hunter%2@h1/viewlog", "user:password, percent-encoded"),
        ("cassandra://anna:hunter2@h1/viewlog?dc=", "dc names no datacentre"),
        ("cassandra://anna:hunter2@h1/viewlog?tls=please", "tls=true encrypts"),
        ("cassandra://anna:hunter2@h1/viewlog?rack=1", "there may be dc=NAME and tls=true"),
    ];
    for (text, says) in cases {
        let said = load("", &[("VIEWLOG_LOG", text)], &[]).unwrap_err().to_string();
        assert_says(&said, &["log: ", says, "right would be cassandra://"]);
        assert!(!said.contains("hunter"), "{said}");
    }
}

#[test]
fn a_shared_log_is_refused_with_views_in_memory() {
    let said = load("", &[("VIEWLOG_LOG", "cassandra://h1/viewlog")], &[]).unwrap_err().to_string();
    assert_says(&said, &["views: memory: does not go with a log that other nodes share"]);
    assert_eq!(said.lines().count(), 1, "{said}");
}
