//! Values about what is kept of backends' answers.

use super::flags::bits;
use super::{Arity, Cx, Fault, Value, parse_number, parse_time};
use crate::ir::expr::Expr;
use crate::syntax::tree::Directive;

/// `proxy_cache`: the name of a cache; none is `off`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheName(pub Option<Expr>);

/// Strings of which one that is neither empty nor `0` suffices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnyOf(pub Vec<Expr>);

/// One `proxy_cache_valid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheValid {
    /// The statuses; none for `any`.
    pub codes: Vec<u16>,
    /// How long their answers are kept, seconds.
    pub seconds: u64,
}

/// `proxy_cache_methods`, a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheMethods(pub u32);

/// `proxy_store_access`: the permissions of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreAccess(pub u32);

impl Default for StoreAccess {
    fn default() -> Self {
        StoreAccess(0o600)
    }
}

impl Value for CacheName {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "zone | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        if word.is("off") {
            return Ok(CacheName(None));
        }
        let name = Expr::of(word, cx)?;
        if name.as_text().is_some() {
            cx.zones.used_as_cache(&word.lossy(), word.span);
        }
        Ok(CacheName(Some(name)))
    }
}

impl Value for AnyOf {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "string …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        directive.args.iter().map(|word| Expr::of(word, cx)).collect::<Result<_, _>>().map(AnyOf)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.0.extend(more.0);
        Ok(())
    }
}

impl Value for CacheValid {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "[code … | any] time";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let Some((time, codes)) = directive.args.split_last() else { return Ok(CacheValid::default()) };
        let refused = || Fault::new(format!("invalid time value \"{}\"", time.lossy())).at(time.span);
        let seconds = parse_time(&time.text, true).ok_or_else(refused)? / 1000;
        if codes.is_empty() {
            return Ok(CacheValid { codes: vec![200, 301, 302], seconds });
        }
        let mut list = Vec::new();
        for word in codes {
            if word.is("any") {
                return Ok(CacheValid { codes: Vec::new(), seconds });
            }
            let code = parse_number(&word.text).filter(|code| (100..=599).contains(code));
            let refused = || Fault::new(format!("invalid status \"{}\"", word.lossy())).at(word.span);
            list.push(code.ok_or_else(refused)? as u16);
        }
        Ok(CacheValid { codes: list, seconds })
    }
}

impl CacheMethods {
    const LIST: [(&'static str, u32); 3] = [("GET", 1), ("HEAD", 2), ("POST", 4)];

    /// Whether answers to a method are kept.
    pub fn has(self, method: &[u8]) -> bool {
        let found = Self::LIST.iter().find(|(name, _)| name.as_bytes() == method);
        // These two are always among them.
        found.is_some_and(|(_, bit)| (self.0 | 3) & bit != 0)
    }
}

impl Value for CacheMethods {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "GET | HEAD | POST …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        bits(directive, &Self::LIST, cx).map(CacheMethods)
    }
}

impl Value for StoreAccess {
    const ARITY: Arity = Arity::range(1, 3);
    const SYNTAX: &'static str = "users:permissions …";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let mut mode = 0o600;
        for word in &directive.args {
            let text = word.lossy();
            let refused = || Fault::new(format!("invalid value \"{text}\"")).at(word.span).help("write group:rw all:r");
            let (who, what) = text.split_once(':').ok_or_else(refused)?;
            let bits = match what {
                "rw" => 6,
                "r" => 4,
                _ => return Err(refused()),
            };
            mode |= match who {
                "user" => bits << 6,
                "group" => bits << 3,
                "all" => bits << 3 | bits,
                _ => return Err(refused()),
            };
        }
        Ok(StoreAccess(mode))
    }
}
