//! What each server needs for its handshakes, made once when the configuration is taken over.

use std::sync::Arc;

use rkeep_parsers::ir::tls::Files;
use rkeep_parsers::nginx::Ssl;
use rkeep_parsers::source::Span;
use rkeep_parsers::table::value::{Named, OpensslSetting, SessionCache, TlsFile, VerifyClient};
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, ServerConfig, SupportedProtocolVersion};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::chain::Trust;
use super::sessions::{Sessions, Store, View};
use super::verifiers::AnyCertificate;
use super::{ciphers, keys, pem_files, provider};
use crate::plan::ProxyPlan;

/// Something about TLS that the operator has to know.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Nothing can be served like this.
    pub error: bool,
    /// Where it is written.
    pub at: Span,
    /// What.
    pub text: String,
    /// What to do.
    pub help: &'static str,
}

/// The contexts of all servers; the index is the server's.
#[derive(Debug, Default)]
pub struct Contexts {
    servers: Vec<Option<Arc<Context>>>,
    /// What later configurations go on with.
    pub sessions: Sessions,
}

/// What a server needs for its handshakes.
#[derive(Debug)]
pub struct Context {
    /// Every handshake is refused.
    pub rejects: bool,
    /// Whether clients show certificates.
    pub verify: VerifyClient,
    /// What they are judged by.
    pub trust: Trust,
    /// The settings; with variables in names of certificates they have none yet.
    pub config: Arc<ServerConfig>,
    /// The same where HTTP/2 is spoken.
    pub config_h2: Arc<ServerConfig>,
    /// Certificates and keys whose names have variables.
    pub variable: Vec<(TlsFile, TlsFile)>,
    passwords: Vec<Vec<u8>>,
}

/// `http/1.1` and what came before it.
const ALPN: [&[u8]; 3] = [b"http/1.1", b"http/1.0", b"http/0.9"];

impl Contexts {
    /// Makes the contexts of a plan; sessions go on where `old` had them.
    pub fn compile(plan: &ProxyPlan, old: Option<&Contexts>, findings: &mut Vec<Finding>) -> Contexts {
        let mut contexts =
            Contexts { servers: Vec::new(), sessions: Sessions::after(old.map(|contexts| &contexts.sessions)) };
        for server in plan.servers.values() {
            let ssl = &server.conf.ssl;
            let context = (!ssl.certificate.is_empty() || ssl.reject_handshake).then(|| {
                let mut maker =
                    Maker { ssl, files: &plan.tls_files, at: server.span, directives: "ssl", findings: &mut *findings };
                maker.context(&mut contexts.sessions).map(Arc::new)
            });
            contexts.servers.push(context.flatten());
        }
        contexts
    }

    /// The context of a server.
    pub fn get(&self, server: usize) -> Option<&Arc<Context>> {
        self.servers.get(server)?.as_ref()
    }
}

impl Context {
    /// The settings for certificates whose names have variables.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn with_certificates(&self, h2: bool, pairs: Vec<(Named, Named)>) -> Result<Arc<ServerConfig>, String> {
        let mut certified = Vec::new();
        for (cert, key) in pairs {
            certified.push(Arc::new(certify(&read_named(cert)?, &read_named(key)?, &self.passwords)?));
        }
        let mut config = ServerConfig::clone(if h2 { &self.config_h2 } else { &self.config });
        config.cert_resolver = Arc::new(Certificates(certified));
        Ok(Arc::new(config))
    }
}

/// What a file with variables in its name holds, now that they have values.
///
/// # Errors
/// It cannot be read.
pub fn read_named(named: Named) -> Result<Vec<u8>, String> {
    match named {
        Named::Data(bytes) => Ok(bytes),
        Named::File(path) => std::fs::read(&path).map_err(|error| format!("\"{}\": {error}", path.display())),
    }
}

/// The certificates of a server; the client's order of signatures chooses.
#[derive(Debug)]
struct Certificates(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let signs = |scheme| self.0.iter().find(|cert| cert.key.choose_scheme(&[scheme]).is_some());
        schemes.iter().find_map(|scheme| signs(*scheme)).or_else(|| self.0.first()).cloned()
    }
}

/// Clients keep nothing.
#[derive(Debug)]
struct NoTickets;

impl ProducesTickets for NoTickets {
    fn enabled(&self) -> bool {
        false
    }

    fn lifetime(&self) -> u32 {
        0
    }

    fn encrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn decrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// A certificate with its chain and its key.
///
/// # Errors
/// What is wrong with them, in nginx's words.
pub fn certify(cert: &[u8], key: &[u8], passwords: &[Vec<u8>]) -> Result<CertifiedKey, String> {
    let chain = pem_files::certificates(cert).map_err(|why| format!("PEM_read_bio_X509_AUX() failed (SSL: {why})"))?;
    let key = keys::read(key, passwords).map_err(|why| format!("PEM_read_bio_PrivateKey() failed (SSL: {why})"))?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|why| format!("PEM_read_bio_PrivateKey() failed (SSL: {why})"))?;
    let own = chain.first().and_then(|cert| X509Certificate::from_der(cert).ok());
    let Some((_, own)) = own else { return Err("PEM_read_bio_X509_AUX() failed (SSL: bad encoding)".to_owned()) };
    if key.public_key().is_some_and(|public| public.as_ref() != own.public_key().raw) {
        return Err("SSL_CTX_use_PrivateKey() failed (SSL: key values mismatch)".to_owned());
    }
    Ok(CertifiedKey::new(chain, key))
}

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
    fn error(&mut self, at: Span, text: String, help: &'static str) {
        self.findings.push(Finding { error: true, at, text, help });
    }

    fn warn(&mut self, at: Span, text: String, help: &'static str) {
        self.findings.push(Finding { error: false, at, text, help });
    }

    fn context(&mut self, sessions: &mut Sessions) -> Option<Context> {
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
        let context = self.session_context(&certified);
        let resolver = Arc::new(Certificates(certified));
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
        self.sessions(&mut config, sessions, context)?;
        let (rejects, verify) = (self.ssl.reject_handshake, self.ssl.verify_client);
        let mut h2 = config.clone();
        h2.alpn_protocols.insert(0, b"h2".to_vec());
        let (config, config_h2) = (Arc::new(config), Arc::new(h2));
        Some(Context { rejects, verify, trust, config, config_h2, variable, passwords })
    }

    /// The passwords of encrypted keys.
    pub fn passwords(&self) -> Vec<Vec<u8>> {
        let file = self.ssl.password_file.as_ref().and_then(|file| self.bytes(file));
        file.map(|bytes| keys::passwords(&bytes)).unwrap_or_default()
    }

    /// Versions, and the cryptography for them; none when nothing is left.
    pub fn suites(&mut self) -> Option<(Vec<&'static SupportedProtocolVersion>, CryptoProvider)> {
        let versions = self.versions()?;
        let provider = self.provider(&versions)?;
        Some((versions, provider))
    }

    /// The bytes of a file with a fixed name; what could not be read has been said where it was read.
    fn bytes(&self, file: &TlsFile) -> Option<Arc<[u8]>> {
        match file.fixed()? {
            Named::File(path) => self.files.get(&path).cloned(),
            Named::Data(data) => Some(data.into()),
        }
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

    #[allow(clippy::type_complexity, reason = "two lists that are made together")]
    /// Certificates ready for use, and the names of those with variables.
    pub fn certificates(&mut self, passwords: &[Vec<u8>]) -> Option<(Vec<Arc<CertifiedKey>>, Vec<(TlsFile, TlsFile)>)> {
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
                    certified.push(Arc::new(one));
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
    fn session_context(&self, certified: &[Arc<CertifiedKey>]) -> Vec<u8> {
        let mut all = Vec::new();
        certified.iter().filter_map(|cert| cert.cert.first()).for_each(|cert| all.extend_from_slice(cert));
        if let Some(file) = self.ssl.client_certificate.as_ref().and_then(|file| self.bytes(file)) {
            all.extend_from_slice(&file);
        }
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &all).as_ref().to_vec()
    }

    fn sessions(&mut self, config: &mut ServerConfig, sessions: &mut Sessions, context: Vec<u8>) -> Option<()> {
        let lifetime = self.ssl.session_timeout.duration();
        let store = match &self.ssl.session_cache {
            SessionCache::Off | SessionCache::None => None,
            SessionCache::Builtin(size) => Some(Arc::new(Store::new(*size))),
            SessionCache::Shared(name, bytes) => Some(sessions.shared(name, *bytes)),
        };
        config.session_storage = match &store {
            Some(store) => Arc::new(View { store: store.clone(), context, lifetime }),
            None => Arc::new(NoServerSessionStorage {}),
        };
        if !self.ssl.session_tickets {
            config.ticketer = Arc::new(NoTickets);
            if store.is_none() {
                config.send_tls13_tickets = 0;
            }
            return Some(());
        }
        let keys: Vec<_> = self.ssl.session_ticket_key.iter().collect();
        let files = keys.iter().filter_map(|file| Some((shown(file), self.bytes(file)?))).collect::<Vec<_>>();
        match sessions.tickets(&files, lifetime) {
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

/// A file as messages name it.
fn shown(file: &TlsFile) -> String {
    match file.fixed() {
        Some(Named::File(path)) => path.display().to_string(),
        _ => "data:...".to_owned(),
    }
}
