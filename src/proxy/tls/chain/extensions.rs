//! What a certificate's extensions allow: to sign others, and to stand for a client or a server.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension as E, X509Extension};
use x509_parser::x509::X509Version;

use super::{Distrust, Purpose, is_self_issued};

/// Checks each certificate of a way, the one shown first.
pub(super) fn check(chain: &[&X509Certificate<'_>], purpose: Purpose) -> Result<(), Distrust> {
    for (at, cert) in chain.iter().enumerate() {
        check_form(cert)?;
        if cert.extensions().iter().any(|extension| extension.critical && !is_understood(extension)) {
            return Err("unhandled critical extension");
        }
        if at > 0 {
            check_authority(cert)?;
        }
        serves(cert, purpose, at > 0)?;
        if at > 0 {
            check_length(cert, at - 1)?;
        }
    }
    Ok(())
}

/// What cannot be read, or is said twice, must not count as absent.
fn check_form(cert: &X509Certificate<'_>) -> Result<(), Distrust> {
    let all = cert.extensions();
    let unreadable = all.iter().any(|extension| matches!(extension.parsed_extension(), E::ParseError { .. }));
    let twice = all.iter().enumerate().any(|(at, one)| all.iter().skip(at + 1).any(|other| other.oid == one.oid));
    if unreadable || twice { Err("invalid or inconsistent certificate extension") } else { Ok(()) }
}

/// What is checked here, and what OpenSSL passes over as long as nobody asks for policies.
fn is_understood(extension: &X509Extension<'_>) -> bool {
    matches!(
        extension.parsed_extension(),
        E::BasicConstraints(_)
            | E::KeyUsage(_)
            | E::ExtendedKeyUsage(_)
            | E::SubjectAlternativeName(_)
            | E::NameConstraints(_)
            | E::NSCertType(_)
            | E::CRLDistributionPoints(_)
            | E::CertificatePolicies(_)
            | E::PolicyConstraints(_)
            | E::PolicyMappings(_)
            | E::InhibitAnyPolicy(_)
    )
}

/// Whether a certificate may sign others.
fn check_authority(cert: &X509Certificate<'_>) -> Result<(), Distrust> {
    let usage = cert.key_usage().ok().flatten().map(|usage| usage.value.key_cert_sign());
    let constraints = cert.basic_constraints().ok().flatten().map(|found| found.value);
    let may = match constraints {
        Some(constraints) => constraints.ca && usage != Some(false),
        // A root may be older than the extension, or speak by its key's usage alone.
        None => is_self_issued(cert) && (usage == Some(true) || cert.version() != X509Version::V3),
    };
    if may { Ok(()) } else { Err("invalid CA certificate") }
}

/// Whether no more than allowed lie below; `below` of them lie between a certificate and the one shown.
fn check_length(cert: &X509Certificate<'_>, below: usize) -> Result<(), Distrust> {
    let constraints = cert.basic_constraints().ok().flatten();
    match constraints.and_then(|found| found.value.path_len_constraint) {
        Some(most) if below as u64 > u64::from(most) => Err("path length constraint exceeded"),
        _ => Ok(()),
    }
}

/// Whether a certificate serves a purpose, itself or as an authority over those that do.
fn serves(cert: &X509Certificate<'_>, purpose: Purpose, authority: bool) -> Result<(), Distrust> {
    if purpose == Purpose::Responder {
        return Ok(());
    }
    let extended = cert.extended_key_usage().ok().flatten();
    // Any usage is no particular one, to OpenSSL.
    let extended = extended.is_none_or(|usage| match purpose {
        Purpose::Client => usage.value.client_auth,
        Purpose::Server => usage.value.server_auth,
        Purpose::Responder => usage.value.ocsp_signing,
    });
    let usage = cert.key_usage().ok().flatten().filter(|_| !authority);
    let usage = usage.is_none_or(|usage| {
        let usage = usage.value;
        let signs = usage.digital_signature() || usage.key_agreement();
        signs || (purpose == Purpose::Server && usage.key_encipherment())
    });
    let netscape = cert.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        E::NSCertType(kind) => Some(kind),
        _ => None,
    });
    let netscape = netscape.is_none_or(|kind| match (authority, purpose) {
        (true, _) => kind.ssl_ca(),
        (false, Purpose::Client) => kind.ssl_client(),
        (false, Purpose::Server) => kind.ssl_server(),
        (false, Purpose::Responder) => true,
    });
    if extended && usage && netscape { Ok(()) } else { Err("unsuitable certificate purpose") }
}
