//! `serve`: the service itself, until Ctrl-C or SIGTERM.

use std::path::PathBuf;

use clap::Args;

use super::failure::{Failure, Found};
use super::interrupt::Interrupt;
use super::output::{say, warn};
use super::seams::{self, Given, GivenAuth};

const AFTER_HELP: &str = "\
On loopback nobody needs a token, unless a key is named. To be reached from elsewhere:

  viewlog token create --account home --scope record,read   makes a key, and prints a token
  viewlog serve --listen 0.0.0.0:7070                       takes tokens that the key made

What is not said here the environment says (VIEWLOG_LISTEN and so on), or else the configuration
file.";

/// Where to listen, and where data are.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Serve {
    /// The address to listen on; beyond loopback a key is needed [default: 127.0.0.1:7070]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The data directory [default: the platform's]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where events are kept: embedded:DIR, memory: or cassandra://HOST/KEYSPACE?dc=DC [default:
    /// embedded, in the data directory]
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Where views are kept: memory:, redis://HOST or redis-cluster://HOST,HOST; encrypted
    /// rediss://HOST or rediss-cluster://HOST,HOST [default: memory:]
    #[arg(long, value_name = "URL")]
    views: Option<String>,
    /// What this node does: any of collect,process,provide, or all [default: all]
    #[arg(long, value_name = "ROLES")]
    role: Option<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address under which others know this server
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Show it off: fresh data, a sample history, simulated viewers
    #[arg(long, conflicts_with_all = ["data", "log"])]
    demo: bool,
    /// Let anyone on this machine break actors, to see them recover
    #[arg(long)]
    chaos: bool,
    // Last: what follows would stand under its heading.
    #[command(flatten)]
    auth: GivenAuth,
}

impl Serve {
    /// Serves until it is told to stop.
    pub(super) async fn run(self) -> anyhow::Result<Found> {
        let mut interrupt = Interrupt::listen()?;
        let demo = self.demo;
        let config = seams::settings(self.given())?.config;
        let serving = tokio::select! {
            serving = seams::serve(config, demo) => serving.map_err(Failure::from)?,
            () = interrupt.heard() => return Ok(Found::Nothing),
        };
        // Whoever started it may read the address and close the pipe, or never read.
        let _ = say(&serving.address.url);
        if let Some(dashboard) = &serving.dashboard {
            let _ = say(dashboard);
        }
        let tokens = if serving.asks_for_tokens {
            "; whoever calls needs a token (viewlog token create)"
        } else {
            ""
        };
        let pages = if serving.has_dashboard {
            "/ is the dashboard, /docs the API"
        } else {
            "/docs is the API"
        };
        warn(format_args!("serving: {pages}{tokens}; Ctrl-C stops"));
        interrupt.heard().await;
        warn("stopping: finishing what is in flight; Ctrl-C again stops at once");
        serving.application.stop().await?;
        Ok(Found::Nothing)
    }

    fn given(self) -> Given {
        Given {
            config: self.config,
            data: self.data,
            listen: self.listen,
            log: self.log,
            views: self.views,
            role: self.role,
            public_url: self.public_url,
            auth: self.auth,
            chaos: self.chaos,
        }
    }
}
