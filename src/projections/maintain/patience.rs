//! A store that fails over is away for seconds: long work waits for it.

use std::time::Duration;

use super::{RebuildError, StoresError};
use crate::events::{AppendError, ReadError};
use crate::projections::ViewError;

/// How often something is tried that a store did not answer…
const TRIES_MAX: u32 = 15;
/// …and how long after.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An error of which it is known whether trying again may help.
pub trait MayPass {
    /// Whether it may.
    fn may_pass(&self) -> bool;
}

/// Does what may be done twice, until it went well or waiting does not help.
///
/// # Errors
/// The error of the last try.
pub async fn patiently<T, E, F>(work: impl Fn() -> F) -> Result<T, E>
where
    E: MayPass,
    F: Future<Output = Result<T, E>>,
{
    let mut tries = 1;
    loop {
        match work().await {
            Err(error) if error.may_pass() && tries < TRIES_MAX => tries += 1,
            done => return done,
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

impl MayPass for ReadError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl MayPass for ViewError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl MayPass for AppendError {
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::InDoubt(_))
    }
}

impl MayPass for StoresError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Read(error) => error.may_pass(),
            Self::Append(error) => error.may_pass(),
            Self::Views(error) => error.may_pass(),
        }
    }
}

impl MayPass for RebuildError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Read(error) => error.may_pass(),
            Self::Write(error) => error.may_pass(),
            Self::Views(error) => error.may_pass(),
            Self::NotRenewed => true,
            Self::Replaced | Self::Failed => false,
        }
    }
}
