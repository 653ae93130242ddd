//! Names in certificates as variables show them, and whether a certificate names a host. Pure.

use std::fmt::Write;
use std::net::IpAddr;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// OpenSSL's short names of parts of names.
const SHORT: [(&str, &str); 13] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("0.9.2342.19200300.100.1.25", "DC"),
];

/// A name by RFC 2253: the last part first, separated by commas.
pub fn rfc2253(name: &X509Name<'_>) -> String {
    let rdns: Vec<String> = name.iter().map(|rdn| joined(rdn.iter(), "+", escaped)).collect();
    rdns.into_iter().rev().collect::<Vec<_>>().join(",")
}

/// A name as it was shown once: each part after a slash.
pub fn legacy(name: &X509Name<'_>) -> String {
    name.iter_attributes().fold(String::new(), |mut text, part| {
        let _ = write!(text, "/{}={}", short(part), String::from_utf8_lossy(part.as_slice()));
        text
    })
}

fn joined<'a>(
    parts: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
    between: &str,
    value: fn(&[u8]) -> String,
) -> String {
    let parts: Vec<String> = parts.map(|part| format!("{}={}", short(part), value(part.as_slice()))).collect();
    parts.join(between)
}

fn short(part: &AttributeTypeAndValue<'_>) -> String {
    let oid = part.attr_type().to_id_string();
    let known = SHORT.iter().find(|(known, _)| *known == oid).map(|(_, name)| (*name).to_owned());
    known.unwrap_or(oid)
}

/// Escapes as RFC 2253 demands; bytes beyond ASCII become `\XX`, as OpenSSL shows them.
fn escaped(value: &[u8]) -> String {
    let mut text = String::new();
    for (at, &byte) in value.iter().enumerate() {
        let edge = (at == 0 && matches!(byte, b' ' | b'#')) || (at + 1 == value.len() && byte == b' ');
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => text.extend(['\\', char::from(byte)]),
            _ if edge => text.extend(['\\', char::from(byte)]),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => drop(write!(text, "\\{byte:02X}")),
        }
    }
    text
}

/// Whether a certificate is for a host or an address, as browsers see it: its alternative names, or its common name where
/// it has none of hosts.
pub fn covers(cert: &X509Certificate<'_>, host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is = |bytes: &[u8]| match address {
        Ok(IpAddr::V4(ip)) => bytes == ip.octets(),
        Ok(IpAddr::V6(ip)) => bytes == ip.octets(),
        Err(_) => false,
    };
    names_host(cert, host)
        || alternative(cert).iter().any(|name| matches!(name, GeneralName::IPAddress(bytes) if is(bytes)))
}

/// The same as OpenSSL's `X509_check_host()`, which nginx asks about backends: addresses are names like any other.
pub fn names_host(cert: &X509Certificate<'_>, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let mut any = false;
    for name in alternative(cert) {
        if let GeneralName::DNSName(pattern) = name {
            any = true;
            if fits(pattern, host) {
                return true;
            }
        }
    }
    let mut common = cert.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    !any && common.any(|name| fits(name, host))
}

fn alternative<'a>(cert: &'a X509Certificate<'_>) -> &'a [GeneralName<'a>] {
    cert.subject_alternative_name().ok().flatten().map_or(&[], |found| found.value.general_names.as_slice())
}

/// Whether a pattern with a `*` as its first label, or none, is a host's.
fn fits(pattern: &str, host: &str) -> bool {
    let pattern = pattern.trim_end_matches('.');
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(domain) = pattern.strip_prefix("*.") else { return false };
    let Some((label, rest)) = host.split_once('.') else { return false };
    !label.is_empty() && domain.contains('.') && rest.eq_ignore_ascii_case(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_hosts() {
        assert!(fits("*.example.com", "www.Example.com"));
        assert!(!fits("*.example.com", "a.www.example.com"));
        assert!(!fits("*.example.com", "example.com"));
        assert!(!fits("*.com", "example.com"));
        assert!(fits("example.com", "EXAMPLE.com"));
    }

    #[test]
    fn addresses_are_no_hosts() {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = ["a.example.com", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let cert = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let (_, cert) = x509_parser::parse_x509_certificate(cert.der()).unwrap();
        for (name, host, covered) in [
            ("a.example.com", true, true),
            ("127.0.0.1", false, true),
            ("[::1]", false, true),
            ("127.0.0.2", false, false),
        ] {
            assert_eq!((names_host(&cert, name), covers(&cert, name)), (host, covered), "{name}");
        }
    }

    #[test]
    fn parts_are_escaped() {
        assert_eq!(escaped(b"a,b"), "a\\,b");
        assert_eq!(escaped(b" x "), "\\ x\\ ");
        assert_eq!(escaped("\u{e4}".as_bytes()), "\\C3\\A4");
    }
}
