//! The live feed without a socket: the same frames as server-sent events, for browsers' own
//! `EventSource` and for `curl`.
//!
//! Every connection begins with `now`, so nothing has to be repeated after a break.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ContentEncoding};
use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::Problem;
use super::live::{Follower, Frame, reached};

/// Proxies drop connections on which nothing moves.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a browser waits before it connects again.
const RETRY_MS: u32 = 2_000;

/// Follows an account for as long as the client reads and its token is good.
pub(super) async fn open(mut follower: Follower) -> Result<HttpResponse, Problem> {
    let now = follower.now().await?;
    let first = format!("retry: {RETRY_MS}\n{}", event(&Frame::Now(&now)));
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let feed = Feed { follower, ping, first: Some(first) };
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Neither a compressor nor a proxy is to hold events back.
        .insert_header(ContentEncoding::Identity)
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events(feed)))
}

struct Feed {
    follower: Follower,
    ping: Interval,
    first: Option<String>,
}

fn events(feed: Feed) -> impl Stream<Item = Result<Bytes, Problem>> {
    stream::unfold(feed, |mut feed| async {
        let event = feed.next().await?;
        Some((Ok(Bytes::from(event)), feed))
    })
}

impl Feed {
    /// The next event; `None` once the node shuts down, cannot tell what is playing, or need not.
    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let update = tokio::select! {
            () = reached(self.follower.expires_at) => return None,
            update = self.follower.next() => update?,
            _ = self.ping.tick() => return Some(": still here\n\n".to_owned()),
        };
        match Frame::of(&update) {
            Some(frame) => Some(event(&frame)),
            None => self.follower.now().await.ok().map(|now| event(&Frame::Now(&now))),
        }
    }
}

fn event(frame: &Frame<'_>) -> String {
    let (name, id) = match frame {
        Frame::Now(now) => ("now", now.as_of.to_string()),
        Frame::Playing(playing) => ("playing", format!("{}:{}", playing.session, playing.version)),
        Frame::Ended { session, .. } => ("ended", session.to_string()),
        Frame::Recorded { .. } => ("recorded", String::new()),
        Frame::Error { .. } => ("error", String::new()),
    };
    // JSON of one line: it holds no line break that would end the event early.
    format!("event: {name}\nid: {id}\ndata: {}\n\n", frame.text())
}
