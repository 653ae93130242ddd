//! keepalived's numbers: whole ones and decimals, each with its range and its own words when it is refused.

use std::time::Duration;

use crate::diag::{Class, Diagnostic};
use crate::source::Spanned;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Arity, Cx, Fault, Range, Value};

/// A whole number from `MIN` to `MAX`. A running keepalived takes a number with junk after it, but for `STRICT` ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uint<const MIN: u32, const MAX: u32, const STRICT: bool = false>(pub u32);

/// A whole number that may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Int<const MIN: i32, const MAX: i32>(pub i32);

/// Seconds with up to six decimals, from `MIN` to `MAX` microseconds. keepalived lets some pass with junk after the
/// number (a message, and the number holds); `STRICT` ones not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seconds<const MIN: u64, const MAX: u64, const STRICT: bool = false>(pub Duration);

/// The most microseconds keepalived's timers hold.
pub const FOREVER: u64 = u64::MAX - 1;

impl<const MIN: u32, const MAX: u32, const STRICT: bool> Value for Uint<MIN, MAX, STRICT> {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "number";
    const RANGE: Option<Range> = Some(Range::Whole(MIN as i64, MAX as i64));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        let lenient = cx.lenient;
        cx.lenient = lenient && !STRICT;
        let read = unsigned(word, MIN, MAX, cx).map(Uint);
        cx.lenient = lenient;
        read
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

impl<const MIN: i32, const MAX: i32> Value for Int<MIN, MAX> {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "number";
    const RANGE: Option<Range> = Some(Range::Whole(MIN as i64, MAX as i64));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        signed(argument(directive)?, MIN, MAX, cx).map(Int)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

impl<const MIN: u64, const MAX: u64, const STRICT: bool> Value for Seconds<MIN, MAX, STRICT> {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "seconds";
    const RANGE: Option<Range> = Some(Range::Seconds(MIN, MAX));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let micros = decimal(argument(directive)?, MIN, MAX, STRICT, cx)?;
        Ok(Seconds(Duration::from_micros(micros)))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// Seconds with up to three decimals, as `vrrp_script` takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Milliseconds(pub Duration);

/// The most seconds that such a time may have.
const LONGEST_SCRIPT: u64 = 4294;

impl Value for Milliseconds {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "seconds";
    const RANGE: Option<Range> = Some(Range::Seconds(1_000, LONGEST_SCRIPT * 1_000_000));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        let (text, keyword, owner) = (word.lossy(), directive.name.lossy(), cx.owner.clone());
        let help = "seconds from 0.001 to 4294";
        let say =
            |cx: &mut Cx, what: &str| cx.diagnostics.push(remark(what, Class::Number).at(word.span, "").help(help));
        let micros = match cx.is_old_keepalived() {
            true => u64::from(whole_seconds(directive, word, cx)?) * 1_000_000,
            false => decimal(word, 0, FOREVER, false, cx)?,
        };
        if text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 3) {
            say(cx, &format!("number '{text}' has too many decimal places"));
        }
        let millis = micros.saturating_add(500) / 1000;
        if millis > LONGEST_SCRIPT * 1000 {
            say(cx, &format!("number '{text}' outside range [0.000, {LONGEST_SCRIPT}.000]"));
            let limits = format!("must be between 0.001 and {LONGEST_SCRIPT} - ignoring");
            say(cx, &format!("({owner}): vrrp script {keyword} '{text}' {limits}"));
            return Err(Fault::new(""));
        }
        if millis == 0 {
            say(cx, &format!("({owner}): vrrp script {keyword} must be greater than 0, setting to 1"));
            return Ok(Milliseconds(Duration::from_secs(1)));
        }
        Ok(Milliseconds(Duration::from_millis(millis)))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// Such a time as keepalived 2.2 takes it.
fn whole_seconds(directive: &Directive, word: &Word, cx: &mut Cx) -> Result<u32, Fault> {
    let (text, keyword, help) = (word.lossy(), directive.name.lossy(), "whole seconds from 1 to 4294");
    unsigned(word, 0, LONGEST_SCRIPT as u32, cx).map_err(|fault| {
        let why = if keyword == "interval" { "must be between 1 and 4294" } else { "invalid" };
        let verdict = format!("({}): vrrp script {keyword} '{text}' {why} - ignoring", cx.owner);
        for (what, class) in [(fault.text, Class::Number), (verdict, Class::General)] {
            cx.diagnostics.push(remark(&what, class).at(word.span, "").help(help));
        }
        Fault::new("")
    })
}

/// The first word after the keyword.
///
/// # Errors
/// When there is none; the walk looks at the arity before it comes to this.
pub fn argument(directive: &Directive) -> Result<&Word, Fault> {
    directive.args.first().ok_or_else(|| Fault::new(format!("{} is missing a parameter", directive.name.lossy())))
}

/// Reads a whole number.
///
/// # Errors
/// keepalived's words.
pub fn unsigned(word: &Word, min: u32, max: u32, cx: &mut Cx) -> Result<u32, Fault> {
    let text = word.lossy();
    let help = || format!("a whole number from {min} to {max}");
    if text.strip_prefix('-').is_some_and(is_digits) {
        return Err(Fault::new(format!("negative number '{text}'")).at(word.span).help(help()));
    }
    let digits = whole(word, text.strip_prefix('+').unwrap_or(&text), &help(), cx)?;
    let fault = match digits.parse::<u32>() {
        Ok(number) if (min..=max).contains(&number) => return Ok(number),
        Ok(_) => format!("number '{text}' outside range [{min}, {max}]"),
        Err(_) => format!("number '{text}' outside unsigned integer range"),
    };
    Err(Fault::new(fault).at(word.span).help(help()))
}

/// Reads a whole number that may be negative.
///
/// # Errors
/// keepalived's words.
pub fn signed(word: &Word, min: i32, max: i32, cx: &mut Cx) -> Result<i32, Fault> {
    let text = word.lossy();
    let help = || format!("a whole number from {min} to {max}");
    let (sign, rest) = text.strip_prefix('-').map_or(("", text.strip_prefix('+').unwrap_or(&text)), |rest| ("-", rest));
    let digits = whole(word, rest, &help(), cx)?;
    let fault = match format!("{sign}{digits}").parse::<i32>() {
        Ok(number) if (min..=max).contains(&number) => return Ok(number),
        Ok(_) => format!("number '{text}' outside range [{min}, {max}]"),
        Err(_) => format!("number '{text}' outside integer range"),
    };
    Err(Fault::new(fault).at(word.span).help(help()))
}

/// The digits of a whole number. Junk after them is remarked on where numbers are read leniently, else refused.
fn whole<'t>(word: &Word, text: &'t str, help: &str, cx: &mut Cx) -> Result<&'t str, Fault> {
    if is_digits(text) {
        return Ok(text);
    }
    let what = format!("invalid number '{}'", word.lossy());
    if !cx.lenient {
        return Err(Fault::new(what).at(word.span).help(help));
    }
    cx.diagnostics.push(remark(&format!("WARNING - {what}"), Class::Number).at(word.span, "").help(help));
    let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
    Ok(text.get(..end).filter(|digits| !digits.is_empty()).unwrap_or("0"))
}

/// Reads seconds as microseconds.
///
/// # Errors
/// keepalived's words.
pub fn decimal(word: &Word, min: u64, max: u64, strict: bool, cx: &mut Cx) -> Result<u64, Fault> {
    let help = if max == FOREVER { format!("seconds, at least {}", plain(min)) } else { within(min, max) };
    millionths(word, min, max, strict, help, cx)
}

/// The same of any unit, which `help` names.
///
/// # Errors
/// keepalived's words.
pub fn millionths(word: &Word, min: u64, max: u64, strict: bool, help: String, cx: &mut Cx) -> Result<u64, Fault> {
    let text = word.lossy();
    let range = format!("[{}, {}]", shown(min), shown(max));
    let fault = |what: String| Fault::new(what).at(word.span).help(help.clone());
    if text.starts_with('-') && text.get(1..).is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    {
        return Err(fault(format!("negative number '{text}'")));
    }
    let read = Decimal::read(&text);
    let micros = read.micros.ok_or_else(|| fault(format!("number '{text}' outside unsigned decimal range")))?;
    let outside = !(min..=max).contains(&micros);
    if read.junk {
        let warning = if cx.lenient { "WARNING - " } else { "" };
        let what = fault(format!("{warning}invalid number '{text}'"));
        if strict || outside {
            return Err(what);
        }
        cx.diagnostics.push(remark(&what.text, Class::Number).at(word.span, "not a number").help(help));
        return Ok(micros);
    }
    if read.too_fine {
        let what = format!("number '{text}' has too many decimal places");
        cx.diagnostics.push(remark(&what, Class::Number).at(word.span, "at most six decimals").help(help.clone()));
    }
    match outside {
        true => Err(Fault::new(format!("number '{text}' outside range {range}")).at(word.span).help(help)),
        false => Ok(micros),
    }
}

/// A finding that does not stop the value, with keepalived's words.
pub fn remark(text: &str, class: Class) -> Diagnostic {
    Diagnostic::error("keepalived::number", text).legacy(class, text)
}

fn within(min: u64, max: u64) -> String {
    format!("seconds from {} to {}", plain(min), plain(max))
}

/// Microseconds as keepalived prints seconds.
fn shown(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn plain(micros: u64) -> String {
    let shown = shown(micros);
    shown.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A decimal as far as it is one.
struct Decimal {
    /// None when it does not fit.
    micros: Option<u64>,
    /// Something else follows, or nothing was a digit.
    junk: bool,
    /// More than six decimals.
    too_fine: bool,
}

impl Decimal {
    fn read(text: &str) -> Decimal {
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
        let (whole, rest) = text.split_at(end);
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len())),
            None => ("", rest),
        };
        let junk = !rest.is_empty() || (whole.is_empty() && fraction.is_empty());
        let seconds = if whole.is_empty() { Some(0) } else { whole.parse::<u64>().ok() };
        let micros = seconds.and_then(|seconds| seconds.checked_mul(1_000_000)?.checked_add(micros(fraction)));
        Decimal { micros, junk, too_fine: fraction.len() > 6 }
    }
}

/// The digits after the point as microseconds, rounded.
fn micros(fraction: &str) -> u64 {
    let mut digits = fraction.bytes().map(|byte| u64::from(byte - b'0')).chain(std::iter::repeat(0));
    let kept = digits.by_ref().take(6).fold(0, |sum, digit| sum * 10 + digit);
    kept + u64::from(digits.next().is_some_and(|digit| digit >= 5))
}

/// The value of a field that was written.
pub fn written<T: Clone>(field: &Option<Spanned<T>>) -> Option<T> {
    field.as_ref().map(|field| field.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;
    use crate::syntax::tree::Quote;

    fn word(text: &str) -> Word {
        Word { text: text.as_bytes().into(), span: Span::NONE, quote: Quote::None }
    }

    #[test]
    fn whole_numbers_say_what_is_wrong() {
        let mut cx = Cx::default();
        let mut text = |given: &str| unsigned(&word(given), 1, 255, &mut cx).map_err(|fault| fault.text);
        assert_eq!(text("51"), Ok(51));
        assert_eq!(text("90x"), Err("invalid number '90x'".to_owned()));
        assert_eq!(text("-1"), Err("negative number '-1'".to_owned()));
        assert_eq!(text("0"), Err("number '0' outside range [1, 255]".to_owned()));
        assert_eq!(text("99999999999"), Err("number '99999999999' outside unsigned integer range".to_owned()));
        let fault = signed(&word("-1"), 2, 3, &mut cx).unwrap_err();
        assert_eq!(fault.text, "number '-1' outside range [2, 3]");
    }

    #[test]
    fn a_running_keepalived_takes_a_number_with_junk() {
        let mut cx = Cx { lenient: true, ..Cx::default() };
        assert_eq!(unsigned(&word("90x"), 1, 255, &mut cx).map_err(|fault| fault.text), Ok(90));
        assert_eq!(signed(&word("-2y"), -5, 5, &mut cx).map_err(|fault| fault.text), Ok(-2));
        let said: Vec<_> = cx.diagnostics.iter().map(|found| found.message.as_str()).collect();
        assert_eq!(said, ["WARNING - invalid number '90x'", "WARNING - invalid number '-2y'"]);
    }

    #[test]
    fn decimals_are_microseconds() {
        let mut cx = Cx::default();
        assert_eq!(decimal(&word("1.5"), 0, FOREVER, false, &mut cx).unwrap(), 1_500_000);
        assert_eq!(decimal(&word("0.0000015"), 1, FOREVER, false, &mut cx).unwrap(), 2);
        assert_eq!(cx.diagnostics.len(), 1);
        assert_eq!(decimal(&word("90x"), 1, FOREVER, false, &mut cx).unwrap(), 90_000_000);
        assert!(decimal(&word("90x"), 1, FOREVER, true, &mut cx).is_err());
        let fault = decimal(&word("0"), 10_000, 255_000_000, true, &mut cx).unwrap_err();
        assert_eq!(fault.text, "number '0' outside range [0.010000, 255.000000]");
    }
}
