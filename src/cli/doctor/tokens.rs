//! Of access tokens: whether there are keys to check them with, and who else may have those.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::cli::failure::Failure;
use crate::cli::seams::{self, Settings};

use super::Findings;

/// What anyone but its owner may do with a file.
const OTHERS: u32 = 0o077;

/// Looks at the keys, and at what is said about them.
pub(super) async fn tokens(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    let config = &settings.config;
    match seams::key_algorithms(config).await {
        Ok(None) => return findings.fine("tokens: nobody needs one; only this machine may call"),
        Ok(Some(algorithms)) => {
            findings.fine(format_args!("tokens: checked by {}", algorithms.join(", ")))?;
        }
        Err(what) => {
            let todo = "put it right: a server does not start without its keys, or takes no token";
            findings.wrong(&format!("tokens: {what}"), todo)?;
        }
    }
    if let Some(file) = config.secret_file() {
        open_file(&file, findings)?;
    }
    if let Some(url) = config.auth_jwks_url.as_ref().filter(|url| url.is_elsewhere()) {
        let what = format!("tokens: the keys of {} come unencrypted", url.as_str());
        let todo = "whoever is on the way can put in their own; ask by https, or keep the set in a \
                    file (auth_key)";
        findings.wrong(&what, todo)?;
    }
    let is_of_others = config.auth_jwks_url.is_some() || config.auth_key.is_some();
    if is_of_others && config.auth_audience.is_none() {
        let what = "tokens: no auth_audience is set, and others make them";
        let todo = "set it to what they write in aud: without it a token for another service is \
                    as good, if it names none, and one that names this server is refused";
        findings.wrong(what, todo)?;
    }
    Ok(())
}

fn open_file(path: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let Ok(found) = fs::metadata(path) else { return Ok(()) };
    let mode = found.permissions().mode() & 0o777;
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let what = format!("tokens: others may read {} (mode {mode:03o})", path.display());
    let todo = "chmod 600, and make another key if anybody did: whoever has it makes tokens";
    findings.wrong(&what, todo)
}
