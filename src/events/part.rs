//! All of an account, read part by part.

use std::future::ready;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use super::{Mark, ReadError, Stored, Week};

/// A part of what an account has.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// What its persons said.
    Marks(Vec<Mark>),
    /// A week and its sessions.
    Week(Week, Vec<Stored>),
}

/// The parts of an account, each read when it is asked for.
pub type Parts<'a> = BoxStream<'a, Result<Part, ReadError>>;

/// What persons said, then each of the weeks as `read` gives it, the newest first.
pub(super) fn parts<F>(
    marks: Vec<Mark>,
    mut weeks: Vec<Week>,
    read: impl Fn(Week) -> F,
) -> impl Stream<Item = Result<Part, ReadError>>
where
    F: Future<Output = Result<Vec<Stored>, ReadError>>,
{
    weeks.sort_unstable();
    let weeks = stream::iter(weeks.into_iter().rev()).then(move |week| {
        let reading = read(week);
        async move { Ok(Part::Week(week, reading.await?)) }
    });
    stream::once(ready(Ok(Part::Marks(marks)))).chain(weeks)
}
