//! One directive: its row, and who takes it.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use super::{Frame, Lowering};
use crate::diag::Diagnostic;
use crate::nginx::blocks::{KEYWORDS, Keyword, ROWS};
use crate::nginx::{LocationLayers, MainLayers, ServerLayers, UpstreamKeepalive, UpstreamResolver, unbuilt};
use crate::syntax::tree::{Directive, Quote, Word};
use crate::table::{Contexts, Entry, Fault, Index, Miss, Module, Row, Status};

/// Why `master_process off` changes nothing.
const ALWAYS_A_WORKER: &str = "rkeep serves from a worker process in any case, and it ends when the master is killed";

/// Who takes a directive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Slot {
    /// A function of the lowering.
    Structural(Keyword),
    /// A field of a module of the main context, by table and row.
    Main(usize, usize),
    /// The same of a server.
    Server(usize, usize),
    /// The same of a location.
    Location(usize, usize),
    /// A field of the keepalive module of upstreams.
    Keepalive(usize),
    /// A field about name servers of upstreams.
    Resolver(usize),
    /// Nobody: it is not built.
    Nobody,
}

/// All rows of nginx's language.
pub(super) static INDEX: LazyLock<Index<Slot>> = LazyLock::new(|| {
    let structural = KEYWORDS.iter().zip(ROWS).map(|(keyword, row)| (row, Slot::Structural(*keyword)));
    let keepalive = UpstreamKeepalive::ROWS.iter().enumerate().map(|(at, row)| (row, Slot::Keepalive(at)));
    let resolver = UpstreamResolver::ROWS.iter().enumerate().map(|(at, row)| (row, Slot::Resolver(at)));
    let all = structural
        .chain(tables(MainLayers::TABLES, Slot::Main))
        .chain(tables(ServerLayers::TABLES, Slot::Server))
        .chain(tables(LocationLayers::TABLES, Slot::Location))
        .chain(keepalive)
        .chain(resolver)
        .chain(unbuilt::rows().iter().map(|row| (row, Slot::Nobody)));
    Index::new(all.map(|(row, slot)| Entry { row, slot }))
});

/// All rows, for those who show them.
pub(crate) fn index() -> &'static Index<Slot> {
    &INDEX
}

type Tables = &'static [&'static [Row]];

fn tables(tables: Tables, slot: fn(usize, usize) -> Slot) -> impl Iterator<Item = (&'static Row, Slot)> {
    let rows = move |(table, rows): (usize, &'static &'static [Row])| {
        rows.iter().enumerate().map(move |(row, known)| (known, slot(table, row)))
    };
    tables.iter().enumerate().flat_map(rows)
}

impl Lowering<'_> {
    /// Takes one directive.
    pub(super) fn directive(&mut self, directive: &Directive, frame: Frame) {
        let outcome = match INDEX.find(directive, frame.context) {
            Ok(entry) => self.take(entry, directive, frame),
            Err(miss) => Err(self.missed(miss, directive, frame.context)),
        };
        let swallowed = self.swallowed(directive, frame.context);
        match (outcome, swallowed) {
            (Ok(()), None) => {}
            (Ok(()), Some(word)) => {
                let text = format!("\"{}\" is read as an argument of \"{}\"", word.lossy(), directive.name.lossy());
                let found = Diagnostic::warning("nginx::missing-semicolon", text).at(word.span, "");
                self.cx.diagnostics.push(found.help(missing_semicolon(directive, word)));
            }
            (Err(fault), None) => self.cx.refuse(directive, fault),
            (Err(fault), Some(word)) => self.cx.refuse(directive, fault.help(missing_semicolon(directive, word))),
        }
    }

    /// A word that begins a line as a directive of the same block would: the line before may lack its semicolon.
    fn swallowed<'d>(&self, directive: &'d Directive, context: Contexts) -> Option<&'d Word> {
        let line = |word: &Word| self.cx.sources.end_line(word.span);
        let mut before = line(&directive.name);
        directive.args.iter().find(|word| {
            let begins = std::mem::replace(&mut before, line(word)) != before;
            begins && word.quote == Quote::None && is_keyword(word, context)
        })
    }

    /// Notes that a directive is taken and nothing comes of it.
    fn no_effect(&mut self, directive: &Directive, why: &str) {
        let text = format!("\"{}\" has no effect: {why}", directive.name.lossy());
        self.cx.diagnostics.push(Diagnostic::note("nginx::no-effect", text).at(directive.name.span, ""));
    }

    fn take(&mut self, entry: Entry<Slot>, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        match entry.row.status {
            // Said to be off, it need not be built.
            Status::Refused(_) if directive.args.len() == 1 && directive.arg(0).is("off") => return Ok(()),
            Status::Refused(why) => return Err(not_built(directive, entry.row, why)),
            Status::Ignored(why) => self.no_effect(directive, why),
            Status::Works | Status::Proof(_) => {}
        }
        match entry.slot {
            Slot::Structural(keyword) => self.structural(keyword, directive, frame),
            Slot::Main(table, row) => {
                match entry.row.keyword {
                    "load_module" => self.load_module(directive),
                    "user" => self.user(directive)?,
                    "master_process" if directive.arg(0).is("off") => self.no_effect(directive, ALWAYS_A_WORKER),
                    _ => {}
                }
                self.main.set(table, row, directive, &mut self.cx)
            }
            Slot::Server(table, row) => {
                let layers = match frame.server {
                    Some(id) => self.servers.get_mut(id.index()),
                    None => Some(&mut self.http_server),
                };
                layers.map_or(Ok(()), |layers| layers.set(table, row, directive, &mut self.cx))
            }
            Slot::Location(table, row) => self.location_value(table, row, directive, frame),
            Slot::Keepalive(row) => self.keepalive_value(row, directive, frame),
            Slot::Resolver(row) => self.resolver_value(row, directive, frame),
            Slot::Nobody => Ok(()),
        }
    }

    fn location_value(&mut self, table: usize, row: usize, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        self.check_value(directive, frame)?;
        if directive.name.is("set_real_ip_from") {
            self.resolve(directive);
        }
        let layers = match frame.location {
            Some(id) => {
                self.drafts.get_mut(id.index()).map(|draft| Arc::make_mut(draft.layers.get_or_insert_default()))
            }
            None => Some(&mut self.http),
        };
        layers.map_or(Ok(()), |layers| layers.set(table, row, directive, &mut self.cx))
    }

    /// Looks up the host names among a directive's words, for its value.
    fn resolve(&mut self, directive: &Directive) {
        for word in directive.args.iter().map(|word| word.lossy()).filter(|word| word.parse::<IpAddr>().is_err()) {
            if let Ok(found) = self.loader.resolve(&word) {
                self.cx.hosts.insert(word.into_owned(), found);
            }
        }
    }

    /// nginx's words for a directive that no row takes.
    fn missed(&self, miss: Miss, directive: &Directive, context: Contexts) -> Fault {
        let fault = missed(miss, directive, context);
        match (miss, self.module_of(&directive.name.lossy())) {
            (Miss::Unknown, Some(module)) => fault.help(format!("it may belong to {module}, which rkeep lacks")),
            _ => fault,
        }
    }
}

/// Whether a word is a directive of that block.
fn is_keyword(word: &Word, context: Contexts) -> bool {
    INDEX.rows(&word.lossy()).iter().any(|entry| entry.row.contexts.contains(context))
}

fn missing_semicolon(directive: &Directive, word: &Word) -> String {
    format!("end \"{}\" with \";\" before the line that begins with \"{}\"", directive.name.lossy(), word.lossy())
}

/// What nginx knows and rkeep has not built.
fn not_built(directive: &Directive, row: &Row, why: &str) -> Fault {
    let text = format!("\"{}\" directive is not built into rkeep: {why}", directive.name.lossy());
    Fault::new(text).help(format!("delete it, or keep nginx for what needs {}", row.module))
}

/// nginx's words for a directive that no row takes.
fn missed(miss: Miss, directive: &Directive, context: Contexts) -> Fault {
    let name = directive.name.lossy();
    match miss {
        Miss::Unknown => {
            let fault = Fault::new(format!("unknown directive \"{name}\""));
            match INDEX.similar(&name, context) {
                Some(similar) => fault.help(format!("did you mean \"{similar}\"?")),
                None => fault,
            }
        }
        Miss::NotHere(elsewhere) => {
            let places = elsewhere.names().collect::<Vec<_>>().join(", ");
            let fault = Fault::new(format!("\"{name}\" directive is not allowed here"));
            fault.help(format!("it belongs in: {places}"))
        }
        Miss::NotTerminated => Fault::new(format!("directive \"{name}\" is not terminated by \";\""))
            .at(directive.end)
            .help(format!("end \"{name}\" with \";\": it has no block")),
        Miss::NoBlock => Fault::new(format!("directive \"{name}\" has no opening \"{{\""))
            .at(directive.end)
            .help(format!("write: {name} … {{ … }}")),
        Miss::Arity(row) => Fault::new(format!("invalid number of arguments in \"{name}\" directive")).help(format!(
            "write: {name} {}{}",
            row.syntax,
            if row.arity.block { "" } else { ";" }
        )),
    }
}
