//! TLS to backends: each module of a backend's protocol has the same words under names of its own.

use super::Ssl;
use crate::ir::expr::Expr;
use crate::table::Directives;
use crate::table::value::{CertificateCache, Number, OpensslSetting, TlsFile, Words};

macro_rules! backend_tls {
    ($(#[$doc:meta])* $name:ident module $module:literal prefix $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Directives)]
        #[directives(module = $module, prefix = $prefix, within(http, server, location))]
        pub struct $name {
            /// Whether sessions are taken up again.
            #[row("session_reuse", default = "on")]
            pub session_reuse: bool,
            /// Protocol versions; TLSv1.2 and TLSv1.3 are spoken, older ones are not.
            #[row("protocols", by = crate::table::value::set_flags, default = "TLSv1.2 TLSv1.3")]
            pub protocols: Words,
            /// Cipher suites of TLSv1.2, as OpenSSL names them.
            #[row("ciphers", default = "DEFAULT")]
            pub ciphers: String,
            /// The name that the backend's certificate must have.
            #[row("name")]
            pub name: Option<Expr>,
            /// Whether the backend is told that name.
            #[row("server_name", default = "off")]
            pub server_name: bool,
            /// Whether the backend's certificate is verified.
            #[row("verify", default = "off")]
            pub verify: bool,
            /// How many certificates may stand between the backend's and a trusted one.
            #[row("verify_depth", default = "1")]
            pub verify_depth: Number,
            /// Who is trusted.
            #[row("trusted_certificate")]
            pub trusted_certificate: Option<TlsFile>,
            /// Revoked certificates.
            #[row("crl")]
            pub crl: Option<TlsFile>,
            /// The certificate that backends are shown.
            #[row("certificate")]
            pub certificate: Option<TlsFile>,
            /// Its key.
            #[row("certificate_key")]
            pub certificate_key: Option<TlsFile>,
            /// Whether those with variables in their names are kept from one handshake to the next.
            #[row("certificate_cache", default = "off")]
            pub certificate_cache: CertificateCache,
            /// Passwords of an encrypted key, one a line.
            #[row("password_file")]
            pub password_file: Option<TlsFile>,
            /// Settings of OpenSSL.
            #[row("conf_command")]
            pub conf_command: Vec<OpensslSetting>,
        }
    };
}

backend_tls! {
    /// `proxy_ssl_…`
    ProxySsl module "ngx_http_proxy_module" prefix "proxy_ssl_"
}

backend_tls! {
    /// `grpc_ssl_…`
    GrpcSsl module "ngx_http_grpc_module" prefix "grpc_ssl_"
}

backend_tls! {
    /// `uwsgi_ssl_…`
    UwsgiSsl module "ngx_http_uwsgi_module" prefix "uwsgi_ssl_"
}

/// Says the same in the words of `proxy_pass`, whose machinery it is that serves them.
macro_rules! as_proxy {
    ($($name:ident)*) => {
        $(impl $name {
            /// The same in the words of `proxy_pass`, whose machinery it is that serves them.
            pub fn as_proxy(&self) -> ProxySsl {
                as_proxy!(self; session_reuse protocols ciphers name server_name verify verify_depth
                    trusted_certificate crl certificate certificate_key certificate_cache password_file conf_command)
            }
        })*
    };
    ($of:expr; $($field:ident)*) => {
        ProxySsl { $($field: $of.$field.clone()),* }
    };
}

as_proxy! { GrpcSsl UwsgiSsl }

impl ProxySsl {
    /// What it has in common with the TLS of a server.
    pub fn common(&self) -> Ssl {
        Ssl {
            certificate: self.certificate.iter().cloned().collect(),
            certificate_key: self.certificate_key.iter().cloned().collect(),
            certificate_cache: self.certificate_cache,
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
