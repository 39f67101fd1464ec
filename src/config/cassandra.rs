//! `cassandra://[user:password@]host[:port],…/keyspace[?dc=NAME&tls=true]`: where a fleet's log is
//! kept.
//!
//! The password is in no message and in no debug output.

use std::fmt;
use std::str::FromStr;

use crate::events::cassandra::Login;

const SCHEME: &str = "cassandra://";
const PORT: u16 = 9042;
/// The longest name of a keyspace.
const KEYSPACE_BYTES_MAX: usize = 48;

/// A keyspace on hosts of Cassandra or ScyllaDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CassandraUrl {
    /// `host:port`.
    pub hosts: Vec<String>,
    /// The keyspace.
    pub keyspace: String,
    /// The datacentre of this node.
    pub datacentre: Option<String>,
    /// Who asks.
    pub login: Option<Login>,
    /// Whether connections are encrypted.
    pub tls: bool,
}

/// Why a text is not such an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}; right would be cassandra://[user:password@]host1,host2:9042/keyspace?dc=datacentre&tls=true"
)]
pub struct CassandraUrlError(&'static str);

impl FromStr for CassandraUrl {
    type Err = CassandraUrlError;

    fn from_str(text: &str) -> Result<Self, CassandraUrlError> {
        let wrong = |what| Err(CassandraUrlError(what));
        let Some(rest) = text.strip_prefix(SCHEME) else {
            return wrong("must begin with cassandra://");
        };
        let (place, options) = rest.split_once('?').unwrap_or((rest, ""));
        let options = read_options(options)?;
        let Some((authority, keyspace)) = place.rsplit_once('/') else {
            return wrong("names no keyspace");
        };
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (Some(read_login(login)?), hosts),
            None => (None, authority),
        };
        Ok(Self {
            hosts: hosts.split(',').map(read_host).collect::<Result<_, _>>()?,
            keyspace: read_keyspace(keyspace)?,
            datacentre: options.datacentre,
            tls: options.tls,
            login,
        })
    }
}

/// Without the password.
impl fmt::Display for CassandraUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if self.login.is_some() {
            f.write_str("…@")?;
        }
        write!(f, "{}/{}", self.hosts.join(","), self.keyspace)?;
        match (&self.datacentre, self.tls) {
            (Some(datacentre), true) => write!(f, "?dc={datacentre}&tls=true"),
            (Some(datacentre), false) => write!(f, "?dc={datacentre}"),
            (None, true) => f.write_str("?tls=true"),
            (None, false) => Ok(()),
        }
    }
}

fn read_login(text: &str) -> Result<Login, CassandraUrlError> {
    let wrong = CassandraUrlError("before the @ there must be user:password, percent-encoded");
    let Some((user, password)) = text.split_once(':') else { return Err(wrong) };
    match (decoded(user), decoded(password)) {
        (Some(user), Some(password)) if !user.is_empty() => Ok(Login { user, password }),
        _ => Err(wrong),
    }
}

/// A host with its port; an IPv6 address stands in brackets.
fn read_host(text: &str) -> Result<String, CassandraUrlError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (text, Some(PORT)),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_host = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(is_plain),
    };
    match port.filter(|port: &u16| *port > 0) {
        Some(port) if is_host => Ok(format!("{host}:{port}")),
        _ => {
            Err(CassandraUrlError("hosts must be names or addresses, each with a port or without"))
        }
    }
}

/// A name that CQL takes without quotes.
fn read_keyspace(text: &str) -> Result<String, CassandraUrlError> {
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if begins && text.len() <= KEYSPACE_BYTES_MAX && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err(CassandraUrlError(
            "a keyspace is up to 48 small letters, digits and underscores, a letter first",
        ))
    }
}

/// What stands behind the keyspace.
#[derive(Default)]
struct Options {
    datacentre: Option<String>,
    tls: bool,
}

fn read_options(text: &str) -> Result<Options, CassandraUrlError> {
    let mut options = Options::default();
    for option in text.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("dc", name)) => {
                let name = decoded(name).filter(|name| !name.is_empty());
                let name = name.ok_or(CassandraUrlError("dc names no datacentre"))?;
                options.datacentre = Some(name);
            }
            Some(("tls", "true")) => options.tls = true,
            Some(("tls", "false")) => options.tls = false,
            Some(("tls" | "ssl", _)) => {
                return Err(CassandraUrlError("tls=true encrypts, tls=false does not"));
            }
            _ => {
                return Err(CassandraUrlError("after the ? there may be dc=NAME and tls=true"));
            }
        }
    }
    Ok(options)
}

/// `%40` is `@`; `None` where it is not text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
