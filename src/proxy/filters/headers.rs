//! `expires` and `add_header`.

use std::time::{Duration, UNIX_EPOCH};

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::nginx::Headers;
use rkeep_parsers::table::value::{AddHeader, Expires};

use super::conditions::http_date;
use crate::proxy::response::ResponseHead;

/// Statuses whose answers get fields that are not `always`.
fn is_plain(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301..=304 | 307 | 308)
}

/// Adds what `expires` and `add_header` ask for. `now` is in seconds since 1970; `eval` gives an expression's value.
pub fn apply(conf: &Headers, answer: &mut ResponseHead, now: i64, mut eval: impl FnMut(&Expr) -> Vec<u8>) {
    if conf.add_header.is_empty() && conf.expires == Expires::Off {
        return;
    }
    let plain = is_plain(answer.status);
    if plain {
        set_expires(&conf.expires, answer, now, &mut eval);
    }
    for field in conf.add_header.iter().filter(|field| field.always || plain) {
        add(field, answer, &eval(&field.value));
    }
}

/// Trailer fields that `add_trailer` asks for; the caller knows that the answer is chunked.
pub fn trailers(conf: &Headers, answer: &mut ResponseHead, mut eval: impl FnMut(&Expr) -> Vec<u8>) {
    let plain = is_plain(answer.status);
    for field in conf.add_trailer.iter().filter(|field| field.always || plain) {
        let value = eval(&field.value);
        if !value.is_empty() {
            answer.trailers.push(field.name.as_bytes(), &value);
        }
    }
}

fn add(field: &AddHeader, answer: &mut ResponseHead, value: &[u8]) {
    let name = field.name.as_bytes();
    if name.eq_ignore_ascii_case(b"Last-Modified") {
        answer.fields.remove(name);
        answer.last_modified = http_date(value);
        answer.own_last_modified = true;
        put(answer, name, value);
    } else if name.eq_ignore_ascii_case(b"ETag") {
        answer.fields.remove(name);
        put(answer, name, value);
    } else {
        put(answer, name, value);
    }
}

fn put(answer: &mut ResponseHead, name: &[u8], value: &[u8]) {
    if !value.is_empty() {
        answer.fields.push(name, value);
    }
}

fn set_expires(expires: &Expires, answer: &mut ResponseHead, now: i64, eval: &mut impl FnMut(&Expr) -> Vec<u8>) {
    let evaluated;
    let expires = match expires {
        Expires::Variable(expr) => {
            let Ok(text) = String::from_utf8(eval(expr)) else { return };
            let Some(value) = parse(&text) else { return };
            evaluated = value;
            &evaluated
        }
        fixed => fixed,
    };
    let Some((date, control)) = freshness(expires, answer.last_modified, now) else { return };
    answer.fields.remove(b"Expires");
    answer.fields.remove(b"Cache-Control");
    answer.fields.push(b"Expires", date.as_bytes());
    answer.fields.push(b"Cache-Control", control.as_bytes());
}

/// The values of `Expires` and `Cache-Control`.
fn freshness(expires: &Expires, modified: Option<i64>, now: i64) -> Option<(String, String)> {
    let no_cache = "no-cache".to_owned();
    let (at, age, past) = match *expires {
        Expires::Off | Expires::Variable(_) => return None,
        Expires::Epoch => return Some(("Thu, 01 Jan 1970 00:00:01 GMT".to_owned(), no_cache)),
        Expires::Max => {
            return Some(("Thu, 31 Dec 2037 23:55:55 GMT".to_owned(), "max-age=315360000".to_owned()));
        }
        Expires::Access(0) | Expires::Modified(0) => (now, 0, false),
        Expires::Access(seconds) => (now + seconds, seconds, seconds < 0),
        Expires::Modified(seconds) => {
            let at = modified.unwrap_or(now) + seconds;
            (at, at - now, seconds < 0 || at < now)
        }
        Expires::Daily(second) => {
            let midnight = now - now.rem_euclid(86_400);
            let today = midnight + i64::from(second);
            let at = if today > now { today } else { today + 86_400 };
            (at, at - now, false)
        }
    };
    let control = if past { no_cache } else { format!("max-age={age}") };
    Some((date(at), control))
}

/// An HTTP date.
pub fn date(seconds: i64) -> String {
    let seconds = Duration::from_secs(seconds.clamp(0, 253_402_300_799) as u64);
    httpdate::fmt_http_date(UNIX_EPOCH + seconds)
}

/// `expires` as a variable holds it.
fn parse(text: &str) -> Option<Expires> {
    match text {
        "" | "off" => return None,
        "epoch" => return Some(Expires::Epoch),
        "max" => return Some(Expires::Max),
        _ => {}
    }
    if let Some(time) = text.strip_prefix('@') {
        return seconds(time).filter(|&time| time <= 86_400).map(|time| Expires::Daily(time as u32));
    }
    let (modified, text) = text.strip_prefix("modified ").map_or((false, text), |rest| (true, rest.trim_start()));
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let value = seconds(text.strip_prefix('+').unwrap_or(text))?;
    let value = if negative { -value } else { value };
    Some(if modified { Expires::Modified(value) } else { Expires::Access(value) })
}

/// `1h30m` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let (mut total, mut number, mut open) = (0_i64, 0_i64, false);
    for byte in text.bytes() {
        let unit = match byte {
            b'0'..=b'9' => {
                number = number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                open = true;
                continue;
            }
            b'y' => 31_536_000,
            b'M' => 2_592_000,
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' | b' ' => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        (number, open) = (0, false);
    }
    let rest = if open { number } else { 0 };
    (!text.is_empty()).then_some(())?;
    total.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_414_489; // Mon, 23 Nov 2026 06:14:49 GMT

    fn shown(expires: Expires, modified: Option<i64>) -> (String, String) {
        freshness(&expires, modified, NOW).expect("some")
    }

    #[test]
    fn fields_as_nginx_writes_them() {
        let hour = ("Mon, 23 Nov 2026 07:14:49 GMT".to_owned(), "max-age=3600".to_owned());
        assert_eq!(shown(Expires::Access(3600), None), hour);
        assert_eq!(shown(Expires::Modified(3600), Some(NOW)), hour);
        assert_eq!(shown(Expires::Access(-1), None).1, "no-cache");
        assert_eq!(shown(Expires::Modified(5), Some(NOW - 10)).1, "no-cache");
        assert_eq!(shown(Expires::Epoch, None).1, "no-cache");
        assert_eq!(shown(Expires::Daily(7 * 3600), None).1, "max-age=2711");
        assert_eq!(shown(Expires::Daily(6 * 3600), None).1, format!("max-age={}", 86_400 - 889));
    }

    #[test]
    fn values_of_variables() {
        assert_eq!(parse("1h30m"), Some(Expires::Access(5400)));
        assert_eq!(parse("-1"), Some(Expires::Access(-1)));
        assert_eq!(parse("modified +24h"), Some(Expires::Modified(86_400)));
        assert_eq!(parse("@15h30m"), Some(Expires::Daily(55_800)));
        assert_eq!(parse("rubbish"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn always_and_empty() {
        let add = |name: &str, value: &str, always| AddHeader { name: name.into(), value: Expr::text(value), always };
        let conf = Headers {
            add_header: vec![
                add("X-A", "1", false),
                add("X-B", "2", true),
                add("X-C", "", true),
                add("ETag", "", true),
            ],
            ..Headers::default()
        };
        let mut answer = ResponseHead { status: 404, ..ResponseHead::default() };
        answer.fields.push(b"ETag", b"\"x\"");
        apply(&conf, &mut answer, NOW, |expr| expr.as_text().unwrap_or_default().to_vec());
        let fields: Vec<_> = answer.fields.iter().collect();
        assert_eq!(fields, [(&b"X-B"[..], &b"2"[..])]);
    }
}
