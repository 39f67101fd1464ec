//! Views that nodes share: each server of Redis, and its cluster if it is one.

use super::{Findings, clocks};
use crate::cli::failure::Failure;
use crate::cli::seams::{self, RedisAnswer, RedisServer, Settings};

/// What its scripts were written for and tested with.
const VERSION_MIN: u32 = 7;
const WHEN_FULL: &str = "noeviction";
/// In percent.
const MEMORY_SHARE_MAX: u64 = 90;

/// Looks at them, if there are any.
pub(super) async fn look(settings: &Settings, findings: &mut Findings) -> anyhow::Result<()> {
    let Some(found) = seams::shared_views(settings).await else { return Ok(()) };
    for server in &found.servers {
        look_at(server, found.is_cluster, findings)?;
    }
    if !found.servers.iter().any(|server| server.answer.is_ok()) {
        findings.is_unreachable = true;
        return Ok(());
    }
    match found.slots_missing {
        Some(0) => findings.fine("views: the cluster serves all of its slots")?,
        Some(missing) => {
            let what = format!(
                "views: nobody in the cluster serves {missing} of its 16,384 slots; accounts there \
                 are answered from the log"
            );
            findings.wrong(&what, "bring its servers back; see redis-cli --cluster check")?;
        }
        None => {}
    }
    Ok(())
}

fn look_at(
    RedisServer { address, answer }: &RedisServer,
    is_cluster: bool,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let todo = "start it, let this machine and its user in, or correct the views' address; \
                        one with a password is redis://USER:PASSWORD@HOST, with TLS rediss://";
            return findings.wrong(&format!("views: {address} cannot be asked: {error}"), todo);
        }
    };
    let RedisAnswer { version, ahead_ms, .. } = answer;
    for (what, todo) in wrong(answer, is_cluster) {
        findings.wrong(&format!("views: {address} {what}"), todo)?;
    }
    clocks::compared(&format!("the views' server {address}"), *ahead_ms, findings)?;
    findings.fine(format_args!("views: {address} answers, with version {version}"))?;
    if answer.is_appending {
        return Ok(());
    }
    findings.note(format_args!(
        "views: {address} keeps no append-only file; after a restart views fill again from the log"
    ))
}

/// What is not as it should be with a server that answers, and what puts it right.
fn wrong(answer: &RedisAnswer, is_cluster: bool) -> Vec<(String, &'static str)> {
    let RedisAnswer { version, when_full, .. } = answer;
    let mut wrong = Vec::new();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < VERSION_MIN) {
        let what = format!("has version {version:?}; views need Redis {VERSION_MIN} or newer");
        wrong.push((what, "upgrade it"));
    }
    if when_full != WHEN_FULL {
        let what = format!(
            "drops views when it is full (maxmemory-policy {when_full}), again and again, and how \
             far sweeps came"
        );
        let todo = "set maxmemory-policy noeviction, and give it memory enough (docs/scale.md)";
        wrong.push((what, todo));
    }
    if let Some(share) = memory_share(answer).filter(|share| *share >= MEMORY_SHARE_MAX) {
        let what = format!("has {share} % of its memory in use; a full one takes no more views");
        let todo = "give it more, or lower views_redis.idle_days or plays_per_profile_max";
        wrong.push((what, todo));
    }
    if answer.is_of_a_cluster && !is_cluster {
        let what = "is one of a cluster, and alone has a part of the slots".to_owned();
        wrong.push((what, "begin the views' address with redis-cluster://"));
    }
    if !answer.is_of_a_cluster && is_cluster {
        let what = "is not one of a cluster".to_owned();
        wrong.push((what, "begin the views' address with redis://, or make it one of a cluster"));
    }
    if answer.is_replica && !is_cluster {
        let what = "is a replica, and takes no writes".to_owned();
        wrong.push((what, "name its primary in the views' address"));
    }
    wrong
}

/// In percent; nothing where it may take what there is.
fn memory_share(answer: &RedisAnswer) -> Option<u64> {
    answer.memory_bytes.saturating_mul(100).checked_div(answer.memory_bytes_max)
}
