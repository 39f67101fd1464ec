//! One title of one person: its plays, what the person said of it, and what the two come to.
//!
//! A mark acts on plays whose position last moved at or before it; whatever comes later counts on
//! top.

use super::reader::{Rank, rank_of};
use super::watches;
use crate::events::{Mark, MarkKind, State, TitleId};
use crate::projections::{Policy, TitleInfo};

/// A title's plays and marks, and what they come to.
pub(super) struct Story<'a> {
    pub(super) title: TitleId,
    pub(super) plays: Vec<State>,
    pub(super) marks: Vec<Mark>,
    /// Whether the title is hidden, and since when.
    hidden: Option<(Rank, bool)>,
    /// What an `unwatched` or an `undone` left: how often it was finished until then.
    reset: Option<(Rank, u32)>,
    watched: Vec<Rank>,
    positions: Vec<Claim<'a>>,
    policy: &'a Policy,
}

/// Something that says where the title stopped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'s> {
    pub(super) rank: Rank,
    pub(super) position_ms: u64,
    /// The play; none when a person set the position.
    pub(super) play: Option<&'s State>,
    /// The wire name of the command, when there is no play.
    pub(super) command: &'static str,
    /// Whether the title was finished there.
    finished: bool,
}

impl<'a> Story<'a> {
    /// Takes the plays and marks of one title.
    pub(super) fn of(
        title: TitleId,
        plays: Vec<State>,
        marks: Vec<Mark>,
        policy: &'a Policy,
    ) -> Self {
        let mut story = Self {
            title,
            plays,
            marks: vec![],
            hidden: None,
            reset: None,
            watched: vec![],
            positions: vec![],
            policy,
        };
        story.plays.sort_by_key(|play| std::cmp::Reverse(rank_of(play)));
        marks.iter().for_each(|mark| story.hear(mark));
        story.marks = marks;
        story.positions.sort_by_key(|claim| std::cmp::Reverse(claim.rank));
        story
    }

    fn hear(&mut self, mark: &Mark) {
        let rank = (mark.at, mark.command);
        let command = mark.kind.as_str();
        match &mark.kind {
            MarkKind::TitleHidden { .. } => keep_latest(&mut self.hidden, rank, true),
            MarkKind::TitleShown { .. } => keep_latest(&mut self.hidden, rank, false),
            MarkKind::MarkedWatched { .. } => self.watched.push(rank),
            MarkKind::MarkedUnwatched { .. } => keep_latest(&mut self.reset, rank, 0),
            MarkKind::PositionSet { position_ms, .. } => {
                self.positions.push(of_command(rank, *position_ms, command));
            }
            MarkKind::Undone { titles, .. } => {
                let of_title = titles.iter().find(|restored| restored.title == self.title);
                let Some(restored) = of_title else { return };
                keep_latest(&mut self.hidden, rank, restored.hidden);
                keep_latest(&mut self.reset, rank, restored.times_finished);
                let finished = restored.finished;
                let set = restored.position_ms.map(|ms| of_command(rank, ms, command));
                self.positions.extend(set.map(|claim| Claim { finished, ..claim }));
            }
        }
    }

    /// The place of the newest play or mark.
    pub(super) fn newest(&self) -> Option<Rank> {
        let marks =
            self.watched.iter().copied().chain(self.positions.iter().map(|claim| claim.rank));
        let marks = marks.chain(self.hidden.map(|(rank, _)| rank));
        let marks = marks.chain(self.reset.map(|(rank, _)| rank));
        marks.chain(self.plays.iter().map(rank_of)).max()
    }

    /// Everything that claims the resume point, the greatest first: it decides.
    pub(super) fn claims(&self) -> Vec<Claim<'_>> {
        let plays = self.plays.iter().filter(|play| self.claims_with(play));
        let set = self.positions.iter().filter(|claim| self.is_after_reset(claim.rank));
        let mut claims: Vec<_> =
            plays.map(|play| self.claim_of(play)).chain(set.copied()).collect();
        claims.sort_by_key(|claim| std::cmp::Reverse(claim.rank));
        claims
    }

    /// Everything else that says where the title stopped, and whether a mark overruled it.
    pub(super) fn losers(&self) -> Vec<(Claim<'_>, bool)> {
        let plays = self.plays.iter().filter(|play| !self.claims_with(play));
        let plays = plays.map(|play| (self.claim_of(play), !self.counts(play)));
        let set = self.positions.iter().filter(|claim| !self.is_after_reset(claim.rank));
        plays.chain(set.map(|claim| (*claim, true))).collect()
    }

    /// How many watches and marks finished it.
    pub(super) fn times_finished(&self) -> u32 {
        let before = self.reset.map_or(0, |(_, times)| times);
        let marks = self.watched.iter().filter(|rank| self.is_after_reset(**rank)).count();
        let finishing = |play: &&State| self.counts(play) && self.policy.finished(play);
        let watches = watches::group(&self.plays, self.policy);
        let watches = watches.iter().filter(|watch| watch.iter().any(finishing)).count();
        before.saturating_add(u32::try_from(marks + watches).unwrap_or(u32::MAX))
    }

    /// Whether a claim finished the title, or a person said so since.
    pub(super) fn is_finished_by(&self, claim: &Claim<'_>) -> bool {
        claim.finished || self.is_watched_since(claim.rank)
    }

    /// Whether the title is out of continue watching by a person's word.
    pub(super) fn is_hidden(&self) -> bool {
        let newest_claim = self.claims().first().map(|claim| claim.rank);
        self.hidden
            .is_some_and(|(at, hidden)| hidden && newest_claim.is_none_or(|rank| rank.0 <= at.0))
    }

    /// What to call the title.
    pub(super) fn info(&self) -> TitleInfo {
        let named = self.plays.iter().find(|play| play.about.name.is_some());
        let play = named.or(self.plays.first());
        play.and_then(TitleInfo::of).unwrap_or_else(|| TitleInfo::bare(&self.title))
    }

    /// How long the title is, as last reported.
    pub(super) fn duration_ms(&self) -> Option<u64> {
        self.plays.iter().find_map(|play| play.duration_ms)
    }

    fn is_watched_since(&self, rank: Rank) -> bool {
        self.watched.iter().any(|watched| watched.0 >= rank.0 && self.is_after_reset(*watched))
    }

    fn claim_of<'s>(&self, play: &'s State) -> Claim<'s> {
        let (position_ms, finished) = (play.position_ms, self.policy.finished(play));
        Claim { rank: rank_of(play), position_ms, play: Some(play), command: "", finished }
    }

    /// True when no reset overrules the play.
    fn counts(&self, play: &State) -> bool {
        self.reset.is_none_or(|(at, _)| play.moved_at() > at.0)
    }

    fn claims_with(&self, play: &State) -> bool {
        self.counts(play) && self.policy.claims(play)
    }

    /// True for marks given with the reset or after it.
    fn is_after_reset(&self, rank: Rank) -> bool {
        self.reset.is_none_or(|(at, _)| rank >= at)
    }
}

fn of_command<'s>(rank: Rank, position_ms: u64, command: &'static str) -> Claim<'s> {
    Claim { rank, position_ms, play: None, command, finished: false }
}

fn keep_latest<T>(kept: &mut Option<(Rank, T)>, rank: Rank, value: T) {
    if kept.as_ref().is_none_or(|(latest, _)| *latest < rank) {
        *kept = Some((rank, value));
    }
}
