//! Which modules make up the main, server and location levels.
//!
//! Most levels write to few modules: what a level leaves untouched it shares with the level around it.

use std::sync::{Arc, LazyLock};

use crate::syntax::tree::Directive;
use crate::table::{Cx, Fault, Module, Row};

/// One module at one level: its complete layer, to inherit from, and its values.
#[derive(Debug)]
struct Resolved<M: Module> {
    layer: Arc<M::Layer>,
    value: Arc<M>,
}

impl<M: Module> Clone for Resolved<M> {
    fn clone(&self) -> Self {
        Resolved { layer: self.layer.clone(), value: self.value.clone() }
    }
}

impl<M: Module> Resolved<M> {
    fn of(layer: M::Layer) -> Self {
        let value = Arc::new(M::finish(&layer));
        Resolved { layer: Arc::new(layer), value }
    }

    fn outermost(written: Option<&M::Layer>, cx: &mut Cx) -> Self {
        let mut layer = written.cloned().unwrap_or_default();
        M::fill_defaults(&mut layer, cx);
        Resolved::of(layer)
    }

    fn inside(written: Option<Box<M::Layer>>, outer: &Self) -> Self {
        let Some(mut layer) = Self::own(written, outer) else { return outer.clone() };
        M::inherit(&mut layer, &outer.layer);
        Resolved::of(layer)
    }

    /// The value of a level that has none inside.
    fn innermost(written: Option<Box<M::Layer>>, outer: &Self) -> Arc<M> {
        match Self::own(written, outer) {
            Some(layer) => Arc::new(M::merge(layer, &outer.layer)),
            None => outer.value.clone(),
        }
    }

    /// What is written, an empty layer where something of the outer one does not hold here; none where all is inherited.
    fn own(written: Option<Box<M::Layer>>, outer: &Self) -> Option<M::Layer> {
        match written {
            Some(layer) => Some(*layer),
            None => M::has_own(&outer.layer).then(M::Layer::default),
        }
    }
}

/// Holds a value once where it is the same as a known one.
fn share<M: PartialEq>(own: &mut Arc<M>, known: &Arc<M>) {
    if !Arc::ptr_eq(own, known) && **own == **known {
        *own = known.clone();
    }
}

/// Joins modules into the effective configuration of one level and its layers.
macro_rules! group {
    ($(#[$doc:meta])* $conf:ident, $layers:ident, $level:ident {
        $($(#[$field_doc:meta])* $field:ident : $module:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $conf { $($(#[$field_doc])* pub $field: Arc<$module>,)* }

        impl $conf {
            /// What stands in a level's place until its values are known; all share one.
            pub fn unknown() -> Arc<Self> {
                static UNKNOWN: LazyLock<Arc<$conf>> = LazyLock::new(Arc::default);
                UNKNOWN.clone()
            }

            /// Takes from another level what is the same there, so that it is held once; true if all of it is.
            pub fn share(&mut self, known: &Self) -> bool {
                $(share(&mut self.$field, &known.$field);)*
                true $(&& Arc::ptr_eq(&self.$field, &known.$field))*
            }
        }

        /// What was written at one such level; nothing for modules that are not mentioned.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $layers { $($(#[$field_doc])* pub $field: Option<Box<<$module as Module>::Layer>>,)* }

        /// Such a level with all that it inherits.
        #[derive(Clone, Debug)]
        pub struct $level { $($field: Resolved<$module>,)* }

        impl $layers {
            /// The rows of all its modules; the index is what [`Self::set`] takes as `table`.
            pub const TABLES: &'static [&'static [Row]] = &[$(<$module as Module>::ROWS),*];

            /// Writes one occurrence of `TABLES[table][row]`.
            ///
            /// # Errors
            /// The value's fault.
            pub fn set(&mut self, table: usize, row: usize, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
                let mut index = 0..;
                $(if index.next() == Some(table) {
                    return <$module as Module>::set(self.$field.get_or_insert_default(), row, directive, cx);
                })*
                Ok(())
            }

            /// The outermost level: what is not written has its default.
            pub fn outermost(&self, cx: &mut Cx) -> $level {
                $level { $($field: Resolved::outermost(self.$field.as_deref(), cx),)* }
            }

            /// A level inside another: what is not written is inherited.
            pub fn inside(self, outer: &$level) -> $level {
                $level { $($field: Resolved::inside(self.$field, &outer.$field),)* }
            }

            /// The effective values of a level that has none inside.
            pub fn innermost(self, outer: &$level) -> $conf {
                $conf { $($field: Resolved::innermost(self.$field, &outer.$field),)* }
            }
        }

        impl $level {
            /// The effective values.
            pub fn conf(&self) -> $conf {
                $conf { $($field: self.$field.value.clone(),)* }
            }
        }
    };
}

impl LocationLevel {
    /// What is added to answers here.
    pub fn headers(&self) -> &super::Headers {
        &self.headers.value
    }
}

group! {
    /// The main level.
    Main, MainLayers, MainLevel {
        /// `user`, `worker_processes` …
        core: super::CoreMain,
        /// `events { … }`
        events: super::Events,
    }
}

group! {
    /// What belongs to a `server` as a whole.
    ServerConf, ServerLayers, ServerLevel {
        /// `client_header_timeout`, `large_client_header_buffers` …
        http: super::HttpServer,
        /// `ssl_…`
        ssl: super::Ssl,
        /// `http2…`
        http2: super::Http2,
    }
}

group! {
    /// What may differ from location to location.
    LocationConf, LocationLayers, LocationLevel {
        /// `root`, `keepalive_timeout`, `error_page` …
        core: super::HttpCore,
        /// `proxy_…`
        proxy: super::Proxy,
        /// `http2_chunk_size`
        http2: super::Http2Answer,
        /// `proxy_ssl_…`
        proxy_ssl: super::ProxySsl,
        /// `fastcgi_…`
        fastcgi: super::FastCgi,
        /// `grpc_…`
        grpc: super::Grpc,
        /// `grpc_ssl_…`
        grpc_ssl: super::GrpcSsl,
        /// `scgi_…`
        scgi: super::Scgi,
        /// `uwsgi_…`
        uwsgi: super::Uwsgi,
        /// `uwsgi_ssl_…`
        uwsgi_ssl: super::UwsgiSsl,
        /// `memcached_…`
        memcached: super::Memcached,
        /// `access_log`
        log: super::HttpLog,
        /// `allow`, `deny`
        access: super::Access,
        /// `set_real_ip_from`, `real_ip_…`
        realip: super::RealIp,
        /// `auth_basic…`
        auth_basic: super::AuthBasic,
        /// `autoindex…`
        autoindex: super::Autoindex,
        /// `valid_referers`
        referer: super::Referer,
        /// `modern_browser…`, `ancient_browser…`
        browser: super::Browser,
        /// `sub_filter…`
        sub: super::Sub,
        /// `gunzip…`
        gunzip: super::Gunzip,
        /// `gzip_static`
        gzip_static: super::GzipStaticConf,
        /// `limit_req…`
        limit_req: super::LimitReq,
        /// `limit_conn…`
        limit_conn: super::LimitConn,
        /// `gzip…`
        gzip: super::Gzip,
        /// `add_header`, `expires`
        headers: super::Headers,
        /// `charset…`
        charset: super::Charset,
        /// `auth_request…`
        auth_request: super::AuthRequest,
        /// `mirror…`
        mirror: super::Mirror,
        /// `add_before_body`, `add_after_body`
        addition: super::Addition,
        /// `ssi…`
        ssi: super::Ssi,
        /// `secure_link…`
        secure_link: super::SecureLink,
        /// `random_index`
        random_index: super::RandomIndex,
        /// `userid…`
        userid: super::Userid,
        /// `index`
        index: super::Index,
        /// `rewrite_log`, `uninitialized_variable_warn`
        rewrite: super::Rewrite,
    }
}
