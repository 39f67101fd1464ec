//! A closed loop of many waiters, and the latencies they saw.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::{RUN, WARM_UP};

/// What a closed loop came to.
pub(crate) struct Load {
    pub(crate) facts_per_s: f64,
    pub(crate) latency_us: Histogram<u64>,
    pub(crate) errors: u64,
    /// Of the whole process, client included; tells more than the rate when others use the machine.
    pub(crate) cpu_us_per_fact: f64,
}

/// Tells waiters when to count and when to stop.
#[derive(Clone, Default)]
pub(crate) struct Signal {
    counting: Arc<AtomicBool>,
    stopped: Arc<AtomicBool>,
    facts: Arc<AtomicU64>,
    errors: Arc<AtomicU64>,
}

/// What one waiter saw.
pub(crate) struct Waiter {
    signal: Signal,
    latency_us: Histogram<u64>,
}

impl Waiter {
    pub(crate) fn new(signal: &Signal) -> Self {
        Self { signal: signal.clone(), latency_us: Histogram::new(3).unwrap() }
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.signal.stopped.load(Ordering::Relaxed)
    }

    /// Counts facts acknowledged by one request that was sent at `sent`.
    pub(crate) fn acknowledged(&mut self, facts: u64, sent: Instant) {
        if self.signal.counting.load(Ordering::Relaxed) {
            self.signal.facts.fetch_add(facts, Ordering::Relaxed);
            let us = u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.latency_us.record(us).unwrap();
        }
    }

    pub(crate) fn failed(&self) {
        self.signal.errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn histogram(self) -> Histogram<u64> {
        self.latency_us
    }
}

/// Lets waiters warm up, counts for a while, stops them and gathers what they saw.
pub(crate) async fn measure<F>(waiters: impl FnOnce(&Signal) -> Vec<F>) -> Load
where
    F: Future<Output = Histogram<u64>> + Send + 'static,
{
    let signal = Signal::default();
    let tasks: Vec<_> = waiters(&signal).into_iter().map(tokio::spawn).collect();
    tokio::time::sleep(WARM_UP).await;
    signal.counting.store(true, Ordering::Relaxed);
    let (begun, cpu_begun) = (Instant::now(), cpu_time());
    tokio::time::sleep(RUN).await;
    let facts = signal.facts.load(Ordering::Relaxed);
    let (elapsed, cpu) = (begun.elapsed(), cpu_time() - cpu_begun);
    signal.counting.store(false, Ordering::Relaxed);
    signal.stopped.store(true, Ordering::Relaxed);
    let mut latency_us = Histogram::new(3).unwrap();
    for task in tasks {
        latency_us.add(task.await.unwrap()).unwrap();
    }
    let errors = signal.errors.load(Ordering::Relaxed);
    let cpu_us_per_fact = cpu.as_secs_f64() * 1e6 / per_second(facts, Duration::from_secs(1));
    Load { facts_per_s: per_second(facts, elapsed), latency_us, errors, cpu_us_per_fact }
}

/// What the process has used of all cores; the kernel counts in hundredths of a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
pub(crate) fn per_second(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

impl Load {
    pub(crate) fn print(&self, what: &str) {
        let at = |q: f64| {
            Duration::from_micros(self.latency_us.value_at_quantile(q)).as_secs_f64() * 1e3
        };
        println!(
            "{what:<44} {:>9.0}/s   p50 {:>7.2} ms  p99 {:>7.2} ms  p999 {:>7.2} ms  \
             max {:>7.2} ms  cpu {:>5.1} us  errors {}",
            self.facts_per_s,
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0),
            self.cpu_us_per_fact,
            self.errors
        );
    }
}
