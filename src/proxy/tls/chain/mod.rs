//! Whether a certificate leads to one that is trusted, as OpenSSL judges it and in its words. Pure.

mod constraints;
mod extensions;
mod revocation;
#[cfg(test)]
mod tests;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::{der, pem_files, shared_provider};

/// Why a certificate is not trusted, in OpenSSL's words.
pub type Distrust = &'static str;

/// What the other side has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `clientAuth`
    Client,
    /// `serverAuth`
    Server,
    /// Says how certificates are; whether it may is asked elsewhere.
    Responder,
}

/// What is trusted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    anchors: Vec<CertificateDer<'static>>,
    revoked: Vec<Vec<u8>>,
    /// Most certificates between the one shown and a trusted one.
    pub depth: u64,
}

impl Trust {
    /// The certificates that are trusted.
    pub fn anchors(&self) -> &[CertificateDer<'static>] {
        &self.anchors
    }

    /// The same with ways of another length.
    pub fn with_depth(self, depth: u64) -> Trust {
        Trust { depth, ..self }
    }

    /// Trusts the certificates of a PEM text.
    ///
    /// # Errors
    /// There is none in it.
    pub fn add(&mut self, pem: &[u8]) -> Result<(), String> {
        self.anchors.extend(pem_files::certificates(pem)?);
        Ok(())
    }

    /// Distrusts what the lists of a PEM text name; every certificate must then be of an issuer that has a list.
    ///
    /// # Errors
    /// There is none in it.
    pub fn revoke(&mut self, pem: &[u8]) -> Result<(), String> {
        self.revoked.extend(pem_files::revocation_lists(pem)?);
        Ok(())
    }

    /// Judges the first certificate of a chain at a time in seconds since 1970.
    ///
    /// # Errors
    /// Why it is not trusted.
    pub fn judge(&self, shown: &[CertificateDer<'_>], purpose: Purpose, now: i64) -> Result<(), Distrust> {
        // The first is the one whose key the other side has: no other may stand in for it.
        let unreadable = || shown.first().is_none_or(|cert| parse(cert).is_none());
        if unreadable() {
            return Err("certificate signature failure");
        }
        let shown: Vec<_> = shown.iter().filter_map(|cert| parse(cert)).collect();
        let trusted: Vec<_> = self.anchors.iter().filter_map(|cert| parse(cert)).collect();
        let Some(leaf) = shown.first() else { return Err("certificate signature failure") };
        let (chain, built) = build(leaf, &shown, &trusted);
        // OpenSSL goes on after a fault, and its last one counts.
        let mut verdict = built;
        let mut note = |found: Result<(), Distrust>| {
            if found.is_err() {
                verdict = found;
            }
        };
        if chain.len().saturating_sub(2) as u64 > self.depth {
            note(Err("certificate chain too long"));
        }
        note(extensions::check(&chain, purpose));
        if !self.revoked.is_empty() {
            note(revocation::check(&chain, &self.revoked, now));
        }
        note(check_signatures(&chain, built.is_ok(), now));
        note(constraints::check(&chain));
        verdict
    }
}

/// A certificate, and nothing behind it.
pub(super) fn parse<'a>(cert: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(cert).ok().filter(|(behind, _)| behind.is_empty()).map(|(_, cert)| cert)
}

/// The way from a certificate up, and whether it ends at one that is trusted.
fn build<'c, 'a>(
    leaf: &'c X509Certificate<'a>,
    shown: &'c [X509Certificate<'a>],
    trusted: &'c [X509Certificate<'a>],
) -> (Vec<&'c X509Certificate<'a>>, Result<(), Distrust>) {
    let mut chain = vec![leaf];
    let mut met_trusted = trusted.iter().any(|anchor| anchor.as_raw() == leaf.as_raw());
    // Nothing longer is worth following.
    while chain.len() < 32 {
        let Some(last) = chain.last().copied() else { break };
        if is_self_issued(last) {
            let known = trusted.iter().any(|anchor| anchor.as_raw() == last.as_raw());
            let verdict = match (known, chain.len()) {
                (true, _) => Ok(()),
                (false, 1) => Err("self-signed certificate"),
                (false, _) => Err("self-signed certificate in certificate chain"),
            };
            return (chain, verdict);
        }
        let issues = |issuer: &&X509Certificate<'_>| {
            issuer.subject().as_raw() == last.issuer().as_raw() && issuer.as_raw() != last.as_raw()
        };
        // Of several by the same name the one that has signed it.
        let find = |all: &'c [X509Certificate<'a>]| {
            let signs = |issuer: &&X509Certificate<'_>| is_signed_by(last, issuer);
            let named = || all.iter().filter(issues);
            named().find(signs).or_else(|| named().next())
        };
        let (next, anchor) = match find(trusted) {
            Some(anchor) => (Some(anchor), true),
            None => (find(shown), false),
        };
        let Some(next) = next else { break };
        met_trusted |= anchor;
        chain.push(next);
    }
    let verdict = match (met_trusted, chain.len()) {
        (true, _) => "unable to get issuer certificate",
        (false, 1) => "unable to verify the first certificate",
        (false, _) => "unable to get local issuer certificate",
    };
    (chain, Err(verdict))
}

fn is_self_issued(cert: &X509Certificate<'_>) -> bool {
    cert.subject().as_raw() == cert.issuer().as_raw()
}

/// Whether `issuer`'s key has signed a certificate, which says the same of its signature inside as outside.
pub(super) fn is_signed_by(cert: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    cert.signature_algorithm == cert.tbs_certificate.signature
        && is_signed(cert.as_raw(), cert.tbs_certificate.as_ref(), issuer)
}

/// Whether `issuer`'s key has signed the part `signed` of `whole`.
pub(super) fn is_signed(whole: &[u8], signed: &[u8], issuer: &X509Certificate<'_>) -> bool {
    let Some((algorithm, signature)) = der::signature(whole) else { return false };
    let Some((key_algorithm, key)) = der::public_key(issuer.public_key().raw) else { return false };
    let fits = |known: &&&dyn SignatureVerificationAlgorithm| {
        known.signature_alg_id().as_ref() == algorithm && known.public_key_alg_id().as_ref() == key_algorithm
    };
    let provider = shared_provider();
    let mut known = provider.signature_verification_algorithms.all.iter().filter(fits);
    known.any(|known| known.verify_signature(key, signed, signature).is_ok())
}

/// Signatures and dates from the top down; what has no issuer here has no signature to check.
fn check_signatures(chain: &[&X509Certificate<'_>], whole: bool, now: i64) -> Result<(), Distrust> {
    let mut verdict = Ok(());
    for (at, cert) in chain.iter().enumerate().rev() {
        let issuer = chain.get(at + 1);
        if let Some(issuer) = issuer
            && !is_signed_by(cert, issuer)
        {
            verdict = Err("certificate signature failure");
        }
        // A root is trusted for being there, but one that somebody shows may lie.
        if issuer.is_none() && !whole && is_self_issued(cert) && !is_signed_by(cert, cert) {
            verdict = Err("certificate signature failure");
        }
        if cert.validity().not_before.timestamp() > now {
            verdict = Err("certificate is not yet valid");
        }
        if cert.validity().not_after.timestamp() < now {
            verdict = Err("certificate has expired");
        }
    }
    verdict
}
