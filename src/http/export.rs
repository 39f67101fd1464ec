//! Everything of an account as NDJSON, to be kept elsewhere or imported again.
//!
//! Read week by week, so memory holds one week of one account, whatever its age. What cannot be
//! read is not passed over in silence: the last line then says that the export is incomplete. A
//! caller who is limited to a profile gets what is that profile's.

use std::fmt::Write;
use std::sync::Arc;
use std::vec;

use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{HttpResponse, get};
use futures_util::{Stream, stream};

use super::auth::Caller;
use super::parameters::Parameters;
use super::{Node, Problem};
use crate::adapters::viewlog::{write_event, write_mark, write_state};
use crate::events::{About, AccountId, Depth, Event, EventLog, ReadError, Stored, Week};
use crate::projections::AnswerError;

/// About how many bytes are sent at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The route of the export.
pub(super) fn export_routes(config: &mut ServiceConfig) {
    config.service(read_export);
}

/// Every event and command of an account, one JSON object a line; `import viewlog` loads it.
///
/// A last line of kind `incomplete` says that something could not be read.
#[utoipa::path(
    tag = "read",
    responses((
        status = 200, content_type = "application/x-ndjson", body = String,
        description = "One JSON object a line",
    )),
)]
#[get("/v1/accounts/{account}/export")]
pub(super) async fn read_export(
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let export = Export::begin(Arc::clone(&node.log), (asked.account()?, caller)).await;
    let export = export.map_err(AnswerError::from)?;
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .insert_header(("Cache-Control", "private, no-store"))
        .insert_header(("Content-Disposition", "attachment; filename=\"viewlog.ndjson\""))
        .streaming(chunks(export)))
}

fn chunks(export: Export) -> impl Stream<Item = Result<Bytes, Problem>> {
    stream::unfold(export, async |mut export| {
        let chunk = export.next_chunk().await?;
        Some((Ok(Bytes::from(chunk)), export))
    })
}

type Lines = Box<dyn Iterator<Item = String>>;

/// An export on its way.
struct Export {
    log: Arc<dyn EventLog>,
    account: AccountId,
    /// Who gets it.
    caller: Caller,
    weeks: vec::IntoIter<Week>,
    /// What is left of the week that was read last.
    lines: Lines,
    damage: Damage,
    is_over: bool,
}

/// What of an account could not be read.
#[derive(Default)]
struct Damage {
    rows: usize,
    sessions: usize,
    /// The log stopped answering.
    is_cut: bool,
}

impl Export {
    /// Begins with what persons said, which lies before all weeks.
    async fn begin(
        log: Arc<dyn EventLog>,
        (account, caller): (AccountId, Caller),
    ) -> Result<Self, ReadError> {
        let weeks = log.weeks(&account).await?;
        let mut marks = log.marks(&account).await?;
        marks.retain(|mark| caller.may_see(&mark.profile));
        let of = account.clone();
        Ok(Self {
            log,
            account,
            caller,
            weeks: weeks.into_iter(),
            lines: Box::new(marks.into_iter().map(move |mark| write_mark(&of, &mark))),
            damage: Damage::default(),
            is_over: false,
        })
    }

    async fn next_chunk(&mut self) -> Option<String> {
        while !self.is_over {
            let chunk = self.filled();
            if !chunk.is_empty() {
                return Some(chunk);
            }
            match self.weeks.next() {
                Some(week) => self.turn_to(week).await,
                None => self.is_over = true,
            }
        }
        self.last_line()
    }

    fn filled(&mut self) -> String {
        let mut chunk = String::new();
        while chunk.len() < CHUNK_BYTES
            && let Some(line) = self.lines.next()
        {
            chunk.push_str(&line);
            chunk.push('\n');
        }
        chunk
    }

    async fn turn_to(&mut self, week: Week) {
        match self.log.week(&self.account, week, Depth::Facts).await {
            Ok(mut sessions) => {
                sessions.retain(|stored| self.is_theirs(stored));
                sessions.iter().for_each(|stored| self.damage.add(stored));
                self.lines = lines_of(self.account.clone(), sessions);
            }
            Err(error) => {
                tracing::warn!(account = %self.account, %error, "an export was cut short");
                self.damage.is_cut = true;
                self.is_over = true;
            }
        }
    }

    fn is_theirs(&self, stored: &Stored) -> bool {
        let Some(mine) = self.caller.profile() else { return true };
        let of_state = stored.snapshot.as_ref().and_then(|state| state.about.profile.clone());
        of_state.or_else(|| named(&stored.events).profile).as_ref() == Some(mine)
    }

    /// Says once that something is missing.
    fn last_line(&mut self) -> Option<String> {
        let Damage { rows, sessions, is_cut } = std::mem::take(&mut self.damage);
        let mut detail = String::new();
        if rows > 0 {
            let _ = write!(detail, "rows that cannot be read: {rows}, in sessions: {sessions}");
            tracing::warn!(account = %self.account, rows, sessions, "an export lacks rows");
        }
        if is_cut {
            let and = if detail.is_empty() { "" } else { "; " };
            let _ = write!(detail, "{and}the store stopped answering; export again");
        }
        let line = serde_json::json!({ "kind": "incomplete", "detail": detail });
        (!detail.is_empty()).then(|| format!("{line}\n"))
    }
}

impl Damage {
    fn add(&mut self, stored: &Stored) {
        if let Some(damage) = &stored.damage {
            self.rows += damage.rows;
            self.sessions += 1;
        }
    }
}

/// The profile and title of a session: the lowest fact that names one decides, as in the fold.
fn named(events: &[Event]) -> About {
    let mut named = About::default();
    for about in events.iter().filter_map(|event| event.fact.about.as_deref()) {
        named.profile = named.profile.or_else(|| about.profile.clone());
        named.title = named.title.or_else(|| about.title.clone());
    }
    named
}

/// What the first fact was of may be written with a later one that arrived before it. Each line
/// must be enough for the next, however the lines are cut into requests.
fn name_the_first(events: &mut [Event]) {
    let named = named(events);
    if let Some(first) = events.first_mut().filter(|_| named != About::default()) {
        first.fact.about.get_or_insert_default().fill_from(&named);
    }
}

/// The lines of a week, made as they are sent. A state is there only where facts are not.
fn lines_of(account: AccountId, sessions: Vec<Stored>) -> Lines {
    Box::new(sessions.into_iter().flat_map(move |Stored { snapshot, mut events, .. }| {
        if snapshot.is_none() {
            name_the_first(&mut events);
        }
        let (of_state, of_event) = (account.clone(), account.clone());
        let state = snapshot.into_iter().map(move |state| write_state(&of_state, &state));
        state.chain(events.into_iter().map(move |event| write_event(&of_event, &event)))
    }))
}
