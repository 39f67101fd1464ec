//! What is said of a clock beside this machine's.

use super::Findings;
use crate::cli::failure::Failure;
use crate::events::Skew;

/// More than clocks differ that are set by NTP.
const AHEAD_MS_MAX: i64 = 1_000;

/// Compares this machine's clock with that of `whose`, which it is ahead of by so much.
pub(super) fn compared(whose: &str, ahead_ms: i64, findings: &mut Findings) -> Result<(), Failure> {
    if ahead_ms.abs() <= AHEAD_MS_MAX {
        return Ok(());
    }
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let off_ms = ahead_ms.unsigned_abs();
    let off = format_args!("{}.{} s", off_ms / 1_000, off_ms % 1_000 / 100);
    let (comes, todo) = if ahead_ms.abs() > Skew::MS_MAX {
        ("; from 30 s on a node is not ready", "set whichever is wrong, now, and keep it set (NTP)")
    } else {
        ("", "set whichever is wrong, and keep it set (NTP); facts are dated by it")
    };
    findings.wrong(&format!("clock: it is {off} {way} that of {whose}{comes}"), todo)
}
