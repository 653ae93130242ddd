//! `expires`, `add_header`, `add_trailer`.

use rkeep_parsers::table::value::Expires;

use crate::proxy::http::date;
use crate::proxy::request::RequestCtx;

/// Statuses whose answers get fields without `always`.
fn is_safe(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

/// Adds what the location says.
pub fn filter(cx: &mut RequestCtx) {
    if cx.conf().headers.adds_nothing() {
        return;
    }
    let location = cx.location.clone();
    let headers = &location.ir.conf.headers;
    let safe = is_safe(cx.out.status);
    if safe {
        expires(cx, &headers.expires);
    }
    for header in &headers.add_header {
        if safe || header.always {
            let value = cx.eval(&header.value);
            add(cx, &header.name, &value);
        }
    }
    for trailer in &headers.add_trailer {
        if safe || trailer.always {
            cx.expect_trailers = true;
        }
    }
}

/// Makes the trailer fields, once the body has been sent: they may tell about it.
pub fn trailers(cx: &mut RequestCtx) {
    let location = cx.location.clone();
    let safe = is_safe(cx.out.status);
    for trailer in location.ir.conf.headers.add_trailer.iter().filter(|trailer| safe || trailer.always) {
        let value = cx.eval(&trailer.value);
        if !value.is_empty() {
            cx.out.trailers.push(trailer.name.as_bytes(), &value);
        }
    }
}

/// Adds one field. Those that the answer may have only once are replaced, and removed by an empty value.
fn add(cx: &mut RequestCtx, name: &str, value: &[u8]) {
    if name.eq_ignore_ascii_case("last-modified") {
        cx.out.fields.remove(b"Last-Modified");
        cx.out.last_modified = date::parse(value);
        cx.out.own_last_modified = !value.is_empty();
        if !value.is_empty() {
            cx.out.fields.push(name.as_bytes(), value);
        }
    } else if name.eq_ignore_ascii_case("etag") {
        cx.out.fields.remove(b"ETag");
        if !value.is_empty() {
            cx.out.fields.push(name.as_bytes(), value);
        }
    } else if !value.is_empty() {
        cx.out.fields.push(name.as_bytes(), value);
    }
}

fn expires(cx: &mut RequestCtx, expires: &Expires) {
    let now = date::now();
    let read;
    let expires = match expires {
        Expires::Variable(value, modified) => {
            let Some(value) = parse(&cx.eval(value), *modified) else { return };
            read = value;
            &read
        }
        other => other,
    };
    let (at, max_age) = match (expires, cx.out.last_modified) {
        (Expires::Off | Expires::Variable(..), _) => return,
        (Expires::Epoch, _) => return set(cx, "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"),
        (Expires::Max, _) => return set(cx, "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"),
        (Expires::Daily(of_day), _) => {
            let at = next_time(now, *of_day);
            (at, at - now)
        }
        (Expires::Access(seconds), _) | (Expires::Modified(seconds), None) => (now + seconds, *seconds),
        (Expires::Modified(seconds), Some(modified)) => (modified + seconds, modified + seconds - now),
    };
    let before = matches!(expires, Expires::Access(seconds) | Expires::Modified(seconds) if *seconds < 0);
    let control = if before || max_age < 0 { "no-cache".to_owned() } else { format!("max-age={max_age}") };
    set(cx, &date::http(at), &control);
}

fn set(cx: &mut RequestCtx, expires: &str, control: &str) {
    cx.out.fields.set(b"Expires", expires.as_bytes());
    cx.out.fields.set_only(b"Cache-Control", control.as_bytes());
}

/// The next moment with this local time of day.
fn next_time(now: i64, of_day: u32) -> i64 {
    let offset = date::local_offset(now);
    let midnight = (now + offset).div_euclid(86_400) * 86_400 - offset;
    let at = midnight + i64::from(of_day);
    if at > now { at } else { at + 86_400 }
}

/// Reads the words of `expires` from a variable.
fn parse(text: &[u8], modified: bool) -> Option<Expires> {
    let text = std::str::from_utf8(text).ok()?;
    Some(match text {
        "epoch" | "max" | "off" if modified => return None,
        "epoch" => Expires::Epoch,
        "max" => Expires::Max,
        "off" => Expires::Off,
        text if text.starts_with('@') => Expires::Daily(u32::try_from(seconds(text.get(1..)?)?).ok()?),
        text => {
            let (negative, time) = match text.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix('+').unwrap_or(text)),
            };
            let seconds = if negative { -seconds(time)? } else { seconds(time)? };
            if modified { Expires::Modified(seconds) } else { Expires::Access(seconds) }
        }
    })
}

/// A time in seconds: `90`, `1h30m`, `7d`.
fn seconds(text: &str) -> Option<i64> {
    let mut total = 0i64;
    let mut number = None::<i64>;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
            }
            b' ' if number.is_none() => {}
            unit => {
                let scale = match unit {
                    b's' => 1,
                    b'm' => 60,
                    b'h' => 3600,
                    b'd' => 86_400,
                    b'w' => 604_800,
                    b'M' => 2_592_000,
                    b'y' => 31_536_000,
                    _ => return None,
                };
                total = total.checked_add(number.take()?.checked_mul(scale)?)?;
            }
        }
    }
    total.checked_add(number.unwrap_or(0)).filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(seconds("90"), Some(90));
        assert_eq!(seconds("1h30m"), Some(5400));
        assert_eq!(seconds("x"), None);
        assert_eq!(seconds(""), None);
        assert_eq!(parse(b"-1h", true), Some(Expires::Modified(-3600)));
        assert_eq!(parse(b"epoch", true), None);
        assert_eq!(parse(b"@15h30m", false), Some(Expires::Daily(55_800)));
        assert_eq!(parse(b"", false), None);
    }
}
