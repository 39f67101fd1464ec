//! How to ask: HTTP, WebSocket and server-sent events. Handlers are short: parse, ask, answer.
//!
//! What a request comes to is decided by the actors and the answers, never here.

mod auth;
mod body;
mod chaos;
mod commands;
mod degraded;
mod erase;
mod export;
mod fields;
mod guard;
mod head;
mod health;
mod import;
mod jobs;
mod live;
mod meter;
mod node;
mod nowhere;
mod openapi;
mod operations;
mod page;
mod parameters;
mod pieces;
mod problem;
mod read;
mod receipts;
mod record;
mod sessions;
mod sse;

use actix_web::web::{self, PayloadConfig, ServiceConfig};

pub use auth::{KeyError, KeySource, Keyring, NewToken, Scopes, SourceError, Terms, Tokens};
pub use degraded::Clocks;
pub use guard::guard;
pub use jobs::{Board, Finding, Finished, JobKind, JobReport, JobState, Jobs, Reach};
pub use live::Sockets;
pub use node::{Node, Settings};
pub use openapi::document;
pub use operations::begin_compaction;
pub use problem::Problem;

/// Every route, and what is answered where there is none.
pub fn routes(config: &mut ServiceConfig, settings: &Settings) {
    config.app_data(PayloadConfig::new(settings.body_bytes_max));
    // They are tried in turn: what is asked for most comes first.
    record::record_routes(config);
    read::read_routes(config);
    import::import_routes(config);
    commands::command_routes(config);
    erase::erase_routes(config);
    sessions::session_routes(config);
    export::export_routes(config);
    live::live_routes(config);
    health::health_routes(config);
    operations::operation_routes(config);
    if settings.chaos {
        chaos::chaos_routes(config);
    }
    openapi::openapi_routes(config);
    page::page_routes(config);
    config.default_service(web::to(nowhere::nowhere));
}
