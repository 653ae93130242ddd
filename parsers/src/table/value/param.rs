//! Parameters of a request to a backend that does not speak HTTP, and how a script is told from its path.

use super::Value;
use crate::ir::expr::Expr;
use crate::ir::http::Regex;
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Fault};

/// `fastcgi_param`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Expr,
    /// Left out where the value comes to nothing.
    pub if_not_empty: bool,
}

impl Value for Param {
    const ARITY: Arity = Arity::range(2, 3);
    const SYNTAX: &'static str = "parameter value [if_not_empty]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let third = directive.args.get(2);
        if let Some(word) = third.filter(|word| !word.is("if_not_empty")) {
            return Err(Fault::new(format!("invalid parameter \"{}\"", word.lossy())).at(word.span));
        }
        let value = Expr::of(directive.arg(1), cx)?;
        Ok(Param { name: directive.arg(0).lossy().into_owned(), value, if_not_empty: third.is_some() })
    }
}

/// `fastcgi_split_path_info`: two groups.
impl Value for Regex {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "regex";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        let regex = Regex::compile(&word.text, false, word.span, cx)?;
        if regex.groups < 2 {
            let text = format!("pattern \"{}\" must have 2 captures", word.lossy());
            return Err(Fault::new(text).at(word.span));
        }
        Ok(regex)
    }
}
