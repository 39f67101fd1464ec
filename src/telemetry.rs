//! The subscriber and the names of metrics.
