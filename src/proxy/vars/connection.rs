//! Variables about the connection, the process and the time.

use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use rkeep_parsers::ir::expr::Builtin as B;
use rkeep_parsers::ir::http::Address;

use super::{put, put_fmt};
use crate::proxy::http::date;
use crate::proxy::request::RequestCtx;
use crate::proxy::ssi::TIME_FORMAT;
use crate::proxy::syslog::hostname;
use crate::sys::clock;

impl RequestCtx {
    pub(super) fn connection_variable(&self, builtin: B, out: &mut Vec<u8>) -> bool {
        match builtin {
            B::RemoteAddr => put(out, self.client_text().as_bytes()),
            B::RealipRemoteAddr => put(out, self.conn.client.as_bytes()),
            B::RemotePort => put_port(out, self.client_port()),
            B::RealipRemotePort => put_port(out, self.conn.client_port()),
            B::BinaryRemoteAddr => match self.client_ip() {
                Some(IpAddr::V4(ip)) => put(out, &ip.octets()),
                Some(IpAddr::V6(ip)) => put(out, &ip.octets()),
                None => put(out, b"unix:"),
            },
            B::ServerAddr => match (self.conn.local(), &self.conn.listen) {
                (Some(local), _) => put_fmt(out, format_args!("{}", local.ip())),
                (None, Address::Unix(path)) => put_fmt(out, format_args!("unix:{}", path.display())),
                (None, Address::Inet(_)) => false,
            },
            B::ServerPort => match self.conn.local() {
                Some(local) => put_fmt(out, format_args!("{}", local.port())),
                None => put(out, b""),
            },
            B::Connection => put_fmt(out, format_args!("{}", self.conn.number)),
            B::ConnectionRequests => put_fmt(out, format_args!("{}", self.conn.requests.get())),
            B::ConnectionTime => {
                let age = self.conn.since.elapsed();
                put_fmt(out, format_args!("{}.{:03}", age.as_secs(), age.subsec_millis()))
            }
            B::ConnectionsActive => put_fmt(out, format_args!("{}", self.snapshot.stats.read().active)),
            B::ConnectionsReading => put_fmt(out, format_args!("{}", self.snapshot.stats.read().reading)),
            B::ConnectionsWriting => put_fmt(out, format_args!("{}", self.snapshot.stats.read().writing)),
            B::ConnectionsWaiting => put_fmt(out, format_args!("{}", self.snapshot.stats.read().waiting)),
            B::Pipe => put(out, if self.pipelined { b"p" } else { b"." }),
            B::Hostname => put(out, hostname().to_ascii_lowercase().as_bytes()),
            B::NginxVersion => put(out, self.snapshot.product.trim_start_matches("nginx/").as_bytes()),
            B::Pid => put_fmt(out, format_args!("{}", std::process::id())),
            B::Msec => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                put_fmt(out, format_args!("{}.{:03}", now.as_secs(), now.subsec_millis()))
            }
            B::TimeLocal => {
                date::put_local(out);
                true
            }
            B::TimeIso8601 => {
                date::put_iso(out);
                true
            }
            B::DateLocal => self.put_date(false, out),
            B::DateGmt => self.put_date(true, out),
            B::TcpinfoRtt | B::TcpinfoRttvar | B::TcpinfoSndCwnd | B::TcpinfoRcvSpace => self.tcp_info(builtin, out),
            B::ProxyProtocolAddr => self.told(out, |(from, _)| from.ip().to_string()),
            B::ProxyProtocolPort => self.told(out, |(from, _)| from.port().to_string()),
            B::ProxyProtocolServerAddr => self.told(out, |(_, to)| to.ip().to_string()),
            B::ProxyProtocolServerPort => self.told(out, |(_, to)| to.port().to_string()),
            B::ModernBrowser => put(out, self.browser(true)),
            B::AncientBrowser => put(out, self.browser(false)),
            B::Msie => put(out, if self.is_msie() { b"1" } else { b"" }),
            B::InvalidReferer => put(out, if self.has_invalid_referer() { b"1" } else { b"" }),
            B::Http2 => put(
                out,
                match (self.conn.stream.h2().is_some(), self.is_encrypted()) {
                    (true, true) => b"h2",
                    (true, false) => b"h2c",
                    _ => b"",
                },
            ),
            B::Https => put(out, if self.is_encrypted() { b"on" } else { b"" }),
            _ => false,
        }
    }

    /// The present time as server-side includes want it written; `%s` alone is seconds since 1970.
    fn put_date(&self, gmt: bool, out: &mut Vec<u8>) -> bool {
        let format = self.time_format.as_deref().unwrap_or(TIME_FORMAT.as_bytes());
        match format {
            b"%s" => put_fmt(out, format_args!("{}", date::now())),
            format => put(out, &clock::format(format, date::now(), gmt)),
        }
    }

    fn told(&self, out: &mut Vec<u8>, show: impl Fn(&(SocketAddr, SocketAddr)) -> String) -> bool {
        let ends = self.conn.told().and_then(|told| told.ends.as_ref());
        ends.is_some_and(|ends| put(out, show(ends).as_bytes()))
    }

    fn tcp_info(&self, builtin: B, out: &mut Vec<u8>) -> bool {
        let Some(info) = crate::sys::tcp::info(&self.conn.stream) else { return false };
        let value = match builtin {
            B::TcpinfoRtt => info.rtt,
            B::TcpinfoRttvar => info.rttvar,
            B::TcpinfoSndCwnd => info.snd_cwnd,
            _ => info.rcv_space,
        };
        put_fmt(out, format_args!("{value}"))
    }
}

/// A port; nothing where there is none.
fn put_port(out: &mut Vec<u8>, port: Option<u16>) -> bool {
    port.is_none_or(|port| put_fmt(out, format_args!("{port}")))
}
