//! The application in this process, answering on a free port of loopback: on stores of this
//! process, or, where a whole suite is run once more for it, on those of a fleet.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;
use viewlog::app::App;
use viewlog::config::{Config, Sources};

use crate::servers::stores::{self, Stores};
use crate::support::eventually;

/// The stores of a fleet may be slow on a machine with much else to do: then the log would be asked
/// instead of Redis, and of Cassandra requests would be refused.
const STORES_PATIENCE: [(&str, &str); 3] = [
    ("views_redis.response_timeout_ms", "10000"),
    ("views_redis.connect_timeout_ms", "10000"),
    ("cassandra.request_timeout_ms", "10000"),
];

/// A running application and a client for it.
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    data: PathBuf,
    _data: Option<tempfile::TempDir>,
    _stores: Option<Stores>,
}

impl Site {
    /// On a fresh directory, with the default configuration.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// On a fresh directory, with these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let stores = if stores::are_a_fleets() { Some(Stores::empty().await) } else { None };
        let urls = stores.as_ref().map(|stores| (stores.log.as_str(), stores.views.as_str()));
        let mut site = Self::configured(data.path(), settings, urls).await;
        (site._data, site._stores) = (Some(data), stores);
        site
    }

    /// On a directory that stays.
    pub(crate) async fn on(data: &Path, settings: &[(&str, &str)]) -> Self {
        if !stores::are_a_fleets() {
            return Self::configured(data, settings, None).await;
        }
        let (log, views) = Stores::of(data).await;
        Self::configured(data, settings, Some((&log, &views))).await
    }

    /// Stores of a fleet take the place of those that the settings name.
    async fn configured(
        data: &Path,
        settings: &[(&str, &str)],
        fleet: Option<(&str, &str)>,
    ) -> Self {
        let mut overrides = vec![("data", data.to_str().unwrap())];
        overrides.extend(settings.iter().filter(|(key, _)| fleet.is_none() || *key != "log"));
        if let Some((log, views)) = fleet {
            overrides.extend([("log", log), ("views", views)]);
            overrides.extend(STORES_PATIENCE);
        }
        let owned = overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = Config::load(Sources {
            file: Some("/dev/null".into()),
            environment: std::iter::empty(),
            overrides: owned.collect(),
        });
        let app = App::start(&config.unwrap()).await.unwrap();
        let address = app.listen(([127, 0, 0, 1], 0).into()).unwrap();
        let client = crate::support::client();
        let data = data.to_owned();
        Self { app, url: address.url, client, data, _data: None, _stores: None }
    }

    /// What a path is answered with: status and JSON.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answered(self.client.get(format!("{}{path}", self.url))).await
    }

    /// What a JSON body is answered with: status and JSON.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        answered(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// What a deletion is answered with: status and JSON.
    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        answered(self.client.delete(format!("{}{path}", self.url))).await
    }

    /// Stops it, and waits until whoever still held its log has let go of the directory.
    pub(crate) async fn stop(self) {
        self.app.stop().await.unwrap();
        if let Ok(lock) = File::open(self.data.join("log/lock")) {
            eventually("the directory is free", async || lock.try_lock().is_ok()).await;
        }
    }
}

async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
