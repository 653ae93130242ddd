//! `early_hints`: a backend's interim answers with 103, passed on.

use rkeep_parsers::table::value::Level;

use super::head::{self, Parsed};
use crate::proxy::clock;
use crate::proxy::h2;
use crate::proxy::http::fields::Field;
use crate::proxy::http::known::Known;
use crate::proxy::io::Timer;
use crate::proxy::request::{RequestCtx, Version};

/// Whether this request's hints are passed on.
pub fn wanted(cx: &RequestCtx) -> bool {
    let when = &cx.conf().core.early_hints.0;
    !when.is_empty()
        && !cx.is_subrequest()
        && (cx.head.version >= Version::Http11 || cx.conn.stream.h2().is_some())
        && when.iter().map(|value| cx.eval(value)).any(|value| !value.is_empty() && value != b"0")
}

/// Passes on the hints at the front of what has come, and says how many bytes they have in all. `passed` is what has
/// been passed on before.
pub async fn pass(cx: &mut RequestCtx, come: &[u8], mut passed: usize) -> usize {
    loop {
        let rest = come.get(passed..).unwrap_or_default();
        let mut text = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        let start = text.len();
        let route = cx.location.clone();
        let parsed = head::parse(rest, |line| {
            let field = Field { name: line.name, value: line.value, known: Known::of(line.name), line: line.text };
            if !route.route.as_ref().is_some_and(|route| route.hides_field(&field)) {
                for piece in [line.name, b": ", line.value, b"\r\n"] {
                    text.extend_from_slice(piece);
                }
            }
        });
        let Ok(Parsed::Head(head)) = parsed else { return passed };
        if head.status / 100 != 1 || head.status == 101 {
            return passed;
        }
        passed += head.len;
        if head.status != 103 || text.len() == start {
            continue;
        }
        if passed as u64 > cx.conf().proxy.buffer_size.0 {
            cx.error(Level::Info, format_args!("upstream sent too big early hints"));
            continue;
        }
        text.extend_from_slice(b"\r\n");
        match cx.conn.stream.h2() {
            Some(stream) => stream.send_fields(&h2::answer::head(&text), false),
            None => {
                let until = clock::now() + cx.conf().core.send_timeout.duration();
                let sent = Timer::default().limit(until, cx.conn.stream.write_all(&text)).await;
                if sent.is_err() {
                    // Nothing may follow half of it; whoever tries will find out.
                    cx.conn.stream.shutdown_write();
                }
            }
        }
    }
}
