//! How actors are started, addressed and supervised; no other file knows.
//!
//! actix's own `Supervisor` dies with a panicking actor, so every actor runs inside a [`Guard`]: it
//! catches the panic, keeps address and mailbox, waits with exponential backoff and starts the
//! actor afresh. An actor that fails more often than its [`Budget`] allows is given up, visibly;
//! whoever needs it makes a new one. What a message was about is lost with the panic, never what
//! waits behind it.

use std::any::Any;
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use actix::dev::{ContextFut, channel};
use actix::{Actor, Addr, AsyncContext, Context, Supervised, WrapFuture};
use actix_rt::ArbiterHandle;
use tokio::time::{Instant, Sleep};

/// How many messages an actix mailbox announces; it bounds nothing, admission does.
const MAILBOX: usize = 16;
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How often an actor may fail before it is given up.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// This many restarts…
    pub restarts_max: usize,
    /// …within this time.
    pub within: Duration,
}

/// What can be seen of one actor from outside; it outlives the actor.
#[derive(Debug, Default)]
pub struct Vitals {
    waiting: AtomicUsize,
    progress: AtomicU64,
    restarts: AtomicU32,
    given_up: AtomicBool,
}

impl Vitals {
    /// How many messages or facts wait for it.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A number that grows whenever it gets something done.
    pub fn progress(&self) -> u64 {
        self.progress.load(Ordering::Relaxed)
    }

    /// How often it was started afresh.
    pub fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// True once it failed too often and will not come back by itself.
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Acquire)
    }

    pub(super) fn add_waiting(&self, count: usize) {
        self.waiting.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn done(&self, count: usize) {
        self.progress.fetch_add(1, Ordering::Relaxed);
        let less = |waiting: usize| Some(waiting.saturating_sub(count));
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// What can be seen of all actors of one kind.
#[derive(Debug)]
pub struct KindVitals {
    /// The kind's name.
    pub name: &'static str,
    active: AtomicUsize,
    restarts: AtomicU64,
    given_up: AtomicU64,
    last_failure: std::sync::Mutex<Option<String>>,
}

impl KindVitals {
    /// Nobody yet.
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            active: AtomicUsize::new(0),
            restarts: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            last_failure: std::sync::Mutex::new(None),
        })
    }

    /// How many run now.
    pub fn active(&self) -> usize {
        self.active.load(Ordering::Relaxed)
    }

    /// How many restarts there were.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// One made no progress, and another takes its place.
    pub(super) fn replaced(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut failure) = self.last_failure.lock() {
            *failure = Some("it made no progress".to_owned());
        }
    }

    /// How many were given up.
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// What the last panic said.
    pub fn last_failure(&self) -> Option<String> {
        self.last_failure.lock().map_or(None, |failure| failure.clone())
    }
}

/// How an actor is to be supervised.
#[derive(Clone)]
pub(super) struct Watch {
    /// All actors of its kind.
    pub(super) kind: Arc<KindVitals>,
    /// This one.
    pub(super) vitals: Arc<Vitals>,
    /// How often it may fail.
    pub(super) budget: Budget,
}

impl Watch {
    /// Of an actor without which the node is none: it is always started again.
    pub(super) fn unending(kind: &Arc<KindVitals>, budget: Budget) -> Self {
        let budget = Budget { restarts_max: usize::MAX, ..budget };
        Self { kind: Arc::clone(kind), vitals: Arc::default(), budget }
    }
}

/// Runs work on an arbiter for as long as that lives, guarded: after a panic it is begun again.
pub(super) fn run_always<W, F>(arbiter: &ArbiterHandle, watch: Watch, work: W)
where
    W: Fn() -> F + Send + Unpin + 'static,
    F: Future<Output = ()> + 'static,
{
    spawn(arbiter, watch, move |_| Worker { work });
}

/// An actor that hears nothing and has one thing to do.
struct Worker<W> {
    work: W,
}

impl<W, F> Actor for Worker<W>
where
    W: Fn() -> F + Unpin + 'static,
    F: Future<Output = ()> + 'static,
{
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.spawn((self.work)().into_actor(self));
    }
}

impl<W, F> Supervised for Worker<W>
where
    W: Fn() -> F + Unpin + 'static,
    F: Future<Output = ()> + 'static,
{
    fn restarting(&mut self, context: &mut Context<Self>) {
        self.started(context);
    }
}

/// Starts an actor on an arbiter, guarded, and gives its address, which stays the same through
/// restarts.
///
/// `restarting` must leave the actor as new: whatever it held may be half changed.
pub(super) fn spawn<A, F>(arbiter: &ArbiterHandle, watch: Watch, make: F) -> Addr<A>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>) -> A + Send + 'static,
{
    let (sender, receiver) = channel::channel(MAILBOX);
    arbiter.spawn_fn(move || run(Context::with_receiver(receiver), watch, make));
    Addr::new(sender)
}

/// The same on the arbiter of whoever asks.
pub(super) fn spawn_here<A, F>(watch: Watch, make: F) -> Addr<A>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>) -> A,
{
    let (sender, receiver) = channel::channel(MAILBOX);
    run(Context::with_receiver(receiver), watch, make);
    Addr::new(sender)
}

fn run<A, F>(mut context: Context<A>, watch: Watch, make: F)
where
    A: Actor<Context = Context<A>> + Supervised,
    F: FnOnce(&mut Context<A>) -> A,
{
    let actor = make(&mut context);
    watch.kind.active.fetch_add(1, Ordering::Relaxed);
    let run = Box::pin(context.into_future(actor));
    actix_rt::spawn(Guard { run, watch, pause: None, failures: VecDeque::new() });
}

/// Runs an actor and survives its panics.
struct Guard<A: Actor<Context = Context<A>>> {
    run: Pin<Box<ContextFut<A, Context<A>>>>,
    watch: Watch,
    pause: Option<Pin<Box<Sleep>>>,
    failures: VecDeque<Instant>,
}

impl<A: Actor<Context = Context<A>> + Supervised> Guard<A> {
    /// Notes the failure; the pause before the next start, or `None` when the budget is spent.
    fn failed(&mut self, panic: &(dyn Any + Send)) -> Option<Duration> {
        let message = panic_message(panic);
        let now = Instant::now();
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|at| now - *at > self.watch.budget.within) {
            self.failures.pop_front();
        }
        let kind = &self.watch.kind;
        if let Ok(mut last) = kind.last_failure.lock() {
            *last = Some(message.clone());
        }
        if self.failures.len() > self.watch.budget.restarts_max {
            tracing::error!(actor = kind.name, failure = %message, "actor given up");
            kind.given_up.fetch_add(1, Ordering::Relaxed);
            self.watch.vitals.given_up.store(true, Ordering::Release);
            return None;
        }
        tracing::warn!(actor = kind.name, failure = %message, "actor failed; starting it afresh");
        kind.restarts.fetch_add(1, Ordering::Relaxed);
        self.watch.vitals.restarts.fetch_add(1, Ordering::Relaxed);
        let doublings = u32::try_from(self.failures.len()).unwrap_or(1).min(16) - 1;
        Some(BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX))
    }

    fn restart(&mut self) -> bool {
        matches!(catch_unwind(AssertUnwindSafe(|| self.run.restart())), Ok(true))
    }
}

impl<A: Actor<Context = Context<A>> + Supervised> Future for Guard<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = self.pause.as_mut() {
                if pause.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.pause = None;
                if !self.restart() {
                    return Poll::Ready(());
                }
            }
            let this = &mut *self;
            match catch_unwind(AssertUnwindSafe(|| this.run.as_mut().poll(cx))) {
                Ok(poll) => return poll,
                Err(panic) => match this.failed(panic.as_ref()) {
                    Some(pause) => this.pause = Some(Box::pin(tokio::time::sleep(pause))),
                    None => return Poll::Ready(()),
                },
            }
        }
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Guard<A> {
    fn drop(&mut self) {
        self.watch.kind.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a panic said, for logs and the system page.
pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without words").to_owned()
}
