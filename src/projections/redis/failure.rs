//! Why Redis did not answer a call.

use std::fmt;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::projections::ViewError;
use crate::tls::remedy;

/// Why a call has no answer.
pub(super) enum Failure {
    /// It was away a moment ago.
    Away,
    /// Neither connected nor answered in time.
    Late,
    Redis(RedisError),
}

impl Failure {
    /// Whether nobody was there to answer; otherwise the answer was a refusal.
    pub(super) fn is_absence(&self) -> bool {
        let Self::Redis(error) = self else { return true };
        match error.kind() {
            ErrorKind::Server(kind) => matches!(
                kind,
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::ReadOnly
            ),
            ErrorKind::Extension => error.code() == Some("BUSY"),
            _ => true,
        }
    }

    /// Whether a key is of another type, or holds what no script can read.
    fn is_of_what_is_kept(&self) -> bool {
        let Self::Redis(error) = self else { return false };
        error.code() == Some("WRONGTYPE") || error.to_string().contains("attempt to ")
    }

    /// Whether the connection leads to a server that is not the primary any more.
    pub(super) fn is_of_the_past(&self) -> bool {
        let Self::Redis(error) = self else { return false };
        error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => to.write_str("it did not answer a moment ago"),
            Self::Late => to.write_str("it did not answer in time"),
            Self::Redis(error) => {
                let said = error.to_string();
                write!(to, "{said}{}", remedy(&said))
            }
        }
    }
}

/// Whether the server was never told this script, or forgot it.
pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// As whoever called is told.
pub(super) fn told(failure: Failure) -> ViewError {
    let said = format!("redis: {failure}");
    if failure.is_of_what_is_kept() {
        ViewError::Damaged(said)
    } else {
        ViewError::Unavailable(said)
    }
}
