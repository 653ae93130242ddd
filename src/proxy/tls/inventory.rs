//! The certificates that servers have, and what they say of themselves. Pure.

use std::path::PathBuf;

use rkeep_parsers::ir::http::Server;
use rkeep_parsers::ir::tls::Files;
use rkeep_parsers::source::Span;
use rkeep_parsers::table::value::{Named, TlsFile};
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{AccessDescription, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

use super::pem_files;
use crate::plan::ProxyPlan;

/// A certificate file with a fixed name.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The file; none for `data:`.
    pub file: Option<PathBuf>,
    /// Where it is named first.
    pub at: Span,
    /// The certificate, and those that lead to its issuer.
    pub chain: Vec<CertificateDer<'static>>,
}

/// `id-ad-ocsp`
const OCSP: &str = "1.3.6.1.5.5.7.48.1";
/// Seconds of a day.
const DAY: i64 = 86_400;

impl Entry {
    fn read(file: &TlsFile, files: &Files) -> Option<Entry> {
        let (path, bytes) = match file.fixed()? {
            Named::File(path) => (Some(path.clone()), files.get(&path)?.to_vec()),
            Named::Data(bytes) => (None, bytes),
        };
        let chain = pem_files::certificates(&bytes).ok()?;
        Some(Entry { file: path, at: file.span, chain })
    }

    /// All of its chain that can be read, the certificate itself first.
    pub fn certificates(&self) -> Vec<X509Certificate<'_>> {
        self.chain.iter().map_while(|der| Some(X509Certificate::from_der(der).ok()?.1)).collect()
    }

    /// The file as messages name it.
    pub fn shown(&self) -> String {
        self.file.as_ref().map_or_else(|| "data:...".to_owned(), |path| path.display().to_string())
    }
}

/// The certificates of a server.
pub fn of_server(server: &Server, files: &Files) -> Vec<Entry> {
    server.conf.ssl.certificate.iter().filter_map(|file| Entry::read(file, files)).collect()
}

/// The certificates of all servers, each once.
pub fn all(plan: &ProxyPlan) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for entry in plan.servers.values().flat_map(|server| of_server(server, &plan.tls_files)) {
        if !all.iter().any(|known| known.chain == entry.chain && known.file == entry.file) {
            all.push(entry);
        }
    }
    all
}

/// Whole days until a certificate ends; negative once it has.
pub fn days_left(cert: &X509Certificate<'_>, now: i64) -> i64 {
    (cert.validity().not_after.timestamp() - now).div_euclid(DAY)
}

/// Where a certificate says that its issuer can be asked about it.
pub fn responder(cert: &X509Certificate<'_>) -> Option<String> {
    let access = cert.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityInfoAccess(access) => Some(access),
        _ => None,
    })?;
    let ocsp = |method: &&AccessDescription<'_>| method.access_method.to_id_string() == OCSP;
    access.accessdescs.iter().filter(ocsp).find_map(|method| match &method.access_location {
        GeneralName::URI(url) => Some((*url).to_owned()),
        _ => None,
    })
}

/// The names of a certificate: of hosts, or the common one where it has none of these.
pub fn names(cert: &X509Certificate<'_>) -> Vec<String> {
    let alternative = cert.subject_alternative_name().ok().flatten();
    let hosts = alternative.iter().flat_map(|found| &found.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    });
    let hosts: Vec<String> = hosts.collect();
    if !hosts.is_empty() {
        return hosts;
    }
    cert.subject().iter_common_name().filter_map(|name| name.as_str().ok()).map(str::to_owned).collect()
}
