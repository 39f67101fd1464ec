//! Over real HTTP.

mod contract;
