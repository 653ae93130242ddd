//! Whether a certificate leads to one that is trusted, as OpenSSL judges it and in its words. Pure.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::SignatureVerificationAlgorithm;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::X509Version;

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
        note(check_extensions(&chain, purpose));
        if !self.revoked.is_empty() {
            note(self.check_revocation(&chain, now));
        }
        note(check_signatures(&chain, built.is_ok(), now));
        verdict
    }

    fn check_revocation(&self, chain: &[&X509Certificate<'_>], now: i64) -> Result<(), Distrust> {
        let lists: Vec<_> = self.revoked.iter().filter_map(|list| Some((list, parse_list(list)?))).collect();
        let mut verdict = Ok(());
        for (at, cert) in chain.iter().enumerate() {
            let issuer = chain.get(at + 1).copied().or_else(|| is_self_issued(cert).then_some(*cert));
            let of_issuer = lists.iter().filter(|(_, list)| list.issuer().as_raw() == cert.issuer().as_raw());
            let mut any = false;
            for (raw, list) in of_issuer {
                any = true;
                if let Some(issuer) = issuer
                    && !is_signed(raw, list.tbs_cert_list.as_ref(), issuer)
                {
                    verdict = Err("CRL signature failure");
                }
                if list.next_update().is_some_and(|next| next.timestamp() < now) {
                    verdict = Err("CRL has expired");
                }
                if list.iter_revoked_certificates().any(|revoked| revoked.raw_serial() == cert.raw_serial()) {
                    verdict = Err("certificate revoked");
                }
            }
            if !any {
                verdict = Err("unable to get certificate CRL");
            }
        }
        verdict
    }
}

fn parse<'a>(cert: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(cert).ok().map(|(_, cert)| cert)
}

fn parse_list(list: &[u8]) -> Option<CertificateRevocationList<'_>> {
    CertificateRevocationList::from_der(list).ok().map(|(_, list)| list)
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
            let signs = |issuer: &&X509Certificate<'_>| is_signed(last.as_raw(), last.tbs_certificate.as_ref(), issuer);
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

/// Whether `issuer`'s key has signed the part `signed` of `whole`.
fn is_signed(whole: &[u8], signed: &[u8], issuer: &X509Certificate<'_>) -> bool {
    let Some((algorithm, signature)) = der::signature(whole) else { return false };
    let Some((key_algorithm, key)) = der::public_key(issuer.public_key().raw) else { return false };
    let fits = |known: &&&dyn SignatureVerificationAlgorithm| {
        known.signature_alg_id().as_ref() == algorithm && known.public_key_alg_id().as_ref() == key_algorithm
    };
    let provider = shared_provider();
    let mut known = provider.signature_verification_algorithms.all.iter().filter(fits);
    known.any(|known| known.verify_signature(key, signed, signature).is_ok())
}

fn check_extensions(chain: &[&X509Certificate<'_>], purpose: Purpose) -> Result<(), Distrust> {
    for (at, cert) in chain.iter().enumerate() {
        if cert.extensions().iter().any(|extension| extension.critical && !is_understood(extension)) {
            return Err("unhandled critical extension");
        }
        if at == 0 {
            serves(cert, purpose)?;
        } else {
            check_authority(cert, at - 1)?;
        }
    }
    Ok(())
}

/// What is checked below, and what a way this short cannot hurt.
fn is_understood(extension: &x509_parser::extensions::X509Extension<'_>) -> bool {
    use x509_parser::extensions::ParsedExtension as E;
    let parsed = extension.parsed_extension();
    matches!(parsed, E::BasicConstraints(_) | E::KeyUsage(_) | E::ExtendedKeyUsage(_) | E::SubjectAlternativeName(_))
}

/// Whether a certificate may sign others; `below` of them lie between it and the one shown.
fn check_authority(cert: &X509Certificate<'_>, below: usize) -> Result<(), Distrust> {
    let usage = cert.key_usage().ok().flatten().map(|usage| usage.value.key_cert_sign());
    let constraints = cert.basic_constraints().ok().flatten().map(|found| found.value);
    let may = match constraints {
        Some(constraints) => constraints.ca && usage != Some(false),
        None => usage == Some(true) || (cert.version() != X509Version::V3 && is_self_issued(cert)),
    };
    if !may {
        return Err("invalid CA certificate");
    }
    match constraints.and_then(|constraints| constraints.path_len_constraint) {
        Some(most) if below as u64 > u64::from(most) => Err("path length constraint exceeded"),
        _ => Ok(()),
    }
}

fn serves(cert: &X509Certificate<'_>, purpose: Purpose) -> Result<(), Distrust> {
    let Some(usage) = cert.extended_key_usage().ok().flatten() else { return Ok(()) };
    let fits = match purpose {
        Purpose::Client => usage.value.client_auth,
        Purpose::Server => usage.value.server_auth,
    };
    if fits || usage.value.any { Ok(()) } else { Err("unsupported certificate purpose") }
}

/// Signatures and dates from the top down; what has no issuer here has no signature to check.
fn check_signatures(chain: &[&X509Certificate<'_>], whole: bool, now: i64) -> Result<(), Distrust> {
    let mut verdict = Ok(());
    for (at, cert) in chain.iter().enumerate().rev() {
        let issuer = chain.get(at + 1);
        if let Some(issuer) = issuer
            && !is_signed(cert.as_raw(), cert.tbs_certificate.as_ref(), issuer)
        {
            verdict = Err("certificate signature failure");
        }
        // A root is trusted for being there, but one that somebody shows may lie.
        if issuer.is_none()
            && !whole
            && is_self_issued(cert)
            && !is_signed(cert.as_raw(), cert.tbs_certificate.as_ref(), cert)
        {
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
