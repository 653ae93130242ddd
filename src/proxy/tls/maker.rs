//! What a server's directives make of its files: certificates with their keys, who is trusted, where sessions are kept.

use std::sync::Arc;

use rkeep_parsers::ir::tls::Files;
use rkeep_parsers::nginx::Ssl;
use rkeep_parsers::source::Span;
use rkeep_parsers::table::value::{Named, SessionCache, TlsFile, VerifyClient};
use rustls::server::NoServerSessionStorage;
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, ServerConfig};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::chain::{self, Trust};
use super::context::{Certificates, Context, NoTickets, certify};
use super::kept::Kept;
use super::ocsp::CertId;
use super::sessions::{Sessions, Store, View};
use super::stapling::{Responder, Staple};
use super::verifiers::AnyCertificate;
use super::{Finding, inventory, keys, pem_files};

/// `http/1.1` and what came before it.
const ALPN: [&[u8]; 3] = [b"http/1.1", b"http/1.0", b"http/0.9"];

/// Bytes that may come before a handshake has ended: `NGX_SSL_BUFSIZE`.
const EARLY: u32 = 16 * 1024;
/// Bytes of sessions for early data, where no cache is configured.
const FEW: u64 = 5 * 1024 * 1024;

/// Makes the context of one server, or of a location for its backends, and notes what is wrong.
pub struct Maker<'a> {
    /// The directives.
    pub ssl: &'a Ssl,
    /// The files that they name.
    pub files: &'a Files,
    /// The block that they hold in.
    pub at: Span,
    /// What the directives' names begin with.
    pub directives: &'static str,
    /// What is wrong.
    pub findings: &'a mut Vec<Finding>,
}

impl Maker<'_> {
    pub(super) fn error(&mut self, at: Span, text: String, help: &'static str) {
        self.findings.push(Finding { error: true, at, text, help });
    }

    pub(super) fn warn(&mut self, at: Span, text: String, help: &'static str) {
        self.findings.push(Finding { error: false, at, text, help });
    }

    pub(super) fn context(&mut self, sessions: &mut Sessions) -> Option<Context> {
        let passwords = self.passwords();
        let (versions, provider) = self.suites()?;
        let (certified, variable) = self.certificates(&passwords)?;
        let trust = self.trust()?;
        let builder = ServerConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&versions);
        let builder = match builder {
            Ok(builder) => builder,
            Err(why) => {
                self.error(self.at, format!("no TLS is possible: {why}"), "see ssl_protocols and ssl_ciphers");
                return None;
            }
        };
        let context = self.session_context(&certified, &variable);
        let staples = self.staples(&certified, &trust);
        let resolver = Arc::new(Certificates(certified.into_iter().map(|(one, _)| one).collect(), staples.clone()));
        let mut config = match self.ssl.verify_client {
            VerifyClient::Off => builder.with_no_client_auth().with_cert_resolver(resolver),
            _ => {
                let verifier = Arc::new(AnyCertificate { hints: self.hints() });
                builder.with_client_cert_verifier(verifier).with_cert_resolver(resolver)
            }
        };
        config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
        config.ignore_client_order = self.ssl.prefer_server_ciphers;
        let record = usize::try_from(self.ssl.buffer_size.0).unwrap_or(usize::MAX).clamp(32, 16 * 1024);
        config.max_fragment_size = Some(record + 5);
        config.cert_compressors = match self.ssl.certificate_compression {
            true => rustls::compress::default_cert_compressors().to_vec(),
            false => Vec::new(),
        };
        self.sessions(&mut config, sessions, context)?;
        let (rejects, verify) = (self.ssl.reject_handshake, self.ssl.verify_client);
        let mut h2 = config.clone();
        h2.alpn_protocols.insert(0, b"h2".to_vec());
        let (config, config_h2) = (Arc::new(config), Arc::new(h2));
        let kept = Kept::of(&self.ssl.certificate_cache);
        Some(Context { rejects, verify, trust, config, config_h2, variable, staples, passwords, kept })
    }

    /// The passwords of encrypted keys.
    pub fn passwords(&self) -> Vec<Vec<u8>> {
        let file = self.ssl.password_file.as_ref().and_then(|file| self.bytes(file));
        file.map(|bytes| keys::passwords(&bytes)).unwrap_or_default()
    }

    /// The bytes of a file with a fixed name; what could not be read has been said where it was read.
    fn bytes(&self, file: &TlsFile) -> Option<Arc<[u8]>> {
        match file.fixed()? {
            Named::File(path) => self.files.get(&path).cloned(),
            Named::Data(data) => Some(data.into()),
        }
    }

    #[allow(clippy::type_complexity, reason = "two lists that are made together")]
    /// Certificates ready for use, each with its file, and the names of those with variables.
    pub fn certificates(
        &mut self,
        passwords: &[Vec<u8>],
    ) -> Option<(Vec<(Arc<CertifiedKey>, TlsFile)>, Vec<(TlsFile, TlsFile)>)> {
        let (mut certified, mut variable) = (Vec::new(), Vec::new());
        for (cert, key) in self.ssl.certificate.iter().zip(&self.ssl.certificate_key) {
            if cert.text.as_text().is_none() || key.text.as_text().is_none() {
                variable.push((cert.clone(), key.clone()));
                continue;
            }
            let (Some(cert_bytes), Some(key_bytes)) = (self.bytes(cert), self.bytes(key)) else { continue };
            match certify(&cert_bytes, &key_bytes, passwords) {
                Ok(mut one) => {
                    one.ocsp = self.staple();
                    // As in OpenSSL there is one of each kind of key: the last.
                    let kind = one.key.algorithm();
                    certified.retain(|(known, _): &(Arc<CertifiedKey>, _)| known.key.algorithm() != kind);
                    certified.push((Arc::new(one), cert.clone()));
                }
                Err(why) => {
                    let of_key = why.contains("Key");
                    let file = if of_key { key } else { cert };
                    let what = if of_key { "certificate key" } else { "certificate" };
                    let text = format!("cannot load {what} \"{}\": {why}", shown(file));
                    self.error(file.span, text, "the two files must be PEM and belong together");
                    return None;
                }
            }
        }
        Some((certified, variable))
    }

    fn staple(&self) -> Option<Vec<u8>> {
        let file = self.ssl.stapling_file.as_ref().filter(|_| self.ssl.stapling)?;
        self.bytes(file).map(|bytes| bytes.to_vec())
    }

    /// What is to be asked about certificates; nothing where a file answers.
    fn staples(&mut self, certified: &[(Arc<CertifiedKey>, TlsFile)], trust: &Trust) -> Vec<Arc<Staple>> {
        if !self.ssl.stapling || self.ssl.stapling_file.is_some() {
            return Vec::new();
        }
        certified.iter().filter_map(|(cert, file)| self.staple_of(cert, file, trust)).collect()
    }

    fn staple_of(&mut self, bare: &Arc<CertifiedKey>, file: &TlsFile, trust: &Trust) -> Option<Arc<Staple>> {
        let own = bare.cert.first().and_then(chain::parse)?;
        let shown = shown(file);
        let Some(issuer) = bare
            .cert
            .get(1..)
            .unwrap_or_default()
            .iter()
            .chain(trust.anchors())
            .find(|issuer| chain::parse(issuer).is_some_and(|issuer| chain::is_signed_by(&own, &issuer)))
        else {
            let text = format!("\"ssl_stapling\" ignored, issuer certificate not found for certificate \"{shown}\"");
            self.warn(
                file.span,
                text,
                "append the issuer's certificate to the file, or name it in ssl_trusted_certificate",
            );
            return None;
        };
        let written = self.ssl.stapling_responder.clone();
        let Some(url) = written.or_else(|| inventory::responder(&own)) else {
            let text = format!("\"ssl_stapling\" ignored, no OCSP responder URL in the certificate \"{shown}\"");
            self.warn(file.span, text, "take ssl_stapling away: many authorities have given OCSP up");
            return None;
        };
        let Some(responder) = Responder::read(&url) else {
            let text =
                format!("\"ssl_stapling\" ignored, invalid OCSP responder \"{url}\" of the certificate \"{shown}\"");
            self.warn(file.span, text, "it must begin with http:// and name a host");
            return None;
        };
        let id = CertId::of(&own, &chain::parse(issuer)?);
        // A responder's way may be as long as OpenSSL lets any be.
        let trust = self.ssl.stapling_verify.then(|| trust.clone().with_depth(100));
        Some(Arc::new(Staple::new(bare.clone(), shown, (id, issuer.clone()), responder, trust)))
    }

    /// What the other side is judged by.
    pub fn trust(&mut self) -> Option<Trust> {
        let mut trust = Trust::default();
        trust.depth = self.ssl.verify_depth.0;
        let ssl = self.ssl;
        for file in [&ssl.client_certificate, &ssl.trusted_certificate].into_iter().flatten() {
            if let Some(bytes) = self.bytes(file)
                && let Err(why) = trust.add(&bytes)
            {
                let text = format!("SSL_CTX_load_verify_locations(\"{}\") failed (SSL: {why})", shown(file));
                self.error(file.span, text, "the file must hold certificates in PEM");
                return None;
            }
        }
        if let Some(file) = &ssl.crl
            && let Some(bytes) = self.bytes(file)
            && let Err(why) = trust.revoke(&bytes)
        {
            let text = format!("X509_LOOKUP_load_file(\"{}\") failed (SSL: {why})", shown(file));
            self.error(file.span, text, "the file must hold revocation lists in PEM");
            return None;
        }
        Some(trust)
    }

    /// Whom clients are told that their certificates should be of.
    fn hints(&self) -> Vec<DistinguishedName> {
        let file = self.ssl.client_certificate.as_ref().and_then(|file| self.bytes(file));
        let certs = file.and_then(|bytes| pem_files::certificates(&bytes).ok()).unwrap_or_default();
        let mut names: Vec<Vec<u8>> = Vec::new();
        for cert in &certs {
            if let Ok((_, cert)) = X509Certificate::from_der(cert)
                && !names.iter().any(|known| known == cert.subject().as_raw())
            {
                names.push(cert.subject().as_raw().to_vec());
            }
        }
        names.into_iter().map(DistinguishedName::from).collect()
    }

    /// Sessions are taken up only where certificates and authorities are the same.
    fn session_context(&self, certified: &[(Arc<CertifiedKey>, TlsFile)], variable: &[(TlsFile, TlsFile)]) -> Vec<u8> {
        let mut all = Vec::new();
        certified.iter().filter_map(|(cert, _)| cert.cert.first()).for_each(|cert| all.extend_from_slice(cert));
        // Of a name with variables only what is written is known.
        variable.iter().for_each(|(cert, _)| all.extend_from_slice(format!("{:?}", cert.text.parts).as_bytes()));
        if let Some(file) = self.ssl.client_certificate.as_ref().and_then(|file| self.bytes(file)) {
            all.extend_from_slice(&file);
        }
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &all).as_ref().to_vec()
    }

    fn sessions(&mut self, config: &mut ServerConfig, sessions: &mut Sessions, context: Vec<u8>) -> Option<()> {
        let lifetime = self.ssl.session_timeout.duration();
        let store = match &self.ssl.session_cache {
            SessionCache::Off | SessionCache::None if self.ssl.early_data => Some(sessions.shared("", FEW)),
            SessionCache::Off | SessionCache::None => None,
            SessionCache::Builtin(size) => Some(Arc::new(Store::new(*size))),
            SessionCache::Shared(name, bytes) => Some(sessions.shared(name, *bytes)),
        };
        config.session_storage = match &store {
            Some(store) => {
                Arc::new(View { store: store.clone(), context: context.clone(), lifetime, once: self.ssl.early_data })
            }
            None => Arc::new(NoServerSessionStorage {}),
        };
        if self.ssl.early_data {
            config.max_early_data_size = EARLY;
            config.send_half_rtt_data = true;
            // rustls takes early data with sessions that are kept here, since only these cannot be replayed.
            config.ticketer = Arc::new(NoTickets);
            return Some(());
        }
        if !self.ssl.session_tickets {
            config.ticketer = Arc::new(NoTickets);
            if store.is_none() {
                config.send_tls13_tickets = 0;
            }
            return Some(());
        }
        let keys: Vec<_> = self.ssl.session_ticket_key.iter().collect();
        let files = keys.iter().filter_map(|file| Some((shown(file), self.bytes(file)?))).collect::<Vec<_>>();
        match sessions.tickets(&files, lifetime, &context) {
            Ok(tickets) => config.ticketer = Arc::new(tickets),
            Err(why) => {
                let at = keys.first().map_or(self.at, |file| file.span);
                self.error(at, why, "make one: openssl rand 80 > ticket.key");
                return None;
            }
        }
        Some(())
    }
}

/// A file as messages name it.
fn shown(file: &TlsFile) -> String {
    match file.fixed() {
        Some(Named::File(path)) => path.display().to_string(),
        _ => "data:...".to_owned(),
    }
}
