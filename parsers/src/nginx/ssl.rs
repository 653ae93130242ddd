//! `ngx_http_ssl_module`: read everywhere, needed only by a `listen … ssl`, which is refused until TLS is served.

use crate::table::Directives;
use crate::table::value::Words;

/// TLS of a server.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "ngx_http_ssl_module", within(http, server))]
pub struct Ssl {
    /// Certificates.
    #[row("ssl_certificate", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub certificate: Vec<String>,
    /// Their keys.
    #[row("ssl_certificate_key", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub certificate_key: Vec<String>,
    /// Passwords of the keys.
    #[row("ssl_password_file", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub password_file: Option<String>,
    /// Protocol versions.
    #[row("ssl_protocols", by = crate::table::value::set_flags, ignored = "it acts only with listen … ssl, which is not served yet")]
    pub protocols: Words,
    /// Cipher suites, as OpenSSL names them.
    #[row("ssl_ciphers", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub ciphers: Option<String>,
    /// Whether the server chooses.
    #[row("ssl_prefer_server_ciphers", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub prefer_server_ciphers: Option<bool>,
    /// Where sessions are kept.
    #[row("ssl_session_cache", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub session_cache: Option<Words>,
    /// How long.
    #[row("ssl_session_timeout", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub session_timeout: Option<String>,
    /// Whether sessions are carried by tickets.
    #[row("ssl_session_tickets", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub session_tickets: Option<bool>,
    /// Keys of tickets.
    #[row("ssl_session_ticket_key", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub session_ticket_key: Vec<String>,
    /// Diffie-Hellman parameters.
    #[row("ssl_dhparam", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub dhparam: Option<String>,
    /// Curves.
    #[row("ssl_ecdh_curve", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub ecdh_curve: Option<String>,
    /// Whether clients show certificates.
    #[row("ssl_verify_client", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub verify_client: Option<String>,
    /// How long their chains may be.
    #[row("ssl_verify_depth", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub verify_depth: Option<String>,
    /// Who signs them.
    #[row("ssl_client_certificate", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub client_certificate: Option<String>,
    /// Who else is trusted.
    #[row("ssl_trusted_certificate", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub trusted_certificate: Option<String>,
    /// Revoked certificates.
    #[row("ssl_crl", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub crl: Option<String>,
    /// Whether OCSP answers are stapled.
    #[row("ssl_stapling", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub stapling: Option<bool>,
    /// Whether they are verified.
    #[row("ssl_stapling_verify", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub stapling_verify: Option<bool>,
    /// A stapled answer in a file.
    #[row("ssl_stapling_file", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub stapling_file: Option<String>,
    /// Who is asked.
    #[row("ssl_stapling_responder", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub stapling_responder: Option<String>,
    /// The buffer of records.
    #[row("ssl_buffer_size", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub buffer_size: Option<String>,
    /// TLS 1.3 early data.
    #[row("ssl_early_data", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub early_data: Option<bool>,
    /// Whether every handshake is refused.
    #[row("ssl_reject_handshake", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub reject_handshake: Option<bool>,
    /// OpenSSL commands.
    #[row("ssl_conf_command", ignored = "it acts only with listen … ssl, which is not served yet")]
    pub conf_command: Vec<Words>,
}
