//! A server, asked over HTTP: addresses, answers, and problems turned into one sentence.
//!
//! Asks once and never again; whoever may repeat a request does so itself.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, Method, RequestBuilder, Response, StatusCode, Url};
use rustls::ClientConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::events::{AccountId, Timestamp};

use super::failure::{Failure, Found};
use super::output;
use super::seams::{Address, TlsFiles, remedy};
use super::table;

/// A server on this machine answers at once, one across the world within a second.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest silence in the middle of an answer; the log of a large account takes a while.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// A server that needs longer to say that it is alive is no help.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// One server, and who asks it.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    encryption: Option<Arc<ClientConfig>>,
    token: Option<String>,
    account: Option<AccountId>,
    is_own: bool,
}

impl Client {
    /// Speaks to the server at `address`; `account` is meant where a command names none.
    pub(super) fn new(
        address: Address,
        account: Option<AccountId>,
        tls: &TlsFiles,
    ) -> anyhow::Result<Self> {
        let base = parse(&address.url)?;
        let encryption = match base.scheme() {
            "https" => Some(tls.client().map_err(|error| Failure::Wrong(error.to_string()))?),
            _ => None,
        };
        let http = builder(&base, encryption.clone()).build()?;
        let (encryption, token) = (encryption.map(Arc::new), address.token);
        Ok(Self { http, base, encryption, token, account, is_own: false })
    }

    /// The same, of a server that was started for this command alone.
    pub(super) fn own(self) -> Self {
        Self { is_own: true, ..self }
    }

    /// True when nobody else knows the server.
    pub(super) fn is_own(&self) -> bool {
        self.is_own
    }

    /// The account that a command means.
    pub(super) fn account(&self, named: Option<&AccountId>) -> Result<AccountId, Failure> {
        named.or(self.account.as_ref()).cloned().ok_or_else(|| {
            Failure::Wrong("no account; name one with --account, or set VIEWLOG_ACCOUNT".to_owned())
        })
    }

    /// How connections to the server are encrypted, if they are.
    pub(super) fn encryption(&self) -> Option<Arc<ClientConfig>> {
        self.encryption.clone()
    }

    /// The token that goes with every request.
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The address of what `path` names; each part is encoded.
    pub(super) fn url(&self, path: &[&str]) -> Result<Url, Failure> {
        let mut url = self.base.clone();
        if let Some(dots) = path.iter().find(|part| [".", ".."].contains(part)) {
            let what = format!("{dots:?} cannot be part of an address, so it is no usable id");
            return Err(Failure::Wrong(what));
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        Ok(url)
    }

    /// True when the server answers one of its checks, and well.
    pub(super) async fn says_yes(&self, check: &str) -> bool {
        let Ok(url) = self.url(&[check]) else { return false };
        // Another program may have the port by now, and a token is none of its business.
        let asked = self.http.get(url).timeout(ALIVE_TIMEOUT).send().await;
        asked.is_ok_and(|response| response.status().is_success())
    }

    /// Asks a question; warns when the answer says that it may be old or partial.
    pub(super) async fn get(&self, url: Url) -> Result<Reply, Failure> {
        let reply = self.send(self.request(Method::GET, url)).await?;
        reply.warn_of_doubt();
        Ok(reply)
    }

    /// Asks for something to be done.
    pub(super) async fn post(&self, url: Url, body: Option<Value>) -> Result<Reply, Failure> {
        let request = self.request(Method::POST, url);
        self.send(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// Asks for something to be deleted.
    pub(super) async fn delete(&self, url: Url) -> Result<Reply, Failure> {
        self.send(self.request(Method::DELETE, url)).await
    }

    /// A request to be sent with [`Client::send`] or otherwise.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Reply, Failure> {
        let text = self.stream(request).await?.text().await;
        Ok(Reply(text.map_err(|error| self.broken(&error))?))
    }

    /// Sends a request; the answer's body is still to be read.
    pub(super) async fn stream(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let head = response.headers().clone();
        let body = response.text().await.unwrap_or_default();
        Err(problem(status, &head, &body))
    }

    /// The sentence for a connection that failed.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        if error.is_builder() {
            return Failure::Wrong(format!("the request cannot be sent: {cause}"));
        }
        let what = if error.is_connect() { "no answer from" } else { "lost the connection to" };
        let cause = cause.to_string();
        Failure::Unavailable(format!("{what} {}: {cause}{}", self.base, remedy(&cause)))
    }
}

fn builder(base: &Url, encryption: Option<ClientConfig>) -> ClientBuilder {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(SILENCE_MAX)
        // What is to be changed or erased must not become a question on the way.
        .redirect(Policy::none())
        .user_agent(concat!("viewlog/", env!("CARGO_PKG_VERSION")));
    let builder = match encryption {
        Some(encryption) => builder.tls_backend_preconfigured(encryption),
        // The system's authorities take milliseconds to read, and there may be none.
        None => builder.tls_certs_only([]),
    };
    let here = ["localhost", "127.0.0.1", "[::1]"];
    if base.host_str().is_some_and(|host| here.contains(&host)) {
        builder.no_proxy()
    } else {
        builder
    }
}

fn parse(address: &str) -> Result<Url, Failure> {
    match Url::parse(address) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(url),
        _ => Err(Failure::Wrong(format!(
            "{address:?} is not the address of a server; it is one such as http://127.0.0.1:7070 \
             or https://viewlog.example.org"
        ))),
    }
}

/// Adds `?name=value` where there is a value.
pub(super) fn with(mut url: Url, name: &str, value: Option<impl Display>) -> Url {
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, &value.to_string());
    }
    url
}

/// A refusal as the server words it.
#[derive(Default, Deserialize)]
struct Problem {
    code: Option<String>,
    detail: Option<String>,
    title: Option<String>,
}

/// Turns an answer that is no success into one sentence.
pub(super) fn problem(status: StatusCode, head: &HeaderMap, body: &str) -> Failure {
    let place = head.get(LOCATION).filter(|_| status.is_redirection());
    if let Some(place) = place.and_then(|place| place.to_str().ok()) {
        let what = format!("the server sends on to {place}; name the one there with --server");
        return Failure::Wrong(what);
    }
    let problem: Problem = serde_json::from_str(body).unwrap_or_default();
    let said = problem.detail.or(problem.title);
    let said = said.unwrap_or_else(|| format!("the server answered {status}"));
    if problem.code.as_deref() == Some("job_running") {
        return Failure::Unavailable(said);
    }
    match status {
        StatusCode::UNAUTHORIZED => Failure::Wrong(format!(
            "{said}; name a token with --token or VIEWLOG_TOKEN (where the server's key is, \
             viewlog token create makes one)"
        )),
        StatusCode::FORBIDDEN => Failure::Refused(said),
        StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::GONE => Failure::Refused(said),
        StatusCode::TOO_MANY_REQUESTS => Failure::Unavailable(said),
        status if status.is_client_error() => Failure::Wrong(said),
        _ => Failure::Unavailable(said),
    }
}

/// An answer, as it came.
pub(super) struct Reply(String);

/// How far an answer can be trusted.
#[derive(Deserialize)]
struct Doubt {
    as_of: Option<Timestamp>,
    #[serde(default)]
    stale: bool,
    complete: Option<bool>,
}

impl Reply {
    /// What the answer says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.0).map_err(|error| {
            Failure::Unavailable(format!("the server's answer is not what it should be: {error}"))
        })
    }

    /// Prints the answer untouched.
    pub(super) fn print(&self) -> anyhow::Result<Found> {
        output::say(self.0.trim_end())?;
        Ok(Found::Nothing)
    }

    fn warn_of_doubt(&self) {
        let Ok(doubt) = serde_json::from_str::<Doubt>(&self.0) else { return };
        let through = doubt.as_of.map(|at| format!("; it goes through {}", table::time(at)));
        if doubt.stale {
            let through = through.unwrap_or_default();
            output::warn(format_args!("this answer is behind what was recorded{through}"));
        }
        if doubt.complete == Some(false) {
            output::warn("only part could be read; viewlog verify says what is missing");
        }
    }
}
