//! Values of modules that make or change answers: strings replaced, packed copies, lists of directories.

use super::flags::one_of;
use super::{Arity, Cx, Fault, Value};
use crate::ir::expr::Expr;
use crate::syntax::tree::Directive;

/// One `sub_filter`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubRule {
    /// What is looked for, without regard to case.
    pub pattern: Expr,
    /// What stands in its place.
    pub replacement: Expr,
}

/// `gzip_static`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GzipStatic {
    /// Never.
    #[default]
    Off,
    /// For clients that can unpack it.
    On,
    /// For all.
    Always,
}

/// `autoindex_format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListFormat {
    /// A page.
    #[default]
    Html,
    /// JSON.
    Json,
    /// JSON in a call.
    Jsonp,
    /// XML.
    Xml,
}

impl Value for SubRule {
    const ARITY: Arity = Arity::range(2, 2);
    const SYNTAX: &'static str = "string replacement";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        if word.text.is_empty() {
            return Err(Fault::new("empty search pattern").at(word.span));
        }
        Ok(SubRule { pattern: Expr::of(word, cx)?, replacement: Expr::of(directive.arg(1), cx)? })
    }
}

impl Value for GzipStatic {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "on | off | always";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let modes = [("off", GzipStatic::Off), ("on", GzipStatic::On), ("always", GzipStatic::Always)];
        one_of(directive.arg(0), &modes)
    }
}

impl Value for ListFormat {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "html | json | jsonp | xml";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let formats = [
            ("html", ListFormat::Html),
            ("json", ListFormat::Json),
            ("jsonp", ListFormat::Jsonp),
            ("xml", ListFormat::Xml),
        ];
        one_of(directive.arg(0), &formats)
    }
}
