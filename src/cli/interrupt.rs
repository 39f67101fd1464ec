//! Ctrl-C: the first asks to stop, the second stops at once. SIGTERM counts as one.
//!
//! Signals are awaited on a thread of their own, so that the second one works also while the main
//! thread is busy.

use std::process;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::failure::Failure;

/// What shells report of a process that Ctrl-C ended.
const STATUS: i32 = 130;

/// Hears of the first Ctrl-C.
pub(super) struct Interrupt(oneshot::Receiver<()>);

impl Interrupt {
    /// Begins to listen; from now on Ctrl-C does not end the process by itself.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let (first, heard) = oneshot::channel();
        thread::Builder::new().name("signals".to_owned()).spawn(move || watch(first))?;
        Ok(Self(heard))
    }

    /// Waits for Ctrl-C.
    pub(super) async fn heard(&mut self) {
        if (&mut self.0).await.is_err() {
            // Without a listener Ctrl-C ends the process as it always did.
            std::future::pending::<()>().await;
        }
    }

    /// Does the work, unless Ctrl-C comes first.
    pub(super) async fn unless<T>(
        &mut self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::select! {
            done = work => done,
            () = self.heard() => Err(Failure::Interrupted.into()),
        }
    }
}

fn watch(first: oneshot::Sender<()>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else {
        return;
    };
    runtime.block_on(async {
        let both = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = both else { return };
        either(&mut interrupt, &mut terminate).await;
        // Whoever listened may be done already.
        let _ = first.send(());
        either(&mut interrupt, &mut terminate).await;
        process::exit(STATUS);
    });
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}
