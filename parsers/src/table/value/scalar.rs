//! Numbers, sizes, times, switches and plain words.

use std::time::Duration;

use super::{Arity, Cx, Fault, Value};
use crate::syntax::tree::{Directive, Word};

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Msec(pub u64);

impl Msec {
    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// Bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u64);

/// A whole number that may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignedNumber(pub i64);

/// All words as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

/// There, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(pub bool);

/// Number and size of buffers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// How many.
    pub count: u32,
    /// Bytes of each.
    pub size: u64,
}

/// Bytes of a file or a body: `g` is a unit too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Offset(pub u64);

const INVALID: &str = "invalid value";

/// Digits and nothing else, at most `i64::MAX`.
pub fn parse_number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| digits)?.parse::<u64>().ok()?;
    (number <= i64::MAX as u64).then_some(number)
}

/// A number with `k` or `m`.
pub fn parse_size(text: &[u8]) -> Option<u64> {
    scaled(text, |unit| match unit {
        b'k' | b'K' => Some(10),
        b'm' | b'M' => Some(20),
        _ => None,
    })
}

/// A number with `k`, `m` or `g`.
pub fn parse_offset(text: &[u8]) -> Option<u64> {
    scaled(text, |unit| match unit {
        b'k' | b'K' => Some(10),
        b'm' | b'M' => Some(20),
        b'g' | b'G' => Some(30),
        _ => None,
    })
}

fn scaled(text: &[u8], shift: impl Fn(u8) -> Option<u32>) -> Option<u64> {
    let (unit, digits) = text.split_last()?;
    match shift(*unit) {
        Some(shift) => parse_number(digits)?.checked_mul(1 << shift).filter(|size| *size <= i64::MAX as u64),
        None => parse_number(text),
    }
}

/// Units of time in falling order, with their milliseconds.
const UNITS: [(&[u8], u64); 8] = [
    (b"y", 31_536_000_000),
    (b"M", 2_592_000_000),
    (b"w", 604_800_000),
    (b"d", 86_400_000),
    (b"h", 3_600_000),
    (b"m", 60_000),
    (b"s", 1_000),
    (b"ms", 1),
];

/// A time such as `1h 30m`, in milliseconds. Each unit may stand once, larger ones first; a number without unit is
/// seconds. `seconds` tells nginx's two kinds apart: one knows years, the other milliseconds.
pub fn parse_time(text: &[u8], seconds: bool) -> Option<u64> {
    let mut rest = text;
    let (mut total, mut next_unit) = (0_u64, usize::from(!seconds));
    let units = if seconds { 7 } else { 8 };
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = match digits {
            0 => return None,
            _ => parse_number(rest.get(..digits)?)?,
        };
        rest = rest.get(digits..)?;
        let letters = rest.iter().take_while(|byte| !byte.is_ascii_digit() && **byte != b' ').count();
        let (unit, after) = rest.split_at_checked(letters)?;
        let (index, scale) = match unit {
            b"" => (units, 1_000),
            _ => UNITS.iter().enumerate().find(|(_, known)| known.0 == unit).map(|(at, known)| (at, known.1))?,
        };
        if index < next_unit || (index >= units && !unit.is_empty()) || next_unit > units {
            return None;
        }
        next_unit = index + 1;
        total = number.checked_mul(scale).and_then(|part| total.checked_add(part))?;
        rest = after.trim_ascii_start();
    }
    (total <= i64::MAX as u64).then_some(total)
}

impl Value for bool {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "on | off";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        if word.text.eq_ignore_ascii_case(b"on") || word.text.eq_ignore_ascii_case(b"off") {
            return Ok(word.text.len() == 2);
        }
        let (value, name) = (word.lossy(), directive.name.lossy());
        let text = format!("invalid value \"{value}\" in \"{name}\" directive, it must be \"on\" or \"off\"");
        Err(Fault::new(text).at(word.span))
    }
}

/// A value that is one word, refused as a whole where it cannot be read.
macro_rules! one_word {
    ($($type:ident, $syntax:literal, $verdict:expr, $help:literal, $parse:expr;)*) => {
        $(impl Value for $type {
            const ARITY: Arity = Arity::ONE;
            const SYNTAX: &'static str = $syntax;

            fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
                let word = directive.arg(0);
                let parse: fn(&[u8]) -> Option<Self> = $parse;
                parse(&word.text).ok_or_else(|| Fault::verdict($verdict).at(word.span).help($help))
            }
        })*
    };
}

one_word! {
    Msec, "time", INVALID, "write a time such as 30s, 500ms or 1m",
        |text| parse_time(text, false).map(Msec);
    Size, "size", INVALID, "write a size such as 8k or 1m",
        |text| parse_size(text).map(Size);
    Offset, "size", INVALID, "write a size such as 8k, 1m or 1g",
        |text| parse_offset(text).map(Offset);
    Number, "number", "invalid number", "write a number without sign or unit",
        |text| parse_number(text).map(Number);
    SignedNumber, "number", "invalid number", "write a number",
        |text| std::str::from_utf8(text).ok()?.parse().ok().map(SignedNumber);
}

impl Value for String {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "string";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(directive.arg(0).lossy().into_owned())
    }
}

impl Value for Words {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "word …";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(Words(directive.args.iter().map(|word| word.lossy().into_owned()).collect()))
    }
}

impl Value for Present {
    const ARITY: Arity = Arity::NONE;
    const SYNTAX: &'static str = "";

    fn parse(_: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(Present(true))
    }
}

impl Value for Buffers {
    const ARITY: Arity = Arity::range(2, 2);
    const SYNTAX: &'static str = "number size";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let refuse = |word: &Word| Fault::verdict(INVALID).at(word.span).help("write a number and a size such as 4 8k");
        let (count, size) = (directive.arg(0), directive.arg(1));
        let parsed = parse_number(&count.text).filter(|count| *count > 0).and_then(|count| u32::try_from(count).ok());
        let count = parsed.ok_or_else(|| refuse(count))?;
        let size = parse_size(&size.text).filter(|size| *size > 0).ok_or_else(|| refuse(size))?;
        Ok(Buffers { count, size })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_nginx_reads_them() {
        assert_eq!(parse_time(b"30", false), Some(30_000));
        assert_eq!(parse_time(b"1m30s", false), Some(90_000));
        assert_eq!(parse_time(b"1h 30m", false), Some(5_400_000));
        assert_eq!(parse_time(b"500ms", false), Some(500));
        assert_eq!(parse_time(b"1y", true), Some(31_536_000_000));
        for bad in [&b"1y"[..], b"", b"s", b"1s1m", b"1s1s", b"-1", b"1x", b"99999999999999999999"] {
            assert_eq!(parse_time(bad, false), None, "{}", String::from_utf8_lossy(bad));
        }
        assert_eq!(parse_time(b"1ms", true), None);
    }

    #[test]
    fn sizes_as_nginx_reads_them() {
        assert_eq!(parse_size(b"8k"), Some(8192));
        assert_eq!(parse_size(b"1M"), Some(1 << 20));
        assert_eq!(parse_size(b"1g"), None);
        assert_eq!(parse_offset(b"1g"), Some(1 << 30));
        for bad in [&b""[..], b"k", b"-1", b"1kk", b"99999999999999999999k"] {
            assert_eq!(parse_size(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
