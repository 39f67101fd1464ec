//! How to ask: HTTP and WebSocket.

mod export;
mod jobs;
mod live;
mod openapi;
mod operations;
mod page;
mod parameters;
mod problem;
mod read;
mod record;
mod service;
mod sessions;
mod sse;

pub use jobs::{Finding, JobKind, JobReport, Jobs};
pub use live::Sockets;
pub use openapi::document;
pub use problem::Problem;
pub use service::{Service, Settings};

/// Every route that reads.
pub fn routes(config: &mut actix_web::web::ServiceConfig) {
    read::read_routes(config);
    sessions::session_routes(config);
    export::export_routes(config);
    live::live_routes(config);
    operations::operation_routes(config);
    openapi::openapi_routes(config);
    page::page_routes(config);
}
