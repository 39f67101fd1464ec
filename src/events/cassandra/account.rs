//! Reading all of an account with few requests: its fences are asked for once, and what persons
//! said only where they said something.

use std::sync::Arc;

use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::read::marks_outside;
use super::store::Store;
use super::week::Stretch;
use crate::events::part::parts;
use crate::events::{AccountId, Depth, Parts, Week};

impl Store {
    pub(super) fn read_account<'a>(&'a self, account: &'a AccountId, depth: Depth) -> Parts<'a> {
        let begun = async move {
            let reading = (self.read_all_weeks(account), self.read_fences(account));
            let (mut weeks, fences) = try_join(reading.0, reading.1).await?;
            let marks = match weeks.iter().position(|week| *week == Week::PERSON) {
                Some(at) => {
                    weeks.swap_remove(at);
                    let pages = self.stretch_pages(account, Week::PERSON, Stretch::WHOLE).await?;
                    marks_outside(account, &pages, &fences)?
                }
                None => vec![],
            };
            let fences = Arc::new(fences);
            let read = move |week| {
                let fences = Arc::clone(&fences);
                async move { self.read_week_outside((account, week, depth), &fences).await }
            };
            Ok(parts(marks, weeks, read))
        };
        stream::once(begun).try_flatten().boxed()
    }
}
