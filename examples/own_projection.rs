//! A projection of your own: how long each device of a household played.
//!
//! ```text
//! cargo run --example own_projection -- DIRECTORY
//! ```
//!
//! DIRECTORY is the data directory of a viewlog that does not run at the moment; without it the
//! example makes up a small log. A projection is a pure function from a recorded session to
//! entries, so it can be filled from the log at any time and merged in any order.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use viewlog::events::codec::encode_event;
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{
    About, AccountId, AccountRange, Append, Clock, Depth, Event, EventLog, EventRow, Fact, Id,
    Kind, SessionId, SystemClock,
};
use viewlog::projections::{
    Entry, MemoryViews, MemoryViewsOptions, Projection, Query, Recorded, Select, Target, Version,
    View, ViewStore,
};

/// One entry per session: the device, and how long it played.
struct Devices;

const DEVICES: View = View("devices");

impl Projection for Devices {
    fn view(&self) -> View {
        DEVICES
    }

    fn version(&self) -> u32 {
        1
    }

    fn project(&self, recorded: &Recorded<'_>) -> Vec<Entry> {
        let Recorded::Session(state) = recorded else { return vec![] };
        let Some(device) = &state.about.device else { return vec![] };
        vec![Entry {
            view: DEVICES,
            scope: None,
            key: state.session.as_bytes().to_vec().into(),
            // Made of what the player sent alone: whoever folds more of the session wins.
            version: Version(state.seq, u128::from(state.facts)),
            rank: None,
            label: device.as_str().to_owned().into(),
            value: format!("{}\0{device}", state.played_ms).into(),
            expires_at: None,
        }]
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let log: Arc<dyn EventLog> = match std::env::args().nth(1) {
        Some(data) => {
            let directory = Path::new(&data).join("log");
            Arc::new(EmbeddedLog::open(&directory, EmbeddedOptions::default())?)
        }
        None => Arc::new(made_up().await?),
    };
    let views = MemoryViews::new(MemoryViewsOptions::default(), Arc::new(SystemClock));
    let mut out = std::io::stdout();
    for account in log.accounts(&AccountRange::ALL, None, 1_000).await? {
        fill(log.as_ref(), &views, &account).await?;
        for (device, played_ms) in devices(&views, &account).await? {
            writeln!(out, "{account}\t{device}\t{} min", played_ms / 60_000)?;
        }
    }
    Ok(())
}

/// Folds every session of an account and merges what the projection makes of it.
async fn fill(log: &dyn EventLog, views: &MemoryViews, account: &AccountId) -> anyhow::Result<()> {
    let begun = views.begin_fill(account, Target::Live).await?;
    let mut fill = begun.context("someone else fills this account")?;
    for week in log.weeks(account).await? {
        for stored in log.week(account, week, Depth::Snapshots).await? {
            let entries = stored.state().map(|state| Devices.project(&Recorded::Session(&state)));
            views.fill(&mut fill, entries.unwrap_or_default()).await?;
        }
    }
    views.end_fill(fill, true).await?;
    Ok(())
}

/// What people ask is computed when reading: here, the sum of each device.
async fn devices(
    views: &MemoryViews,
    account: &AccountId,
) -> anyhow::Result<BTreeMap<String, u64>> {
    let query = Query { view: DEVICES, scope: None, select: Select::All };
    let pages = views.read(account, &[query]).await?.context("not filled")?;
    let mut devices = BTreeMap::new();
    for found in pages.iter().flat_map(|page| &page.entries) {
        let value = std::str::from_utf8(&found.value)?;
        let (played_ms, device) = value.split_once('\0').context("not an entry of ours")?;
        *devices.entry(device.to_owned()).or_default() += played_ms.parse::<u64>()?;
    }
    Ok(devices)
}

/// A household with two devices.
async fn made_up() -> anyhow::Result<MemoryLog> {
    let (log, now) = (MemoryLog::default(), SystemClock.now());
    for (number, device) in [(1, "tv"), (2, "phone"), (3, "tv")] {
        let session = SessionId::derived(now, number);
        let mut append = Append::new(AccountId::new("home")?);
        append.weeks.push(session.week());
        for (seq, minutes) in (0..).zip([0, 10, 20]) {
            let mut fact = Fact::new(session, Kind::Progressed, minutes * 60_000);
            fact.seq = Some(seq);
            fact.at = Some(now.plus_ms(i64::from(seq) * 600_000 - 1_200_000));
            fact.about =
                Some(Box::new(About { device: Some(Id::new(device)?), ..About::default() }));
            let event = Event::new(fact, now, None);
            let (order, body) = (event.order, encode_event(&event));
            append.events.push(EventRow { session, order, body });
        }
        log.append(&append).await?;
    }
    Ok(log)
}
