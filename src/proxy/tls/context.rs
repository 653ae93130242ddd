//! What each server needs for its handshakes, made once when the configuration is taken over.

use std::sync::Arc;

use rkeep_parsers::source::Span;
use rkeep_parsers::table::value::{Named, TlsFile, VerifyClient};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::chain::Trust;
use super::kept::Kept;
use super::maker::Maker;
use super::sessions::Sessions;
use super::stapling::Staple;
use super::{kept, keys, pem_files};
use crate::plan::ProxyPlan;
use crate::proxy::clock;

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
    /// Certificates whose issuers are asked about them.
    pub staples: Vec<Arc<Staple>>,
    pub(super) passwords: Vec<Vec<u8>>,
    pub(super) kept: Option<Kept>,
}

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
        for names in pairs {
            certified.push(kept::pair(self.kept.as_ref(), names, &self.passwords, clock::now())?);
        }
        let mut config = ServerConfig::clone(if h2 { &self.config_h2 } else { &self.config });
        config.cert_resolver = Arc::new(Certificates(certified, Vec::new()));
        Ok(Arc::new(config))
    }
}

/// The certificates of a server, and what is known of them; the client's order of signatures chooses.
#[derive(Debug)]
pub(super) struct Certificates(pub Vec<Arc<CertifiedKey>>, pub Vec<Arc<Staple>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let signs = |scheme| self.0.iter().find(|cert| cert.key.choose_scheme(&[scheme]).is_some());
        let chosen = schemes.iter().find_map(|scheme| signs(*scheme)).or_else(|| self.0.first())?;
        let staple = self.1.iter().find(|staple| Arc::ptr_eq(&staple.bare, chosen));
        Some(staple.map_or_else(|| chosen.clone(), |staple| staple.current()))
    }
}

/// Clients keep nothing.
#[derive(Debug)]
pub(super) struct NoTickets;

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
