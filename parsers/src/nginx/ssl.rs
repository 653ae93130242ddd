//! `ngx_http_ssl_module`: read everywhere, needed only by a `listen … ssl`, which is refused until TLS is served.

use crate::table::Directives;
use crate::table::value::Words;

/// TLS of a server.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "ngx_http_ssl_module", within(http, server))]
pub struct Ssl {
    /// Certificates.
    #[row("ssl_certificate")]
    pub certificate: Vec<String>,
    /// Their keys.
    #[row("ssl_certificate_key")]
    pub certificate_key: Vec<String>,
    /// Passwords of the keys.
    #[row("ssl_password_file")]
    pub password_file: Option<String>,
    /// Protocol versions.
    #[row("ssl_protocols", by = crate::table::value::set_flags)]
    pub protocols: Words,
    /// Cipher suites, as OpenSSL names them.
    #[row("ssl_ciphers")]
    pub ciphers: Option<String>,
    /// Whether the server chooses.
    #[row("ssl_prefer_server_ciphers")]
    pub prefer_server_ciphers: Option<bool>,
    /// Where sessions are kept.
    #[row("ssl_session_cache")]
    pub session_cache: Option<Words>,
    /// How long.
    #[row("ssl_session_timeout")]
    pub session_timeout: Option<String>,
    /// Whether sessions are carried by tickets.
    #[row("ssl_session_tickets")]
    pub session_tickets: Option<bool>,
    /// Keys of tickets.
    #[row("ssl_session_ticket_key")]
    pub session_ticket_key: Vec<String>,
    /// Diffie-Hellman parameters.
    #[row("ssl_dhparam")]
    pub dhparam: Option<String>,
    /// Curves.
    #[row("ssl_ecdh_curve")]
    pub ecdh_curve: Option<String>,
    /// Whether clients show certificates.
    #[row("ssl_verify_client")]
    pub verify_client: Option<String>,
    /// How long their chains may be.
    #[row("ssl_verify_depth")]
    pub verify_depth: Option<String>,
    /// Who signs them.
    #[row("ssl_client_certificate")]
    pub client_certificate: Option<String>,
    /// Who else is trusted.
    #[row("ssl_trusted_certificate")]
    pub trusted_certificate: Option<String>,
    /// Revoked certificates.
    #[row("ssl_crl")]
    pub crl: Option<String>,
    /// Whether OCSP answers are stapled.
    #[row("ssl_stapling")]
    pub stapling: Option<bool>,
    /// Whether they are verified.
    #[row("ssl_stapling_verify")]
    pub stapling_verify: Option<bool>,
    /// A stapled answer in a file.
    #[row("ssl_stapling_file")]
    pub stapling_file: Option<String>,
    /// Who is asked.
    #[row("ssl_stapling_responder")]
    pub stapling_responder: Option<String>,
    /// The buffer of records.
    #[row("ssl_buffer_size")]
    pub buffer_size: Option<String>,
    /// TLS 1.3 early data.
    #[row("ssl_early_data")]
    pub early_data: Option<bool>,
    /// Whether every handshake is refused.
    #[row("ssl_reject_handshake")]
    pub reject_handshake: Option<bool>,
    /// OpenSSL commands.
    #[row("ssl_conf_command")]
    pub conf_command: Vec<Words>,
}
