//! Values about who may see an answer: passwords and referers.

use std::path::PathBuf;

use super::{Arity, Cx, Fault, Value};
use crate::ir::expr::Expr;
use crate::ir::http::Regex;
use crate::syntax::tree::{Directive, Word};

/// `auth_basic`; none is `off`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Realm(pub Option<Expr>);

/// `auth_basic_user_file`; relative paths are below the configuration's directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFile {
    /// The file, if one is named.
    pub path: Option<Expr>,
    /// What a relative path is below.
    pub dir: PathBuf,
}

/// `valid_referers`: all of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referers {
    /// Whether any is written.
    pub written: bool,
    /// `none`: no `Referer` at all.
    pub none: bool,
    /// `blocked`: one without a scheme.
    pub blocked: bool,
    /// `server_names`
    pub server_names: bool,
    /// Host names, with a `*` at one end or not, and the path that must follow.
    pub names: Vec<(String, String)>,
    /// Patterns of what stands behind the scheme.
    pub patterns: Vec<Regex>,
}

impl Value for Realm {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "string | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.arg(0).is("off") {
            true => Ok(Realm(None)),
            false => Expr::of(directive.arg(0), cx).map(|realm| Realm(Some(realm))),
        }
    }
}

impl Value for UserFile {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "file";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        Ok(UserFile { path: Some(Expr::of(word, cx)?), dir: cx.conf_dir.clone() })
    }
}

impl Value for Referers {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "none | blocked | server_names | name | ~regex …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut referers = Referers { written: true, ..Referers::default() };
        for word in &directive.args {
            referers.word(word, cx)?;
        }
        Ok(referers)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.none |= more.none;
        self.blocked |= more.blocked;
        self.server_names |= more.server_names;
        self.patterns.extend(more.patterns);
        for (name, path) in more.names {
            self.add(name, path)?;
        }
        Ok(())
    }
}

impl Referers {
    fn word(&mut self, word: &Word, cx: &mut Cx) -> Result<(), Fault> {
        match word.text.as_slice() {
            b"none" => self.none = true,
            b"blocked" => self.blocked = true,
            b"server_names" => self.server_names = true,
            [b'~', pattern @ ..] => self.patterns.push(Regex::compile(pattern, true, word.span, cx)?),
            [] => return Err(Fault::new("invalid referer \"\"").at(word.span)),
            _ => {
                let text = word.lossy();
                let end = text.find('/').unwrap_or(text.len());
                let (name, path) = text.split_at(end);
                if !is_name(name) {
                    let text = format!("invalid hostname or wildcard \"{name}\"");
                    return Err(Fault::new(text).at(word.span));
                }
                return self.add(name.to_ascii_lowercase(), path.to_owned()).map_err(|fault| fault.at(word.span));
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String, path: String) -> Result<(), Fault> {
        if self.names.iter().any(|(known, _)| *known == name) {
            return Err(Fault::new(format!("conflicting parameter \"{name}\"")));
        }
        self.names.push((name, path));
        Ok(())
    }
}

/// A host name with at most one `*`, as its first or its last label.
fn is_name(name: &str) -> bool {
    let inner = name.strip_prefix("*.").or_else(|| name.strip_suffix(".*")).unwrap_or(name);
    !inner.contains('*') && !inner.contains("..")
}
