//! Variables about TLS.

use std::fmt::Write;

use rkeep_parsers::ir::expr::Builtin as B;
use rustls::Connection as Session;
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use sha1::{Digest, Sha1};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::put;
use crate::proxy::request::RequestCtx;
use crate::proxy::tls::accept::now;
use crate::proxy::tls::{ciphers, names};

impl RequestCtx {
    /// Whether the client's connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.conn.handshake().is_some()
    }

    /// `http` or `https`
    pub fn scheme(&self) -> &'static str {
        if self.is_encrypted() { "https" } else { "http" }
    }

    pub(super) fn tls_variable(&self, builtin: B, out: &mut Vec<u8>) -> bool {
        let Some(handshake) = self.conn.handshake() else { return false };
        let of_client = || handshake.shown.first().and_then(|cert| of_certificate(builtin, cert));
        let text = match builtin {
            B::SslServerName => Some(String::from_utf8_lossy(&handshake.name).into_owned()),
            B::SslCiphers => Some(handshake.cipher_names()),
            B::SslCurves => Some(handshake.group_names()),
            B::SslSessionId => handshake.session.as_ref().map(|id| hex(id)),
            B::SslEarlyData => {
                let early = self.conn.stream.tls().is_some_and(|tls| tls.is_early());
                early.then(|| "1".to_owned())
            }
            B::SslClientVerify => Some(handshake.verdict_text()),
            B::SslProtocol | B::SslCipher | B::SslCurve | B::SslAlpnProtocol | B::SslSessionReused => {
                self.of_session(builtin)
            }
            _ => of_client(),
        };
        text.is_some_and(|text| !text.is_empty() && put(out, text.as_bytes()))
    }

    fn of_session(&self, builtin: B) -> Option<String> {
        self.conn.stream.tls()?.with(|tls| session_value(builtin, tls)).flatten()
    }
}

fn session_value(builtin: B, tls: &Session) -> Option<String> {
    Some(match builtin {
        B::SslProtocol => ciphers::protocol(tls.protocol_version()?).to_owned(),
        B::SslCipher => ciphers::name(tls.negotiated_cipher_suite()?.suite()),
        B::SslCurve => ciphers::group_name(tls.negotiated_key_exchange_group()?.name()),
        B::SslAlpnProtocol => String::from_utf8_lossy(tls.alpn_protocol()?).into_owned(),
        _ if tls.handshake_kind() == Some(HandshakeKind::Resumed) => "r".to_owned(),
        _ => ".".to_owned(),
    })
}

fn of_certificate(builtin: B, der: &CertificateDer<'_>) -> Option<String> {
    let (_, cert) = X509Certificate::from_der(der).ok()?;
    Some(match builtin {
        B::SslClientSDn => names::rfc2253(cert.subject()),
        B::SslClientIDn => names::rfc2253(cert.issuer()),
        B::SslClientSDnLegacy => names::legacy(cert.subject()),
        B::SslClientIDnLegacy => names::legacy(cert.issuer()),
        B::SslClientSerial => hex(cert.raw_serial().strip_prefix(&[0]).unwrap_or(cert.raw_serial())).to_uppercase(),
        B::SslClientFingerprint => hex(&Sha1::digest(der)),
        B::SslClientVStart => date(cert.validity().not_before),
        B::SslClientVEnd => date(cert.validity().not_after),
        B::SslClientVRemain => (((cert.validity().not_after.timestamp() - now()).max(0)) / 86_400).to_string(),
        // Header fields have one line: what is no first line begins with a tab.
        B::SslClientCert => pem(der).trim_end().replace('\n', "\n\t"),
        B::SslClientRawCert => pem(der),
        B::SslClientEscapedCert => escaped(&pem(der)),
        _ => return None,
    })
}

fn pem(der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), config)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Everything but letters, digits and what needs no escaping in URIs.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => drop(write!(text, "%{byte:02X}")),
        }
        text
    })
}

/// A time as OpenSSL prints it: `Nov 26 01:02:03 2026 GMT`.
fn date(time: ASN1Time) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let time = time.to_datetime();
    let month = MONTHS.get(usize::from(u8::from(time.month())).saturating_sub(1)).copied().unwrap_or_default();
    let (hour, minute, second) = time.to_hms();
    format!("{month} {:2} {hour:02}:{minute:02}:{second:02} {} GMT", time.day(), time.year())
}
