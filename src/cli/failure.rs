//! Why a command ends without having done what was asked, and the exit status of each way to end.

use std::io;
use std::process::ExitCode;

/// What came of a command that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Everything as it should be.
    Nothing,
    /// Done, and something was found that a person should look at.
    Something,
    /// Done as far as that goes without a store, which cannot be reached; that was said.
    Unreachable,
}

/// Why a command was not carried out; each text is one sentence for the person who asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Asked in a way that cannot be right.
    #[error("{0}")]
    Wrong(String),
    /// Rightly asked, and refused; or there is no such thing.
    #[error("{0}")]
    Refused(String),
    /// The store or the server cannot be used now.
    #[error("{0}")]
    Unavailable(String),
    /// Ctrl-C.
    #[error("interrupted; what was acknowledged stays")]
    Interrupted,
    /// Nobody reads the output any more.
    #[error("the output was closed")]
    HungUp,
}

impl Failure {
    /// An output that failed: closed by its reader, or really broken.
    pub(super) fn of_output(error: &io::Error) -> Self {
        if is_broken_pipe(error) {
            Self::HungUp
        } else {
            Self::Unavailable(format!("the output cannot be written: {error}"))
        }
    }

    /// A file that cannot be used.
    pub(super) fn of_file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Wrong(format!("{}: {error}", path.display()))
    }
}

/// A writer of tables wraps the error of what it writes to, without naming it as the source.
fn is_broken_pipe(error: &io::Error) -> bool {
    let table = error.get_ref().and_then(|inner| inner.downcast_ref::<csv::Error>());
    match table.map(csv::Error::kind) {
        Some(csv::ErrorKind::Io(inner)) => inner.kind() == io::ErrorKind::BrokenPipe,
        _ => error.kind() == io::ErrorKind::BrokenPipe,
    }
}

/// Says on stderr what went wrong, if anything did, and gives the exit status.
pub(super) fn conclude(result: anyhow::Result<Found>) -> ExitCode {
    let error = match result {
        Ok(Found::Nothing) => return ExitCode::SUCCESS,
        Ok(Found::Something) => return ExitCode::from(1),
        Ok(Found::Unreachable) => return ExitCode::from(3),
        Err(error) => error,
    };
    let status = match error.downcast_ref::<Failure>() {
        // `| head` has all it wanted.
        Some(Failure::HungUp) => return ExitCode::SUCCESS,
        Some(Failure::Refused(_)) => 1,
        Some(Failure::Wrong(_)) => 2,
        Some(Failure::Interrupted) => 130,
        Some(Failure::Unavailable(_)) | None => 3,
    };
    super::output::warn(format_args!("{error:#}"));
    ExitCode::from(status)
}
