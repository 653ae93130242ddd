//! The rewrite module's directives: `set if rewrite return break`.

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::ir::http::{self, FileTest, RewriteFlag, SetTarget};

use crate::proxy::regex::{Regex, Regexes};

/// One directive.
#[derive(Debug)]
pub enum Op {
    /// `set`
    Set(SetTarget, Expr),
    /// `if`: the location whose script is run when the condition holds.
    If(Condition, usize),
    /// `rewrite`
    Rewrite {
        /// The pattern.
        regex: Regex,
        /// The replacement.
        replacement: Expr,
        /// Whether the request's arguments are added.
        add_args: bool,
        /// What happens then.
        flag: RewriteFlag,
    },
    /// `return`
    Return(u16, Option<Expr>),
    /// `break`
    Break,
}

/// A condition of `if`.
#[derive(Debug)]
pub enum Condition {
    /// Neither empty nor `0`.
    True(Expr),
    /// Both sides are equal, or not.
    Equal(Expr, Expr, bool),
    /// A pattern matches, or not.
    Matches(Expr, Regex, bool),
    /// A file is there, or not.
    File(FileTest, Expr, bool),
}

impl Op {
    /// Compiles a directive.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(op: &http::Op, regexes: &mut Regexes) -> Result<Op, String> {
        Ok(match op {
            http::Op::Set { var, value } => Op::Set(*var, value.clone()),
            http::Op::If { condition, location } => Op::If(Condition::compile(condition, regexes)?, location.index()),
            http::Op::Rewrite { regex, replacement, add_args, flag } => Op::Rewrite {
                regex: regexes.compile(regex)?,
                replacement: replacement.clone(),
                add_args: *add_args,
                flag: *flag,
            },
            http::Op::Return { code, text } => Op::Return(*code, text.clone()),
            http::Op::Break => Op::Break,
        })
    }
}

impl Condition {
    fn compile(condition: &http::Condition, regexes: &mut Regexes) -> Result<Condition, String> {
        Ok(match condition {
            http::Condition::True(value) => Condition::True(value.clone()),
            http::Condition::Equal { left, right, negate } => Condition::Equal(left.clone(), right.clone(), *negate),
            http::Condition::Matches { left, regex, negate } => {
                Condition::Matches(left.clone(), regexes.compile(regex)?, *negate)
            }
            http::Condition::File { test, path, negate } => Condition::File(*test, path.clone(), *negate),
        })
    }
}
