//! One socket: the feed and the acknowledgements out, facts in, until either side has had enough.
//!
//! Facts are recorded by tasks of their own, so that a player which hangs up at once is still
//! heard. Nothing waits here without bound: frames, records in flight, writes and silence each
//! have a limit.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse, rt};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::Follower;
use super::frame::{Asked, Frame, Misread};
use super::leash::Leash;
use crate::actors::Update;
use crate::events::AccountId;
use crate::http::body::Facts;
use crate::http::record::record;
use crate::http::{Node, Problem};
use crate::projections::{Answer, Now};

const PROTOCOL: &str = "viewlog.v1";
const PING_EVERY: Duration = Duration::from_secs(20);
/// A client that leaves so many pings unanswered is gone.
const PINGS_MISSED_MAX: u32 = 2;
/// A client that takes nothing for so long is gone.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// How many frames of one socket may wait for their answers; more are not read yet.
const ANSWERS_MAX: usize = 32;
/// How long acknowledgements are waited for when the node shuts down.
const FINISH_MAX: Duration = Duration::from_secs(5);
/// When views that lag behind the subscription are looked at again.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1_500);

/// Answers the handshake and serves the socket from then on. `is_fed` is false where
/// acknowledgements alone are asked for.
pub(super) async fn open(
    (request, payload): (&HttpRequest, Payload),
    node: &Data<Node>,
    account: AccountId,
    is_fed: bool,
) -> Result<HttpResponse, Problem> {
    let follower = Follower::begin(node, account)?;
    let begun_at = node.clock.now();
    let now = if is_fed { Some(follower.now().await?) } else { None };
    let frame_bytes_max = node.settings.frame_bytes_max;
    let leash = Leash::default();
    let refused = |error: actix_web::Error| {
        Problem::malformed(format!("this is no WebSocket handshake: {error}"))
    };
    let payload = leash.bind(request, payload, frame_bytes_max).await.map_err(refused)?;
    let (response, session, messages) =
        actix_ws::handle_with_protocols(request, payload, &[PROTOCOL]).map_err(refused)?;
    let messages = messages
        .max_frame_size(frame_bytes_max)
        .aggregate_continuations()
        .max_continuation_size(frame_bytes_max);
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let lags = now.as_ref().is_some_and(|now| now.as_of < begun_at);
    let socket = Socket {
        follower,
        is_fed,
        session,
        messages,
        leash,
        answers: FuturesUnordered::new(),
        ping,
        missed: 0,
        look_again_at: lags.then(|| Instant::now() + LOOK_AGAIN_AFTER),
    };
    rt::spawn(socket.serve(now));
    Ok(response)
}

struct Socket {
    follower: Follower,
    is_fed: bool,
    session: Session,
    messages: AggregatedMessageStream,
    leash: Leash,
    answers: FuturesUnordered<JoinHandle<Result<String, End>>>,
    ping: Interval,
    /// Pings since the client was last heard.
    missed: u32,
    look_again_at: Option<Instant>,
}

/// Why a socket ends.
enum End {
    /// The client is not there any more.
    Gone,
    /// The client said goodbye, or is told why.
    Close(Option<CloseReason>),
    /// The node shuts down.
    ShuttingDown,
}

impl End {
    fn told(code: CloseCode, why: impl Into<String>) -> Self {
        Self::Close(Some((code, why.into()).into()))
    }
}

impl Socket {
    async fn serve(mut self, now: Option<Answer<Now>>) {
        let mut went = match now {
            Some(now) => self.send(Frame::Now(&now).text()).await,
            None => Ok(()),
        };
        while went.is_ok() {
            went = self.step().await;
        }
        let reason = match went {
            Ok(()) | Err(End::Gone) => return,
            Err(End::Close(reason)) => reason,
            Err(End::ShuttingDown) => {
                self.finish_answers().await;
                Some((CloseCode::Away, "the server shuts down; connect again").into())
            }
        };
        let _ = timeout(WRITE_MAX, self.session.close(reason)).await;
    }

    async fn step(&mut self) -> Result<(), End> {
        let look_again_at = self.look_again_at;
        let look_again = async { sleep_until(look_again_at.unwrap_or_else(Instant::now)).await };
        tokio::select! {
            update = self.follower.subscription.next() => self.tell(update).await,
            message = self.messages.recv(), if self.answers.len() < ANSWERS_MAX => {
                self.hear(message).await
            }
            Some(answer) = self.answers.next() => match answer {
                Ok(frame) => self.send(frame?).await,
                Err(_) => Err(End::told(CloseCode::Error, "recording failed; send it again")),
            },
            _ = self.ping.tick() => self.ping().await,
            () = look_again, if look_again_at.is_some() => {
                self.look_again_at = None;
                self.show().await
            }
        }
    }

    async fn tell(&mut self, update: Option<Update>) -> Result<(), End> {
        let Some(update) = update else { return Err(End::ShuttingDown) };
        if !self.is_fed {
            return Ok(());
        }
        match Frame::of(&update).map(|frame| frame.text()) {
            Some(frame) => self.send(frame).await,
            None => self.show().await,
        }
    }

    /// Shows everything that is playing.
    async fn show(&mut self) -> Result<(), End> {
        match self.follower.now().await {
            Ok(now) => self.send(Frame::Now(&now).text()).await,
            Err(error) => {
                tracing::debug!(%error, "a feed could not be shown again");
                Err(End::told(CloseCode::Again, "the store does not answer; connect again"))
            }
        }
    }

    async fn hear(
        &mut self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<(), End> {
        self.missed = 0;
        self.leash.loosen();
        match message.ok_or(End::Gone)?.map_err(|error| self.end_of(&error))? {
            AggregatedMessage::Text(text) => {
                let (node, account) = (&self.follower.node, &self.follower.account);
                let answer = answer(node.clone(), account.clone(), text.into_bytes());
                self.answers.push(rt::spawn(answer));
                Ok(())
            }
            AggregatedMessage::Ping(echo) => {
                self.write(async |session| session.pong(&echo).await).await
            }
            AggregatedMessage::Pong(_) => Ok(()),
            AggregatedMessage::Binary(_) => {
                Err(End::told(CloseCode::Unsupported, "send text frames of JSON"))
            }
            AggregatedMessage::Close(reason) => Err(End::Close(reason)),
        }
    }

    /// What a broken stream of frames is answered with.
    fn end_of(&self, error: &ProtocolError) -> End {
        let max = self.follower.node.settings.frame_bytes_max;
        let too_big = || {
            let why = format!("larger than {max} bytes; send fewer events in a frame");
            End::told(CloseCode::Size, why)
        };
        match error {
            ProtocolError::Overflow => too_big(),
            ProtocolError::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                End::told(CloseCode::Invalid, "not UTF-8; send text frames of JSON")
            }
            ProtocolError::Io(error) => {
                let of_payload = error.get_ref().and_then(|error| error.downcast_ref());
                match of_payload {
                    // Fragments that are too large together have no error of their own.
                    None | Some(PayloadError::Overflow) => too_big(),
                    Some(_) => End::Gone,
                }
            }
            error => End::told(CloseCode::Protocol, error.to_string()),
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        if self.missed >= PINGS_MISSED_MAX {
            return Err(End::Gone);
        }
        self.missed += 1;
        self.write(async |session| session.ping(b"").await).await
    }

    async fn send(&mut self, frame: String) -> Result<(), End> {
        self.write(async |session| session.text(frame).await).await
    }

    async fn write(
        &mut self,
        write: impl AsyncFnOnce(&mut Session) -> Result<(), actix_ws::Closed>,
    ) -> Result<(), End> {
        match timeout(WRITE_MAX, write(&mut self.session)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }

    /// Acknowledges what is on its way to the log.
    async fn finish_answers(&mut self) {
        let finish = async {
            while let Some(answer) = self.answers.next().await {
                let Ok(Ok(frame)) = answer else { continue };
                if self.session.text(frame).await.is_err() {
                    return;
                }
            }
        };
        let _ = timeout(FINISH_MAX, finish).await;
    }
}

/// What one frame is answered with, once its facts are durable. Goes on when the socket ends.
async fn answer(node: Data<Node>, account: AccountId, text: Bytes) -> Result<String, End> {
    let received_at = node.clock.now();
    let facts_max = node.settings.facts_max;
    let refused =
        |id: &Option<Value>, code, detail: &str| Ok(Frame::Error { id, code, detail }.text());
    match Asked::read(&text) {
        Err(Misread::NotJson(why)) => {
            Err(End::told(CloseCode::Invalid, format!("not JSON: {why}")))
        }
        Err(Misread::Malformed { id, detail }) => refused(&id, "malformed", &detail),
        Ok(asked) if asked.events.len() > facts_max => {
            let detail = format!("more than {facts_max} events; send fewer in a frame");
            refused(&asked.id, "too_large", &detail)
        }
        Ok(Asked { id, sent_at, events }) => {
            let facts = Facts { sent_at, each: events };
            let answered = record(&node, Some(&account), &facts, received_at).await;
            Ok(Frame::Recorded { id: &id, answered: &answered }.text())
        }
    }
}
