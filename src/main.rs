//! The binary: parses the command line, runs it on an actix system, exits.

use std::process::ExitCode;

use clap::Parser;
use viewlog::cli::CommandLine;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command_line = CommandLine::parse();
    actix_web::rt::System::new().block_on(command_line.run())
}
