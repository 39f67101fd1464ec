//! How to ask: HTTP, WebSocket and server-sent events. Handlers are short: parse, ask, answer.
//!
//! What a request comes to is decided by the actors and the answers, never here.

mod body;
mod commands;
mod erase;
mod export;
mod guard;
mod import;
mod meter;
mod parameters;
mod problem;
mod read;
mod record;
mod service;
mod sessions;

pub use erase::Receipts;
pub use guard::guard;
pub use problem::Problem;
pub use service::{Service, Settings};

/// Every route.
pub fn routes(config: &mut actix_web::web::ServiceConfig) {
    record::record_routes(config);
    import::import_routes(config);
    commands::command_routes(config);
    erase::erase_routes(config);
    read::read_routes(config);
    sessions::session_routes(config);
    export::export_routes(config);
}
