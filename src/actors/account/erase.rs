//! Erasing a play, a title, a profile or all of an account: fence first, then nothing of it is
//! left.

use super::dirty::Marking;
use super::errand::Failure;
use crate::actors::{Deps, Receipt};
use crate::events::{
    AccountId, Append, AppendError, Depth, Erased, Fence, Gone, Mark, MarkKind, ProfileId,
    ReadError, Scope, SessionId, SessionKey, Survey, Timestamp, TitleId,
};
use crate::projections::ViewError;

/// Erases a scope; memory knows nothing of it afterwards.
pub(super) async fn erase(
    account: &AccountId,
    scope: &Scope,
    deps: &Deps,
) -> Result<Receipt, Failure> {
    let sessions = sessions_in(account, scope, deps).await?;
    let (marks, rewritten) = marks_in(account, scope, deps).await?;
    let commands = marks.iter().copied().chain(rewritten.iter().map(|mark| mark.command));
    let survey = deps.log.survey(account, &sessions, &commands.collect::<Vec<_>>()).await?;
    let fenced_at = deps.clock.now();
    let marks_count = u64::try_from(marks.len()).unwrap_or(u64::MAX);
    let erased = Erased {
        account: account.clone(),
        fence: Fence { scope: scope.key(), at: fenced_at },
        sessions,
        marks,
        rewritten,
        survey,
    };
    mark(&erased, deps).await?;
    for command in erased.marks.iter().filter(|command| command.time() > fenced_at) {
        fence_off(account, (*command, fenced_at), deps).await?;
    }
    let Gone { events, snapshots, is_everywhere } = deps.log.erase(erased).await?;
    let views = match make_again(account, deps).await {
        Ok(views) => views,
        Err(error) => {
            tracing::warn!(%error, %account, "erased from the log; its views will be, too");
            deps.distrust(account);
            0
        }
    };
    let id = SessionId::fresh(fenced_at);
    let events = events + marks_count;
    Ok(Receipt { id, fenced_at, events, snapshots, views, spool: 0, is_everywhere })
}

/// Sent again it would seem newer than what is erased, since the clock that named it was ahead.
async fn fence_off(
    account: &AccountId,
    (command, at): (SessionId, Timestamp),
    deps: &Deps,
) -> Result<(), AppendError> {
    let erased = Erased {
        account: account.clone(),
        fence: Fence { scope: Scope::Session(command).key(), at },
        sessions: vec![],
        marks: vec![command],
        rewritten: vec![],
        survey: Survey::default(),
    };
    deps.log.erase(erased).await.map(drop)
}

/// The account's views are made again from what is left, so that nothing derived can stay behind.
async fn make_again(account: &AccountId, deps: &Deps) -> Result<u64, ViewError> {
    // They are counted before others hear of it and forget them too.
    let counted = deps.views.forget(account).await;
    deps.tell_erased(account);
    deps.projector.settle().await;
    if let Some(exchange) = deps.exchange.get() {
        // What is on its way between nodes is in the views before they are forgotten.
        exchange.settle().await;
    }
    Ok(counted? + deps.drop_views(account).await?)
}

/// Lets a sweep find what is gone: other views than this node's may hold something of it.
async fn mark(erased: &Erased, deps: &Deps) -> Result<(), AppendError> {
    let Some(marking) = Marking::of(&erased.account, deps) else { return Ok(()) };
    let rewritten = erased.rewritten.iter().map(|mark| &mark.command);
    let touched = erased.sessions.iter().chain(&erased.marks).chain(rewritten);
    let mut append = Append::new(erased.account.clone());
    append.dirty = touched.map(|session| marking.once(*session)).collect();
    deps.log.append(&append).await
}

async fn sessions_in(
    account: &AccountId,
    scope: &Scope,
    deps: &Deps,
) -> Result<Vec<SessionId>, ReadError> {
    let mut found = Vec::new();
    for week in deps.log.weeks(account).await? {
        if matches!(scope, Scope::Session(session) if session.week() != week) {
            continue;
        }
        for stored in deps.log.week(account, week, Depth::Snapshots).await? {
            let session = stored.session;
            let inside = match scope {
                Scope::Account => true,
                Scope::Session(erased) => *erased == session,
                Scope::Profile(_) | Scope::Title(..) => {
                    stored.state().is_some_and(|state| scope.reaches(session, Some(&state.about)))
                }
            };
            found.extend(inside.then_some(session));
        }
    }
    Ok(found)
}

/// The marks that go, and those that speak of other things too and stay without the erased one.
async fn marks_in(
    account: &AccountId,
    scope: &Scope,
    deps: &Deps,
) -> Result<(Vec<SessionId>, Vec<Mark>), ReadError> {
    let marks = deps.log.marks(account).await?;
    let play = match scope {
        Scope::Session(session) => Play::find((account, *session), &marks, deps).await?,
        Scope::Account | Scope::Profile(_) | Scope::Title(..) => None,
    };
    let (mut gone, mut rewritten) = (Vec::new(), Vec::new());
    for mut mark in marks {
        match scope {
            Scope::Account => gone.push(mark.command),
            Scope::Profile(profile) if mark.profile == *profile => gone.push(mark.command),
            Scope::Session(command) if mark.command == *command => gone.push(mark.command),
            Scope::Title(profile, title) if mark.profile == *profile && mark.kind.names(title) => {
                if let MarkKind::Undone { titles, .. } = &mut mark.kind {
                    // Even of nothing else: sent again, it would be taken for a new one.
                    titles.retain(|restored| restored.title != *title);
                    rewritten.push(mark);
                } else {
                    gone.push(mark.command);
                }
            }
            Scope::Session(_) if play.as_ref().is_some_and(|play| play.leave(&mut mark)) => {
                rewritten.push(mark);
            }
            Scope::Profile(_) | Scope::Title(..) | Scope::Session(_) => {}
        }
    }
    Ok((gone, rewritten))
}

/// What an undo may have put back of an erased play, or of what a person told.
struct Play {
    profile: ProfileId,
    title: TitleId,
    from: Timestamp,
    /// A word that only hid the title, or showed it.
    is_of_hiding: bool,
}

impl Play {
    async fn find(
        (account, session): (&AccountId, SessionId),
        marks: &[Mark],
        deps: &Deps,
    ) -> Result<Option<Self>, ReadError> {
        if let Some(mark) = marks.iter().find(|mark| mark.command == session) {
            let title = mark.kind.title().cloned();
            return Ok(title.map(|title| Self {
                profile: mark.profile.clone(),
                title,
                from: mark.at,
                is_of_hiding: matches!(
                    mark.kind,
                    MarkKind::TitleHidden { .. } | MarkKind::TitleShown { .. }
                ),
            }));
        }
        let key = SessionKey { account: account.clone(), session };
        let state = deps.log.session(&key).await?.and_then(|stored| stored.state());
        Ok(state.and_then(|state| {
            let (profile, title) = (state.about.profile.clone()?, state.about.title.clone()?);
            Some(Self { profile, title, from: state.started_at(), is_of_hiding: false })
        }))
    }

    /// Takes out of an undo what it put back of the title as it was with the play; false when it
    /// put back nothing of it.
    fn leave(&self, mark: &mut Mark) -> bool {
        let MarkKind::Undone { since, titles } = &mut mark.kind else { return false };
        if mark.profile != self.profile || *since < self.from {
            return false;
        }
        let of_title = titles.iter_mut().find(|restored| restored.title == self.title);
        of_title.is_some_and(|restored| {
            let before = restored.clone();
            if self.is_of_hiding {
                restored.hidden = false;
            } else {
                (restored.position_ms, restored.finished) = (None, false);
                restored.times_finished = 0;
            }
            *restored != before
        })
    }
}
