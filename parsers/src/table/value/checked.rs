//! Values with a condition on top of their type; each is named by the `by` of its row.

use super::scalar::{parse_number, parse_size, parse_time};
use super::{Cx, Fault, Number, Size, Value, Words};
use crate::ir::expr::Expr;
use crate::ir::http::Regex;
use crate::source::Spanned;
use crate::syntax::tree::Directive;
use crate::table::set_field;

type Outcome = Result<(), Fault>;

/// `gzip_comp_level`: 1 to 9.
///
/// # Errors
/// Out of range, not a number, or twice.
pub fn set_gzip_level(field: &mut Option<Spanned<Number>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    set_field(field, directive, cx)?;
    match field.as_ref().map(|field| field.value.0) {
        Some(1..=9) | None => Ok(()),
        Some(_) => Err(Fault::new("value must be between 1 and 9").at(directive.arg(0).span)),
    }
}

/// A modifier of uwsgi: one byte.
///
/// # Errors
/// Out of range, not a number, or twice.
pub fn set_byte(field: &mut Option<Spanned<Number>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    set_field(field, directive, cx)?;
    match field.as_ref().map(|field| field.value.0) {
        Some(0..=255) | None => Ok(()),
        Some(_) => Err(Fault::new("value must be between 0 and 255").at(directive.arg(0).span)),
    }
}

/// `worker_connections`: nginx names the wrong number.
///
/// # Errors
/// Not a number, or twice.
pub fn set_connections(field: &mut Option<Spanned<Number>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    let word = directive.arg(0);
    if field.is_none() && parse_number(&word.text).is_none() {
        return Err(Fault::new(format!("invalid number \"{}\"", word.lossy())).at(word.span));
    }
    set_field(field, directive, cx)
}

/// `use`: a method that Linux has.
///
/// # Errors
/// Another method, or twice.
pub fn set_method(field: &mut Option<Spanned<Option<String>>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    let word = directive.arg(0);
    if field.is_none() && !["epoll", "poll", "select"].iter().any(|known| word.is(known)) {
        let fault = Fault::new(format!("invalid event type \"{}\"", word.lossy())).at(word.span);
        return Err(fault.help("on Linux: epoll, poll, select"));
    }
    set_field(field, directive, cx)
}

/// `limit_rate` and its like: a size, or variables that give one.
///
/// # Errors
/// A constant that is no size, or twice.
pub fn set_rate(field: &mut Option<Spanned<Expr>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    set_field(field, directive, cx)?;
    let constant = field.as_ref().and_then(|field| field.value.as_text());
    match constant.map(parse_size) {
        Some(None) => Err(Fault::verdict("invalid value").at(directive.arg(0).span).help("write a size such as 100k")),
        _ => Ok(()),
    }
}

/// `connection_pool_size`, `request_pool_size`: what nginx's allocator takes.
///
/// # Errors
/// Too small, no multiple of 16, no size, or twice.
pub fn set_pool_size(field: &mut Option<Spanned<Option<Size>>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    const LEAST: u64 = 112;
    set_field(field, directive, cx)?;
    match field.as_ref().and_then(|field| field.value) {
        Some(Size(size)) if size < LEAST => Err(Fault::new(format!("the pool size must be no less than {LEAST}"))),
        Some(Size(size)) if size % 16 != 0 => Err(Fault::new("the pool size must be a multiple of 16")),
        _ => Ok(()),
    }
}

/// `gzip_disable`: patterns that can be compiled; several lines add up.
///
/// # Errors
/// A pattern that cannot.
pub fn set_patterns(field: &mut Option<Spanned<Option<Words>>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    for word in directive.args.iter().filter(|word| !word.is("msie6")) {
        Regex::compile(&word.text, true, word.span, cx)?;
    }
    let more = Words::parse(directive, cx)?;
    let field = field.get_or_insert_with(|| Spanned::new(None, directive.span));
    field.value.get_or_insert_default().0.extend(more.0);
    Ok(())
}

/// `open_file_cache`: `max=N [inactive=time]`, or `off`.
///
/// # Errors
/// Another word, no `max`, or twice.
pub fn set_file_cache(field: &mut Option<Spanned<Words>>, directive: &Directive, cx: &mut Cx) -> Outcome {
    set_field(field, directive, cx)?;
    let (mut max, mut off) = (false, false);
    for word in &directive.args {
        let text = word.lossy();
        let good = match text.split_once('=') {
            Some(("max", value)) => {
                max = parse_number(value.as_bytes()).is_some_and(|number| number > 0);
                max
            }
            Some(("inactive", value)) => parse_time(value.as_bytes(), true).is_some(),
            _ => {
                off = text == "off";
                off
            }
        };
        if !good {
            return Err(Fault::new(format!("invalid \"open_file_cache\" parameter \"{text}\"")).at(word.span));
        }
    }
    match max || off {
        true => Ok(()),
        false => Err(Fault::new("\"open_file_cache\" must have the \"max\" parameter")),
    }
}
