//! The keys of a server: at most one secret, and what its source has.
//!
//! Keys of a source are loaded again now and then, so that one that was taken out is no longer
//! good, and at once when a token bears a signature that none of them made, so that a new one is.
//! How often strangers can bring that about is bounded. A source that is away leaves the keys as
//! they were; one whose set is empty takes every key out.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, decode, decode_header};

use super::claims::{Claims, Unfit};
use super::keys::{Key, KeyError};
use super::source::{KeySource, SourceError};

/// How often the source is asked for tokens of unknown keys: one key after another is rotated…
const REFRESH_EVERY: Duration = Duration::from_secs(10);
/// …and whoever tries it out does it several times.
const REFRESHES_AT_ONCE: u32 = 5;
/// How long a key that was taken out may still be good.
const AGE_MAX: Duration = Duration::from_secs(5 * 60);
/// The same before there are any keys.
const RETRY_EVERY: Duration = Duration::from_secs(5);

/// The keys of a source as they were loaded together.
pub(super) type Loaded = Arc<Vec<Key>>;

/// The keys that tokens are checked with.
#[derive(Debug)]
pub struct Keyring {
    secret: Option<Key>,
    source: Option<KeySource>,
    loaded: RwLock<Loaded>,
    /// Whether the source ever said which keys there are, or that there are none.
    is_known: AtomicBool,
    /// Held while the source is asked.
    turn: tokio::sync::Mutex<()>,
    refreshes: DefaultDirectRateLimiter,
}

impl Keyring {
    /// With one secret of at least 32 bytes, for HS256.
    ///
    /// # Errors
    /// [`KeyError::Short`].
    pub fn of_secret(secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::new(Some(Key::of_secret(secret)?), None, vec![]))
    }

    /// With what a source has. A file is read at once, an address later.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn of_source(source: KeySource) -> Result<Self, SourceError> {
        let loaded = source.read()?;
        Ok(Self::new(None, Some(source), loaded))
    }

    /// With a secret beside what it has.
    ///
    /// # Errors
    /// [`KeyError::Short`].
    pub fn and_secret(self, secret: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { secret: Some(Key::of_secret(secret)?), ..self })
    }

    fn new(secret: Option<Key>, source: Option<KeySource>, loaded: Vec<Key>) -> Self {
        let at_once = NonZeroU32::new(REFRESHES_AT_ONCE).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::with_period(REFRESH_EVERY)
            .unwrap_or_else(|| Quota::per_minute(at_once))
            .allow_burst(at_once);
        Self {
            secret,
            source,
            is_known: AtomicBool::new(!loaded.is_empty()),
            loaded: RwLock::new(Arc::new(loaded)),
            turn: tokio::sync::Mutex::default(),
            refreshes: DefaultDirectRateLimiter::direct(quota),
        }
    }

    /// The claims of a token whose signature one of the keys made, and which keys there were.
    pub(super) async fn checked(&self, token: &str) -> Result<(Claims, Loaded), Unfit> {
        let header = decode_header(token).map_err(|_| Unfit::NotAToken)?;
        // RFC 7515, section 4.1.11: what must be understood and is not.
        if header.crit.is_some() {
            return Err(Unfit::NotAToken);
        }
        let loaded = self.loaded();
        match self.fitting(token, &header, &loaded) {
            Err(Unfit::Unknown) => {
                let newer = self.newer_than(&loaded).await?.ok_or(Unfit::Unknown)?;
                Ok((self.fitting(token, &header, &newer)?, newer))
            }
            judged => Ok((judged?, loaded)),
        }
    }

    fn fitting(&self, token: &str, header: &Header, loaded: &[Key]) -> Result<Claims, Unfit> {
        let is_named = |key: &&Key| match (&key.id, &header.kid) {
            (Some(mine), Some(named)) => mine == named,
            _ => true,
        };
        let keys = self.secret.iter().chain(loaded);
        for key in keys.filter(|key| key.algorithm == header.alg).filter(is_named) {
            match decode::<Claims>(token, &key.key, &key.validation) {
                Ok(decoded) => return Ok(decoded.claims),
                // The signature is looked at first, so it was good.
                Err(error) if matches!(error.kind(), ErrorKind::Json(_)) => {
                    return Err(Unfit::MISSHAPEN);
                }
                Err(_) => {}
            }
        }
        Err(Unfit::Unknown)
    }

    /// The keys of the source, where they are not those that were tried already.
    async fn newer_than(&self, tried: &Loaded) -> Result<Option<Loaded>, Unfit> {
        if self.source.is_none() {
            return Ok(None);
        }
        let _turn = self.turn.lock().await;
        let loaded = self.loaded();
        if !Arc::ptr_eq(&loaded, tried) {
            return Ok(Some(loaded));
        }
        let is_refreshed = self.refreshes.check().is_ok() && self.refresh().await;
        if !is_refreshed && !self.is_known.load(Ordering::Acquire) {
            return Err(Unfit::Unavailable);
        }
        Ok(is_refreshed.then(|| self.loaded()))
    }

    /// Asks the source; false when it does not say which keys there are.
    async fn refresh(&self) -> bool {
        let Some(source) = &self.source else { return false };
        match source.load().await {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the source of keys has none: tokens of its keys are refused");
                }
                self.is_known.store(true, Ordering::Release);
                *self.loaded.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
                true
            }
            Err(error) => {
                tracing::warn!(%error, "keys of tokens could not be loaded; the old ones are good");
                false
            }
        }
    }

    /// Loads the keys of the source now and then, for as long as the future is polled.
    pub(super) async fn keep_fresh(&self) {
        if self.source.is_none() {
            return;
        }
        loop {
            if !self.loaded().is_empty() {
                tokio::time::sleep(AGE_MAX).await;
            }
            let turn = self.turn.lock().await;
            self.refresh().await;
            drop(turn);
            if self.loaded().is_empty() {
                tokio::time::sleep(RETRY_EVERY).await;
            }
        }
    }

    /// What the keys are for, once a source was asked; for whoever looks after a server.
    ///
    /// # Errors
    /// Why the source gives none.
    pub async fn algorithms(&self) -> Result<Vec<String>, SourceError> {
        let loaded = match &self.source {
            Some(source) => source.some(source.load().await?)?,
            None => vec![],
        };
        let keys = self.secret.iter().chain(&loaded);
        Ok(keys.map(|key| format!("{:?}", key.algorithm)).collect())
    }

    /// What the source had when it was last asked.
    pub(super) fn loaded(&self) -> Loaded {
        Arc::clone(&self.loaded.read().unwrap_or_else(PoisonError::into_inner))
    }
}
