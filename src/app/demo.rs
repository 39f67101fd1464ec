//! A household to look at: two years of history from a sample export, and simulated viewers who go
//! on watching. They record through the same account actors as everyone else.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;
use actix_web::web::Data;
use rand::RngExt;

use crate::actors::Submission;
use crate::adapters::netflix::{self, NotNetflix, Options};
use crate::events::{About, AccountId, Event, Fact, Id, IdError, Kind, Media, Reason, SessionId};
use crate::http::Node;

/// The sample that `examples/sample_export.rs` generates.
const EXPORT: &str = include_str!("../../deploy/demo/ViewingActivity.csv");
const ACCOUNT: &str = "home";
/// How often a viewer's player reports.
const BEAT: Duration = Duration::from_secs(2);
/// How much of a title passes between two reports: an evening takes minutes.
const SPEED: f64 = 1.0;
const EPISODE_MS: u64 = 42 * 60 * 1000;

const VIEWERS: [(&str, &str, &str); 3] = [
    ("anna", "living-room-tv", "The Lighthouse Keepers"),
    ("ben", "bens-phone", "Kitchen Confident"),
    ("cleo", "tablet", "Paper Dragons"),
];

/// Why there is no demonstration.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The sample cannot be read.
    #[error(transparent)]
    Sample(#[from] NotNetflix),
    /// A name in it is no id.
    #[error("a name of the demonstration {0}")]
    Id(#[from] IdError),
}

/// Records the sample and sets the viewers going; returns the account to look at.
///
/// # Errors
/// [`DemoError`].
pub async fn begin(node: &Data<Node>) -> Result<AccountId, DemoError> {
    let account = AccountId::new(ACCOUNT)?;
    let options = Options {
        profile: None,
        time_zone: chrono_tz::UTC,
        date_order: None,
        now: node.clock.now(),
    };
    let mut records = Vec::new();
    // Its odd rows are there to be reported by an import, not here.
    for imported in netflix::read(EXPORT.as_bytes(), &options)?.flatten() {
        records.extend(imported.records);
    }
    let records = records.into_iter().enumerate().collect();
    node.system.accounts().import(account.clone(), records).await;
    for (place, (profile, device, series)) in VIEWERS.into_iter().enumerate() {
        let viewer = Viewer {
            node: node.clone(),
            account: account.clone(),
            profile: Id::new(profile)?,
            device: Id::new(device)?,
            series: series.into(),
            episode: 1,
        };
        rt::spawn(viewer.watch(u64::try_from(place).unwrap_or(0)));
    }
    Ok(account)
}

struct Viewer {
    node: Data<Node>,
    account: AccountId,
    profile: crate::events::ProfileId,
    device: crate::events::DeviceId,
    series: Arc<str>,
    episode: u32,
}

/// A session as its player sees it.
struct Player {
    session: SessionId,
    seq: u32,
    position_ms: u64,
    about: About,
}

impl Viewer {
    /// Episode after episode, with pauses and seeks, for as long as the server runs.
    async fn watch(mut self, place: u64) {
        // Somebody is in the middle of it when the page opens.
        let mut position_ms = (place + 1) * 9 * 60 * 1000;
        loop {
            let mut player = self.player(position_ms);
            self.report(&mut player, Kind::Started, None).await;
            while player.position_ms < EPISODE_MS {
                rt::time::sleep(BEAT).await;
                self.beat(&mut player).await;
            }
            self.report(&mut player, Kind::Stopped, Some(Reason::Ended)).await;
            self.episode += 1;
            position_ms = 0;
            rt::time::sleep(BEAT).await;
        }
    }

    fn player(&self, position_ms: u64) -> Player {
        let (series, episode) = (&self.series, self.episode);
        let about = About {
            profile: Some(self.profile.clone()),
            title: Id::new(&format!("demo:{series}:{episode}")).ok(),
            device: Some(self.device.clone()),
            media: Some(Media::Episode),
            name: Some(format!("Episode {episode}").into()),
            series: Some((**series).into()),
            season: Some(1),
            episode: Some(episode),
            ..About::default()
        };
        let session = SessionId::fresh(self.node.clock.now());
        Player { session, seq: 0, position_ms, about }
    }

    /// Mostly the next stretch; sometimes a pause or a jump.
    async fn beat(&self, player: &mut Player) {
        match rand::rng().random_range(0..60) {
            0 => {
                self.report(player, Kind::Paused, None).await;
                rt::time::sleep(BEAT * 4).await;
                self.report(player, Kind::Resumed, None).await;
            }
            1 => {
                player.position_ms += 60_000;
                self.report(player, Kind::Seeked, None).await;
            }
            _ => {
                let passed = BEAT.mul_f64(SPEED).as_millis();
                player.position_ms += u64::try_from(passed).unwrap_or(0);
                self.report(player, Kind::Progressed, None).await;
            }
        }
    }

    async fn report(&self, player: &mut Player, kind: Kind, reason: Option<Reason>) {
        let now = self.node.clock.now();
        let mut fact = Fact::new(player.session, kind, player.position_ms);
        fact.seq = Some(player.seq);
        fact.at = Some(now);
        fact.duration_ms = Some(EPISODE_MS);
        fact.reason = reason;
        fact.about = Some(Box::new(player.about.clone()));
        let event = Event::new(fact, now, Some(now));
        let submission = Submission { index: 0, event };
        let facts = vec![(self.account.clone(), vec![submission])];
        let outcome = self.node.system.accounts().record(facts).await;
        // A number that was refused is sent again with the next report.
        player.seq += u32::from(outcome.refused.is_empty());
    }
}
