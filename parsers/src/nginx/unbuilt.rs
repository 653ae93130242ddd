//! Directives that nginx has and rkeep has not built. The one that switches a module on is refused; what only tunes it
//! has nothing to act on.

use std::sync::LazyLock;

use crate::table::{Arity, Contexts, Row, Status};

/// Directives of one module that share their blocks and their status.
struct Group {
    module: &'static str,
    contexts: Contexts,
    block: bool,
    status: Status,
    names: &'static str,
}

macro_rules! groups {
    ($($module:literal [$($context:ident)*] $shape:ident $status:ident($why:literal) $names:literal;)*) => {
        &[$(Group {
            module: $module,
            contexts: Contexts::NONE$(.or(Contexts::$context))*,
            block: groups!(@ $shape),
            status: Status::$status($why),
            names: $names,
        }),*]
    };
    (@ line) => { false };
    (@ block) => { true };
}

/// Their rows.
pub fn rows() -> &'static [Row] {
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let rows = |group: &'static Group| group.names.split_ascii_whitespace().map(|name| group.row(name));
        GROUPS.iter().flat_map(rows).collect()
    });
    &ROWS
}

/// Whether a module is among them and nothing of it is built.
pub fn is_unbuilt(module: &str) -> bool {
    GROUPS.iter().any(|group| group.module == module)
}

impl Group {
    fn row(&self, keyword: &'static str) -> Row {
        let arity = if self.block { Arity::ANY.with_block() } else { Arity::ANY };
        Row { arity, status: self.status, ..Row::refused(keyword, self.module, self.contexts, "") }
    }
}

const GROUPS: &[Group] = groups! {
    "ngx_openssl_cache_module" [MAIN] line Ignored("it acts only with listen … ssl")
        "ssl_object_cache_inheritable";
    "ngx_quic_bpf_module" [MAIN] line Refused("HTTP/3 is not served")
        "quic_bpf";
    "ngx_http_dav_module" [HTTP SERVER LOCATION] line Refused("files are not written yet")
        "dav_methods";
    "ngx_http_dav_module" [HTTP SERVER LOCATION] line Ignored("it acts only with dav_methods")
        "create_full_put_path min_delete_depth dav_access";
    "ngx_http_degradation_module" [HTTP] line Refused("memory is not watched")
        "degradation";
    "ngx_http_degradation_module" [HTTP SERVER LOCATION] line Refused("memory is not watched")
        "degrade";
    "ngx_http_flv_module" [LOCATION] line Refused("videos are not cut")
        "flv";
    "ngx_http_geoip_module" [HTTP] line Refused("addresses are not looked up")
        "geoip_country geoip_org geoip_city";
    "ngx_http_geoip_module" [HTTP] line Ignored("it acts only with geoip_country")
        "geoip_proxy geoip_proxy_recursive";
    "ngx_http_image_filter_module" [LOCATION] line Refused("pictures are not changed")
        "image_filter";
    "ngx_http_image_filter_module" [HTTP SERVER LOCATION] line Ignored("it acts only with image_filter")
        "image_filter_jpeg_quality image_filter_webp_quality image_filter_sharpen image_filter_transparency \
         image_filter_interlace image_filter_buffer";
    "ngx_http_map_module" [HTTP] line Ignored("rkeep sizes its tables itself")
        "map_hash_max_size map_hash_bucket_size";
    "ngx_http_mp4_module" [LOCATION] line Refused("videos are not cut")
        "mp4";
    "ngx_http_mp4_module" [HTTP SERVER LOCATION] line Ignored("it acts only with mp4")
        "mp4_buffer_size mp4_max_buffer_size mp4_start_key_frame";
    "ngx_http_proxy_module" [HTTP SERVER LOCATION] line Refused("it is not built yet")
        "proxy_socket_rcvbuf proxy_socket_sndbuf";
    "ngx_http_slice_filter_module" [HTTP SERVER LOCATION] line Refused("answers are not sliced")
        "slice";
    "ngx_http_ssl_module" [HTTP SERVER] line Refused("rustls does not encrypt names of servers")
        "ssl_ech_file";
    "ngx_http_ssl_module" [HTTP SERVER] line Refused("issuers are not asked about clients' certificates: name a list with ssl_crl")
        "ssl_ocsp";
    "ngx_http_ssl_module" [HTTP SERVER] line Ignored("it acts only with ssl_ocsp")
        "ssl_ocsp_responder ssl_ocsp_cache";
    "ngx_http_tunnel_module" [SERVER LOCATION LOCATION_IF] line Refused("CONNECT is not served")
        "tunnel_pass";
    "ngx_http_tunnel_module" [HTTP SERVER LOCATION] line Ignored("it acts only with tunnel_pass")
        "tunnel_bind tunnel_socket_keepalive tunnel_socket_rcvbuf tunnel_socket_sndbuf tunnel_connect_timeout \
         tunnel_send_timeout tunnel_send_lowat tunnel_buffer_size tunnel_read_timeout \
         tunnel_next_upstream tunnel_next_upstream_tries tunnel_next_upstream_timeout";
    "ngx_http_upstream_least_time_module" [UPSTREAM] line Refused("answer times do not choose servers yet")
        "least_time";
    "ngx_http_upstream_sticky_module" [UPSTREAM] line Refused("clients are kept by ip_hash or hash only")
        "sticky";
    "ngx_http_xslt_filter_module" [HTTP SERVER LOCATION] line Ignored("it acts only with xslt_stylesheet")
        "xml_entities xml_external_entities xslt_param xslt_string_param xslt_types xslt_last_modified";
    "ngx_http_xslt_filter_module" [LOCATION] line Refused("XML is not transformed")
        "xslt_stylesheet";
    "ngx_http_perl_module" [HTTP] line Refused("there is no Perl in rkeep")
        "perl_modules perl_require perl_set";
    "ngx_http_perl_module" [LOCATION LIMIT_EXCEPT] line Refused("there is no Perl in rkeep")
        "perl";
    "ngx_http_core_module" [HTTP SERVER] line Refused("it is not built yet")
        "client_body_early_read";
    "ngx_http_core_module" [HTTP SERVER LOCATION] line Ignored("it acts only with open_file_cache")
        "open_file_cache_events";
    "ngx_http_v2_module" [HTTP SERVER] line Ignored("rkeep allocates as needed")
        "http2_pool_size http2_streams_index_size";
    "ngx_http_v2_module" [HTTP SERVER] line Ignored("nginx has it no more: see keepalive_…, client_header_timeout and large_client_header_buffers")
        "http2_max_requests http2_max_field_size http2_max_header_size http2_recv_timeout http2_idle_timeout";
    "ngx_http_v2_module" [HTTP] line Ignored("rkeep reads into buffers of its own")
        "http2_recv_buffer_size";
    "ngx_http_v2_module" [HTTP SERVER] line Ignored("nothing is pushed any more, in nginx neither")
        "http2_max_concurrent_pushes";
    "ngx_http_v2_module" [HTTP SERVER LOCATION] line Ignored("nothing is pushed any more, in nginx neither")
        "http2_push_preload http2_push";
    "ngx_http_v3_module" [HTTP SERVER] line Refused("HTTP/3 is not served")
        "http3 http3_hq";
    "ngx_http_v3_module" [HTTP SERVER] line Ignored("it acts only with listen … quic")
        "http3_max_concurrent_streams http3_stream_buffer_size quic_retry quic_gso quic_host_key \
         quic_active_connection_id_limit";
    "ngx_mail_module" [MAIN] block Refused("mail is not proxied")
        "mail";
    "ngx_google_perftools_module" [MAIN] line Refused("there is no profiler of Google in rkeep")
        "google_perftools_profiles";
    "ngx_stream_module" [MAIN] block Refused("plain TCP and UDP are not proxied by the nginx face yet")
        "stream";
};
