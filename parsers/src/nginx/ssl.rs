//! `ngx_http_ssl_module`.

use crate::table::Directives;
use crate::table::value::{
    CertificateCache, Msec, Number, OpensslSetting, SessionCache, Size, TlsFile, VerifyClient, Words,
};

/// TLS of a server.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_ssl_module", within(http, server))]
pub struct Ssl {
    /// Certificates, each with the chain that leads to its issuer.
    #[row("ssl_certificate")]
    pub certificate: Vec<TlsFile>,
    /// Their keys, in the same order.
    #[row("ssl_certificate_key")]
    pub certificate_key: Vec<TlsFile>,
    /// Whether those with variables in their names are kept from one handshake to the next.
    #[row("ssl_certificate_cache", default = "off")]
    pub certificate_cache: CertificateCache,
    /// Passwords of encrypted keys, one a line, tried in turn.
    #[row("ssl_password_file")]
    pub password_file: Option<TlsFile>,
    /// Protocol versions; TLSv1.2 and TLSv1.3 are spoken, older ones are not.
    #[row("ssl_protocols", by = crate::table::value::set_flags, default = "TLSv1.2 TLSv1.3")]
    pub protocols: Words,
    /// Cipher suites of TLSv1.2, as OpenSSL names them.
    #[row("ssl_ciphers", default = "HIGH:!aNULL:!MD5")]
    pub ciphers: String,
    /// Whether the server chooses the cipher suite.
    #[row("ssl_prefer_server_ciphers", default = "off")]
    pub prefer_server_ciphers: bool,
    /// Where sessions are kept.
    #[row("ssl_session_cache", default = "none")]
    pub session_cache: SessionCache,
    /// How long sessions may be taken up again.
    #[row("ssl_session_timeout", default = "5m")]
    pub session_timeout: Msec,
    /// Whether clients keep their sessions themselves, as tickets.
    #[row("ssl_session_tickets", default = "on")]
    pub session_tickets: bool,
    /// Files with keys of tickets: the first encrypts, the others are still taken.
    #[row("ssl_session_ticket_key")]
    pub session_ticket_key: Vec<TlsFile>,
    /// Diffie-Hellman parameters of cipher suites that rkeep does not offer.
    #[row("ssl_dhparam", ignored = "rkeep agrees on keys by elliptic curves only")]
    pub dhparam: Option<String>,
    /// Curves for the agreement on keys.
    #[row("ssl_ecdh_curve", default = "auto")]
    pub ecdh_curve: String,
    /// Whether clients show certificates.
    #[row("ssl_verify_client", default = "off")]
    pub verify_client: VerifyClient,
    /// How many certificates may stand between a client's and a trusted one.
    #[row("ssl_verify_depth", default = "1")]
    pub verify_depth: Number,
    /// Who signs them; clients are told their names.
    #[row("ssl_client_certificate")]
    pub client_certificate: Option<TlsFile>,
    /// Who else is trusted.
    #[row("ssl_trusted_certificate")]
    pub trusted_certificate: Option<TlsFile>,
    /// Revoked certificates.
    #[row("ssl_crl")]
    pub crl: Option<TlsFile>,
    /// Whether what a certificate's issuer says of it is sent along.
    #[row("ssl_stapling", default = "off")]
    pub stapling: bool,
    /// Whether that is verified first.
    #[row("ssl_stapling_verify", default = "off")]
    pub stapling_verify: bool,
    /// What the issuer says, in a file.
    #[row("ssl_stapling_file")]
    pub stapling_file: Option<TlsFile>,
    /// Who is asked instead of whom the certificate names.
    #[row("ssl_stapling_responder")]
    pub stapling_responder: Option<String>,
    /// The most bytes of an answer in one record.
    #[row("ssl_buffer_size", default = "16k")]
    pub buffer_size: Size,
    /// Whether requests may come before the handshake has ended; their sessions are kept here, and taken up once.
    #[row("ssl_early_data", default = "off")]
    pub early_data: bool,
    /// Whether certificates are sent compressed, with zlib, to clients that take that.
    #[row("ssl_certificate_compression", default = "off")]
    pub certificate_compression: bool,
    /// Whether every handshake is refused.
    #[row("ssl_reject_handshake", default = "off")]
    pub reject_handshake: bool,
    /// Settings of OpenSSL.
    #[row("ssl_conf_command")]
    pub conf_command: Vec<OpensslSetting>,
}

impl Ssl {
    /// All files but certificates that servers are known by and their keys.
    pub fn others(&self) -> impl Iterator<Item = &TlsFile> {
        let single = [&self.client_certificate, &self.trusted_certificate, &self.crl, &self.stapling_file];
        single.into_iter().chain([&self.password_file]).flatten().chain(&self.session_ticket_key)
    }

    /// All files.
    pub fn files(&self) -> impl Iterator<Item = &TlsFile> {
        self.certificate.iter().chain(&self.certificate_key).chain(self.others())
    }
}
