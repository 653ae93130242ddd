//! Secrets of TLS 1.3, each prepared once for all that is derived from it. What rustls takes by default prepares it again
//! for every key, which doubles the hashing of a handshake.

use std::sync::LazyLock;

use aws_lc_rs::hmac as mac;
use rustls::crypto::aws_lc_rs::ALL_CIPHER_SUITES;
use rustls::crypto::hash::HashAlgorithm;
use rustls::crypto::hmac::{Hmac, Key, Tag};
use rustls::crypto::tls13::{Hkdf, HkdfExpander, HkdfUsingHmac, OkmBlock, OutputLengthError};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
use rustls::{SupportedCipherSuite, Tls13CipherSuite};

/// HMAC by one digest.
struct Mac(&'static mac::Algorithm);

impl Hmac for Mac {
    fn with_key(&self, key: &[u8]) -> Box<dyn Key> {
        Box::new(Prepared(mac::Key::new(*self.0, key)))
    }

    fn hash_output_len(&self) -> usize {
        self.0.digest_algorithm().output_len()
    }
}

/// A key whose hashing has begun.
struct Prepared(mac::Key);

impl Key for Prepared {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> Tag {
        let mut context = mac::Context::with_key(&self.0);
        context.update(first);
        middle.iter().for_each(|part| context.update(part));
        context.update(last);
        Tag::new(context.sign().as_ref())
    }

    fn tag_len(&self) -> usize {
        self.0.algorithm().digest_algorithm().output_len()
    }
}

/// What is derived by one digest.
struct Derivation {
    mac: &'static dyn Hmac,
    /// The first secret of every handshake that takes up no session is the same.
    first: &'static LazyLock<Box<dyn HkdfExpander>>,
}

impl Derivation {
    const fn plain(&self) -> HkdfUsingHmac<'static> {
        HkdfUsingHmac(self.mac)
    }
}

impl Hkdf for Derivation {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        match salt {
            None => Box::new(Shared(self.first.as_ref())),
            salt => self.plain().extract_from_zero_ikm(salt),
        }
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        self.plain().extract_from_secret(salt, secret)
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        self.plain().expander_for_okm(okm)
    }

    fn hmac_sign(&self, key: &OkmBlock, message: &[u8]) -> Tag {
        self.plain().hmac_sign(key, message)
    }
}

/// A secret that is kept.
struct Shared(&'static dyn HkdfExpander);

impl HkdfExpander for Shared {
    fn expand_slice(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), OutputLengthError> {
        self.0.expand_slice(info, output)
    }

    fn expand_block(&self, info: &[&[u8]]) -> OkmBlock {
        self.0.expand_block(info)
    }

    fn hash_len(&self) -> usize {
        self.0.hash_len()
    }
}

static SHA256: Mac = Mac(&mac::HMAC_SHA256);
static SHA384: Mac = Mac(&mac::HMAC_SHA384);
static FIRST_BY_SHA256: LazyLock<Box<dyn HkdfExpander>> =
    LazyLock::new(|| HkdfUsingHmac(&SHA256).extract_from_zero_ikm(None));
static FIRST_BY_SHA384: LazyLock<Box<dyn HkdfExpander>> =
    LazyLock::new(|| HkdfUsingHmac(&SHA384).extract_from_zero_ikm(None));
static BY_SHA256: Derivation = Derivation { mac: &SHA256, first: &FIRST_BY_SHA256 };
static BY_SHA384: Derivation = Derivation { mac: &SHA384, first: &FIRST_BY_SHA384 };

/// The suites of TLS 1.3.
static SUITES: LazyLock<Vec<Tls13CipherSuite>> =
    LazyLock::new(|| ALL_CIPHER_SUITES.iter().filter_map(SupportedCipherSuite::tls13).filter_map(prepared).collect());

/// A suite that derives its secrets as this module does.
fn prepared(suite: &'static Tls13CipherSuite) -> Option<Tls13CipherSuite> {
    let CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit } = suite.common;
    let hkdf_provider = match hash_provider.algorithm() {
        HashAlgorithm::SHA256 => &BY_SHA256,
        HashAlgorithm::SHA384 => &BY_SHA384,
        _ => return None,
    };
    let common = CipherSuiteCommon { suite: name, hash_provider, confidentiality_limit };
    Some(Tls13CipherSuite { common, hkdf_provider, aead_alg: suite.aead_alg, quic: None })
}

/// Lets a provider's suites of TLS 1.3 derive their secrets as this module does.
pub fn prepare(provider: &mut CryptoProvider) {
    for suite in &mut provider.cipher_suites {
        if let Some(own) = SUITES.iter().find(|own| own.common.suite == suite.suite()) {
            *suite = SupportedCipherSuite::Tls13(own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_those_of_rustls() {
        let all = ALL_CIPHER_SUITES.iter().filter_map(SupportedCipherSuite::tls13).collect::<Vec<_>>();
        assert_eq!(all.len(), SUITES.len());
        for (theirs, own) in all.iter().zip(SUITES.iter()) {
            let okm = |hkdf: &dyn Hkdf| {
                let early = hkdf.extract_from_zero_ikm(None);
                let salt: OkmBlock = early.expand_block(&[b"a", b"bc"]);
                let late = hkdf.extract_from_secret(Some(salt.as_ref()), b"secret");
                let block = late.expand_block(&[b"x"]);
                let mut short = [0; 12];
                let mut long = [0; 100];
                hkdf.expander_for_okm(&block).expand_slice(&[b"iv"], &mut short).expect("short enough");
                late.expand_slice(&[b"long"], &mut long).expect("short enough");
                let tag = hkdf.hmac_sign(&block, b"message").as_ref().to_vec();
                (block.as_ref().to_vec(), short, long, tag)
            };
            assert_eq!(okm(theirs.hkdf_provider), okm(own.hkdf_provider), "{:?}", own.common.suite);
        }
    }

    #[test]
    fn every_suite_of_tls13_is_prepared() {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        let before = provider.cipher_suites.clone();
        prepare(&mut provider);
        assert_eq!(provider.cipher_suites, before, "the same names in the same order");
        for suite in provider.cipher_suites.iter().filter_map(SupportedCipherSuite::tls13) {
            assert!(SUITES.iter().any(|own| std::ptr::eq(own, suite)));
        }
    }
}
