//! Keys that tokens are checked with, each for one algorithm alone.
//!
//! The kind of a key decides its algorithm, and a token that names another is refused. So a public
//! key never serves as a secret, and a token without a signature is none. What a token says of keys
//! itself (`jwk`, `jku`, `x5u`) is never looked at.

use std::fmt;

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use serde_json::Value;

/// HS256 is as strong as its secret: RFC 7518, section 3.2.
pub(super) const SECRET_BYTES_MIN: usize = 32;
/// RFC 7518, section 3.3, and the most that the library computes with.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// No provider rotates more at a time.
const KEYS_MAX: usize = 64;
const ED25519_BYTES: usize = 32;

/// Why a text holds no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A secret that can be guessed.
    #[error("a secret has at least {SECRET_BYTES_MIN} bytes and this has {0}")]
    Short(usize),
    /// The half that signs.
    #[error(
        "it holds a private key, which only whoever makes tokens should have; take its public half \
         (openssl pkey -in KEY -pubout)"
    )]
    Private,
    /// Something else in PEM.
    #[error("it holds no PUBLIC KEY; of a certificate take openssl x509 -in FILE -noout -pubkey")]
    NoPublicKey,
    /// Neither form.
    #[error("it is neither a public key in PEM nor a key set {{\"keys\":[…]}}")]
    Unreadable,
    /// Kinds of keys that are not known here.
    #[error(
        "none of its keys can be used; Ed25519, RSA of 2048 to 4096 bits and P-256 can, for EdDSA, \
         RS256 and ES256"
    )]
    NoneUsable,
    /// A set without end.
    #[error("it holds {0} keys; at most {KEYS_MAX}")]
    TooMany(usize),
}

/// One key with the one algorithm that it is for.
pub(super) struct Key {
    /// What tokens call it.
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    /// The signature by this algorithm alone; what the claims must be is judged by our own clock.
    pub(super) validation: Validation,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.algorithm, self.id)
    }
}

impl Key {
    /// A secret shared with whoever makes tokens.
    pub(super) fn of_secret(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeyError::Short(secret.len()));
        }
        Ok(Self::new(None, Algorithm::HS256, DecodingKey::from_secret(secret)))
    }

    fn new(id: Option<String>, algorithm: Algorithm, key: DecodingKey) -> Self {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { id, algorithm, key, validation }
    }

    /// A public key of a set; none where it is of a kind, a use or a size that is not taken here.
    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let common = &jwk.common;
        let is_for_this =
            common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
        let use_ = common.public_key_use.as_ref();
        let operations = common.key_operations.as_ref();
        let is_to_verify = use_.is_none_or(|it| *it == PublicKeyUse::Signature)
            && operations.is_none_or(|each| each.contains(&KeyOperations::Verify));
        if !is_for_this || !is_to_verify {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        is_sound(algorithm, &key).then(|| Self::new(common.key_id.clone(), algorithm, key))
    }
}

/// Whether a key is of the right size, and a point of its curve.
fn is_sound(algorithm: Algorithm, key: &DecodingKey) -> bool {
    let fits = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, .. } => {
            let zeros = n.iter().take_while(|byte| **byte == 0).count();
            RSA_BYTES.contains(&(n.len() - zeros))
        }
        // The library cuts 32 bytes out without looking.
        DecodingKeyKind::SecretOrDer(bytes) => {
            algorithm != Algorithm::EdDSA || bytes.len() == ED25519_BYTES
        }
    };
    fits && (DEFAULT_PROVIDER.verifier_factory)(&algorithm, key).is_ok()
}

/// The public keys in a text: one or several in PEM, or a set of JSON web keys, which may have none
/// that can be used.
///
/// # Errors
/// [`KeyError`].
pub(super) fn public_keys(text: &str) -> Result<Vec<Key>, KeyError> {
    if text.contains("PRIVATE KEY-----") {
        return Err(KeyError::Private);
    }
    if !text.contains("-----BEGIN ") {
        return of_set(text);
    }
    let keys = of_pem(text)?;
    if keys.is_empty() { Err(KeyError::NoneUsable) } else { Ok(keys) }
}

fn of_pem(text: &str) -> Result<Vec<Key>, KeyError> {
    let blocks = text.split("-----BEGIN ").skip(1);
    let blocks: Vec<_> = blocks.map(|block| format!("-----BEGIN {block}")).collect();
    if blocks.len() > KEYS_MAX {
        return Err(KeyError::TooMany(blocks.len()));
    }
    let is_public = |block: &String| {
        ["-----BEGIN PUBLIC KEY-----", "-----BEGIN RSA PUBLIC KEY-----"]
            .iter()
            .any(|head| block.starts_with(head))
    };
    if !blocks.iter().all(is_public) {
        return Err(KeyError::NoPublicKey);
    }
    Ok(blocks.iter().filter_map(|block| of_block(block.as_bytes())).collect())
}

type ReadPem = fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>;

/// By way of a JSON web key, so that both forms are judged alike.
fn of_block(pem: &[u8]) -> Option<Key> {
    let kinds: [(Algorithm, ReadPem); 3] = [
        (Algorithm::EdDSA, DecodingKey::from_ed_pem),
        (Algorithm::RS256, DecodingKey::from_rsa_pem),
        (Algorithm::ES256, DecodingKey::from_ec_pem),
    ];
    kinds.iter().find_map(|(algorithm, read)| {
        let key = read(pem).ok()?;
        Key::of_jwk(&Jwk::from_decoding_key(&key, Some(*algorithm)).ok()?)
    })
}

fn of_set(text: &str) -> Result<Vec<Key>, KeyError> {
    let set: Value = serde_json::from_str(text).map_err(|_| KeyError::Unreadable)?;
    let keys = set.get("keys").and_then(Value::as_array).ok_or(KeyError::Unreadable)?;
    if keys.len() > KEYS_MAX {
        return Err(KeyError::TooMany(keys.len()));
    }
    if keys.iter().any(|key| key.get("d").is_some()) {
        return Err(KeyError::Private);
    }
    let keys = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
    Ok(keys.filter_map(|jwk| Key::of_jwk(&jwk)).collect())
}
