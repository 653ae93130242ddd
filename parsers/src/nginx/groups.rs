//! Which modules make up the main, server and location levels.

use crate::syntax::tree::Directive;
use crate::table::{Cx, Fault, Module, Row};

/// Joins modules into the effective configuration of one level and its layers.
macro_rules! group {
    ($(#[$doc:meta])* $conf:ident, $layers:ident { $($(#[$field_doc:meta])* $field:ident : $module:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub struct $conf { $($(#[$field_doc])* pub $field: $module,)* }

        /// What was written at one such level.
        #[derive(Clone, Debug, Default)]
        pub struct $layers { $($(#[$field_doc])* pub $field: <$module as Module>::Layer,)* }

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
                    return <$module as Module>::set(&mut self.$field, row, directive, cx);
                })*
                Ok(())
            }

            /// Fills what is open from the level around it.
            pub fn inherit(&mut self, parent: &Self) {
                $(<$module as Module>::inherit(&mut self.$field, &parent.$field);)*
            }

            /// Fills what is still open at the outermost level.
            pub fn fill_defaults(&mut self, cx: &mut Cx) {
                $(<$module as Module>::fill_defaults(&mut self.$field, cx);)*
            }

            /// The effective values.
            pub fn finish(&self) -> $conf {
                $conf { $($field: <$module as Module>::finish(&self.$field),)* }
            }
        }
    };
}

group! {
    /// The main level.
    Main, MainLayers {
        /// `user`, `worker_processes` …
        core: super::CoreMain,
        /// `events { … }`
        events: super::Events,
    }
}

group! {
    /// What belongs to a `server` as a whole.
    ServerConf, ServerLayers {
        /// `client_header_timeout`, `large_client_header_buffers` …
        http: super::HttpServer,
        /// `ssl_…`
        ssl: super::Ssl,
    }
}

group! {
    /// What may differ from location to location.
    LocationConf, LocationLayers {
        /// `root`, `keepalive_timeout`, `error_page` …
        core: super::HttpCore,
        /// `proxy_…`
        proxy: super::Proxy,
        /// `access_log`
        log: super::HttpLog,
        /// `allow`, `deny`
        access: super::Access,
        /// `gzip…`
        gzip: super::Gzip,
        /// `add_header`, `expires`
        headers: super::Headers,
        /// `charset…`
        charset: super::Charset,
        /// `index`
        index: super::Index,
        /// `rewrite_log`, `uninitialized_variable_warn`
        rewrite: super::Rewrite,
    }
}
