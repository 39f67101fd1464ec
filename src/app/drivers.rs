//! Where the drivers of shared stores live: they spawn their tasks on the runtime that built them,
//! and an arbiter's has one thread, which has other work.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// A runtime of its own, started by what needs it first and ended with the application.
#[derive(Default)]
pub(super) struct Drivers(Option<Runtime>);

impl Drivers {
    /// Opens a store on it.
    ///
    /// # Errors
    /// When it cannot be started, or what was to be opened failed in a way that is a bug.
    pub(super) async fn open<T: Send + 'static>(
        &mut self,
        opening: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        // It is kept before anything is waited for: dropped by itself among tasks, it panics.
        let runtime = match &mut self.0 {
            Some(runtime) => runtime,
            none => none
                .insert(Builder::new_multi_thread().thread_name("drivers").enable_all().build()?),
        };
        runtime.spawn(opening).await.map_err(io::Error::other)
    }
}

impl Drop for Drivers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for its tasks is not allowed where the application ends.
            runtime.shutdown_background();
        }
    }
}
