//! Over real HTTP: how facts, commands, erasures and imports are asked for, and what is answered.

mod abuse;
mod auth;
mod callers;
mod commands;
mod contract;
mod degraded;
mod described;
mod erasing;
mod errors;
mod facts;
mod importing;
mod jobs;
mod paths;
mod refusals;
pub(crate) mod roles;
mod site;
