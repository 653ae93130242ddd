//! Strings with variables, and the values made of them.

use super::{Arity, Cx, Fault, Value, parse_number};
use crate::ir::expr::{Expr, Part};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};

/// A path that may have variables; without them it is already absolute (relative ones are below the prefix).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathTemplate(pub Expr);

/// Several expressions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exprs(pub Vec<Expr>);

/// `try_files`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TryFiles {
    /// Names tried in order; `dir` where written with `/` at the end (which is not in the name).
    pub files: Vec<TryFile>,
    /// What holds when none is there.
    pub fallback: TryFallback,
}

/// One file of `try_files`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TryFile {
    /// The path below the root.
    pub path: Expr,
    /// Looked for as a directory.
    pub dir: bool,
}

/// The last word of `try_files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TryFallback {
    /// `=code`
    Code(u16),
    /// A URI, or `@name`.
    Uri(Expr),
}

impl Default for TryFallback {
    fn default() -> Self {
        TryFallback::Code(404)
    }
}

/// One `error_page`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPage {
    /// The statuses it is for.
    pub codes: Vec<u16>,
    /// `=code` replaces the status; `=` takes that of the page (0).
    pub response: Option<u16>,
    /// URI, URL or `@name`.
    pub target: Expr,
}

impl Expr {
    /// Compiles a string with `$name`, `${name}` and `$1` … `$9`.
    ///
    /// # Errors
    /// `invalid variable name`, or a bracket that is not closed.
    pub fn compile(text: &[u8], at: Span, cx: &mut Cx) -> Result<Expr, Fault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let plain = rest.iter().position(|byte| *byte == b'$').unwrap_or(rest.len());
            let (literal, after) = rest.split_at(plain);
            if !literal.is_empty() {
                parts.push(Part::Text(literal.into()));
            }
            rest = match after.split_first() {
                Some((_, name)) => variable(name, at, cx, &mut parts)?,
                None => after,
            };
        }
        Ok(Expr { parts: parts.into() })
    }

    /// Compiles a word.
    ///
    /// # Errors
    /// As [`Expr::compile`].
    pub fn of(word: &Word, cx: &mut Cx) -> Result<Expr, Fault> {
        Expr::compile(&word.text, word.span, cx)
    }
}

/// Reads what follows a `$` and returns the rest.
fn variable<'t>(text: &'t [u8], at: Span, cx: &mut Cx, parts: &mut Vec<Part>) -> Result<&'t [u8], Fault> {
    if let Some((digit @ b'1'..=b'9', rest)) = text.split_first() {
        parts.push(Part::Capture(digit - b'0'));
        return Ok(rest);
    }
    let braced = text.strip_prefix(b"{");
    let body = braced.unwrap_or(text);
    let length = body.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let (name, rest) = body.split_at(length);
    let shown = String::from_utf8_lossy(name);
    let rest = match (braced, rest.split_first()) {
        (None, _) => rest,
        (Some(_), Some((b'}', rest))) => rest,
        (Some([]), _) => return Err(Fault::new("invalid variable name").at(at)),
        (Some(_), _) => {
            return Err(Fault::new(format!("the closing bracket in \"{shown}\" variable is missing")).at(at));
        }
    };
    if name.is_empty() {
        return Err(Fault::new("invalid variable name").at(at).help("write a $ of its own through a variable"));
    }
    parts.push(Part::Var(cx.variables.lookup(&shown, at)));
    Ok(rest)
}

impl Value for Expr {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "string";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        Expr::of(directive.arg(0), cx)
    }
}

impl Value for Exprs {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "file …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut files = Vec::new();
        for (at, word) in directive.args.iter().enumerate() {
            if word.text.is_empty() {
                return Err(Fault::new("index \"\" in \"index\" directive is invalid").at(word.span));
            }
            if word.text.starts_with(b"/") && at + 1 != directive.args.len() {
                let text = "only the last index in \"index\" directive should be absolute";
                cx.warn(directive, "nginx::index-absolute", text, word.span);
            }
            files.push(Expr::of(word, cx)?);
        }
        Ok(Exprs(files))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.0.extend(more.0);
        Ok(())
    }
}

impl Value for PathTemplate {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "path";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let (word, keyword) = (directive.arg(0), directive.name.lossy());
        let written = word.lossy();
        for name in ["document_root", "realpath_root"] {
            if written.contains(&format!("${name}")) || written.contains(&format!("${{{name}}}")) {
                let text = format!("the ${name} variable cannot be used in the \"{keyword}\" directive");
                return Err(Fault::new(text).at(word.span));
            }
        }
        let path = match keyword.as_ref() {
            "alias" => word.text.as_slice(),
            _ => word.text.strip_suffix(b"/").unwrap_or(&word.text),
        };
        if word.text.starts_with(b"$") || word.text.starts_with(b"/") {
            return Expr::compile(path, word.span, cx).map(PathTemplate);
        }
        let full = cx.full_path(path).to_string_lossy().into_owned();
        Expr::compile(full.as_bytes(), word.span, cx).map(PathTemplate)
    }
}

impl Value for TryFiles {
    const ARITY: Arity = Arity::range(2, u8::MAX);
    const SYNTAX: &'static str = "file … uri | =code";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let Some((last, files)) = directive.args.split_last() else { return Ok(TryFiles::default()) };
        let mut tried = Vec::new();
        for word in files {
            let name = word.text.strip_suffix(b"/");
            let path = Expr::compile(name.unwrap_or(&word.text), word.span, cx)?;
            tried.push(TryFile { path, dir: name.is_some() });
        }
        let fallback = match last.text.strip_prefix(b"=") {
            Some(code) => {
                let parsed = parse_number(code).filter(|code| *code <= 999);
                let refused = || Fault::new(format!("invalid code \"{}\"", last.lossy())).at(last.span);
                TryFallback::Code(parsed.ok_or_else(refused)? as u16)
            }
            None => TryFallback::Uri(Expr::of(last, cx)?),
        };
        Ok(TryFiles { files: tried, fallback })
    }
}

impl Value for ErrorPage {
    const ARITY: Arity = Arity::range(2, u8::MAX);
    const SYNTAX: &'static str = "code … [=[response]] uri";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let Some((uri, before)) = directive.args.split_last() else { return Ok(ErrorPage::default()) };
        let (response, codes) = match before.split_last() {
            Some((word, codes)) if word.text.starts_with(b"=") => (Some(replaced(word, codes)?), codes),
            _ => (None, before),
        };
        let target = Expr::of(uri, cx)?;
        let codes = codes.iter().map(error_code).collect::<Result<_, _>>()?;
        Ok(ErrorPage { codes, response, target })
    }
}

/// `=code` or `=`.
fn replaced(word: &Word, codes: &[Word]) -> Result<u16, Fault> {
    let refused = || Fault::new(format!("invalid value \"{}\"", word.lossy())).at(word.span);
    match word.text.get(1..) {
        _ if codes.is_empty() => Err(refused().help("name the statuses before it")),
        None | Some([]) => Ok(0),
        Some(code) => parse_number(code).and_then(|code| u16::try_from(code).ok()).ok_or_else(refused),
    }
}

fn error_code(word: &Word) -> Result<u16, Fault> {
    let code = parse_number(&word.text).filter(|code| *code != 499);
    let code = code.ok_or_else(|| Fault::new(format!("invalid value \"{}\"", word.lossy())).at(word.span))?;
    if !(300..=599).contains(&code) {
        return Err(Fault::new(format!("value \"{}\" must be between 300 and 599", word.lossy())).at(word.span));
    }
    Ok(code as u16)
}
