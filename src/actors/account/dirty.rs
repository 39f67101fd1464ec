//! Which sessions are to be marked as changed. A mark is durable no later than what it marks, so
//! that a sweep finds whatever no signal told of.

use crate::actors::Deps;
use crate::events::{AccountId, DirtyMark, SessionId, Slice, Window};

/// So long before a window ends, a live session is marked in the next one too: the boundary is then
/// not crossed by everybody at once.
const AHEAD_MS: i64 = 60_000;

/// The windows of this moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marking {
    now: Window,
    soon: Window,
}

impl Marking {
    /// `None` where views die with their process, and nothing has to be swept.
    pub(super) fn of(account: &AccountId, deps: &Deps) -> Option<Self> {
        if !deps.marks() {
            return None;
        }
        let (slice, now) = (Slice::of(account), deps.clock.now());
        let soon = Window::at(slice, now.plus_ms(AHEAD_MS));
        Some(Self { now: Window::at(slice, now), soon })
    }

    /// The marks that a live session lacks; `marked` is the last window that it has one in.
    pub(super) fn live(self, session: SessionId, marked: &mut Option<Window>) -> Vec<DirtyMark> {
        let lacking = |window: &Window| marked.is_none_or(|last| last < *window);
        let windows: Vec<Window> = [self.now, self.soon].into_iter().filter(lacking).collect();
        *marked = windows.last().copied().or(*marked);
        let mut marks: Vec<_> =
            windows.into_iter().map(|window| DirtyMark { window, session }).collect();
        marks.dedup();
        marks
    }

    /// The mark of something that changes once.
    pub(super) fn once(self, session: SessionId) -> DirtyMark {
        DirtyMark { window: self.now, session }
    }
}
