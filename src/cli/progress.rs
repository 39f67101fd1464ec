//! How far long work is: a bar with rate and time left on a terminal, plain lines elsewhere.
//!
//! Writes to stderr alone, so that output can be piped.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::failure::Failure;
use super::output;
use super::table;

/// How often a log file may be told.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often a terminal may be drawn on, a second.
const DRAWN_PER_S: u8 = 10;

/// How work looks whose end is known.
const OF_KNOWN: &str = "{prefix} {bar:24} {percent:>3} %  {msg}  {eta} left";
/// How work looks that ends when it ends.
const OF_UNKNOWN: &str = "{prefix} {spinner} {msg}  {elapsed}";

/// Work under way.
pub(super) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    is_terminal: bool,
    began: Instant,
    told: Instant,
    /// How far it was when it was first shown, and when: others may have begun it.
    first: Option<(u64, Instant)>,
}

/// How far it is.
pub(super) struct Reached<'a> {
    /// So much of `total`, in any unit.
    pub(super) done: u64,
    /// Unknown for a stream.
    pub(super) total: Option<u64>,
    /// Counts and rate, for people.
    pub(super) told: &'a str,
}

impl Progress {
    /// Begins work that is called `what`.
    pub(super) fn begin(what: &'static str) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target = if is_terminal {
            ProgressDrawTarget::stderr_with_hz(DRAWN_PER_S)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target).with_prefix(what);
        // Without one the first drawing would be a bar of nothing.
        set_style(&bar, OF_UNKNOWN);
        let now = Instant::now();
        Self { what, bar, is_terminal, began: now, told: now, first: None }
    }

    /// Seconds since it began.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Shows how far it is.
    pub(super) fn reach(&mut self, reached: &Reached<'_>) {
        let is_first = self.first.is_none();
        let first = *self.first.get_or_insert_with(|| (reached.done, Instant::now()));
        if self.is_terminal {
            self.draw(reached, is_first);
        } else if self.told.elapsed() >= LINE_EVERY {
            self.told = Instant::now();
            output::warn(self.line(reached, first));
        }
    }

    /// Writes a line to stdout without tearing the bar.
    ///
    /// # Errors
    /// Those of [`output::say`].
    pub(super) fn say(&self, text: &str) -> Result<(), Failure> {
        self.bar.suspend(|| output::say(text))
    }

    /// Says something on stderr without tearing the bar.
    pub(super) fn warn(&self, text: &str) {
        self.bar.suspend(|| output::warn(text));
    }

    /// Takes the bar away.
    pub(super) fn end(self) {
        self.bar.finish_and_clear();
    }

    fn draw(&self, reached: &Reached<'_>, is_first: bool) {
        self.bar.set_message(reached.told.to_owned());
        if self.bar.length() != reached.total {
            match reached.total {
                Some(total) => {
                    set_style(&self.bar, OF_KNOWN);
                    self.bar.set_length(total);
                }
                None => {
                    set_style(&self.bar, OF_UNKNOWN);
                    self.bar.unset_length();
                }
            }
        }
        self.bar.set_position(reached.done);
        if is_first {
            self.bar.reset_eta();
        }
    }

    fn line(&self, reached: &Reached<'_>, (first, at): (u64, Instant)) -> String {
        let (what, told) = (self.what, reached.told);
        let Some(total) = reached.total.filter(|total| *total > 0) else {
            return format!("{what}: {told}");
        };
        let share = reached.done as f64 / total as f64 * 100.0;
        let since = reached.done.saturating_sub(first);
        if since == 0 {
            return format!("{what}: {share:.0} %, {told}");
        }
        let each_s = at.elapsed().as_secs_f64() / since as f64;
        let left_s = each_s * total.saturating_sub(reached.done) as f64;
        let left = table::duration((left_s * 1_000.0) as u64);
        format!("{what}: {share:.0} %, {told}, {left} left")
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// `1,234/s`.
pub(super) fn rate(count: u64, elapsed: Duration) -> String {
    let per_s = count as f64 / elapsed.as_secs_f64().max(0.001);
    format!("{}/s", table::count(per_s as u64))
}
