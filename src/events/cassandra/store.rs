//! An open connection and everything asked over it: bounded, and remembered for the log's health.

use std::ops::ControlFlow;
use std::sync::Arc;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::response::PagingState;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::serialize::batch::BatchValues;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::Batch;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::Semaphore;

use super::answering::Answering;
use super::connect::connect;
use super::failed::{misshapen, read_error};
use super::stamps::Stamps;
use super::statements::Statements;
use super::{CassandraOptions, OpenError, schema};
use crate::events::{Clock, ReadError, Skew};

/// An open log.
pub(super) struct Store {
    pub(super) statements: Statements,
    pub(super) stamps: Stamps,
    session: Arc<Session>,
    /// Past some hundred requests at once only latency grows.
    room: Semaphore,
    answering: Arc<Answering>,
}

impl Store {
    pub(super) async fn open(
        options: &CassandraOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let (session, datacentre) = connect(options).await?;
        schema::require(&session, (&options.keyspace, &datacentre)).await?;
        let refused = |error: scylla::errors::PrepareError| OpenError::Refused(error.to_string());
        let statements = Statements::prepare(&session, &options.keyspace).await.map_err(refused)?;
        let session = Arc::new(session);
        let answering = Arc::new(Answering::new(Arc::clone(&clock)));
        tokio::spawn(Arc::clone(&answering).look(Arc::downgrade(&session)));
        Ok(Self {
            statements,
            stamps: Stamps::new(clock),
            session,
            room: Semaphore::new(options.in_flight_max.clamp(1, Semaphore::MAX_PERMITS)),
            answering,
        })
    }

    /// True while no node answers.
    pub(super) fn is_away(&self) -> bool {
        self.answering.is_away()
    }

    /// How far this node's clock is off the store's.
    pub(super) fn skew(&self) -> &Arc<Skew> {
        self.answering.skew()
    }

    pub(super) async fn execute(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, ExecutionError> {
        // Closed by nobody.
        let _room = self.room.acquire().await;
        let asked = self.answering.asked();
        let outcome = self.session.execute_unpaged(statement, values).await;
        self.answering.note(asked, &outcome);
        outcome
    }

    pub(super) async fn execute_batch(
        &self,
        batch: &Batch,
        values: impl BatchValues,
    ) -> Result<(), ExecutionError> {
        let _room = self.room.acquire().await;
        let asked = self.answering.asked();
        let outcome = self.session.batch(batch, values).await;
        self.answering.note(asked, &outcome);
        outcome.map(drop)
    }

    /// All rows of a result that fits in one page.
    pub(super) async fn rows(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, ReadError> {
        let answer = self.execute(statement, values).await.map_err(|error| read_error(&error))?;
        answer.into_rows_result().map_err(misshapen)
    }

    /// Every page of a result.
    pub(super) async fn pages(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<Vec<QueryRowsResult>, ReadError> {
        let (mut pages, mut state) = (Vec::new(), PagingState::start());
        loop {
            let (page, next) = self.page(statement, &values, state).await?;
            pages.push(page);
            match next {
                ControlFlow::Break(()) => return Ok(pages),
                ControlFlow::Continue(next) => state = next,
            }
        }
    }

    /// One page of a result, and where the next one begins.
    pub(super) async fn page(
        &self,
        statement: &PreparedStatement,
        values: &impl SerializeRow,
        state: PagingState,
    ) -> Result<(QueryRowsResult, ControlFlow<(), PagingState>), ReadError> {
        let _room = self.room.acquire().await;
        let asked = self.answering.asked();
        let outcome = self.session.execute_single_page(statement, values, state).await;
        self.answering.note(asked, &outcome);
        let (page, next) = outcome.map_err(|error| read_error(&error))?;
        Ok((page.into_rows_result().map_err(misshapen)?, next.into_paging_control_flow()))
    }
}
