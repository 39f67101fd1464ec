//! One socket: the feed and the acknowledgements out, facts in, until either side has had enough.
//!
//! Facts are recorded by tasks of their own, so that a player which hangs up at once is still
//! heard. Nothing waits here without bound: frames, records in flight, writes and silence each
//! have a limit.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse, rt};
use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session,
};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::answer::answer;
use super::frame::Frame;
use super::leash::Leash;
use super::{Follower, reached};
use crate::actors::Update;
use crate::http::Problem;
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
/// Tells a client to come back with another token, as 401 does; private use by RFC 6455.
const TOKEN_EXPIRED: CloseCode = CloseCode::Other(4401);

/// Answers the handshake and serves the socket from then on.
pub(super) async fn open(
    (request, payload): (&HttpRequest, Payload),
    mut follower: Follower,
) -> Result<HttpResponse, Problem> {
    let begun_at = follower.node.clock.now();
    let now = if follower.is_fed() { Some(follower.now().await?) } else { None };
    let frame_bytes_max = follower.node.settings.frame_bytes_max;
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
    if now.as_ref().is_some_and(|now| now.as_of < begun_at) {
        follower.look_again();
    }
    let socket = Socket {
        follower,
        session,
        messages,
        leash,
        answers: FuturesUnordered::new(),
        unanswered: 0,
        ping,
        missed: 0,
    };
    rt::spawn(socket.serve(now));
    Ok(response)
}

struct Socket {
    follower: Follower,
    session: Session,
    messages: AggregatedMessageStream,
    leash: Leash,
    answers: FuturesUnordered<JoinHandle<Vec<Reply>>>,
    /// Frames that wait for theirs.
    unanswered: usize,
    ping: Interval,
    /// Pings since the client was last heard.
    missed: u32,
}

/// What a frame is answered with, or how it ends the socket.
pub(super) type Reply = Result<String, End>;

/// Why a socket ends.
pub(super) enum End {
    /// The client is not there any more.
    Gone,
    /// The client said goodbye, or is told why.
    Close(Option<CloseReason>),
    /// The node shuts down.
    ShuttingDown,
    /// The client's token is no longer good.
    Expired,
}

impl End {
    pub(super) fn told(code: CloseCode, why: impl Into<String>) -> Self {
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
            Err(End::Expired) => {
                self.finish_answers().await;
                let why = "the token has expired; connect again with another";
                Some((TOKEN_EXPIRED, why).into())
            }
        };
        let _ = timeout(WRITE_MAX, self.session.close(reason)).await;
    }

    async fn step(&mut self) -> Result<(), End> {
        tokio::select! {
            () = reached(self.follower.expires_at) => Err(End::Expired),
            update = self.follower.next() => self.tell(update).await,
            message = self.messages.recv(), if self.unanswered < ANSWERS_MAX => {
                self.hear(message).await
            }
            Some(replies) = self.answers.next() => match replies {
                Ok(replies) => self.reply(replies).await,
                Err(_) => Err(End::told(CloseCode::Error, "recording failed; send it again")),
            },
            _ = self.ping.tick() => self.ping().await,
        }
    }

    async fn tell(&mut self, update: Option<Update>) -> Result<(), End> {
        let Some(update) = update else { return Err(End::ShuttingDown) };
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

    /// Takes a message and whatever came with it: what is heard at once is recorded at once.
    async fn hear(&mut self, first: Option<Message>) -> Result<(), End> {
        self.missed = 0;
        self.leash.loosen();
        let mut texts = Vec::new();
        let mut heard = self.listen(first, &mut texts).await;
        while heard.is_ok() && self.unanswered + texts.len() < ANSWERS_MAX {
            let Some(next) = self.messages.recv().now_or_never() else { break };
            heard = self.listen(next, &mut texts).await;
        }
        if !texts.is_empty() {
            self.unanswered += texts.len();
            let Follower { node, account, caller, .. } = &self.follower;
            let whose = (account.clone(), caller.clone());
            self.answers.push(rt::spawn(answer(node.clone(), whose, texts)));
        }
        heard
    }

    async fn listen(
        &mut self,
        message: Option<Message>,
        texts: &mut Vec<Bytes>,
    ) -> Result<(), End> {
        match message.ok_or(End::Gone)?.map_err(|error| self.end_of(&error))? {
            AggregatedMessage::Text(text) => {
                texts.push(text.into_bytes());
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

    async fn reply(&mut self, replies: Vec<Reply>) -> Result<(), End> {
        self.unanswered = self.unanswered.saturating_sub(replies.len());
        for reply in replies {
            self.send(reply?).await?;
        }
        Ok(())
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
            while let Some(replies) = self.answers.next().await {
                for frame in replies.into_iter().flatten().flatten() {
                    if self.session.text(frame).await.is_err() {
                        return;
                    }
                }
            }
        };
        let _ = timeout(FINISH_MAX, finish).await;
    }
}

/// A message as it comes.
type Message = Result<AggregatedMessage, ProtocolError>;
