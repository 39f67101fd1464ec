//! What erasures came to, kept in the log for whoever asks again, on any node.
//!
//! Of what was erased a receipt keeps only hashes: enough to know who may ask for it.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::auth::Caller;
use super::{Node, Problem};
use crate::actors::Receipt;
use crate::events::{AccountId, ProfileId, SessionId, Slice, Timestamp};
use crate::projections::Position;

/// A fleet looks through what nodes wrote late after so long: a window, and what a second sweep
/// waits.
const LOOKED_THROUGH_MS: i64 = (10 + 4 * 60) * 60 * 1_000;
/// What is deleted from Cassandra leaves its disks with a compaction, but not before this.
const ON_DISK_MS: i64 = 10 * 24 * 60 * 60 * 1_000;

/// Whose things an erasure was about: a profile's, or everyone's of the account.
pub(super) type Concerned = (AccountId, Option<ProfileId>);

/// What was erased, for whoever asks again.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Erasure {
    /// The receipt's id.
    #[schema(value_type = String)]
    receipt: SessionId,
    /// Where to ask for it again.
    url: String,
    /// `session`, `title`, `profile` or `account`.
    scope: Erased,
    /// Facts that occurred up to this instant are refused from now on.
    #[schema(value_type = String, format = DateTime)]
    fenced_at: Timestamp,
    /// `done`, or `finishing` while some store still has work.
    status: &'static str,
    /// How much went, by store.
    deleted: Deleted,
    /// What some store still has to do.
    remaining: Vec<String>,
}

/// What kind of thing was erased.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Erased {
    Session,
    Title,
    Profile,
    Account,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
struct Deleted {
    events: u64,
    snapshots: u64,
    views: u64,
    spool: u64,
    leases: u64,
}

/// A receipt as the log keeps it, without its id, which is its name there.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    account: String,
    profile: Option<String>,
    scope: Erased,
    fenced_at: Timestamp,
    deleted: Deleted,
    is_everywhere: bool,
}

/// Keeps the receipt of an erasure, and says how it stands.
///
/// # Errors
/// When the log does not keep it; what was erased is erased all the same.
pub(super) async fn keep(
    node: &Node,
    (account, profile): &Concerned,
    scope: Erased,
    receipt: Receipt,
) -> Result<Erasure, Problem> {
    let Receipt { id, fenced_at, events, snapshots, views, spool, is_everywhere } = receipt;
    let kept = Kept {
        account: hash(account.as_str()),
        profile: profile.as_ref().map(|profile| hash(profile.as_str())),
        scope,
        fenced_at,
        deleted: Deleted { events, snapshots, views, spool, leases: 0 },
        is_everywhere,
    };
    let body = serde_json::to_vec(&kept).unwrap_or_default();
    node.log.set_note(&name(id), Some(&body)).await?;
    Ok(standing(node, account, id, kept).await)
}

/// How an erasure stands, for whoever may know of it.
pub(super) async fn find(
    node: &Node,
    account: &AccountId,
    receipt: SessionId,
    caller: &Caller,
) -> Result<Option<Erasure>, Problem> {
    let Some(body) = node.log.note(&name(receipt)).await? else { return Ok(None) };
    let Ok(kept) = serde_json::from_slice::<Kept>(&body) else { return Ok(None) };
    let is_theirs = match (caller.profile(), &kept.profile) {
        (None, _) => true,
        (Some(mine), Some(of)) => hash(mine.as_str()) == *of,
        (Some(_), None) => false,
    };
    if kept.account != hash(account.as_str()) || !is_theirs {
        return Ok(None);
    }
    Ok(Some(standing(node, account, receipt, kept).await))
}

async fn standing(node: &Node, account: &AccountId, receipt: SessionId, kept: Kept) -> Erasure {
    let Kept { scope, fenced_at, deleted, is_everywhere, .. } = kept;
    let is_shared = node.system.marks();
    let is_done = !is_shared || is_looked_through(node, account, fenced_at).await;
    let mut remaining = Vec::new();
    if !is_done {
        let at = fenced_at.plus_ms(LOOKED_THROUGH_MS);
        remaining.push(format!(
            "log and views: looked through for what nodes wrote that had not heard of it, in every \
             datacentre; a second time by about {at}"
        ));
    }
    if is_shared && fenced_at.plus_ms(ON_DISK_MS) > node.clock.now() {
        if !is_everywhere {
            remaining.push(
                "log: a copy was away; nobody reads what it has left, and it deletes that when it \
                 is back, or with the next repair"
                    .to_owned(),
            );
        }
        let at = fenced_at.plus_ms(ON_DISK_MS);
        remaining.push(format!("log: disks are freed by compactions after {at}"));
    }
    let encoded = percent_encoded(account.as_str());
    Erasure {
        receipt,
        url: format!("/v1/accounts/{encoded}/erasures/{receipt}"),
        scope,
        fenced_at,
        status: if is_done { "done" } else { "finishing" },
        deleted,
        remaining,
    }
}

/// Whether the second sweep has been through the window of the erasure.
async fn is_looked_through(node: &Node, account: &AccountId, fenced_at: Timestamp) -> bool {
    let swept = node.views.position(Slice::of(account), Position::SweptAgain).await;
    matches!(swept, Ok(Some(through)) if through > fenced_at)
}

fn name(receipt: SessionId) -> String {
    format!("erasure:{receipt}")
}

fn hash(text: &str) -> String {
    format!("{:032x}", xxh3_128(text.as_bytes()))
}

fn percent_encoded(id: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    id.bytes().map(byte).collect()
}
