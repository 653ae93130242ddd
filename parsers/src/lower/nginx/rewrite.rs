//! The rewrite script: `set`, `if`, `rewrite`, `return`, `break`.

use super::{Frame, Lowering};
use crate::ir::expr::{Expr, Part, Var};
use crate::ir::http::{Condition, FileTest, Location, Match, Op, Regex, RewriteFlag, SetTarget};
use crate::syntax::tree::{Directive, Word};
use crate::table::value::parse_number;
use crate::table::{Contexts, Cx, Fault};

impl Lowering<'_> {
    fn op(&mut self, op: Op, frame: Frame) -> Result<(), Fault> {
        if let Some(location) = frame.location {
            self.ir.locations[location].script.push(op);
        }
        Ok(())
    }

    pub(super) fn break_(&mut self, frame: Frame) -> Result<(), Fault> {
        self.op(Op::Break, frame)
    }

    pub(super) fn set(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let var = SetTarget::of(directive.arg(0), &mut self.cx)?;
        let value = Expr::of(directive.arg(1), &mut self.cx)?;
        self.op(Op::Set { var, value }, frame)
    }

    pub(super) fn rewrite(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let (pattern, word, flag) = (directive.arg(0), directive.arg(1), directive.args.get(2));
        if word.text.is_empty() {
            return Err(Fault::new("empty replacement").at(word.span));
        }
        let regex = Regex::compile(&pattern.text, false, pattern.span, &mut self.cx)?;
        let stripped = word.text.strip_suffix(b"?");
        let replacement = stripped.unwrap_or(&word.text);
        let absolute = is_absolute(&word.text);
        let flag = match flag.map(|word| (word, word.text.as_slice())) {
            None => RewriteFlag::None,
            Some((_, b"last")) => RewriteFlag::Last,
            Some((_, b"break")) => RewriteFlag::Break,
            Some((_, b"redirect")) => RewriteFlag::Redirect,
            Some((_, b"permanent")) => RewriteFlag::Permanent,
            Some((word, _)) => {
                let fault = Fault::new(format!("invalid parameter \"{}\"", word.lossy())).at(word.span);
                return Err(fault.help("one of last, break, redirect, permanent"));
            }
        };
        let flag = if absolute && flag != RewriteFlag::Permanent { RewriteFlag::Redirect } else { flag };
        let replacement = Expr::compile(replacement, word.span, &mut self.cx)?;
        self.op(Op::Rewrite { regex, replacement, add_args: stripped.is_none(), flag }, frame)
    }

    pub(super) fn return_(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let (word, text) = (directive.arg(0), directive.args.get(1));
        let invalid = || {
            let fault = Fault::new(format!("invalid return code \"{}\"", word.lossy())).at(word.span);
            fault.help("write a status such as 404, or a URL that begins with http://, https:// or $scheme")
        };
        let (code, text) = match (parse_number(&word.text), text) {
            (Some(code), text) if code <= 999 => (code as u16, text),
            (None, None) if is_absolute(&word.text) => (302, Some(word)),
            _ => return Err(invalid()),
        };
        let text = text.map(|word| Expr::of(word, &mut self.cx)).transpose()?;
        self.op(Op::Return { code, text }, frame)
    }

    pub(super) fn if_block(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(outer) = frame.location else { return Ok(()) };
        let name = self.ir.locations[outer].name.clone();
        let location = self.add_location(Location::new(Match::If, name, directive.span));
        match condition(directive, &mut self.cx) {
            Ok(condition) => self.op(Op::If { condition, location }, frame)?,
            Err(fault) => self.cx.refuse(directive, fault),
        }
        let context = match frame.context {
            Contexts::SERVER => Contexts::SERVER_IF,
            _ => Contexts::LOCATION_IF,
        };
        let inner = Frame { context, location: Some(location), ..frame };
        self.read(&directive.block, inner);
        Ok(())
    }
}

fn is_absolute(text: &[u8]) -> bool {
    [&b"http://"[..], b"https://", b"$scheme"].iter().any(|start| text.starts_with(start))
}

/// Reads what stands between the parentheses.
fn condition(directive: &Directive, cx: &mut Cx) -> Result<Condition, Fault> {
    let mut words = directive.args.to_vec();
    let invalid = |word: &Word| Fault::new(format!("invalid condition \"{}\"", word.lossy())).at(word.span);
    let (Some(first), Some(last)) = (directive.args.first(), directive.args.last()) else {
        return Err(invalid(directive.arg(0)));
    };
    if !first.text.starts_with(b"(") {
        return Err(invalid(first).help("write: if (condition) { … }"));
    }
    if let Some(first) = words.first_mut() {
        first.text.remove(0);
    }
    // nginx names the words without their parentheses.
    let last = words.last().filter(|last| last.text.ends_with(b")")).cloned().ok_or_else(|| {
        let last = words.last().unwrap_or(last);
        invalid(last).help("close the condition with \")\" before \"{\"")
    })?;
    if directive.args.len() == 1 && last.text.len() == 1 {
        return Err(invalid(&last).help("write a condition between the parentheses"));
    }
    if let Some(last) = words.last_mut() {
        last.text.pop();
    }
    let open = directive.args.len() > 1 && first.text.len() == 1;
    let closed = directive.args.len() > 1 && last.text.len() == 1;
    let words = words.get(usize::from(open)..words.len() - usize::from(closed)).unwrap_or_default();
    let empty = || invalid(directive.arg(0));
    match words.first().ok_or_else(empty)?.text.as_slice() {
        [b'$', _, ..] => comparison(words, cx),
        [b'-', _] | [b'!', b'-', _] => file_test(words, cx),
        _ => Err(words.first().map_or_else(empty, invalid)),
    }
}

/// `$var`, `$var = text`, `$var ~ pattern` and their negations.
fn comparison(words: &[Word], cx: &mut Cx) -> Result<Condition, Fault> {
    let (left, operator, right) = match words {
        [left] => return variable(left, cx).map(Condition::True),
        [left, operator, right] => (left, operator, right),
        [left, ..] => return Err(Fault::new(format!("invalid condition \"{}\"", left.lossy())).at(left.span)),
        [] => return Err(Fault::new("invalid condition \"\"")),
    };
    let left = variable(left, cx)?;
    let negate = operator.text.starts_with(b"!");
    match operator.text.as_slice() {
        b"=" | b"!=" => Ok(Condition::Equal { left, right: Expr::of(right, cx)?, negate }),
        b"~" | b"!~" => matches(left, right, false, negate, cx),
        b"~*" | b"!~*" => matches(left, right, true, negate, cx),
        _ => {
            let fault = Fault::new(format!("unexpected \"{}\" in condition", operator.lossy())).at(operator.span);
            Err(fault.help("one of =, !=, ~, ~*, !~, !~*"))
        }
    }
}

fn matches(left: Expr, right: &Word, caseless: bool, negate: bool, cx: &mut Cx) -> Result<Condition, Fault> {
    let regex = Regex::compile(&right.text, caseless, right.span, cx)?;
    Ok(Condition::Matches { left, regex, negate })
}

/// A variable, whose name is all that follows the `$`.
fn variable(word: &Word, cx: &mut Cx) -> Result<Expr, Fault> {
    let name = word.lossy();
    let name = name.strip_prefix('$').unwrap_or(&name);
    if let [digit @ b'1'..=b'9'] = name.as_bytes() {
        return Ok(Expr::from([Part::Capture(digit - b'0')]));
    }
    let var: Var = cx.variables.lookup(name, word.span);
    Ok(Expr::from([Part::Var(var)]))
}

/// `-f path` and its like.
fn file_test(words: &[Word], cx: &mut Cx) -> Result<Condition, Fault> {
    let invalid = |word: &Word| Fault::new(format!("invalid condition \"{}\"", word.lossy())).at(word.span);
    let [operator, path] = words else {
        return Err(words.first().map_or_else(|| Fault::new("invalid condition \"\""), invalid));
    };
    let test = match operator.text.last() {
        Some(b'f') => FileTest::File,
        Some(b'd') => FileTest::Directory,
        Some(b'e') => FileTest::Exists,
        Some(b'x') => FileTest::Executable,
        _ => return Err(invalid(operator)),
    };
    Ok(Condition::File { test, path: Expr::of(path, cx)?, negate: operator.text.starts_with(b"!") })
}
