//! `userid`: a number for each client, in a cookie.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use rkeep_parsers::nginx::Userid;
use rkeep_parsers::table::value::{Level, UseridExpires, UseridMode};

use super::http::{base64, date};
use super::request::RequestCtx;
use super::vars::fields;

/// A client's number: who gave it out, when, and two that make it unique.
pub type Uid = [u8; 16];

/// How much of a cookie's value is the number.
const ENCODED: usize = 22;

/// Where the older and the newer form begin to count.
const FIRST_V1: u32 = 1;
const FIRST: u32 = 0x0303_0302;

/// What the cookies of a request and its answer come to.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The cookie's value as it came.
    cookie: Vec<u8>,
    got: Option<Uid>,
    set: Option<Uid>,
    reset: bool,
}

/// Gives the client its cookie where it needs one.
pub fn filter(cx: &mut RequestCtx) {
    if !cx.conf().userid.mode.gives() {
        return;
    }
    let location = cx.location.clone();
    let conf = &location.ir.conf.userid;
    let seen = cx.uid();
    let Some(set) = seen.set else { return };
    let cookie = cookie(conf, seen, set);
    cx.out.fields.push(b"Set-Cookie", &cookie);
    if conf.p3p != "none" {
        cx.out.fields.push(b"P3P", conf.p3p.as_bytes());
    }
}

impl RequestCtx {
    fn uid(&self) -> &Seen {
        self.shared.uid.get_or_init(|| Box::new(look(self)))
    }

    /// `$uid_got`
    pub fn uid_got(&self, out: &mut Vec<u8>) -> bool {
        let conf = &self.conf().userid;
        conf.mode != UseridMode::Off && shown(&conf.name, self.uid().got, out)
    }

    /// `$uid_set`
    pub fn uid_set(&self, out: &mut Vec<u8>) -> bool {
        let conf = &self.conf().userid;
        conf.mode.gives() && shown(&conf.name, self.uid().set, out)
    }
}

/// Appends a number as variables show it: its words as the machine reads them.
fn shown(name: &str, uid: Option<Uid>, out: &mut Vec<u8>) -> bool {
    let Some(uid) = uid else { return false };
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    for word in words(uid) {
        out.extend_from_slice(format!("{word:08X}").as_bytes());
    }
    true
}

fn words(uid: Uid) -> [u32; 4] {
    let (words, _) = uid.as_chunks::<4>();
    let mut all = [0; 4];
    for (to, word) in all.iter_mut().zip(words) {
        *to = u32::from_ne_bytes(*word);
    }
    all
}

fn bytes(words: [u32; 4]) -> Uid {
    let mut all = [0; 16];
    for (to, word) in all.chunks_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    all
}

fn look(cx: &RequestCtx) -> Seen {
    let conf = &cx.conf().userid;
    let mut seen = Seen::default();
    if fields::cookie(&cx.head.fields, &conf.name, &mut seen.cookie) {
        seen.got = read(cx, &seen.cookie);
    }
    if !conf.mode.gives() {
        return seen;
    }
    if let Some(got) = seen.got {
        let reset = reset(cx);
        if reset.is_empty() || reset == b"0" {
            let marked = |mark| seen.cookie.get(ENCODED..ENCODED + 2) == Some(&[mark, b'='][..]);
            seen.set = (!conf.mark.0.is_none_or(marked)).then_some(got);
            return seen;
        }
        seen.reset = true;
        if reset == b"log" {
            let mut old = Vec::new();
            shown(&conf.name, Some(got), &mut old);
            let old = String::from_utf8_lossy(&old);
            cx.error(Level::Notice, format_args!("userid cookie \"{old}\" was reset"));
        }
    }
    seen.set = Some(make(cx, conf));
    seen
}

fn read(cx: &RequestCtx, cookie: &[u8]) -> Option<Uid> {
    let shown = String::from_utf8_lossy(cookie);
    let Some(encoded) = cookie.get(..ENCODED) else {
        cx.error(Level::Error, format_args!("client sent too short userid cookie \"{shown}\""));
        return None;
    };
    let uid = base64::decode(encoded).and_then(|uid| Uid::try_from(uid).ok());
    if uid.is_none() {
        cx.error(Level::Error, format_args!("client sent invalid userid cookie \"{shown}\""));
    }
    uid.filter(|uid| words(*uid).last() != Some(&0))
}

/// `$uid_reset`, as `set` or `map` have it.
fn reset(cx: &RequestCtx) -> Vec<u8> {
    let mut value = Vec::new();
    if let Some(var) = cx.snapshot.plan.variables.find("uid_reset") {
        cx.var_into(&var, &mut value);
    }
    value
}

fn make(cx: &RequestCtx, conf: &Userid) -> Uid {
    static V1: AtomicU32 = AtomicU32::new(FIRST_V1);
    static NEXT: AtomicU32 = AtomicU32::new(FIRST);
    let service = conf.service.map(|service| service.0 as u32);
    let now = date::now() as u32;
    if conf.mode == UseridMode::V1 {
        return bytes([service.unwrap_or(0), now, start(), V1.fetch_add(0x100, Ordering::Relaxed)]);
    }
    let own = match (service, cx.local().map(|local| local.ip())) {
        (Some(service), _) => service,
        (None, Some(IpAddr::V4(ip))) => u32::from(ip),
        (None, Some(IpAddr::V6(ip))) => ip.octets().last_chunk().map_or(0, |last| u32::from_be_bytes(*last)),
        (None, None) => 0,
    };
    let next = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
        let next = next.wrapping_add(0x100);
        Some(if next < FIRST { FIRST } else { next })
    });
    let next = next.unwrap_or(FIRST);
    bytes([own.to_be(), now.to_be(), start().to_be(), next.to_be()])
}

/// What tells this process's numbers from another's.
fn start() -> u32 {
    static START: OnceLock<u32> = OnceLock::new();
    *START.get_or_init(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        ((since.subsec_micros() / 20) << 16) | (std::process::id() & 0xffff)
    })
}

fn cookie(conf: &Userid, seen: &Seen, set: Uid) -> Vec<u8> {
    let mut text = conf.name.clone().into_bytes();
    text.push(b'=');
    match seen.got {
        Some(_) if !seen.reset => text.extend_from_slice(seen.cookie.get(..ENCODED).unwrap_or_default()),
        _ => text.extend_from_slice(base64::encode(&set).get(..ENCODED).unwrap_or_default().as_bytes()),
    }
    text.extend_from_slice(&[conf.mark.0.unwrap_or(b'='), b'=']);
    let mut add = |part: &str| text.extend_from_slice(part.as_bytes());
    match conf.expires {
        UseridExpires::Off => {}
        UseridExpires::Max => add("; expires=Thu, 31-Dec-37 23:55:55 GMT"),
        UseridExpires::After(seconds) => {
            add("; expires=");
            add(&date::cookie(date::now().saturating_add_unsigned(seconds)));
        }
    }
    if conf.domain != "none" {
        add("; domain=");
        add(&conf.domain);
    }
    add("; path=");
    add(&conf.path);
    for flag in ["secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none"] {
        if conf.flags.0.iter().any(|word| word.eq_ignore_ascii_case(flag)) {
            add("; ");
            add(flag);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_words() {
        let uid = bytes([1, 2, 3, 0x0303_0302]);
        assert_eq!(words(uid), [1, 2, 3, 0x0303_0302]);
        let mut out = Vec::new();
        assert!(shown("uid", Some(uid), &mut out));
        assert_eq!(out, b"uid=00000001000000020000000303030302");
        assert!(!shown("uid", None, &mut out));
    }
}
