//! What a handshake offers: protocol versions, cipher suites and groups, of what OpenSSL's words ask for and rustls has.

use rkeep_parsers::source::Span;
use rkeep_parsers::table::value::OpensslSetting;
use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;

use super::maker::Maker;
use super::{ciphers, provider};

impl Maker<'_> {
    /// Versions, and the cryptography for them; none when nothing is left.
    pub fn suites(&mut self) -> Option<(Vec<&'static SupportedProtocolVersion>, CryptoProvider)> {
        let versions = self.versions()?;
        let provider = self.provider(&versions)?;
        Some((versions, provider))
    }

    fn versions(&mut self) -> Option<Vec<&'static SupportedProtocolVersion>> {
        let words = &self.ssl.protocols.0;
        let mut lowest = 0;
        let mut highest = usize::MAX;
        for setting in &self.ssl.conf_command {
            match (setting.name.as_str(), rank(&setting.value)) {
                ("MinProtocol", Some(rank)) => lowest = rank,
                ("MaxProtocol", Some(rank)) => highest = rank,
                _ => {}
            }
        }
        let allowed = |word: &&String| rank(word).is_some_and(|rank| (lowest..=highest).contains(&rank));
        let has = |name: &str| words.iter().filter(allowed).any(|word| word.eq_ignore_ascii_case(name));
        let mut versions = Vec::new();
        if has("TLSv1.3") {
            versions.push(&rustls::version::TLS13);
        }
        if has("TLSv1.2") {
            versions.push(&rustls::version::TLS12);
        }
        let old: Vec<_> =
            words.iter().filter(|word| rank(word).is_some_and(|rank| rank < 2)).map(String::as_str).collect();
        let old = old.join(" and ");
        if versions.is_empty() {
            let text = format!("\"{}_protocols\": {old} is not spoken, and nothing else is left", self.directives);
            self.error(self.at, text, "name TLSv1.2 and TLSv1.3");
            return None;
        }
        if !old.is_empty() {
            let text = format!("\"{}_protocols\": {old} is not spoken", self.directives);
            self.warn(self.at, text, "clients need TLSv1.2 or TLSv1.3");
        }
        Some(versions)
    }

    /// The suites and groups that the configuration leaves.
    fn provider(&mut self, versions: &[&'static SupportedProtocolVersion]) -> Option<CryptoProvider> {
        let mut provider = provider();
        let named = ciphers::select(&self.ssl.ciphers);
        let mut order = named.clone();
        let mut tls13 = None;
        for setting in &self.ssl.conf_command {
            match setting.name.as_str() {
                "Ciphersuites" => tls13 = Some(ciphers::select_tls13(&setting.value)),
                "CipherString" => order = ciphers::select(&setting.value),
                "Groups" | "Curves" => self.groups(&mut provider, &setting.value, setting.span)?,
                "MinProtocol" | "MaxProtocol" | "Options" => {}
                _ => return self.unknown_setting(setting),
            }
        }
        if self.ssl.ecdh_curve != "auto" {
            self.groups(&mut provider, &self.ssl.ecdh_curve.clone(), self.at)?;
        }
        let is13 = |suite: &rustls::SupportedCipherSuite| matches!(suite, rustls::SupportedCipherSuite::Tls13(_));
        let all = std::mem::take(&mut provider.cipher_suites);
        let newer = all.iter().copied().filter(|suite| is13(suite));
        provider.cipher_suites = match tls13 {
            Some(names) => sorted(&all, &names),
            None => newer.collect(),
        };
        provider.cipher_suites.extend(sorted(&all, &order));
        if order.is_empty() {
            let only_old = !versions.contains(&&rustls::version::TLS13);
            let text = format!("SSL_CTX_set_cipher_list(\"{}\") failed: rkeep offers none of these", self.ssl.ciphers);
            let help = "TLSv1.2 needs suites of ECDHE with AES-GCM or CHACHA20-POLY1305";
            match only_old {
                true => {
                    self.error(self.at, text, help);
                    return None;
                }
                false => self.warn(self.at, text, help),
            }
        }
        Some(provider)
    }

    fn unknown_setting(&mut self, setting: &OpensslSetting) -> Option<CryptoProvider> {
        let text =
            format!("SSL_CONF_cmd(\"{}\", \"{}\") failed: rkeep has no such setting", setting.name, setting.value);
        self.error(setting.span, text, "delete it; Ciphersuites, CipherString, Groups and Min/MaxProtocol are known");
        None
    }

    fn groups(&mut self, provider: &mut CryptoProvider, list: &str, at: Span) -> Option<()> {
        let all = std::mem::take(&mut provider.kx_groups);
        for word in list.split(':').filter(|word| !word.is_empty()) {
            let known = ciphers::group(word.trim_start_matches('?'));
            match all.iter().find(|group| Some(group.name()) == known) {
                Some(group) => provider.kx_groups.push(*group),
                None => {
                    let text = format!("\"ssl_ecdh_curve\": {word} is not offered");
                    self.warn(at, text, "X25519, prime256v1, secp384r1 and X25519MLKEM768 are");
                }
            }
        }
        if provider.kx_groups.is_empty() {
            let text = format!("SSL_CTX_set1_curves_list(\"{list}\") failed: rkeep offers none of these");
            self.error(at, text, "write X25519:prime256v1:secp384r1, or auto");
            return None;
        }
        Some(())
    }
}

/// The suites of a list, in its order.
fn sorted(all: &[rustls::SupportedCipherSuite], order: &[rustls::CipherSuite]) -> Vec<rustls::SupportedCipherSuite> {
    order.iter().filter_map(|name| all.iter().find(|suite| suite.suite() == *name).copied()).collect()
}

/// A protocol's place among its like; older than TLSv1.2 is below 2.
fn rank(name: &str) -> Option<usize> {
    match name.to_ascii_lowercase().as_str() {
        "sslv2" | "sslv3" | "tlsv1" => Some(0),
        "tlsv1.1" => Some(1),
        "tlsv1.2" => Some(2),
        "tlsv1.3" => Some(3),
        _ => None,
    }
}
