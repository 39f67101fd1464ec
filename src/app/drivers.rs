//! Where the drivers of shared stores live: they spawn their tasks on the runtime that built them,
//! and an arbiter's has one thread, which has other work.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// A runtime of its own, started by the first that needs it and ended with the application.
#[derive(Default)]
pub(super) struct Drivers(Mutex<Option<Runtime>>);

impl Drivers {
    /// Opens a store on it.
    ///
    /// # Errors
    /// When it cannot be started, or what was to be opened failed in a way that is a bug.
    pub(super) async fn open<T: Send + 'static>(
        &self,
        opening: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        self.handle()?.spawn(opening).await.map_err(io::Error::other)
    }

    fn handle(&self) -> io::Result<Handle> {
        let mut runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(runtime.handle().clone());
        }
        let started = Builder::new_multi_thread().thread_name("drivers").enable_all().build()?;
        let handle = started.handle().clone();
        *runtime = Some(started);
        Ok(handle)
    }
}

impl Drop for Drivers {
    fn drop(&mut self) {
        let runtime = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            // Waiting for its tasks is not allowed where the application ends.
            runtime.shutdown_background();
        }
    }
}
