//! The way from the account actors of one arbiter to the log.
//!
//! What they append in one turn of the arbiter goes as one group where the log likes that, and the
//! answer comes back as one: a wake-up for each account would cost more than the account itself.
//! Nothing waits for company: the group leaves when the arbiter has no more to add.

use std::cell::RefCell;
use std::mem;
use std::rc::Rc;
use std::sync::Arc;

use metrics::histogram;
use tokio::time::{Instant, timeout};

use super::Deps;
use super::account::Flight;
use super::append::unanswered;
use crate::events::Append;
use crate::telemetry::APPEND_SECONDS;

/// A group is cut here; past it only the wait of those in it grows.
const GROUP_ROWS_MAX: usize = 1_000;

/// What leaves with the next group.
pub(super) struct Outbox {
    deps: Arc<Deps>,
    leaving: RefCell<Group>,
}

/// Rows, and for each of them what is to be done when they are durable.
#[derive(Default)]
struct Group {
    appends: Vec<Append>,
    flights: Vec<Flight>,
    rows: usize,
}

impl Outbox {
    /// An empty one, for the actors of this arbiter.
    pub(super) fn new(deps: Arc<Deps>) -> Rc<Self> {
        Rc::new(Self { deps, leaving: RefCell::default() })
    }

    /// Takes rows on their way; `flight` lands when the log has answered.
    pub(super) fn post(self: &Rc<Self>, append: Append, flight: Flight) {
        let mut leaving = self.leaving.borrow_mut();
        let is_first = leaving.appends.is_empty();
        leaving.rows += append.rows();
        leaving.appends.push(append);
        leaving.flights.push(flight);
        if leaving.rows >= GROUP_ROWS_MAX || !self.deps.log.takes_groups() {
            let full = mem::take(&mut *leaving);
            actix_rt::spawn(full.fly(Arc::clone(&self.deps)));
        } else if is_first {
            actix_rt::spawn(Rc::clone(self).leave());
        }
    }

    /// Runs after everything that was ready to run before it, and adds to the group.
    async fn leave(self: Rc<Self>) {
        let group = mem::take(&mut *self.leaving.borrow_mut());
        if !group.appends.is_empty() {
            group.fly(Arc::clone(&self.deps)).await;
        }
    }
}

impl Group {
    async fn fly(self, deps: Arc<Deps>) {
        let begun = Instant::now();
        let answer = timeout(deps.limits.append_deadline, deps.log.append_all(&self.appends)).await;
        histogram!(APPEND_SECONDS).record(begun.elapsed());
        deps.pace.took(begun.elapsed());
        let answer = answer.unwrap_or_else(|_| Err(unanswered()));
        if let Err(error) = &answer {
            tracing::debug!(%error, accounts = self.appends.len(), "an append failed at first");
        }
        for (append, flight) in self.appends.into_iter().zip(self.flights) {
            match &answer {
                Ok(()) => flight.land(&append),
                Err(error) => flight.fly_on(append, error.clone()),
            }
        }
    }
}
