//! Encrypted connections to stores, key sets and servers: who is believed, and who this node is.
//!
//! A certificate is believed when it leads to an authority that is believed and bears the name or
//! address that was asked for. Authorities are those of the system, or where a file names others
//! those alone. There is no way to believe just anybody.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// The files that say so, in PEM; read whenever connections are set up anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// The authorities to believe; those of the system where there is none.
    pub ca_file: Option<PathBuf>,
    /// Who this node is, where servers want to know: its certificate…
    pub certificate_file: Option<PathBuf>,
    /// …and the key to that.
    pub key_file: Option<PathBuf>,
    /// The name that the certificates of all nodes of Cassandra bear; where there is none, each
    /// bears its node's address.
    pub cassandra_name: Option<String>,
}

/// Why a connection cannot be encrypted as it is asked for.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The system names no authority.
    #[error("the system names no authority to believe ({0}); name one in tls.ca_file")]
    System(String),
    /// The name cannot be one.
    #[error("tls.cassandra_name: {0:?} is no host name or address")]
    Name(String),
    /// The certificate and its key do not belong together, or are of a kind that is not known.
    #[error("tls.certificate_file and tls.key_file: {0}")]
    Identity(rustls::Error),
    /// What encrypts refuses.
    #[error("TLS cannot be set up: {0}")]
    Refused(String),
}

/// What the files hold, for drivers that read it themselves.
pub(crate) struct Pem {
    /// The authorities.
    pub(crate) authorities: Option<Vec<u8>>,
    /// A certificate and its key.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl TlsFiles {
    /// How connections are encrypted whose servers bear the name that they are asked by.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn client(&self) -> Result<ClientConfig, TlsError> {
        self.checked_by(self.verifier()?)
    }

    /// The same for the nodes of Cassandra, which the driver knows by their addresses alone.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn client_of_cassandra(&self) -> Result<ClientConfig, TlsError> {
        let verifier = self.verifier()?;
        let Some(name) = &self.cassandra_name else { return self.checked_by(verifier) };
        let name = ServerName::try_from(name.clone()).map_err(|_| TlsError::Name(name.clone()))?;
        self.checked_by(Arc::new(Named { verifier, name }))
    }

    /// What the files hold, found to be usable.
    ///
    /// # Errors
    /// [`TlsError`].
    pub(crate) fn pem(&self) -> Result<Pem, TlsError> {
        self.client()?;
        // The driver of Redis takes the one of the process.
        let _ = aws_lc_rs::default_provider().install_default();
        let authorities = self.ca_file.as_deref().map(read).transpose()?;
        let identity = match (&self.certificate_file, &self.key_file) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            _ => None,
        };
        Ok(Pem { authorities, identity })
    }

    fn checked_by(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Refused(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let (Some(certificate), Some(key)) = (&self.certificate_file, &self.key_file) else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(certificate)?;
        let content = |what| TlsError::Content { path: key.clone(), what };
        let key = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|error| content(format!("no private key in PEM: {error}")))?;
        builder.with_client_auth_cert(chain, key).map_err(TlsError::Identity)
    }

    fn verifier(&self) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
        let roots = Arc::new(self.authorities()?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
        verifier.map_err(|error| TlsError::Refused(error.to_string()))
    }

    fn authorities(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        let Some(path) = &self.ca_file else {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            let why = || found.errors.first().map_or_else(String::new, ToString::to_string);
            return if roots.is_empty() { Err(TlsError::System(why())) } else { Ok(roots) };
        };
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| TlsError::Content {
                path: path.clone(),
                what: format!("no authority: {error}"),
            })?;
        }
        Ok(roots)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |what| TlsError::Content { path: path.to_owned(), what };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    let found = found.map_err(|error| wrong(format!("not PEM: {error}")))?;
    if found.is_empty() { Err(wrong("no certificate in PEM".to_owned())) } else { Ok(found) }
}

/// Believes what bears one name, whatever the address.
#[derive(Debug)]
struct Named {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Self { verifier, name } = self;
        verifier.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Which setting mends a connection that failed with these words, in words to put behind them.
pub(crate) fn remedy(said: &str) -> &'static str {
    const REMEDIES: [(&str, &str); 6] = [
        (
            "UnknownIssuer",
            "; nobody believed here vouches for it: name its authority in tls.ca_file",
        ),
        (
            "BadSignature",
            "; another of that name is believed here: name its authority in tls.ca_file",
        ),
        (
            "not valid for name",
            "; its certificate bears another name: connect by a name that it bears (for Cassandra: \
             tls.cassandra_name)",
        ),
        (
            "NotValidForName",
            "; its certificate bears another name: connect by a name that it bears (for Cassandra: \
             tls.cassandra_name)",
        ),
        (
            "CertificateRequired",
            "; it wants to know who asks: name tls.certificate_file and tls.key_file",
        ),
        ("InvalidContentType", "; it does not speak TLS there"),
    ];
    REMEDIES.iter().find(|(word, _)| said.contains(word)).map_or("", |(_, remedy)| remedy)
}
