//! The scripts, compiled in.

use super::connection::Script;

/// Every script of the views.
pub(super) struct Scripts {
    pub(super) merge: Script,
    pub(super) read: Script,
    pub(super) scopes: Script,
    pub(super) begin: Script,
    pub(super) end: Script,
    pub(super) forget: Script,
    pub(super) tend: Script,
    pub(super) generation: Script,
    pub(super) position: Script,
    pub(super) advance: Script,
    pub(super) lease: Script,
}

const SHARED: &str = include_str!("shared.lua");
const OPEN: &str = include_str!("open.lua");

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            merge: Script::new(&[SHARED, include_str!("merge.lua")]),
            read: Script::new(&[SHARED, OPEN, include_str!("read.lua")]),
            scopes: Script::new(&[SHARED, OPEN, include_str!("scopes.lua")]),
            begin: Script::new(&[SHARED, include_str!("begin.lua")]),
            end: Script::new(&[SHARED, include_str!("end.lua")]),
            forget: Script::new(&[SHARED, include_str!("forget.lua")]),
            tend: Script::new(&[SHARED, include_str!("tend.lua")]),
            generation: Script::new(&[include_str!("generation.lua")]),
            position: Script::new(&[include_str!("position.lua")]),
            advance: Script::new(&[include_str!("advance.lua")]),
            lease: Script::new(&[include_str!("lease.lua")]),
        }
    }
}
