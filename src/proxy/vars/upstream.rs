//! Variables about backends: lists over all tries, `, ` between tries and ` : ` between groups of them.

use std::time::Duration;

use rkeep_parsers::ir::expr::Builtin as B;
use rkeep_parsers::ir::http::Handler;

use super::{put, put_fmt};
use crate::proxy::http::date;
use crate::proxy::request::{RequestCtx, UpstreamRecord};
use crate::proxy::upstream::Scripts;

impl RequestCtx {
    pub(super) fn upstream_variable(&self, builtin: B, out: &mut Vec<u8>) -> bool {
        match builtin {
            B::UpstreamAddr => self.list(out, |record, out| {
                put(out, record.addr.as_bytes());
            }),
            B::UpstreamStatus => self.list(out, |record, out| match record.status {
                0 => {
                    put(out, b"-");
                }
                status => {
                    put_fmt(out, format_args!("{status}"));
                }
            }),
            B::UpstreamCacheStatus => match self.cache.as_ref().and_then(|told| told.status) {
                Some(status) => put(out, status.shown().as_bytes()),
                None => false,
            },
            B::UpstreamCacheLastModified => match self.cache.as_ref().and_then(|told| told.last_modified) {
                Some(at) => put(out, date::http(at).as_bytes()),
                None => false,
            },
            B::UpstreamCacheEtag => match &self.cache {
                Some(told) if !told.etag.is_empty() => put(out, &told.etag),
                _ => false,
            },
            B::UpstreamConnectTime => self.times(out, |record| record.connect_time),
            B::UpstreamHeaderTime => self.times(out, |record| record.header_time),
            B::UpstreamResponseTime => self.times(out, |record| record.response_time),
            B::UpstreamResponseLength => self.numbers(out, |record| record.response_length),
            B::UpstreamBytesReceived => self.numbers(out, |record| record.bytes_received),
            B::UpstreamBytesSent => self.numbers(out, |record| record.bytes_sent),
            B::ProxyHost => match (self.proxy_host.as_deref(), &self.location.ir.handler) {
                (Some((host, _)), _) => put(out, host),
                (None, Handler::Proxy(pass)) => put(out, &pass.host),
                _ => false,
            },
            B::ProxyPort => match (self.proxy_host.as_deref(), &self.location.ir.handler) {
                (Some((_, port)), _) => put_fmt(out, format_args!("{port}")),
                (None, Handler::Proxy(pass)) => put_fmt(out, format_args!("{}", pass.port)),
                _ => false,
            },
            B::FastcgiScriptName => {
                self.scripts(|scripts| scripts.name(self, out));
                true
            }
            B::FastcgiPathInfo => {
                self.scripts(|scripts| scripts.path_info(self, out));
                true
            }
            B::ProxyAddXForwardedFor => {
                if self.request_field("x_forwarded_for", out) {
                    out.extend_from_slice(b", ");
                }
                put(out, self.client_text().as_bytes())
            }
            B::ProxyInternalBodyLength => put_fmt(out, format_args!("{}", self.body.stored.len())),
            _ => false,
        }
    }

    fn scripts(&self, show: impl FnOnce(&Scripts)) {
        match &self.location.route {
            Some(route) => show(&route.scripts),
            None => show(&Scripts::default()),
        }
    }

    fn list(&self, out: &mut Vec<u8>, show: impl Fn(&UpstreamRecord, &mut Vec<u8>)) -> bool {
        for (index, record) in self.upstream.iter().enumerate() {
            match (index, record.new_group) {
                (0, _) => {}
                (_, true) => out.extend_from_slice(b" : "),
                (_, false) => out.extend_from_slice(b", "),
            }
            show(record, out);
        }
        !self.upstream.is_empty()
    }

    fn times(&self, out: &mut Vec<u8>, time: impl Fn(&UpstreamRecord) -> Option<Duration>) -> bool {
        self.list(out, |record, out| match time(record) {
            Some(time) => {
                put_fmt(out, format_args!("{}.{:03}", time.as_secs(), time.subsec_millis()));
            }
            None => {
                put(out, b"-");
            }
        })
    }

    fn numbers(&self, out: &mut Vec<u8>, number: impl Fn(&UpstreamRecord) -> u64) -> bool {
        self.list(out, |record, out| {
            put_fmt(out, format_args!("{}", number(record)));
        })
    }
}
