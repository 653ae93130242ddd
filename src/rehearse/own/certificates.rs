//! What of an operator's TLS is made up: certificates and keys that are not on this machine, or are not ours to read, and
//! who is trusted to sign those of the stubs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::http::{Handler, ProxyPass, ServerName};
use rkeep_parsers::nginx::{ProxySsl, Ssl};
use rkeep_parsers::table::value::{Named, TlsFile};

use super::authority::{Authority, Kind};

/// The length of a key for tickets.
const TICKET_KEY: usize = 80;

/// Files made up, and what is to be said of them.
#[derive(Debug, Default)]
pub struct Made {
    /// By their paths.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// A path, and why another file is in its place.
    pub remarks: Vec<(PathBuf, &'static str)>,
}

impl Made {
    fn put(&mut self, path: PathBuf, text: String, why: &'static str) {
        if self.files.insert(path.clone(), text.into_bytes()).is_none() {
            self.remarks.push((path, why));
        }
    }
}

const MISSING: &str = "is not here to be read: one made up for the rehearsal is in its place";
const BESIDE: &str = "has no key here: one made up for the rehearsal is in its place";
const TRUSTED: &str = "is replaced by the authority that has signed the stubs' certificates";

/// Makes what `nginx` needs and is `missing`.
///
/// # Errors
/// The library's.
pub fn make(nginx: &Ir, missing: &BTreeSet<PathBuf>, authority: &Authority) -> io::Result<Made> {
    let mut made = Made::default();
    let servers = nginx.servers.values().map(|server| (&server.conf.ssl, names(&server.names)));
    let mut wanted: BTreeMap<(PathBuf, PathBuf), (Vec<String>, Kind)> = BTreeMap::new();
    for (ssl, names) in servers {
        for pair in pairs(ssl) {
            let (all, kind) = wanted.entry(pair).or_default();
            all.extend(names.iter().cloned());
            // TLSv1.3's suites go with every key.
            if !ssl.protocols.0.iter().any(|version| version == "TLSv1.3") {
                *kind = Kind::Rsa;
            }
        }
        others(ssl, missing, authority, &mut made)?;
    }
    for (_, tls) in encrypted(nginx) {
        let common = tls.common();
        wanted.extend(pairs(&common).map(|pair| (pair, (Vec::new(), Kind::Curve))));
        if tls.verify {
            for path in tls.trusted_certificate.iter().filter_map(path) {
                made.put(path, authority.pem(), TRUSTED);
            }
            for path in tls.crl.iter().filter_map(path) {
                made.put(path, authority.revoked_pem()?, TRUSTED);
            }
        }
        others(&common, missing, authority, &mut made)?;
    }
    for ((certificate, key), (names, kind)) in wanted {
        let lacking = [&certificate, &key].map(|path| missing.contains(path));
        if lacking == [false, false] {
            continue;
        }
        let [why, why_key] = lacking.map(|lacks| if lacks { MISSING } else { BESIDE });
        made.put(certificate, authority.signed_pem(&names, kind)?, why);
        made.put(key, authority.key_pem(kind)?, why_key);
    }
    Ok(made)
}

/// The names that backends' certificates should have.
pub fn backend_names(nginx: &Ir) -> BTreeSet<String> {
    let named = encrypted(nginx).flat_map(|(pass, tls)| {
        let host = String::from_utf8_lossy(&pass.host).into_owned();
        let said = tls.name.as_ref().and_then(|name| name.as_text()).map(|name| String::from_utf8_lossy(name).into());
        let host = host.rsplit_once(':').map_or(host.clone(), |(host, _)| host.to_owned());
        [Some(host.trim_matches(['[', ']']).to_owned()), said]
    });
    named.flatten().collect()
}

/// Where nginx speaks TLS to servers.
fn encrypted(nginx: &Ir) -> impl Iterator<Item = (&ProxyPass, &ProxySsl)> {
    nginx.locations.values().filter_map(|location| match &location.handler {
        Handler::Proxy(pass) if pass.may_be_https() => Some((&**pass, &*location.conf.proxy_ssl)),
        _ => None,
    })
}

/// Certificates with their keys.
fn pairs(ssl: &Ssl) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    ssl.certificate.iter().zip(&ssl.certificate_key).filter_map(|(cert, key)| Some((path(cert)?, path(key)?)))
}

/// Everything but certificates and keys.
fn others(ssl: &Ssl, missing: &BTreeSet<PathBuf>, authority: &Authority, made: &mut Made) -> io::Result<()> {
    let gone = |file: &TlsFile| path(file).filter(|path| missing.contains(path));
    for path in [&ssl.client_certificate, &ssl.trusted_certificate].into_iter().flatten().filter_map(gone) {
        made.put(path, authority.pem(), MISSING);
    }
    for path in ssl.crl.iter().filter_map(gone) {
        made.put(path, authority.revoked_pem()?, MISSING);
    }
    for path in ssl.session_ticket_key.iter().filter_map(gone) {
        made.put(path, "k".repeat(TICKET_KEY), MISSING);
    }
    for path in ssl.password_file.iter().filter_map(gone) {
        made.put(path, "none\n".to_owned(), MISSING);
    }
    Ok(())
}

fn path(file: &TlsFile) -> Option<PathBuf> {
    match file.fixed()? {
        Named::File(path) => Some(path),
        Named::Data(_) => None,
    }
}

fn names(names: &[ServerName]) -> Vec<String> {
    let named = names.iter().filter_map(|name| match name {
        ServerName::Exact(name) if !name.is_empty() && name != "_" => Some(vec![name.clone()]),
        ServerName::Suffix(suffix) => Some(vec![format!("*{suffix}")]),
        ServerName::Dot(domain) => {
            let domain = domain.trim_start_matches('.');
            Some(vec![domain.to_owned(), format!("*.{domain}")])
        }
        _ => None,
    });
    named.flatten().collect()
}
