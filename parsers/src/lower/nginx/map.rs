//! `map`: a variable whose value depends on a string.

use std::collections::HashMap;

use super::Lowering;
use crate::ir::expr::{Builtin, Expr, UserVar};
use crate::ir::http::Regex;
use crate::ir::map::Map;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Cx, Fault};

impl Lowering<'_> {
    pub(super) fn map(&mut self, directive: &Directive) -> Result<(), Fault> {
        let source = Expr::of(directive.arg(0), &mut self.cx)?;
        let mut map = Map {
            source,
            var: self.new_variable(directive.arg(1))?,
            exact: HashMap::new(),
            suffixes: HashMap::new(),
            prefixes: HashMap::new(),
            hostnames: false,
            patterns: Vec::new(),
            default: Expr::default(),
            volatile: false,
            span: directive.span,
        };
        let mut default_seen = false;
        let lines = directive.block.as_ref().map(|block| self.cx.walk(block)).unwrap_or_default();
        for line in lines {
            if let Err(fault) = entry(&mut map, line, &mut default_seen, &mut self.cx) {
                self.cx.refuse(line, fault);
            }
        }
        self.ir.maps.push(map);
        Ok(())
    }

    /// The variable that a block makes.
    pub(super) fn new_variable(&mut self, target: &Word) -> Result<UserVar, Fault> {
        let shown = target.lossy();
        let Some(name) = shown.strip_prefix('$').filter(|name| !name.is_empty()) else {
            let fault = Fault::new(format!("invalid variable name \"{shown}\"")).at(target.span);
            return Err(fault.help(format!("write ${shown}")));
        };
        let built_in = Builtin::by_name(&name.to_ascii_lowercase());
        if built_in.is_some_and(|known| !matches!(known, Builtin::Args | Builtin::LimitRate | Builtin::UidReset)) {
            let fault = Fault::new(format!("the duplicate \"{name}\" variable")).at(target.span);
            return Err(fault.help("nginx sets this variable itself: take another name"));
        }
        Ok(self.cx.variables.define(&name.to_ascii_lowercase(), target.span))
    }
}

fn entry(map: &mut Map, line: &Directive, default_seen: &mut bool, cx: &mut Cx) -> Result<(), Fault> {
    let [value] = &*line.args else {
        return match (line.args.is_empty(), line.name.text.as_slice()) {
            (true, b"hostnames") => {
                map.hostnames = true;
                Ok(())
            }
            (true, b"volatile") => {
                map.volatile = true;
                Ok(())
            }
            _ => Err(Fault::new("invalid number of the map parameters").help("write: key value;")),
        };
    };
    let value = Expr::of(value, cx)?;
    let key = &line.name;
    if key.is("default") {
        if std::mem::replace(default_seen, true) {
            return Err(Fault::new("duplicate default map parameter").at(key.span));
        }
        map.default = value;
        return Ok(());
    }
    if let Some(pattern) = key.text.strip_prefix(b"~") {
        let caseless = pattern.strip_prefix(b"*");
        let regex = Regex::compile(caseless.unwrap_or(pattern), caseless.is_some(), key.span, cx)?;
        map.patterns.push((regex, value));
        return Ok(());
    }
    plain(map, key, value)
}

/// A key that is compared, not matched; `\` at its start takes special words by their letters.
fn plain(map: &mut Map, key: &Word, value: Expr) -> Result<(), Fault> {
    let text = key.text.strip_prefix(b"\\").unwrap_or(&key.text).to_ascii_lowercase();
    let conflict =
        || Fault::new(format!("conflicting parameter \"{}\"", key.lossy().to_ascii_lowercase())).at(key.span);
    if !map.hostnames {
        return insert(&mut map.exact, text, value, conflict);
    }
    if let Some(domain) = text.strip_prefix(b".").filter(|domain| !domain.is_empty()) {
        insert(&mut map.exact, domain.to_vec(), value.clone(), conflict)?;
        return insert(&mut map.suffixes, text.clone(), value, conflict);
    }
    if let Some(suffix) = text.strip_prefix(b"*").filter(|suffix| suffix.starts_with(b".")) {
        return insert(&mut map.suffixes, suffix.to_vec(), value, conflict);
    }
    if let Some(prefix) = text.strip_suffix(b"*").filter(|prefix| prefix.ends_with(b".")) {
        return insert(&mut map.prefixes, prefix.to_vec(), value, conflict);
    }
    if text.contains(&b'*') {
        return Err(Fault::new(format!("invalid hostname or wildcard \"{}\"", key.lossy())).at(key.span));
    }
    insert(&mut map.exact, text, value, conflict)
}

fn insert(
    table: &mut HashMap<Vec<u8>, Expr>,
    key: Vec<u8>,
    value: Expr,
    conflict: impl Fn() -> Fault,
) -> Result<(), Fault> {
    match table.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(conflict()),
    }
}
