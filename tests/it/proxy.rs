//! A TCP proxy in front of a real server, for the faults of a network: connections that are refused
//! or cut, chunks that are late, and silence in one direction.
//!
//! It knows nothing of what it carries. Silence holds bytes back and loses none, as TCP would after
//! a network has healed; what a cut connection was holding is lost.

mod tests;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

const CHUNK_BYTES: usize = 16 * 1_024;
const BACKLOG: u32 = 128;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

/// What goes on now.
#[derive(Debug, Clone, Default)]
struct Course {
    target: Arc<str>,
    refuses: bool,
    cuts: u64,
    delay: Duration,
    silent: Option<Way>,
}

/// A running proxy; it ends, and cuts what it carries, with the value.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    course: watch::Sender<Course>,
    listens: watch::Receiver<bool>,
    listener: AbortHandle,
    /// Bound and never listening: the port stays this proxy's while connections are refused.
    _port: TcpSocket,
}

impl Proxy {
    /// Forwards a free port to `target`, an address and port. The address is the target's own: the
    /// driver of Cassandra finds out that of a node, and takes for its port the one it was given.
    pub(crate) async fn to(target: &str) -> Self {
        let own = target.parse::<SocketAddr>().map(|target| target.ip());
        let port = socket((own.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0).into()).unwrap();
        let address = port.local_addr().unwrap();
        let course = watch::Sender::new(Course { target: target.into(), ..Course::default() });
        let (say, listens) = watch::channel(false);
        let listener = tokio::spawn(listen(address, course.subscribe(), say)).abort_handle();
        let proxy = Self { address, course, listens, listener, _port: port };
        proxy.until_it_listens(true).await;
        proxy
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses new connections; those that are there stay.
    pub(crate) async fn refuse(&self) {
        self.course.send_modify(|course| course.refuses = true);
        self.until_it_listens(false).await;
    }

    /// New connections go to another server; those that are there stay.
    pub(crate) fn lead_to(&self, target: &str) {
        self.course.send_modify(|course| course.target = target.into());
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        self.course.send_modify(|course| course.cuts += 1);
    }

    /// Each chunk, either way, waits this long.
    pub(crate) fn delay(&self, delay: Duration) {
        self.course.send_modify(|course| course.delay = delay);
    }

    /// Nothing arrives any more that goes this way.
    pub(crate) fn silence(&self, way: Way) {
        self.course.send_modify(|course| course.silent = Some(way));
    }

    /// Goes on as if nothing had been.
    pub(crate) async fn heal(&self) {
        self.course.send_modify(|course| {
            let (target, cuts) = (Arc::clone(&course.target), course.cuts);
            *course = Course { target, cuts, ..Course::default() };
        });
        self.until_it_listens(true).await;
    }

    async fn until_it_listens(&self, listens: bool) {
        self.listens.clone().wait_for(|is| *is == listens).await.expect("a proxy that runs");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

/// Two sockets of this process share the port, of which one at most listens.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn listen(
    address: SocketAddr,
    mut course: watch::Receiver<Course>,
    say: watch::Sender<bool>,
) {
    loop {
        if course.wait_for(|course| !course.refuses).await.is_err() {
            return;
        }
        let listener = socket(address).unwrap().listen(BACKLOG).unwrap();
        say.send_replace(true);
        accept(&listener, &mut course).await;
        drop(listener);
        say.send_replace(false);
    }
}

/// Until connections are to be refused.
async fn accept(listener: &TcpListener, course: &mut watch::Receiver<Course>) {
    let carried = course.clone();
    loop {
        tokio::select! {
            biased;
            _ = course.wait_for(|course| course.refuses) => return,
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    tokio::spawn(carry(client, carried.clone()));
                }
            }
        }
    }
}

/// Until both sides have ended, or it is cut.
async fn carry(client: TcpStream, mut course: watch::Receiver<Course>) {
    let Course { target, cuts, .. } = course.borrow().clone();
    let (to_server, to_client) = (course.clone(), course.clone());
    let both = async {
        let server = TcpStream::connect(&*target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, into_client) = client.into_split();
        let (from_server, into_server) = server.into_split();
        tokio::try_join!(
            pump(from_client, into_server, Way::ToServer, to_server),
            pump(from_server, into_client, Way::ToClient, to_client),
        )
    };
    tokio::select! {
        _ = both => {}
        _ = course.wait_for(|course| course.cuts > cuts) => {}
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut course: watch::Receiver<Course>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let length = from.read(&mut chunk).await?;
        let delay = course.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let heard = course.wait_for(|course| course.silent != Some(way)).await;
        heard.map_err(io::Error::other)?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..length]).await?;
    }
}
