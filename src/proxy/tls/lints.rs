//! What works, and will hurt: certificates that end soon, lead nowhere or have other names, keys that are too short,
//! HTTP/2 where no browser speaks it, and HSTS that some location forgets. For check-config alone. Pure.

use rkeep_parsers::ir::arena::Id;
use rkeep_parsers::ir::http::{Location, Server, ServerName};
use rkeep_parsers::source::Span;
use rkeep_parsers::table::value::VerifyClient;
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;

use super::inventory::{self, Entry};
use super::{Finding, names};
use crate::plan::ProxyPlan;

/// Days before its end when a certificate is to be renewed.
const SOON: i64 = 30;
/// Bits of an RSA key that are enough.
const ENOUGH: usize = 2048;
/// The field that keeps browsers from going back to plain HTTP.
const HSTS: &str = "Strict-Transport-Security";

/// All lints of a plan, at a time in seconds since 1970.
pub fn lint(plan: &ProxyPlan, now: i64) -> Vec<Finding> {
    let mut lints = Lints { plan, now, findings: Vec::new() };
    inventory::all(plan).iter().for_each(|entry| lints.certificate(entry));
    for (id, server) in plan.servers.iter() {
        let listeners = || plan.listeners.values().filter(|listener| listener.servers.contains(&id));
        let encrypted = listeners().any(|listener| listener.options.ssl);
        if encrypted {
            lints.names(server);
            lints.clients(server);
            lints.transport_security(server);
        } else if server.conf.http2.on || listeners().any(|listener| listener.options.http2) {
            lints.plain_http2(server);
        }
    }
    lints.findings
}

struct Lints<'a> {
    plan: &'a ProxyPlan,
    now: i64,
    findings: Vec<Finding>,
}

impl Lints<'_> {
    fn warn(&mut self, at: Span, text: String, help: &'static str) {
        self.findings.push(Finding { error: false, at, text, help });
    }

    fn certificate(&mut self, entry: &Entry) {
        let chain = entry.certificates();
        let Some(own) = chain.first() else { return };
        self.dates(entry, &chain);
        self.chain(entry, &chain);
        self.strength(entry, own);
    }

    fn dates(&mut self, entry: &Entry, chain: &[X509Certificate<'_>]) {
        let shown = entry.shown();
        // What ends first counts.
        let Some(first) = chain.iter().min_by_key(|cert| cert.validity().not_after.timestamp()) else { return };
        let what = match first.as_raw() == chain.first().map_or(&[][..], |own| own.as_raw()) {
            true => format!("certificate \"{shown}\""),
            false => format!("an intermediate certificate in \"{shown}\""),
        };
        let days = inventory::days_left(first, self.now);
        if days < 0 {
            self.warn(entry.at, format!("{what} ended {} days ago", -days), "renew it: clients refuse it");
        } else if days <= SOON {
            self.warn(entry.at, format!("{what} ends in {days} days"), "renew it, and reload");
        }
        if chain.iter().any(|cert| cert.validity().not_before.timestamp() > self.now) {
            let text = format!("certificate \"{shown}\" is not valid yet");
            self.warn(entry.at, text, "look at the clock of this box, or wait");
        }
    }

    fn chain(&mut self, entry: &Entry, chain: &[X509Certificate<'_>]) {
        let shown = entry.shown();
        let broken = chain.windows(2).any(|pair| match pair {
            [below, above] => below.issuer().as_raw() != above.subject().as_raw(),
            _ => false,
        });
        if broken {
            let text = format!("the certificates in \"{shown}\" do not lead from each to its issuer");
            return self.warn(entry.at, text, "write the server's certificate first, then its issuer's, and so on");
        }
        if let [own] = chain
            && own.subject().as_raw() != own.issuer().as_raw()
        {
            let issuer = names::rfc2253(own.issuer());
            let text = format!("\"{shown}\" holds no certificate of the issuer, {issuer}");
            self.warn(
                entry.at,
                text,
                "append the intermediate certificates, unless clients know this issuer as a root",
            );
        }
    }

    fn strength(&mut self, entry: &Entry, own: &X509Certificate<'_>) {
        let bits = match own.public_key().parsed() {
            Ok(PublicKey::RSA(key)) => key.key_size(),
            _ => ENOUGH,
        };
        if bits < ENOUGH {
            let text = format!("the key of certificate \"{}\" has only {bits} bits", entry.shown());
            self.warn(entry.at, text, "make one of 2048 bits, or by an elliptic curve");
        }
        let algorithm = own.signature_algorithm.algorithm.to_id_string();
        // RSA with MD5 and SHA-1, ECDSA with SHA-1.
        let old = ["1.2.840.113549.1.1.4", "1.2.840.113549.1.1.5", "1.2.840.10045.4.1"];
        if old.contains(&algorithm.as_str()) {
            let text = format!("certificate \"{}\" is signed by way of a digest that is broken", entry.shown());
            self.warn(entry.at, text, "have it signed with SHA-256: clients refuse it");
        }
    }

    /// Names that no certificate of the server has.
    fn names(&mut self, server: &Server) {
        let ssl = &server.conf.ssl;
        let entries = inventory::of_server(server, &self.plan.tls_files);
        // With variables in their names nobody knows.
        if ssl.reject_handshake || entries.is_empty() || entries.len() < ssl.certificate.len() {
            return;
        }
        let covered = |host: &str| {
            let chains = entries.iter().map(Entry::certificates);
            chains.into_iter().any(|chain| chain.first().is_some_and(|own| names::covers(own, host)))
        };
        let bare: Vec<String> = hosts(server).into_iter().filter(|host| !covered(host)).collect();
        if bare.is_empty() {
            return;
        }
        let text = format!("no certificate of this server has the name {}", bare.join(", "));
        let at = ssl.certificate.first().map_or(server.span, |file| file.span);
        self.warn(at, text, "use a certificate that has it: browsers warn of this one");
    }

    fn clients(&mut self, server: &Server) {
        if server.conf.ssl.verify_client == VerifyClient::OptionalNoCa {
            let text = "\"ssl_verify_client optional_no_ca\" lets every client in, whoever signed its certificate";
            let help = "look at $ssl_client_verify, or leave that to what is behind";
            self.warn(server.span, text.to_owned(), help);
        }
    }

    fn plain_http2(&mut self, server: &Server) {
        let text = "HTTP/2 is on where no port of this server has TLS";
        let help =
            "no browser speaks it so; what ends TLS in front must be told to (h2c), or else take http2 away here";
        self.warn(server.span, text.to_owned(), help);
    }

    /// Locations whose own `add_header` makes the server's HSTS go.
    fn transport_security(&mut self, server: &Server) {
        let Some(root) = self.plan.locations.get(server.root).filter(|root| says_hsts(root)) else { return };
        self.children(&root.children.clone());
    }

    fn children(&mut self, children: &[Id<Location>]) {
        let plan = self.plan;
        for location in children.iter().filter_map(|id| plan.locations.get(*id)) {
            if says_hsts(location) {
                self.children(&location.children);
                continue;
            }
            let name = String::from_utf8_lossy(&location.name);
            let text = format!("location \"{name}\" does not send the {HSTS} of its server");
            let help = "a location with add_header inherits none: write it again here, or add_header_inherit merge";
            self.warn(location.span, text, help);
        }
    }
}

fn says_hsts(location: &Location) -> bool {
    location.conf.headers.add_header.iter().any(|added| added.name.eq_ignore_ascii_case(HSTS))
}

/// A server's names that a certificate can have: one of each kind stands for all below a domain.
fn hosts(server: &Server) -> Vec<String> {
    let names = server.names.iter().filter_map(|name| match name {
        ServerName::Exact(host) | ServerName::Dot(host) => Some(host.trim_start_matches('.').to_owned()),
        ServerName::Suffix(suffix) => Some(format!("*{suffix}")),
        ServerName::Prefix(_) | ServerName::Regex(_) => None,
    });
    // `_`, `localhost` and the like are no names that clients come with from afar.
    names.filter(|host| host.contains('.')).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
    use rkeep_parsers::source::MapLoader;
    use rkeep_parsers::table::Compat;

    use super::*;
    use crate::plan;

    const DAY: i64 = 86_400;

    /// A certificate for `a.example.com` that ends after some days from 2026-01-01, signed by itself or by another.
    fn pems(alone: bool) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.example.com".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a.example.com");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026, 12, 31);
        let pem = match alone {
            true => params.self_signed(&key).unwrap().pem(),
            false => {
                let mut other = CertificateParams::default();
                other.distinguished_name.push(DnType::CommonName, "some authority");
                let signs = KeyPair::generate().unwrap();
                params.signed_by(&key, &Issuer::from_params(&other, &signs)).unwrap().pem()
            }
        };
        (pem, key.serialize_pem())
    }

    /// The lints of `http { … }` at a day of 2026, the first being 0.
    fn found(http: &str, alone: bool, day: i64) -> Vec<String> {
        let (cert, key) = pems(alone);
        let text = format!("events {{}} http {{ {http} }}");
        let loader = MapLoader::default().file("/c/nginx.conf", text).file("/c/cert", cert).file("/c/key", key);
        let loaded =
            rkeep_parsers::nginx::load(Path::new("/c/nginx.conf"), Path::new("/c"), None, &loader, Compat::default());
        let ir = loaded.ir.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let start = rcgen::date_time_ymd(2026, 1, 1).unix_timestamp();
        lint(&plan::cut(ir).proxy, start + day * DAY).into_iter().map(|found| found.text).collect()
    }

    const SERVER: &str = "ssl_certificate cert; ssl_certificate_key key; server { listen 443 ssl; ";

    fn server(rest: &str) -> String {
        format!("{SERVER}{rest} }}")
    }

    #[test]
    fn a_sound_server_has_none() {
        assert_eq!(found(&server("server_name a.example.com localhost _;"), true, 100), [""; 0]);
    }

    #[test]
    fn dates() {
        let at = |day| found(&server("server_name a.example.com;"), true, day);
        assert_eq!(at(340), ["certificate \"/c/cert\" ends in 24 days"]);
        assert_eq!(at(370), ["certificate \"/c/cert\" ended 6 days ago"]);
        assert_eq!(at(-2), ["certificate \"/c/cert\" is not valid yet"]);
    }

    #[test]
    fn names_and_chains() {
        let names = found(&server("server_name a.example.com b.example.com *.example.org;"), true, 100);
        assert_eq!(names, ["no certificate of this server has the name b.example.com, *.example.org"]);
        let chain = found(&server("server_name a.example.com;"), false, 100);
        assert_eq!(chain, ["\"/c/cert\" holds no certificate of the issuer, CN=some authority"]);
    }

    #[test]
    fn http2_without_tls() {
        let text = "HTTP/2 is on where no port of this server has TLS";
        assert_eq!(found("server { listen 80; http2 on; }", true, 100), [text]);
        assert_eq!(found(&server("listen 80; http2 on;"), true, 100), [""; 0]);
    }

    #[test]
    fn transport_security_that_a_location_forgets() {
        let rest = "add_header Strict-Transport-Security max-age=1; location /kept { } \
                    location /lost { add_header X-A b; } \
                    location /merged { add_header_inherit merge; add_header X-A b; }";
        let text = "location \"/lost\" does not send the Strict-Transport-Security of its server";
        assert_eq!(found(&server(rest), true, 100), [text]);
    }
}
