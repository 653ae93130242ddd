//! OpenSSL's lists of cipher suites and curves, as far as rustls offers what they name. Pure.

use rustls::{CipherSuite as S, NamedGroup, ProtocolVersion};

/// A cipher suite of TLSv1.2 that is offered, with OpenSSL's name; strongest first, as OpenSSL sorts them.
const TLS12: [(S, &str); 6] = [
    (S::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (S::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
    (S::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
    (S::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
    (S::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (S::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
];

const TLS13: [(S, &str); 3] = [
    (S::TLS13_AES_256_GCM_SHA384, "TLS_AES_256_GCM_SHA384"),
    (S::TLS13_CHACHA20_POLY1305_SHA256, "TLS_CHACHA20_POLY1305_SHA256"),
    (S::TLS13_AES_128_GCM_SHA256, "TLS_AES_128_GCM_SHA256"),
];

/// The name that OpenSSL has for a suite.
pub fn name(suite: S) -> String {
    let known = TLS12.iter().chain(&TLS13).find(|(known, _)| *known == suite);
    known.map_or_else(|| format!("0x{:04x}", u16::from(suite)), |(_, name)| (*name).to_owned())
}

/// The suites of TLSv1.2 that an OpenSSL cipher string selects, in its order.
pub fn select(list: &str) -> Vec<S> {
    let mut chosen: Vec<(S, &str)> = Vec::new();
    let mut banned: Vec<S> = Vec::new();
    for word in list.split([':', ',', ' ', ';']).filter(|word| !word.is_empty()) {
        let (sign, words) = match word.chars().next() {
            Some(sign @ ('!' | '-' | '+')) => (sign, word.get(1..).unwrap_or_default()),
            _ => (' ', word),
        };
        let meant =
            |(suite, name): &(S, &str)| !banned.contains(suite) && words.split('+').all(|word| matches(name, word));
        let meant: Vec<_> = TLS12.iter().copied().filter(meant).collect();
        match sign {
            '!' => {
                banned.extend(meant.iter().map(|(suite, _)| *suite));
                chosen.retain(|(suite, _)| !banned.contains(suite));
            }
            '-' => chosen.retain(|suite| !meant.contains(suite)),
            '+' => {
                let moved: Vec<_> = chosen.iter().copied().filter(|suite| meant.contains(suite)).collect();
                chosen.retain(|suite| !moved.contains(suite));
                chosen.extend(moved);
            }
            _ => {
                let new = meant.into_iter().filter(|suite| !chosen.contains(suite)).collect::<Vec<_>>();
                chosen.extend(new);
            }
        }
    }
    chosen.into_iter().map(|(suite, _)| suite).collect()
}

/// The suites of TLSv1.3 that a list names, in its order; other words name none.
pub fn select_tls13(list: &str) -> Vec<S> {
    let find = |word: &str| TLS13.iter().find(|(_, name)| *name == word).map(|(suite, _)| *suite);
    list.split(':').filter_map(find).collect()
}

/// Whether a suite is one of those that a word of OpenSSL stands for.
fn matches(name: &str, word: &str) -> bool {
    let has = |part: &str| name.contains(part);
    match word {
        "ALL" | "DEFAULT" | "HIGH" | "TLSv1.2" | "kECDHE" | "kEECDH" | "ECDHE" | "EECDH" | "AEAD"
        | "COMPLEMENTOFALL" => word != "COMPLEMENTOFALL",
        "aRSA" => has("-RSA-"),
        "aECDSA" | "ECDSA" => has("-ECDSA-"),
        "AES" | "AESGCM" => has("AES"),
        "AES128" | "AES256" => has(word),
        "CHACHA20" => has("CHACHA20"),
        "SHA256" | "SHA384" => false,
        "FIPS" => has("AES"),
        _ => name == word,
    }
}

/// The group that a name of OpenSSL stands for.
pub fn group(name: &str) -> Option<NamedGroup> {
    Some(match name.to_ascii_lowercase().as_str() {
        "prime256v1" | "secp256r1" | "p-256" => NamedGroup::secp256r1,
        "secp384r1" | "p-384" => NamedGroup::secp384r1,
        "x25519" => NamedGroup::X25519,
        "x25519mlkem768" => NamedGroup::X25519MLKEM768,
        _ => return None,
    })
}

/// The name that OpenSSL has for a group.
pub fn group_name(group: NamedGroup) -> String {
    match group {
        NamedGroup::secp256r1 => "prime256v1".to_owned(),
        NamedGroup::secp384r1 => "secp384r1".to_owned(),
        NamedGroup::secp521r1 => "secp521r1".to_owned(),
        NamedGroup::X25519 => "X25519".to_owned(),
        NamedGroup::X448 => "X448".to_owned(),
        NamedGroup::X25519MLKEM768 => "X25519MLKEM768".to_owned(),
        other => format!("0x{:04x}", u16::from(other)),
    }
}

/// A version as `$ssl_protocol` shows it.
pub fn protocol(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "TLSv1.2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        select(list).into_iter().map(name).collect()
    }

    #[test]
    fn lists_of_openssl() {
        assert_eq!(names("HIGH:!aNULL:!MD5").len(), 6);
        assert_eq!(names("DEFAULT:ECCdraft").len(), 6);
        assert_eq!(names("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(names("EECDH+AESGCM:!aRSA").len(), 2);
        assert_eq!(names("ALL:-ALL:ECDHE-ECDSA-CHACHA20-POLY1305"), ["ECDHE-ECDSA-CHACHA20-POLY1305"]);
        assert_eq!(names("ALL:+AES").first().map(String::as_str), Some("ECDHE-ECDSA-CHACHA20-POLY1305"));
        assert!(names("kRSA:DHE-RSA-AES256-GCM-SHA384").is_empty());
    }
}
