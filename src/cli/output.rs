//! Where commands write: what was asked for to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, Write};

use super::failure::Failure;

/// Writes a text and a line end to stdout.
///
/// # Errors
/// [`Failure::HungUp`] when nobody reads any more.
pub(super) fn say(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").map_err(|error| Failure::of_output(&error))
}

/// Says something to the person in front of the terminal, apart from the output.
pub(super) fn warn(text: impl Display) {
    // Without a stderr there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "viewlog: {text}");
}
