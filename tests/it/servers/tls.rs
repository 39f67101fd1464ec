//! An authority that the tests' servers and their clients believe, made once for a checkout.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

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

    /// Puts a front before a server that speaks plain HTTP; its address, by name.
    pub(crate) async fn encrypting(&self, server: &str) -> String {
        let chain = CertificateDer::pem_file_iter(self.certificate()).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.key()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let behind = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((plain, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // Whoever does not believe the certificate hangs up.
                    let Ok(mut client) = acceptor.accept(plain).await else { return };
                    let mut server = TcpStream::connect(behind).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        format!("https://localhost:{port}")
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
