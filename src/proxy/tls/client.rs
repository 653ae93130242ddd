//! The other end of the table: handshakes with backends.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rkeep_parsers::ir::http::Location;
use rkeep_parsers::nginx::ProxySsl;
use rkeep_parsers::table::value::{HttpVersion, TlsFile};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, SignatureScheme};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::accept::now;
use super::chain::{Purpose, Trust};
use super::context::Finding;
use super::kept::{self, Kept};
use super::maker::Maker;
use super::names;
use super::verifiers::AnyCertificate;
use crate::plan::ProxyPlan;
use crate::proxy::clock;
use crate::proxy::request::RequestCtx;

/// What a location needs for handshakes with its backends.
#[derive(Debug)]
pub struct ClientContext {
    /// Which it is: no two have the same.
    pub id: u64,
    config: Arc<ClientConfig>,
    /// A certificate and key whose names have variables.
    variable: Option<(TlsFile, TlsFile)>,
    passwords: Vec<Vec<u8>>,
    kept: Option<Kept>,
    trust: Option<Trust>,
}

/// The certificate that backends are shown, if they ask for one.
#[derive(Debug)]
struct Own(Arc<CertifiedKey>);

impl ResolvesClientCert for Own {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.key.choose_scheme(schemes).map(|_| self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ClientContext {
    /// Makes the context of a location.
    pub fn compile(location: &Location, plan: &ProxyPlan, findings: &mut Vec<Finding>) -> Option<ClientContext> {
        let conf = &location.conf.proxy_ssl;
        let common = conf.common();
        let mut maker =
            Maker { ssl: &common, files: &plan.tls_files, at: location.span, directives: "proxy_ssl", findings };
        let passwords = maker.passwords();
        let (versions, provider) = maker.suites()?;
        let (certified, variable) = maker.certificates(&passwords)?;
        let trust = maker.trust()?;
        let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_protocol_versions(&versions).ok()?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate::default()));
        let mut config = match certified.into_iter().next() {
            Some((own, _)) => builder.with_client_cert_resolver(Arc::new(Own(own))),
            None => builder.with_no_client_auth(),
        };
        if location.conf.proxy.http_version == HttpVersion::Http20 {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        config.cert_decompressors = Vec::new();
        config.enable_sni = conf.server_name;
        if !conf.session_reuse {
            config.resumption = Resumption::disabled();
        }
        let trust = conf.verify.then_some(trust);
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let id = NUMBERS.fetch_add(1, Relaxed);
        let kept = Kept::of(&conf.certificate_cache);
        let variable = variable.into_iter().next();
        Some(ClientContext { id, config: Arc::new(config), variable, passwords, kept, trust })
    }

    /// A session with a backend of this name and address, to be begun.
    ///
    /// # Errors
    /// Why there cannot be one.
    pub fn session(&self, cx: &RequestCtx, name: &str, address: Option<IpAddr>) -> Result<ClientConnection, String> {
        let told = self.config.enable_sni.then(|| ServerName::try_from(name.to_owned()).ok()).flatten();
        // Sessions are kept by this name; an address is not told to the backend.
        let by_address = || ServerName::from(address.unwrap_or(IpAddr::from([127, 0, 0, 1])));
        let config = self.with_own_certificate(cx)?;
        ClientConnection::new(config, told.unwrap_or_else(by_address)).map_err(|error| error.to_string())
    }

    fn with_own_certificate(&self, cx: &RequestCtx) -> Result<Arc<ClientConfig>, String> {
        let Some((cert, key)) = &self.variable else { return Ok(self.config.clone()) };
        let named = |file: &TlsFile| file.named(&cx.eval(&file.text));
        let (Some(cert), Some(key)) = (named(cert), named(key)) else { return Ok(self.config.clone()) };
        let own = kept::pair(self.kept.as_ref(), (cert, key), &self.passwords, clock::now())?;
        let mut config = ClientConfig::clone(&self.config);
        config.client_auth_cert_resolver = Arc::new(Own(own));
        Ok(Arc::new(config))
    }

    /// Judges what a backend has shown.
    ///
    /// # Errors
    /// Why it is not trusted, as the log says it.
    pub fn judge(&self, shown: &[CertificateDer<'_>], name: &str) -> Result<(), String> {
        let Some(trust) = &self.trust else { return Ok(()) };
        trust
            .judge(shown, Purpose::Server, now())
            .map_err(|why| format!("upstream SSL certificate verify error: ({why})"))?;
        let own = shown.first().and_then(|cert| X509Certificate::from_der(cert).ok());
        match own.is_some_and(|(_, cert)| names::names_host(&cert, name)) {
            true => Ok(()),
            false => Err(format!("upstream SSL certificate does not match \"{name}\"")),
        }
    }
}

/// The name of a backend, without port: what its certificate must have, and what it is told.
pub fn name(cx: &RequestCtx, conf: &ProxySsl, host: &[u8]) -> String {
    let text = match &conf.name {
        Some(written) => cx.eval(written),
        None => host.to_vec(),
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let after_bracket = text.rfind(']').map_or(0, |at| at + 1);
    let port = text.get(after_bracket..).and_then(|rest| rest.find(':'));
    let end = port.map_or(text.len(), |colon| after_bracket + colon);
    text.get(..end).unwrap_or_default().to_owned()
}
