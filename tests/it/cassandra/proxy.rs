//! A server behind a door that the test opens and shuts.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on while it is open; shut, it breaks every connection and takes no new one.
pub(super) struct Door {
    pub(super) address: SocketAddr,
    server: SocketAddr,
    open: Option<watch::Sender<bool>>,
}

impl Door {
    /// Beside the server, on a free port of its address: the driver finds the server's other
    /// addresses by itself, but not its other ports.
    pub(super) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((server.ip(), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut door = Self { address, server, open: None };
        door.pass(listener);
        door
    }

    pub(super) async fn open(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.pass(listener);
    }

    pub(super) async fn shut(&mut self) {
        if let Some(open) = self.open.take() {
            open.send_replace(true);
            // Until nobody listens or passes anything on any more.
            open.closed().await;
        }
    }

    fn pass(&mut self, listener: TcpListener) {
        let (open, watched) = watch::channel(false);
        let server = self.server;
        tokio::spawn(async move {
            let mut ends = watched.clone();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((client, _)) = accepted else { return };
                        tokio::spawn(join(client, server, watched.clone()));
                    }
                    _ = ends.changed() => return,
                }
            }
        });
        self.open = Some(open);
    }
}

async fn join(mut client: TcpStream, server: SocketAddr, mut ends: watch::Receiver<bool>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = ends.changed() => {}
    }
}
