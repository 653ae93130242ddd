//! What is asked about a certificate, and what a responder's answer says (RFC 6960). Pure.

use rustls::pki_types::CertificateDer;
use sha1::{Digest, Sha1};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::chain::{self, Purpose, Trust};
use super::der;

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const TIME: u8 = 0x18;
/// `[n]`, as something made of parts.
const fn part(n: u8) -> u8 {
    0xa0 | n
}

/// SHA-1, without parameters.
const SHA1: &[u8] = &[0x30, 9, 6, 5, 0x2b, 0x0e, 3, 2, 0x1a, 5, 0];
/// `id-pkix-ocsp-basic`
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
/// Seconds that clocks may differ.
const SKEW: i64 = 300;

/// Which certificate is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    name: [u8; 20],
    key: [u8; 20],
    serial: Vec<u8>,
}

/// Who may speak for a certificate's issuer.
#[derive(Debug)]
pub struct Speakers<'a> {
    /// The issuer.
    pub issuer: &'a CertificateDer<'static>,
    /// Certificates of our own that may have signed the answer.
    pub known: &'a [CertificateDer<'static>],
    /// By what others are judged; none: whoever has signed it will do.
    pub trust: Option<&'a Trust>,
}

impl CertId {
    /// Of a certificate and its issuer.
    pub fn of(cert: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> CertId {
        CertId {
            name: Sha1::digest(issuer.subject().as_raw()).into(),
            key: key_hash(issuer),
            serial: cert.raw_serial().to_vec(),
        }
    }

    /// The request.
    pub fn request(&self) -> Vec<u8> {
        let serial = value(INTEGER, &[&self.serial]);
        let id = value(SEQUENCE, &[SHA1, &value(OCTETS, &[&self.name]), &value(OCTETS, &[&self.key]), &serial]);
        // The certificate in a request in a list in what would be signed in the whole.
        (0..4).fold(id, |inner, _| value(SEQUENCE, &[&inner]))
    }

    fn is(&self, mut id: &[u8]) -> bool {
        let mut same = || {
            take(&mut id, SEQUENCE)?;
            let (name, key) = (take(&mut id, OCTETS)?, take(&mut id, OCTETS)?);
            Some(name == self.name && key == self.key && take(&mut id, INTEGER)? == self.serial)
        };
        same().unwrap_or(false)
    }
}

fn key_hash(cert: &X509Certificate<'_>) -> [u8; 20] {
    Sha1::digest(&cert.public_key().subject_public_key.data).into()
}

/// Reads an answer about a certificate that must be good; gives when there is a newer one, if that is said.
///
/// # Errors
/// Why it is of no use.
pub fn judge(answer: &[u8], id: &CertId, speakers: &Speakers<'_>, now: i64) -> Result<Option<i64>, String> {
    let basic = open(answer)?;
    let unreadable = || "the OCSP response cannot be read".to_owned();
    let signed = Signed::read(basic).ok_or_else(unreadable)?;
    signed.check(id, speakers, now)?;
    let mut all = signed.responses;
    while !all.is_empty() {
        let mut one = take(&mut all, SEQUENCE).ok_or_else(unreadable)?;
        if id.is(take(&mut one, SEQUENCE).ok_or_else(unreadable)?) {
            return current(one, now);
        }
    }
    Err("certificate status not found in the OCSP response".to_owned())
}

/// The basic response in a response.
fn open(mut answer: &[u8]) -> Result<&[u8], String> {
    let mut read = || {
        let mut response = take(&mut answer, SEQUENCE)?;
        let status = *take(&mut response, ENUMERATED)?.first()?;
        Some((status, response))
    };
    let (status, mut response) = read().ok_or("the OCSP response cannot be read")?;
    if status != 0 {
        return Err(format!("OCSP response not successful ({status})"));
    }
    let mut basic = || {
        let mut bytes = take(&mut response, part(0))?;
        let mut bytes = take(&mut bytes, SEQUENCE)?;
        (take(&mut bytes, 0x06)? == BASIC).then(|| take(&mut bytes, OCTETS)).flatten()
    };
    basic().ok_or_else(|| "the OCSP response is of an unknown kind".to_owned())
}

/// When a status ends that says the certificate is good.
fn current(mut status: &[u8], now: i64) -> Result<Option<i64>, String> {
    match status.first() {
        Some(0x80) => {}
        Some(0xa1) => return Err("certificate status \"revoked\" in the OCSP response".to_owned()),
        _ => return Err("certificate status \"unknown\" in the OCSP response".to_owned()),
    }
    let unreadable = || "the OCSP response has no dates".to_owned();
    take(&mut status, 0x80);
    let since = time(take_raw(&mut status, TIME).ok_or_else(unreadable)?).ok_or_else(unreadable)?;
    let next = take(&mut status, part(0)).map(|next| time(next).ok_or_else(unreadable)).transpose()?;
    if since > now + SKEW || next.is_some_and(|next| next < now - SKEW) {
        return Err("the OCSP response is not of this time".to_owned());
    }
    Ok(next)
}

fn time(raw: &[u8]) -> Option<i64> {
    ASN1Time::from_der(raw).ok().map(|(_, time)| time.timestamp())
}

/// A basic response, taken apart.
struct Signed<'a> {
    whole: &'a [u8],
    data: &'a [u8],
    /// Who has signed it: a name, or the hash of a key.
    by: (u8, &'a [u8]),
    responses: &'a [u8],
    certs: Vec<CertificateDer<'static>>,
}

impl<'a> Signed<'a> {
    fn read(whole: &'a [u8]) -> Option<Signed<'a>> {
        let mut parts = whole;
        let mut parts = take(&mut parts, SEQUENCE)?;
        let data = take_raw(&mut parts, SEQUENCE)?;
        take(&mut parts, SEQUENCE)?;
        take(&mut parts, 0x03)?;
        let certs = take(&mut parts, part(0)).map(certificates).unwrap_or_default();
        let mut inner = data;
        let mut inner = take(&mut inner, SEQUENCE)?;
        take(&mut inner, part(0));
        let kind = *inner.first()?;
        let by = take(&mut inner, kind)?;
        take(&mut inner, TIME)?;
        Some(Signed { whole, data, by: (kind, by), responses: take(&mut inner, SEQUENCE)?, certs })
    }

    /// Whether somebody who may has signed it.
    fn check(&self, id: &CertId, speakers: &Speakers<'_>, now: i64) -> Result<(), String> {
        let own = || speakers.known.iter().chain([speakers.issuer]);
        let signers = own().map(|cert| (cert, true)).chain(self.certs.iter().map(|cert| (cert, false)));
        let mut signers = signers.filter(|(cert, _)| chain::parse(cert).is_some_and(|cert| self.is_by(&cert)));
        let Some((signer, known)) = signers.next() else {
            return Err("OCSP_basic_verify() failed (SSL: signer certificate not found)".to_owned());
        };
        let failed = |why: &str| format!("OCSP_basic_verify() failed (SSL: {why})");
        let parsed = chain::parse(signer).ok_or_else(|| failed("signer certificate not found"))?;
        if !chain::is_signed(self.whole, self.data, &parsed) {
            return Err(failed("signature failure"));
        }
        // Who stands in our own files is trusted for that.
        let Some(trust) = speakers.trust.filter(|_| !known) else { return Ok(()) };
        let others = self.certs.iter().filter(|cert| *cert != signer).chain(own());
        let shown: Vec<_> = [signer].into_iter().chain(others).cloned().collect();
        trust.judge(&shown, Purpose::Responder, now).map_err(failed)?;
        match speaks_for(&parsed, id, speakers.issuer) {
            true => Ok(()),
            false => Err(failed("root ca not trusted")),
        }
    }

    fn is_by(&self, cert: &X509Certificate<'_>) -> bool {
        match self.by {
            (0xa1, name) => name == cert.subject().as_raw(),
            (0xa2, hash) => der::split(hash).is_some_and(|(hash, _)| hash == key_hash(cert)),
            _ => false,
        }
    }
}

/// Whether a signer is the issuer, or whom the issuer has asked to speak.
fn speaks_for(signer: &X509Certificate<'_>, id: &CertId, issuer: &CertificateDer<'_>) -> bool {
    let name: [u8; 20] = Sha1::digest(signer.subject().as_raw()).into();
    if name == id.name && key_hash(signer) == id.key {
        return true;
    }
    let delegated = signer.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.ocsp_signing);
    delegated && chain::parse(issuer).is_some_and(|issuer| chain::is_signed_by(signer, &issuer))
}

fn certificates(mut list: &[u8]) -> Vec<CertificateDer<'static>> {
    let Some(mut all) = take(&mut list, SEQUENCE) else { return Vec::new() };
    std::iter::from_fn(|| take_raw(&mut all, SEQUENCE)).map(|cert| CertificateDer::from(cert.to_vec())).collect()
}

/// Takes a value of a kind; nothing is taken where another one stands.
fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (value, rest) = der::split(bytes).filter(|_| bytes.first() == Some(&tag))?;
    *bytes = rest;
    Some(value)
}

/// The same with its kind and length.
fn take_raw<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let before = *bytes;
    take(bytes, tag)?;
    before.get(..before.len() - bytes.len())
}

/// A value of a kind, made of parts.
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match len {
        0..=0x7f => out.push(len as u8),
        _ => {
            let digits = len.to_be_bytes();
            let zeros = digits.iter().take_while(|digit| **digit == 0).count();
            out.push(0x80 | (digits.len() - zeros) as u8);
            out.extend(digits.iter().skip(zeros));
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_forms() {
        for len in [0, 127, 128, 300, 70_000] {
            let inner = vec![7; len];
            let whole = value(OCTETS, &[&inner]);
            let mut rest = whole.as_slice();
            assert_eq!(take(&mut rest, SEQUENCE), None);
            assert_eq!(take(&mut rest, OCTETS), Some(inner.as_slice()));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_request_names_the_certificate() {
        let id = CertId { name: [1; 20], key: [2; 20], serial: vec![9] };
        let request = id.request();
        let mut inner = request.as_slice();
        for _ in 0..4 {
            inner = take(&mut inner, SEQUENCE).unwrap();
        }
        assert!(id.is(take(&mut inner, SEQUENCE).unwrap()));
        assert!(!CertId { serial: vec![8], ..id }.is(inner));
    }

    #[test]
    fn what_is_no_answer() {
        let id = CertId { name: [1; 20], key: [2; 20], serial: vec![9] };
        let issuer = CertificateDer::from(vec![0x30, 0]);
        let speakers = Speakers { issuer: &issuer, known: &[], trust: None };
        let later = value(SEQUENCE, &[&value(ENUMERATED, &[&[3]])]);
        assert_eq!(judge(&later, &id, &speakers, 0).unwrap_err(), "OCSP response not successful (3)");
        for bytes in [&b""[..], b"<html>", &[0x30, 3, 0x0a, 1, 0], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
            assert!(judge(bytes, &id, &speakers, 0).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn dates_and_states() {
        let at = |text: &str| value(TIME, &[text.as_bytes()]);
        let status = |tag: u8, next: &str| {
            let next = value(part(0), &[&at(next)]);
            [value(tag, &[]), at("20260101000000Z"), next].concat()
        };
        let start = 1_767_225_600;
        assert_eq!(current(&status(0x80, "20260102000000Z"), start), Ok(Some(start + 86_400)));
        assert_eq!(current(&[value(0x80, &[]), at("20260101000000Z")].concat(), start), Ok(None));
        assert!(current(&status(0x80, "20260102000000Z"), start + 87_000).is_err());
        assert!(current(&status(0x80, "20260102000000Z"), start - 400).is_err());
        assert!(current(&status(0xa1, "20260102000000Z"), start).unwrap_err().contains("revoked"));
        assert!(current(&status(0x82, "20260102000000Z"), start).unwrap_err().contains("unknown"));
    }
}
