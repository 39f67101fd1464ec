//! What counts as what: applied when reading, so that a change answers the past anew at once.

/// The thresholds, per media class.
#[derive(Debug, Clone, Default)]
pub struct Policy {}
