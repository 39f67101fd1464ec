//! An authority that the tests' servers and their clients believe, made once for a checkout.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::stack::checkout;

/// The name that the tests' Cassandra bears: its address is chosen when it starts.
pub(crate) const CASSANDRA_NAME: &str = "cassandra.test";

/// An authority and what it vouched for: one certificate for servers and for who asks them.
#[derive(Debug)]
pub(crate) struct Authority {
    directory: PathBuf,
}

/// The one that shared servers have.
pub(crate) fn authority() -> &'static Authority {
    static SHARED: OnceLock<Authority> = OnceLock::new();
    SHARED.get_or_init(|| Authority::in_directory(checkout().join("authority")))
}

impl Authority {
    /// Made there, or found: whoever is first makes it whole.
    pub(crate) fn in_directory(directory: PathBuf) -> Self {
        if !directory.exists() {
            std::fs::create_dir_all(directory.parent().unwrap()).unwrap();
            let partial = tempfile::tempdir_in(directory.parent().unwrap()).unwrap();
            let name = format!("authority in {}", directory.display());
            make(partial.path(), &name);
            if std::fs::rename(partial.path(), &directory).is_ok() {
                let _ = partial.keep();
            }
        }
        Self { directory }
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its own certificate.
    pub(crate) fn ca(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// What it vouched for.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.join("certificate.pem")
    }

    /// The key to that.
    pub(crate) fn key(&self) -> PathBuf {
        self.directory.join("key.pem")
    }
}

fn make(directory: &Path, name: &str) {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let names = ["localhost", "127.0.0.1", CASSANDRA_NAME].map(str::to_owned);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "the tests' servers");
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let files = [
        ("ca.pem", issuer.pem()),
        ("certificate.pem", certificate.pem()),
        ("key.pem", key.serialize_pem()),
        ("identity.pem", key.serialize_pem() + &certificate.pem()),
    ];
    for (name, text) in files {
        std::fs::write(directory.join(name), text).unwrap();
    }
}
