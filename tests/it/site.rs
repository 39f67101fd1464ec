//! The application in this process, answering on a free port of loopback.

use std::path::Path;

use serde_json::Value;
use viewlog::app::App;
use viewlog::config::{Config, Sources};

/// A running application and a client for it.
pub(crate) struct Site {
    pub(crate) app: App,
    pub(crate) url: String,
    pub(crate) client: reqwest::Client,
    _data: Option<tempfile::TempDir>,
}

impl Site {
    /// On a fresh directory, with the default configuration.
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// On a fresh directory, with these settings.
    pub(crate) async fn with(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut site = Self::on(data.path(), settings).await;
        site._data = Some(data);
        site
    }

    /// On a directory that stays.
    pub(crate) async fn on(data: &Path, settings: &[(&str, &str)]) -> Self {
        let data = ("data".to_owned(), data.to_str().unwrap().to_owned());
        let given = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = Config::load(Sources {
            file: Some("/dev/null".into()),
            environment: std::iter::empty(),
            overrides: given.chain([data]).collect(),
        });
        let app = App::start(&config.unwrap()).await.unwrap();
        let address = app.listen(([127, 0, 0, 1], 0).into()).unwrap();
        Self { app, url: address.url, client: reqwest::Client::new(), _data: None }
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

    /// Stops it in order.
    pub(crate) async fn stop(self) {
        self.app.stop().await.unwrap();
    }
}

async fn answered(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
