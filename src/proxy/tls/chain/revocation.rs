//! Whether the lists of revoked certificates let a way pass.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::{Distrust, is_self_issued, is_signed};

/// Every certificate must be of an issuer that has a list, and on none.
pub(super) fn check(chain: &[&X509Certificate<'_>], revoked: &[Vec<u8>], now: i64) -> Result<(), Distrust> {
    let lists: Vec<_> = revoked.iter().filter_map(|list| Some((list.as_slice(), parse(list)?))).collect();
    let mut verdict = Ok(());
    for (at, cert) in chain.iter().enumerate() {
        let issuer = chain.get(at + 1).copied().or_else(|| is_self_issued(cert).then_some(*cert));
        let mut any = false;
        for (raw, list) in lists.iter().filter(|(_, list)| list.issuer().as_raw() == cert.issuer().as_raw()) {
            any = true;
            check_list(raw, list, issuer, now).unwrap_or_else(|why| verdict = Err(why));
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

fn parse(list: &[u8]) -> Option<CertificateRevocationList<'_>> {
    CertificateRevocationList::from_der(list).ok().map(|(_, list)| list)
}

/// Whether a list can be relied on.
fn check_list(
    raw: &[u8],
    list: &CertificateRevocationList<'_>,
    issuer: Option<&X509Certificate<'_>>,
    now: i64,
) -> Result<(), Distrust> {
    if let Some(issuer) = issuer {
        let usage = issuer.key_usage().ok().flatten();
        if usage.is_some_and(|usage| !usage.value.crl_sign()) {
            return Err("key usage does not include CRL signing");
        }
        if !is_signed(raw, list.tbs_cert_list.as_ref(), issuer) {
            return Err("CRL signature failure");
        }
    }
    // A list of a part of the certificates, or of changes, says nothing of the others.
    let unknown = |extension: &x509_parser::extensions::X509Extension<'_>| {
        extension.critical && !matches!(extension.parsed_extension(), ParsedExtension::CRLNumber(_))
    };
    if list.extensions().iter().any(unknown) {
        return Err("unhandled critical CRL extension");
    }
    if list.last_update().timestamp() > now {
        return Err("CRL is not yet valid");
    }
    match list.next_update() {
        Some(next) if next.timestamp() < now => Err("CRL has expired"),
        _ => Ok(()),
    }
}
