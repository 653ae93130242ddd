//! Name constraints: which names an authority may vouch for (RFC 5280, 4.2.1.10).

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};
use x509_parser::x509::X509Name;

use super::{Distrust, is_self_issued};

/// Checks every name of a way against the constraints of all authorities above it.
pub(super) fn check(chain: &[&X509Certificate<'_>]) -> Result<(), Distrust> {
    for (at, cert) in chain.iter().enumerate() {
        if at > 0 && is_self_issued(cert) {
            continue;
        }
        for above in chain.iter().skip(at + 1) {
            if let Some(constraints) = above.name_constraints().ok().flatten() {
                check_names(cert, constraints.value, at == 0)?;
            }
        }
    }
    Ok(())
}

fn check_names(cert: &X509Certificate<'_>, constraints: &NameConstraints<'_>, shown: bool) -> Result<(), Distrust> {
    let subject = cert.subject();
    if subject.iter().next().is_some() {
        check_name(&GeneralName::DirectoryName(subject.clone()), constraints)?;
    }
    for mail in subject.iter_email().filter_map(|mail| mail.as_str().ok()) {
        check_name(&GeneralName::RFC822Name(mail), constraints)?;
    }
    let alternative = cert.subject_alternative_name().ok().flatten();
    let names = alternative.map(|found| found.value.general_names.as_slice()).unwrap_or_default();
    for name in names {
        check_name(name, constraints)?;
    }
    // Without a host's name the common one is taken for it.
    if shown && !names.iter().any(|name| matches!(name, GeneralName::DNSName(_))) {
        let common = subject.iter_common_name().filter_map(|name| name.as_str().ok());
        for host in common.filter(|name| is_host(name)) {
            check_name(&GeneralName::DNSName(host), constraints)?;
        }
    }
    Ok(())
}

fn is_host(name: &str) -> bool {
    name.contains('.') && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

fn check_name(name: &GeneralName<'_>, constraints: &NameConstraints<'_>) -> Result<(), Distrust> {
    let same_kind =
        |subtree: &&GeneralSubtree<'_>| std::mem::discriminant(&subtree.base) == std::mem::discriminant(name);
    let permitted = constraints.permitted_subtrees.as_deref().unwrap_or_default();
    let mut any = None;
    for subtree in permitted.iter().filter(same_kind) {
        any = Some(any == Some(true) || is_within(name, &subtree.base)?);
    }
    if any == Some(false) {
        return Err("permitted subtree violation");
    }
    let excluded = constraints.excluded_subtrees.as_deref().unwrap_or_default();
    for subtree in excluded.iter().filter(same_kind) {
        if is_within(name, &subtree.base)? {
            return Err("excluded subtree violation");
        }
    }
    Ok(())
}

fn is_within(name: &GeneralName<'_>, base: &GeneralName<'_>) -> Result<bool, Distrust> {
    match (name, base) {
        (GeneralName::DNSName(host), GeneralName::DNSName(base)) => Ok(host_within(host, base)),
        (GeneralName::RFC822Name(mail), GeneralName::RFC822Name(base)) => mail_within(mail, base),
        (GeneralName::URI(uri), GeneralName::URI(base)) => uri_within(uri, base),
        (GeneralName::IPAddress(address), GeneralName::IPAddress(base)) => address_within(address, base),
        (GeneralName::DirectoryName(name), GeneralName::DirectoryName(base)) => Ok(directory_within(name, base)),
        (GeneralName::Invalid(..), _) => Err("unsupported or invalid name constraint syntax"),
        _ => Err("unsupported name constraint type"),
    }
}

fn host_within(host: &str, base: &str) -> bool {
    if base.is_empty() {
        return true;
    }
    let Some(before) = host.len().checked_sub(base.len()) else { return false };
    let (Some(front), Some(end)) = (host.get(..before), host.get(before..)) else { return false };
    end.eq_ignore_ascii_case(base) && (front.is_empty() || base.starts_with('.') || front.ends_with('.'))
}

/// A host, or with a dot in front all hosts below one.
fn exact_or_below(host: &str, base: &str) -> bool {
    match base.starts_with('.') {
        true => host.len() > base.len() && host_within(host, base),
        false => host.eq_ignore_ascii_case(base),
    }
}

fn mail_within(mail: &str, base: &str) -> Result<bool, Distrust> {
    let (own, host) = mail.rsplit_once('@').ok_or("unsupported or invalid name syntax")?;
    Ok(match base.rsplit_once('@') {
        Some((whose, at)) => (whose.is_empty() || whose == own) && host.eq_ignore_ascii_case(at),
        None => exact_or_below(host, base),
    })
}

fn uri_within(uri: &str, base: &str) -> Result<bool, Distrust> {
    let bad = "unsupported or invalid name syntax";
    let (_, rest) = uri.split_once("://").ok_or(bad)?;
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    let host = rest.get(..end).filter(|host| !host.is_empty()).ok_or(bad)?;
    Ok(exact_or_below(host, base))
}

fn address_within(address: &[u8], base: &[u8]) -> Result<bool, Distrust> {
    if !matches!(base.len(), 8 | 32) {
        return Err("unsupported or invalid name constraint syntax");
    }
    let (network, mask) = base.split_at(base.len() / 2);
    let inside = |((byte, network), mask): ((&u8, &u8), &u8)| byte & mask == network & mask;
    Ok(address.len() == network.len() && address.iter().zip(network).zip(mask).all(inside))
}

/// Whether a name begins with all parts of another one, however they are written.
fn directory_within(name: &X509Name<'_>, base: &X509Name<'_>) -> bool {
    let plain = |name: &X509Name<'_>| -> Vec<Vec<(String, String)>> {
        let part = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).to_lowercase();
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        };
        let rdn = |rdn: &x509_parser::x509::RelativeDistinguishedName<'_>| {
            rdn.iter().map(|one| (one.attr_type().to_id_string(), part(one.as_slice()))).collect()
        };
        name.iter().map(rdn).collect()
    };
    plain(name).starts_with(&plain(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (host, base, within) in [
            ("a.example.com", "example.com", true),
            ("example.com", "example.com", true),
            ("EXAMPLE.com", "example.COM", true),
            ("badexample.com", "example.com", false),
            ("a.example.com", ".example.com", true),
            ("example.com", ".example.com", false),
            ("example.org", "example.com", false),
            ("anything", "", true),
        ] {
            assert_eq!(host_within(host, base), within, "{host} {base}");
        }
    }

    #[test]
    fn mail_addresses_and_uris() {
        assert_eq!(mail_within("a@h.com", "h.com"), Ok(true));
        assert_eq!(mail_within("a@x.h.com", "h.com"), Ok(false));
        assert_eq!(mail_within("a@x.h.com", ".h.com"), Ok(true));
        assert_eq!(mail_within("b@h.com", "a@h.com"), Ok(false));
        assert!(mail_within("none", "h.com").is_err());
        assert_eq!(uri_within("https://a.h.com:1/x", ".h.com"), Ok(true));
        assert_eq!(uri_within("https://h.com/x", "h.com"), Ok(true));
        assert!(uri_within("mailto:x", "h.com").is_err());
    }

    #[test]
    fn addresses() {
        assert_eq!(address_within(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Ok(true));
        assert_eq!(address_within(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Ok(false));
        assert_eq!(address_within(&[0; 16], &[10, 0, 0, 0, 255, 0, 0, 0]), Ok(false));
        assert!(address_within(&[10, 1, 2, 3], &[10, 0]).is_err());
    }
}
