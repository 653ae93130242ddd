//! Strings with variables, compiled once: headers, logs, rewrite, keys.

use std::collections::HashMap;

use crate::source::Span;

/// A string with variables and captures. Constant strings have one [`Part::Text`] or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Expr {
    /// The parts, in order, and no room for more: a large file has many.
    pub parts: Box<[Part]>,
}

impl Expr {
    /// A constant.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        if text.is_empty() { Expr::default() } else { Expr::from([Part::Text(text.into())]) }
    }

    /// The constant, unless it has variables.
    pub fn as_text(&self) -> Option<&[u8]> {
        match &*self.parts {
            [] => Some(b""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl<const N: usize> From<[Part; N]> for Expr {
    fn from(parts: [Part; N]) -> Self {
        Expr { parts: parts.into() }
    }
}

/// A piece of an [`Expr`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// As it stands.
    Text(Box<[u8]>),
    /// A variable's value.
    Var(Var),
    /// `$1` … `$9` of the last regular expression that matched.
    Capture(u8),
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Var {
    /// One of nginx's own with a fixed name.
    Builtin(Builtin),
    /// One of a family: `$http_NAME` and its like; the name is lower case with `_` as written.
    Prefixed(Prefix, Box<str>),
    /// Made by `set`, a named capture, `map` …
    User(UserVar),
}

/// The index of a variable that the configuration itself defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserVar(pub u32);

macro_rules! builtins {
    ($($variant:ident $name:literal)*) => {
        /// nginx's variables with fixed names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the name is the documentation: see nginx's index of variables")]
        pub enum Builtin { $($variant),* }

        impl Builtin {
            /// The variable of this name (lower case), if nginx has one.
            pub fn by_name(name: &str) -> Option<Builtin> {
                match name {
                    $($name => Some(Builtin::$variant),)*
                    _ => VALUELESS.contains(&name).then_some(Builtin::Nothing),
                }
            }

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Builtin::$variant => $name),* }
            }
        }
    };
}

builtins! {
    AncientBrowser "ancient_browser"
    Args "args"
    BinaryRemoteAddr "binary_remote_addr"
    BodyBytesSent "body_bytes_sent"
    BytesSent "bytes_sent"
    Connection "connection"
    ConnectionsActive "connections_active"
    ConnectionsReading "connections_reading"
    ConnectionsWaiting "connections_waiting"
    ConnectionsWriting "connections_writing"
    ConnectionRequests "connection_requests"
    ConnectionTime "connection_time"
    ContentLength "content_length"
    ContentType "content_type"
    DateGmt "date_gmt"
    DateLocal "date_local"
    DocumentRoot "document_root"
    DocumentUri "document_uri"
    FastcgiPathInfo "fastcgi_path_info"
    FastcgiScriptName "fastcgi_script_name"
    GzipRatio "gzip_ratio"
    Host "host"
    Hostname "hostname"
    Http2 "http2"
    Https "https"
    InvalidReferer "invalid_referer"
    IsArgs "is_args"
    IsRequestPort "is_request_port"
    LimitConnStatus "limit_conn_status"
    LimitRate "limit_rate"
    LimitReqStatus "limit_req_status"
    ModernBrowser "modern_browser"
    Msec "msec"
    Msie "msie"
    NginxVersion "nginx_version"
    Nothing ""
    Pid "pid"
    Pipe "pipe"
    ProxyAddXForwardedFor "proxy_add_x_forwarded_for"
    ProxyHost "proxy_host"
    ProxyInternalBodyLength "proxy_internal_body_length"
    ProxyInternalChunked "proxy_internal_chunked"
    ProxyPort "proxy_port"
    ProxyProtocolAddr "proxy_protocol_addr"
    ProxyProtocolPort "proxy_protocol_port"
    ProxyProtocolServerAddr "proxy_protocol_server_addr"
    ProxyProtocolServerPort "proxy_protocol_server_port"
    QueryString "query_string"
    RealipRemoteAddr "realip_remote_addr"
    RealipRemotePort "realip_remote_port"
    RealpathRoot "realpath_root"
    RemoteAddr "remote_addr"
    RemotePort "remote_port"
    RemoteUser "remote_user"
    Request "request"
    RequestBody "request_body"
    RequestBodyFile "request_body_file"
    RequestCompletion "request_completion"
    RequestFilename "request_filename"
    RequestId "request_id"
    RequestLength "request_length"
    RequestMethod "request_method"
    RequestPort "request_port"
    RequestTime "request_time"
    RequestUri "request_uri"
    Scheme "scheme"
    SecureLink "secure_link"
    SecureLinkExpires "secure_link_expires"
    SentHttpCacheControl "sent_http_cache_control"
    SentHttpConnection "sent_http_connection"
    SentHttpContentLength "sent_http_content_length"
    SentHttpContentType "sent_http_content_type"
    SentHttpKeepAlive "sent_http_keep_alive"
    SentHttpLastModified "sent_http_last_modified"
    SentHttpLink "sent_http_link"
    SentHttpLocation "sent_http_location"
    SentHttpTransferEncoding "sent_http_transfer_encoding"
    ServerAddr "server_addr"
    ServerName "server_name"
    ServerPort "server_port"
    ServerProtocol "server_protocol"
    SslAlpnProtocol "ssl_alpn_protocol"
    SslCipher "ssl_cipher"
    SslCiphers "ssl_ciphers"
    SslClientCert "ssl_client_cert"
    SslClientEscapedCert "ssl_client_escaped_cert"
    SslClientFingerprint "ssl_client_fingerprint"
    SslClientIDn "ssl_client_i_dn"
    SslClientIDnLegacy "ssl_client_i_dn_legacy"
    SslClientRawCert "ssl_client_raw_cert"
    SslClientSDn "ssl_client_s_dn"
    SslClientSDnLegacy "ssl_client_s_dn_legacy"
    SslClientSerial "ssl_client_serial"
    SslClientVEnd "ssl_client_v_end"
    SslClientVRemain "ssl_client_v_remain"
    SslClientVStart "ssl_client_v_start"
    SslClientVerify "ssl_client_verify"
    SslCurve "ssl_curve"
    SslCurves "ssl_curves"
    SslEarlyData "ssl_early_data"
    SslProtocol "ssl_protocol"
    SslServerName "ssl_server_name"
    SslSessionId "ssl_session_id"
    SslSessionReused "ssl_session_reused"
    Status "status"
    TcpinfoRcvSpace "tcpinfo_rcv_space"
    TcpinfoRtt "tcpinfo_rtt"
    TcpinfoRttvar "tcpinfo_rttvar"
    TcpinfoSndCwnd "tcpinfo_snd_cwnd"
    TimeIso8601 "time_iso8601"
    TimeLocal "time_local"
    UidGot "uid_got"
    UidReset "uid_reset"
    UidSet "uid_set"
    UpstreamAddr "upstream_addr"
    UpstreamBytesReceived "upstream_bytes_received"
    UpstreamBytesSent "upstream_bytes_sent"
    UpstreamCacheEtag "upstream_cache_etag"
    UpstreamCacheLastModified "upstream_cache_last_modified"
    UpstreamCacheStatus "upstream_cache_status"
    UpstreamConnectTime "upstream_connect_time"
    UpstreamHeaderTime "upstream_header_time"
    UpstreamResponseLength "upstream_response_length"
    UpstreamResponseTime "upstream_response_time"
    UpstreamStatus "upstream_status"
    Uri "uri"
}

/// Variables of modules that are not built: they are [`Builtin::Nothing`] and never have a value.
const VALUELESS: &[&str] =
    &["http3", "ssl_client_sigalg", "ssl_ech_outer_server_name", "ssl_ech_status", "ssl_sigalg", "ssl_sigalgs"];

macro_rules! prefixes {
    ($($variant:ident $name:literal)*) => {
        /// Families of variables whose name carries an argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "the name is the documentation: see nginx's index of variables")]
        pub enum Prefix { $($variant),* }

        impl Prefix {
            /// Splits a variable's name into family and argument.
            pub fn split(name: &str) -> Option<(Prefix, &str)> {
                $(if let Some(rest) = name.strip_prefix($name) { return Some((Prefix::$variant, rest)); })*
                None
            }

            /// What the family's names begin with.
            pub fn name(self) -> &'static str {
                match self { $(Prefix::$variant => $name),* }
            }
        }
    };
}

prefixes! {
    SentHttp "sent_http_"
    SentTrailer "sent_trailer_"
    UpstreamHttp "upstream_http_"
    UpstreamTrailer "upstream_trailer_"
    UpstreamCookie "upstream_cookie_"
    Http "http_"
    Arg "arg_"
    Cookie "cookie_"
    ProxyProtocolTlv "proxy_protocol_tlv_"
}

/// The variables the configuration itself defines or uses.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    names: Vec<UserVariable>,
    by_name: HashMap<String, UserVar>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct UserVariable {
    /// Its name, lower case.
    pub name: String,
    /// Where it is defined; a use without definition is `unknown "x" variable`.
    pub defined: Option<Span>,
    /// Where it is first used.
    pub used: Option<Span>,
}

impl Variables {
    /// The index of a name, new if need be.
    pub fn intern(&mut self, name: &str) -> UserVar {
        if let Some(&var) = self.by_name.get(name) {
            return var;
        }
        let var = UserVar(self.names.len() as u32);
        self.names.push(UserVariable { name: name.to_owned(), defined: None, used: None });
        self.by_name.insert(name.to_owned(), var);
        var
    }

    /// Records a definition.
    pub fn define(&mut self, name: &str, at: Span) -> UserVar {
        let var = self.intern(name);
        self.names[var.0 as usize].defined.get_or_insert(at);
        var
    }

    /// Records a use and says which variable a name (any case) stands for: nginx's own first, then the families.
    pub fn lookup(&mut self, name: &str, at: Span) -> Var {
        let name = name.to_ascii_lowercase();
        // What the file defines hides a family's name.
        if let Some(&var) = self.by_name.get(&name).filter(|var| self.is_defined(**var)) {
            return Var::User(var);
        }
        if let Some(builtin) = Builtin::by_name(&name) {
            return Var::Builtin(builtin);
        }
        if let Some((prefix, rest)) = Prefix::split(&name) {
            return Var::Prefixed(prefix, rest.into());
        }
        let var = self.intern(&name);
        self.names[var.0 as usize].used.get_or_insert(at);
        Var::User(var)
    }

    /// The variable that a name (lower case) stands for while requests are served: nothing new is made.
    pub fn find(&self, name: &str) -> Option<Var> {
        if let Some(&var) = self.by_name.get(name).filter(|var| self.is_defined(**var)) {
            return Some(Var::User(var));
        }
        let builtin = Builtin::by_name(name).map(Var::Builtin);
        builtin.or_else(|| Prefix::split(name).map(|(prefix, rest)| Var::Prefixed(prefix, rest.into())))
    }

    fn is_defined(&self, var: UserVar) -> bool {
        self.names.get(var.0 as usize).is_some_and(|known| known.defined.is_some())
    }

    /// All of them; [`UserVar`] is the index.
    pub fn all(&self) -> &[UserVariable] {
        &self.names
    }
}
