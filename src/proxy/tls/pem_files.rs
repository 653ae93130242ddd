//! Certificates and revocation lists from PEM. Pure.

use rustls::pki_types::CertificateDer;

use super::der;

/// All certificates of a PEM text.
///
/// # Errors
/// Why there is none.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let tags = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
    let found: Vec<_> = blocks(pem, &tags)?.into_iter().map(|der| CertificateDer::from(without_trust(der))).collect();
    if found.is_empty() { Err("no start line".to_owned()) } else { Ok(found) }
}

/// A certificate without what OpenSSL notes behind it: what it is trusted for.
fn without_trust(mut der: Vec<u8>) -> Vec<u8> {
    let behind = der::split(&der).map_or(0, |(_, behind)| behind.len());
    der.truncate(der.len() - behind);
    der
}

/// All revocation lists of a PEM text.
///
/// # Errors
/// Why there is none.
pub fn revocation_lists(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let found = blocks(pem, &["X509 CRL"])?;
    if found.is_empty() { Err("no start line".to_owned()) } else { Ok(found) }
}

fn blocks(pem: &[u8], tags: &[&str]) -> Result<Vec<Vec<u8>>, String> {
    let blocks = pem::parse_many(pem).map_err(|error| error.to_string())?;
    Ok(blocks.into_iter().filter(|block| tags.contains(&block.tag())).map(pem::Pem::into_contents).collect())
}
