//! viewlog keeps, for every household, what each profile has watched, where it stopped and what is
//! playing now.
//!
//! Read the modules in this order: what happened ([`events`]), who does it ([`actors`]), what it
//! looks like ([`projections`]), how to ask ([`http`]), how others speak ([`adapters`]), and the
//! binary's own [`config`], [`app`] and [`cli`]. How connections to others are encrypted is in
//! [`tls`].

pub mod actors;
pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod events;
pub mod http;
pub mod projections;
pub mod telemetry;
pub mod tls;
