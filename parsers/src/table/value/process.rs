//! Values of the process: its user, its workers, its directories.

use std::path::PathBuf;

use super::{Arity, Cx, Fault, Value, parse_number};
use crate::syntax::tree::Directive;

/// `user`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The user's name.
    pub user: String,
    /// The group's; the user's name unless written.
    pub group: Option<String>,
}

/// `worker_processes`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkerProcesses {
    /// As many as there are cores.
    #[default]
    Auto,
    /// So many.
    Count(u32),
}

/// A directory of temporary files and its levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TempPath {
    /// The directory, absolute.
    pub path: PathBuf,
    /// Digits of each level below.
    pub levels: Vec<u8>,
}

impl Value for User {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "user [group]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let group = directive.args.get(1).map(|word| word.lossy().into_owned());
        Ok(User { user: directive.arg(0).lossy().into_owned(), group })
    }
}

impl Value for WorkerProcesses {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "number | auto";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        if word.is("auto") {
            return Ok(WorkerProcesses::Auto);
        }
        let count = parse_number(&word.text).and_then(|count| u32::try_from(count).ok());
        let refused = || Fault::verdict("invalid value").at(word.span).help("write a number, or auto");
        count.map(WorkerProcesses::Count).ok_or_else(refused)
    }
}

impl Value for TempPath {
    const ARITY: Arity = Arity::range(1, 4);
    const SYNTAX: &'static str = "path [level1 [level2 [level3]]]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let name = directive.arg(0).text.as_slice();
        let path = cx.full_path(name.strip_suffix(b"/").unwrap_or(name));
        let mut levels = Vec::new();
        for word in directive.args.iter().skip(1) {
            let level = parse_number(&word.text).filter(|level| (1..=9).contains(level));
            let refused = || Fault::verdict("invalid value").at(word.span).help("a level has 1, 2 or 3 digits");
            levels.push(level.ok_or_else(refused)? as u8);
        }
        if levels.iter().sum::<u8>() > 10 {
            return Err(Fault::verdict("invalid value"));
        }
        Ok(TempPath { path, levels })
    }
}
