//! Whom this node believes on encrypted connections, and who it is there.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Config, if_any};
use crate::tls::TlsFiles;

/// Encrypted connections to stores, key sets and servers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The authorities to believe, if not those of the system.
    #[serde(deserialize_with = "if_any")]
    pub ca_file: Option<PathBuf>,
    /// This node's certificate, where servers want to know.
    #[serde(deserialize_with = "if_any")]
    pub certificate_file: Option<PathBuf>,
    /// The key to it.
    #[serde(deserialize_with = "if_any")]
    pub key_file: Option<PathBuf>,
    /// The name that certificates of Cassandra's nodes bear, if not their addresses.
    #[serde(deserialize_with = "if_any")]
    pub cassandra_name: Option<String>,
}

impl Config {
    /// Where to read whom to believe.
    pub fn tls_files(&self) -> TlsFiles {
        let Tls { ca_file, certificate_file, key_file, cassandra_name } = self.tls.clone();
        TlsFiles { ca_file, certificate_file, key_file, cassandra_name }
    }
}
