//! Fields that follow an answer's body, on their way to the client: `proxy_pass_trailers`.

use rkeep_parsers::table::value::Level;

use super::http2::is_field;
use crate::proxy::h2::hpack::Field;
use crate::proxy::request::RequestCtx;

/// Takes the fields after a stream's body; false where they are none.
pub fn of_fields(cx: &mut RequestCtx, fields: &[Field]) -> bool {
    if fields.iter().any(|(name, value)| !is_field(name, value)) {
        cx.error(Level::Error, format_args!("upstream sent invalid trailer"));
        return false;
    }
    if cx.conf().proxy.pass_trailers {
        fields.iter().for_each(|(name, value)| cx.out.trailers.push(name, value));
    }
    true
}

/// Takes the lines after a chunked body.
pub fn of_lines(cx: &mut RequestCtx, lines: &[u8]) {
    for (name, value) in fields(lines) {
        cx.out.trailers.push(name, value);
    }
}

/// The fields among some lines.
fn fields(lines: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = line.trim_ascii_end();
        let (name, value) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        is_field(&name.to_ascii_lowercase(), value).then_some((name, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_fields_or_nothing() {
        let found: Vec<_> = fields(b"A: b \r\nnone\r\n: c\r\nX y: z\r\nD:\r\nE: f\rg\r\n\r").collect();
        assert_eq!(found, [(&b"A"[..], &b"b"[..]), (b"D", b"")]);
    }
}
