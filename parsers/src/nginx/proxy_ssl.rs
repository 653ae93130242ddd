//! `ngx_http_proxy_module`, the part about TLS to backends.

use super::Ssl;
use crate::ir::expr::Expr;
use crate::table::Directives;
use crate::table::value::{Number, OpensslSetting, TlsFile, Words};

/// TLS to backends.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "ngx_http_proxy_module", within(http, server, location))]
pub struct ProxySsl {
    /// Whether sessions are taken up again.
    #[row("proxy_ssl_session_reuse", default = "on")]
    pub session_reuse: bool,
    /// Protocol versions; TLSv1.2 and TLSv1.3 are spoken, older ones are not.
    #[row("proxy_ssl_protocols", by = crate::table::value::set_flags, default = "TLSv1.2 TLSv1.3")]
    pub protocols: Words,
    /// Cipher suites of TLSv1.2, as OpenSSL names them.
    #[row("proxy_ssl_ciphers", default = "DEFAULT")]
    pub ciphers: String,
    /// The name that the backend's certificate must have.
    #[row("proxy_ssl_name")]
    pub name: Option<Expr>,
    /// Whether the backend is told that name.
    #[row("proxy_ssl_server_name", default = "off")]
    pub server_name: bool,
    /// Whether the backend's certificate is verified.
    #[row("proxy_ssl_verify", default = "off")]
    pub verify: bool,
    /// How many certificates may stand between the backend's and a trusted one.
    #[row("proxy_ssl_verify_depth", default = "1")]
    pub verify_depth: Number,
    /// Who is trusted.
    #[row("proxy_ssl_trusted_certificate")]
    pub trusted_certificate: Option<TlsFile>,
    /// Revoked certificates.
    #[row("proxy_ssl_crl")]
    pub crl: Option<TlsFile>,
    /// The certificate that backends are shown.
    #[row("proxy_ssl_certificate")]
    pub certificate: Option<TlsFile>,
    /// Its key.
    #[row("proxy_ssl_certificate_key")]
    pub certificate_key: Option<TlsFile>,
    /// Passwords of an encrypted key, one a line.
    #[row("proxy_ssl_password_file")]
    pub password_file: Option<TlsFile>,
    /// Settings of OpenSSL.
    #[row("proxy_ssl_conf_command")]
    pub conf_command: Vec<OpensslSetting>,
}

impl ProxySsl {
    /// What it has in common with the TLS of a server.
    pub fn common(&self) -> Ssl {
        Ssl {
            certificate: self.certificate.iter().cloned().collect(),
            certificate_key: self.certificate_key.iter().cloned().collect(),
            password_file: self.password_file.clone(),
            protocols: self.protocols.clone(),
            ciphers: self.ciphers.clone(),
            trusted_certificate: self.trusted_certificate.clone(),
            crl: self.crl.clone(),
            verify_depth: self.verify_depth,
            conf_command: self.conf_command.clone(),
            ecdh_curve: "auto".to_owned(),
            ..Ssl::default()
        }
    }
}
