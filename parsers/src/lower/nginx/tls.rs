//! What TLS needs of the whole: its files are read, and every `listen … ssl` has a certificate.

use std::io;

use super::Lowering;
use crate::ir::http::{Handler, Listener, Location, Server};
use crate::nginx::{ProxySsl, Ssl};
use crate::source::Span;
use crate::table::value::{Named, TlsFile, VerifyClient};

impl Lowering<'_> {
    /// The end of `http`, when every server's values are known.
    pub(super) fn finish_tls(&mut self) {
        let servers: Vec<_> = self.ir.servers.values().map(|server| (server.conf.ssl.clone(), server.span)).collect();
        for (ssl, span) in &servers {
            self.tls_of_server(ssl, *span);
        }
        let prefix = |location: &Location| match &location.handler {
            Handler::Proxy(pass) if pass.may_be_https() => Some(pass.protocol.prefix()),
            _ => None,
        };
        let conf = |location: &Location| Some((location.conf.proxy_ssl.clone(), prefix(location)?));
        let conf: Vec<_> = self.ir.locations.values().filter_map(conf).collect();
        conf.iter().for_each(|(conf, prefix)| self.read_proxy_tls_files(conf, prefix));
        let listeners: Vec<_> = self.ir.listeners.values().filter(|listener| listener.options.ssl).cloned().collect();
        for listener in &listeners {
            self.listener_has_certificate(listener);
        }
    }

    /// Files for TLS to the backends of a location.
    fn read_proxy_tls_files(&mut self, conf: &ProxySsl, prefix: &str) {
        if let (Some(cert), None) = (&conf.certificate, &conf.certificate_key) {
            let shown = self.shown(cert);
            let text = format!("no \"{prefix}_ssl_certificate_key\" is defined for certificate \"{shown}\"");
            return self.fatal("nginx::tls", text.clone(), text, cert.span, Some("name the file of its key"));
        }
        if conf.verify && conf.trusted_certificate.is_none() {
            let text = format!("no {prefix}_ssl_trusted_certificate for {prefix}_ssl_verify");
            let help = "name the file of the authorities that sign the backends' certificates";
            return self.fatal("nginx::tls", text.clone(), text, Span::NONE, Some(help));
        }
        for file in conf.common().files() {
            self.read_tls_file(file, "cannot load");
        }
    }

    fn tls_of_server(&mut self, ssl: &Ssl, span: Span) {
        if let Some(lonely) = ssl.certificate.get(ssl.certificate_key.len()) {
            let shown = self.shown(lonely);
            let text = format!("no \"ssl_certificate_key\" is defined for certificate \"{shown}\"");
            let help = "add the ssl_certificate_key that belongs to it";
            return self.fatal("nginx::tls", text.clone(), text, lonely.span, Some(help));
        }
        if ssl.certificate.is_empty() {
            return;
        }
        let checked = matches!(ssl.verify_client, VerifyClient::On | VerifyClient::Optional);
        if checked && ssl.client_certificate.is_none() && ssl.trusted_certificate.is_none() {
            let text = "no ssl_client_certificate for ssl_verify_client".to_owned();
            let help = "name the file of the authorities that sign clients' certificates: ssl_client_certificate";
            return self.fatal("nginx::tls", text.clone(), text, span, Some(help));
        }
        for file in &ssl.certificate {
            self.read_tls_file(file, "cannot load certificate");
        }
        for file in &ssl.certificate_key {
            self.read_tls_file(file, "cannot load certificate key");
        }
        for file in ssl.others() {
            self.read_tls_file(file, "cannot load");
        }
    }

    /// Reads a file with a fixed name, so that whoever gets the configuration has its bytes.
    pub(super) fn read_tls_file(&mut self, file: &TlsFile, complaint: &str) {
        let Some(Named::File(path)) = file.fixed() else { return };
        if self.ir.tls_files.get(&path).is_some() {
            return;
        }
        match self.loader.load(&path) {
            Ok(bytes) => self.ir.tls_files.insert(path, bytes),
            Err(error) => {
                let why = errno_words(&error);
                let text = format!("{complaint} \"{}\": BIO_new_file() failed ({why})", path.display());
                self.fatal("nginx::tls", text.clone(), text, file.span, Some("the file must be there and readable"));
            }
        }
    }

    fn shown(&self, file: &TlsFile) -> String {
        match file.fixed() {
            Some(Named::File(path)) => path.display().to_string(),
            _ => String::from_utf8_lossy(self.cx.sources.text(file.span)).into_owned(),
        }
    }

    /// nginx demands a certificate of the server that answers unknown names, or of all others if that one refuses.
    fn listener_has_certificate(&mut self, listener: &Listener) {
        let ready = |server: &Server| !server.conf.ssl.certificate.is_empty() || server.conf.ssl.reject_handshake;
        let server = |id| self.ir.servers.get(id);
        let default = server(listener.default);
        let refuses = default.is_some_and(|server| server.conf.ssl.certificate.is_empty());
        let others = listener.servers.iter().filter(|_| refuses).filter_map(|id| server(*id));
        let Some(bare) = default.into_iter().chain(others).find(|server| !ready(server)) else { return };
        let (at, server) = (listener.span, bare.span);
        let place = self.cx.sources.place(server);
        let text = format!("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive in {place}");
        self.fatal("nginx::tls", text.clone(), text, at, Some("add ssl_certificate and ssl_certificate_key"));
    }
}

fn errno_words(error: &io::Error) -> String {
    let shown = error.to_string();
    let words = shown.rsplit_once(" (os error").map_or(shown.as_str(), |(words, _)| words);
    format!("{}: {words}", error.raw_os_error().unwrap_or(5))
}
