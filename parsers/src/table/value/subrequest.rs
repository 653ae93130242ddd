//! Values about requests that are made for a request.

use super::{Arity, Cx, Fault, Value};
use crate::ir::expr::{Builtin, Expr};
use crate::ir::http::SetTarget;
use crate::syntax::tree::{Directive, Word};

/// A string, or `off`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrOff(pub Option<String>);

/// The URIs of `mirror`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors(pub Vec<String>);

/// A variable and the value it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub target: SetTarget,
    /// The value.
    pub value: Expr,
}

impl Default for Assignment {
    fn default() -> Self {
        Assignment { target: SetTarget::Args, value: Expr::default() }
    }
}

impl Value for OrOff {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "uri | off";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        Ok(OrOff((!word.is("off")).then(|| word.lossy().into_owned())))
    }
}

impl Value for Mirrors {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "uri | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        OrOff::parse(directive, cx).map(|uri| Mirrors(uri.0.into_iter().collect()))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        if self.0.is_empty() || more.0.is_empty() {
            return Err(Fault::verdict("is duplicate"));
        }
        self.0.extend(more.0);
        Ok(())
    }
}

impl Value for Assignment {
    const ARITY: Arity = Arity::range(2, 2);
    const SYNTAX: &'static str = "$variable value";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let target = SetTarget::of(directive.arg(0), cx)?;
        Ok(Assignment { target, value: Expr::of(directive.arg(1), cx)? })
    }
}

impl SetTarget {
    /// The variable that a word names, which may be set.
    ///
    /// # Errors
    /// It is no variable, or one that nginx sets itself.
    pub fn of(word: &Word, cx: &mut Cx) -> Result<SetTarget, Fault> {
        let shown = word.lossy();
        let Some(name) = shown.strip_prefix('$') else {
            let fault = Fault::new(format!("invalid variable name \"{shown}\"")).at(word.span);
            return Err(fault.help(format!("write ${shown}")));
        };
        if name.is_empty() {
            return Err(Fault::new("invalid variable name \"$\"").at(word.span));
        }
        match Builtin::by_name(&name.to_ascii_lowercase()) {
            Some(Builtin::Args) => Ok(SetTarget::Args),
            Some(Builtin::LimitRate) => Ok(SetTarget::LimitRate),
            Some(Builtin::UidReset) => Ok(SetTarget::User(cx.variables.define("uid_reset", word.span))),
            Some(_) => {
                let fault = Fault::new(format!("the duplicate \"{name}\" variable")).at(word.span);
                Err(fault.help("nginx sets this variable itself: take another name"))
            }
            None => Ok(SetTarget::User(cx.variables.define(&name.to_ascii_lowercase(), word.span))),
        }
    }
}
