//! One connection of a relay, for both directions, and one after the other for as long as the relay
//! lives.
//!
//! It speaks RESP3, where what is published comes on the connection that commands go on, and is
//! handed over as it is read: nothing queues in between. Who reads too slowly is cut off by Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisError,
    Value, cmd, pipe,
};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::slices::Slices;
use super::waiting::Outgoing;
use super::{Heard, Shared, Whose, message};

/// How often nodes say what they follow.
const ROUND: Duration = Duration::from_secs(1);
/// Who says so later than this may have been taken for gone, or not have been heard by a node that
/// came just now.
const LATE: Duration = Duration::from_millis(2_500);
/// How many messages go at once.
const BATCH_MAX: usize = 256;
/// A connection that worked is made again after this.
const AGAIN: Duration = Duration::from_millis(50);

/// Keeps a relay connected until it is closed.
pub(super) async fn run(shared: Arc<Shared>) {
    stay(&shared).await;
    shared.ended.notify_one();
}

async fn stay(shared: &Arc<Shared>) {
    let mut is_said = false;
    for turn in (0..shared.place.url.nodes.len().max(1)).cycle() {
        let ended = serve(shared, turn).await;
        let was_connected = shared.disconnected();
        if shared.is_closed() {
            return;
        }
        if let Err(error) = ended
            && (was_connected || !is_said)
        {
            let redis = &shared.place.url;
            tracing::warn!(%redis, %error, "what other nodes record is not heard at the moment");
            is_said = true;
        }
        let pause = if was_connected { AGAIN } else { shared.place.options.pause };
        let _ = timeout(pause, shared.closing.notified()).await;
        if shared.is_closed() {
            return;
        }
    }
}

async fn serve(shared: &Arc<Shared>, turn: usize) -> Result<(), RedisError> {
    let mut link = Link::open(shared, turn).await?;
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let is_round = tokio::select! {
            () = shared.closing.notified() => return link.leave().await,
            () = link.lost.notified() => return Err(gone()),
            _ = round.tick() => true,
            () = shared.wake.notified() => false,
        };
        link.follow(is_round).await?;
        if is_round {
            shared.peers().round();
        }
        link.publish().await?;
    }
}

struct Link<'a> {
    shared: &'a Shared,
    connection: MultiplexedConnection,
    lost: Arc<Notify>,
    subscribed: Slices,
    announced_at: Instant,
}

impl<'a> Link<'a> {
    /// Connects and subscribes; whatever happened until then was missed.
    async fn open(shared: &'a Arc<Shared>, turn: usize) -> Result<Self, RedisError> {
        let place = &shared.place;
        let node = place.url.nodes.get(turn).cloned().ok_or_else(gone)?;
        let settings = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let lost = Arc::new(Notify::new());
        let (heard_by, losing) = (Arc::downgrade(shared), Arc::clone(&lost));
        let hear = move |PushInfo { kind, data }| {
            match (kind, data.as_slice()) {
                (PushKind::Message, [_, Value::BulkString(bytes)]) => {
                    if let Some(shared) = heard_by.upgrade() {
                        shared.hear(bytes);
                    }
                }
                (PushKind::Disconnection, _) => losing.notify_one(),
                _ => {}
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(place.options.connect_timeout))
            .set_response_timeout(Some(place.options.response_timeout))
            .set_push_sender(hear);
        let client = Client::open(node.set_redis_settings(settings))?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(shared.channels.announcements()).await?;
        let subscribed = Slices::default();
        let mut link = Self { shared, connection, lost, subscribed, announced_at: Instant::now() };
        link.follow(true).await?;
        shared.connected();
        shared.hand_over(Heard::Resync(Whose::Everyone));
        Ok(link)
    }

    /// Subscribes to what is followed here, and says so to the others.
    async fn follow(&mut self, is_round: bool) -> Result<(), RedisError> {
        let wanted = self.shared.followed().slices;
        let (new, old) = (wanted.without(&self.subscribed), self.subscribed.without(&wanted));
        if !new.is_empty() {
            self.connection.subscribe(self.shared.channels.of(&new)).await?;
            self.subscribed.add(&new);
        }
        let leaves = is_round && !old.is_empty();
        if leaves {
            self.connection.unsubscribe(self.shared.channels.of(&old)).await?;
            self.subscribed = self.subscribed.without(&old);
        }
        if self.subscribed.is_empty() && !leaves {
            if is_round {
                // Who has nothing to say would not notice that nobody is there any more, and take
                // the others for gone.
                cmd("PING").exec_async(&mut self.connection).await?;
            }
            self.announced_at = Instant::now();
        } else if is_round || !new.is_empty() {
            self.announce().await?;
        }
        Ok(())
    }

    async fn announce(&mut self) -> Result<(), RedisError> {
        let Shared { node, channels, .. } = self.shared;
        let said = message::follows(node, &self.subscribed);
        let mut saying = pipe();
        saying.publish(channels.announcements(), said).ignore();
        saying.exec_async(&mut self.connection).await?;
        if self.announced_at.elapsed() > LATE {
            self.shared.hand_over(Heard::Resync(Whose::Everyone));
        }
        self.announced_at = Instant::now();
        Ok(())
    }

    /// Sends what waits: erasures to every node at once, the rest as soon as it is known who
    /// follows what.
    async fn publish(&mut self) -> Result<(), RedisError> {
        self.publish_erasures().await?;
        let Shared { node, channels, counts, .. } = self.shared;
        if !self.shared.peers().is_settled() {
            return Ok(());
        }
        let batch = self.shared.waiting().take(BATCH_MAX);
        let followed: Vec<&Outgoing> = {
            let peers = self.shared.peers();
            batch.iter().filter(|one| peers.follow(one.slice())).collect()
        };
        if !followed.is_empty() {
            let mut saying = pipe();
            for one in &followed {
                saying.publish(channels.of_slice(one.slice()), one.said_by(node)).ignore();
            }
            let count = followed.len();
            if let Err(error) = saying.exec_async(&mut self.connection).await {
                self.shared.waiting().put_back(batch);
                return Err(error);
            }
            counts.published(count);
        }
        if !self.shared.waiting().is_empty() {
            self.shared.wake.notify_one();
        }
        Ok(())
    }

    async fn publish_erasures(&mut self) -> Result<(), RedisError> {
        let Shared { node, channels, .. } = self.shared;
        let (accounts, slices) = self.shared.waiting().take_erased();
        if accounts.is_empty() && slices.is_empty() {
            return Ok(());
        }
        let mut saying = pipe();
        let of_accounts = accounts.iter().map(|account| message::erased(node, account));
        let of_slices = slices.iter().map(|slice| message::erased_of(node, slice));
        for said in of_accounts.chain(of_slices) {
            saying.publish(channels.announcements(), said).ignore();
        }
        let told = saying.exec_async(&mut self.connection).await;
        if told.is_err() {
            self.shared.waiting().put_back_erased((accounts, slices));
        }
        told
    }

    /// Says what is left to say and goodbye, so that nobody sends what nobody hears.
    async fn leave(&mut self) -> Result<(), RedisError> {
        self.publish_erasures().await?;
        while self.shared.peers().is_settled() && !self.shared.waiting().is_empty() {
            self.publish().await?;
        }
        if self.subscribed.is_empty() {
            return Ok(());
        }
        self.subscribed = Slices::default();
        self.announce().await
    }
}

fn gone() -> RedisError {
    RedisError::from((ErrorKind::Io, "the connection was lost"))
}
