//! Values about cookies by which clients are told apart.

use super::flags::one_of;
use super::{Arity, Cx, Fault, Value, parse_time};
use crate::syntax::tree::Directive;

/// `userid`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UseridMode {
    /// Cookies are not looked at.
    #[default]
    Off,
    /// They are only read.
    Log,
    /// They are given out in the older form.
    V1,
    /// They are given out.
    On,
}

impl UseridMode {
    /// Whether cookies are given out.
    pub fn gives(self) -> bool {
        matches!(self, UseridMode::V1 | UseridMode::On)
    }
}

/// `userid_expires`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UseridExpires {
    /// With the browser.
    #[default]
    Off,
    /// Never.
    Max,
    /// After so many seconds.
    After(u64),
}

/// `userid_mark`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UseridMark(pub Option<u8>);

impl Value for UseridMode {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "on | v1 | log | off";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let list = [("off", UseridMode::Off), ("log", UseridMode::Log), ("v1", UseridMode::V1), ("on", UseridMode::On)];
        one_of(directive.arg(0), &list)
    }
}

impl Value for UseridExpires {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "time | max | off";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        match word.text.as_slice() {
            b"max" => Ok(UseridExpires::Max),
            b"off" => Ok(UseridExpires::Off),
            text => {
                let time = parse_time(text, true).ok_or_else(|| Fault::verdict("invalid value").at(word.span))?;
                Ok(if time == 0 { UseridExpires::Off } else { UseridExpires::After(time / 1000) })
            }
        }
    }
}

impl Value for UseridMark {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "letter | digit | = | off";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        match word.text.as_slice() {
            b"off" => Ok(UseridMark(None)),
            [mark] if mark.is_ascii_alphanumeric() || *mark == b'=' => Ok(UseridMark(Some(*mark))),
            _ => Err(Fault::verdict("value must be \"off\" or a single letter, digit or \"=\"").at(word.span)),
        }
    }
}
