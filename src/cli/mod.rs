//! The command line: parse, call, exit code.
//!
//! Every command but `serve`, `schema`, `token` and `doctor` is a client of the HTTP API and can do
//! nothing that the API cannot. Exit status: 0 done, 1 done and something found, or refused,
//! 2 wrong use, 3 store or server unavailable, 130 interrupted.

mod answers;
mod client;
mod doctor;
mod erase;
mod export;
mod failure;
mod history;
mod import;
mod interrupt;
mod jobs;
mod now;
mod output;
mod person;
mod progress;
mod reach;
mod resume;
mod schema;
mod seams;
mod serve;
mod table;
mod title;
mod token;
mod watch;
mod watch_time;
mod whose;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::failure::Found;

const EXAMPLES: &str = "\
Examples:
  viewlog serve --demo                                    see it at work
  viewlog import netflix ViewingActivity.csv --account home
  viewlog now --account home                              what is playing
  viewlog continue --account home --profile anna          what to go on with
  viewlog resume tt0944947:s1e3 --account home --profile anna --explain
  viewlog history --account home --profile anna --from 7d
  viewlog hide tt0944947:s1e3 --account home --profile anna
  viewlog undo --since 2h --account home --profile anna   fell asleep
  viewlog export --account home --out home.ndjson         loads again exactly
  viewlog watch --account home                            follow what changes
  viewlog token create --account home --scope read        for a server that listens elsewhere
  viewlog doctor                                          is everything as it should be

Times are RFC 3339 (2026-11-23T05:00:30Z), this machine's (\"2026-11-23 05:00\"), a date
(2026-11-23), or how long ago (90m, 2h, 3d); tables show this machine's.
Commands ask the server that holds the data directory, or open it where none runs; --server names
one elsewhere. VIEWLOG_ACCOUNT, VIEWLOG_SERVER, VIEWLOG_TOKEN and VIEWLOG_DATA stand in for options.
Exit status: 0 done; 1 done and something found, or refused; 2 wrong use; 3 store or server
unavailable, or busy with other long work; 130 interrupted.";

/// Viewing history as a service: what was watched, where it stopped, what is playing now.
#[derive(Debug, Parser)]
#[command(name = "viewlog", version, after_help = EXAMPLES, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve(serve::Serve),
    /// Record a file's history; twice adds nothing
    Import(import::Import),
    /// Write everything of an account to a file or to stdout
    Export(export::Export),
    /// Show what is playing on an account
    Now(now::AboutHousehold),
    /// Show where a title stopped, or all that can go on
    Resume(resume::Resume),
    /// Show what to go on with, newest first
    Continue(resume::Continue),
    /// Show what was watched, last played first
    History(history::History),
    /// Show everything about one title
    Title(title::Title),
    /// Show who has watched on an account
    Profiles(now::AboutHousehold),
    /// Show how much was watched, by day, week or month
    WatchTime(watch_time::WatchTime),
    /// Follow what changes on an account
    Watch(watch::Watch),
    /// Take a title out of continue watching until it is played again
    Hide(person::Plain),
    /// Take back hide
    Show(person::Plain),
    /// Count a title as finished once more
    Watched(person::Watched),
    /// Count a title as not finished, without a place to go on
    Unwatched(person::Plain),
    /// Set where to go on with a title
    Position(person::Position),
    /// Put a profile back to how it was at a time
    Undo(person::Undo),
    /// Erase a play, a title, a profile or a whole account for good
    Erase(erase::Erase),
    /// Make every view again from the log
    Rebuild(jobs::Rebuild),
    /// Compare the views with the log, print each difference and mend it
    Verify(jobs::Verify),
    /// Keep of old sessions only their last state
    Compact(jobs::Compact),
    /// Read again what changed since a time, and merge it into the views of a fleet
    Sweep(jobs::Sweep),
    /// Show, make or check the tables of a log on Cassandra or ScyllaDB
    Schema(schema::Schema),
    /// Make access tokens
    Token(token::Token),
    /// Check configuration, disk, clocks, port and stores, and say what to do
    Doctor(doctor::Doctor),
}

impl CommandLine {
    /// Carries out the command; needs an actix system around it.
    pub async fn run(self) -> ExitCode {
        failure::conclude(self.command.run().await)
    }
}

impl Command {
    async fn run(self) -> anyhow::Result<Found> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Import(import) => import.run().await,
            Self::Export(export) => export.run().await,
            Self::Now(asked) => now::now(&asked).await,
            Self::Resume(resume) => resume.run().await,
            Self::Continue(list) => list.run().await,
            Self::History(history) => history.run().await,
            Self::Title(title) => title.run().await,
            Self::Profiles(asked) => now::profiles(&asked).await,
            Self::WatchTime(time) => time.run().await,
            Self::Watch(watch) => watch.run().await,
            Self::Hide(word) => word.run("hide").await,
            Self::Show(word) => word.run("show").await,
            Self::Watched(word) => word.run().await,
            Self::Unwatched(word) => word.run("unwatched").await,
            Self::Position(word) => word.run().await,
            Self::Undo(undo) => undo.run().await,
            Self::Erase(erase) => erase.run().await,
            Self::Rebuild(job) => job.run().await,
            Self::Verify(job) => job.run().await,
            Self::Compact(job) => job.run().await,
            Self::Sweep(job) => job.run().await,
            Self::Schema(schema) => schema.run().await,
            Self::Token(token) => token.run().await,
            Self::Doctor(doctor) => doctor.run().await,
        }
    }
}
