//! One reading of the lines in the shape of one of keepalived's processes.

use super::draft::{Draft, row};
use super::report::{Found, Place, Report};
use super::{Machine, Mode, Pass};
use crate::diag::{Class, Diagnostic, Severity};
use crate::keepalived::checks;
use crate::keepalived::complaints::{complaint, missing};
use crate::keepalived::hint::{BLOCKS, hint};
use crate::keepalived::known::{Effect, newer, once_bare, unbuilt};
use crate::keepalived::tuning;
use crate::source::{Loader, Span};
use crate::syntax::keepalived::{Item, Line, Text, Trouble, command};
use crate::syntax::tree::{Directive, Word};
use crate::table::{Compat, Contexts as C, Cx, Dialect, Module, Row, Status};

/// What surrounds a file: the machine it is for and where files and names come from.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) machine: &'a dyn Machine,
    pub(super) loader: &'a dyn Loader,
    pub(super) compat: Compat,
}

/// A reading under way.
pub(super) struct Walk<'a> {
    pub(super) pass: Pass,
    lines: &'a [Line],
    at: usize,
    /// Braces open, as keepalived counts them, with their places.
    open: Vec<Span>,
    /// The line being read.
    pub(super) place: Place,
    pub(super) report: &'a mut Report,
    pub(super) draft: &'a mut Draft,
    pub(super) machine: &'a dyn Machine,
    pub(super) loader: &'a dyn Loader,
    pub(super) cx: Cx,
    /// An interface is named that is not there.
    pub(super) interface_missing: Option<Span>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        pass: Pass,
        lines: &'a [Line],
        report: &'a mut Report,
        draft: &'a mut Draft,
        Around { machine, loader, compat }: Around<'a>,
    ) -> Self {
        let lenient = matches!(report.mode(), Mode::Run(_));
        let cx = Cx { dialect: Dialect::Keepalived, lenient, compat, ..Cx::default() };
        let place = Place::default();
        Walk {
            pass,
            lines,
            at: 0,
            open: Vec::new(),
            place,
            report,
            draft,
            machine,
            loader,
            cx,
            interface_missing: None,
        }
    }

    /// Reads everything, then judges what belongs together.
    pub(super) fn run(mut self) {
        while let Some(line) = self.take() {
            match &line.item {
                Item::Words { words, raw, .. } => self.keyword(C::K_TOP, line, words, raw),
                Item::Open => self.unexpected_open(),
                Item::Close => self.unknown(C::K_TOP, "}", line.span),
                Item::Pragma(_) | Item::Trouble(_) => {}
            }
        }
        if self.report.stopped() {
            return;
        }
        self.judge_braces();
        match self.pass {
            Pass::Checkers => self.judge_services(),
            Pass::Vrrp => self.judge_routers(),
            Pass::Parent | Pass::Bfd => {}
        }
    }

    /// Braces that are still open at the end. The last of them is the one to look at: its block reaches to the end.
    fn judge_braces(&mut self) {
        let Some(last) = self.open.last().copied() else { return };
        let text = format!("There are {} missing '}}'s or extra '{{'s", self.open.len());
        let help = "this block, or one inside it, lacks its `}`: add it, or delete the `{`";
        self.report
            .conclude(Some(last), Found::new(Class::Braces, text, help).label("still open at the end of the file"));
    }

    /// Whether no block is open.
    pub(super) fn is_outside(&self) -> bool {
        self.open.is_empty()
    }

    /// The next line that keepalived sees; braces are counted here and nowhere else.
    fn take(&mut self) -> Option<&'a Line> {
        while !self.report.stopped() {
            let line = self.lines.get(self.at)?;
            self.at += 1;
            self.place = Place::of(line);
            match &line.item {
                Item::Trouble(trouble) => {
                    self.trouble(trouble);
                    continue;
                }
                Item::Pragma(text) => {
                    self.pragma(text, line.span);
                    continue;
                }
                Item::Open => self.open.push(line.span),
                Item::Close if self.open.is_empty() => self.extra_close(),
                Item::Close => {
                    self.open.pop();
                }
                Item::Words { open_quote: true, raw, .. }
                    if self.pass != Pass::Parent || self.cx.is_old_keepalived() =>
                {
                    self.open_quote(raw);
                }
                Item::Words { .. } => {}
            }
            return Some(line);
        }
        None
    }

    fn peek(&self) -> Option<&'a Line> {
        self.lines.get(self.at..)?.iter().find(|line| line.item.is_text())
    }

    fn next_opens(&self) -> bool {
        self.peek().is_some_and(|line| line.item == Item::Open)
    }

    /// Passes over a block, if one follows.
    pub(super) fn skip(&mut self) {
        if !self.next_opens() {
            return;
        }
        let outside = self.open.len();
        while self.take().is_some() && self.open.len() > outside {}
    }

    /// Reads a block whose keywords stand in `context`. Returns the place where it ended.
    pub(super) fn block(&mut self, context: C) {
        match self.peek() {
            Some(line) if line.item == Item::Open => {
                self.take();
            }
            Some(line) => {
                let text = "Missing '{' at beginning of configuration block";
                let found = Found::new(Class::Braces, text, "add a `{` after the block's name");
                self.report.say(Place::of(line), found);
            }
            None => {}
        }
        while let Some(line) = self.take() {
            match &line.item {
                Item::Words { words, raw, .. } => self.keyword(context, line, words, raw),
                Item::Open => self.unexpected_open(),
                Item::Close => return,
                Item::Pragma(_) | Item::Trouble(_) => {}
            }
        }
    }

    fn keyword(&mut self, context: C, line: &Line, words: &[Word], raw: &Text) {
        let Some((name, args)) = words.split_first() else { return };
        let keyword = name.lossy().into_owned();
        if self.cx.is_old_keepalived() && newer(context, &keyword) {
            return self.unknown(context, &keyword, name.span);
        }
        if let Some((_, _, inner)) = BLOCKS.into_iter().find(|(within, word, _)| *within == context && *word == keyword)
        {
            return self.open_block(inner, line, name, args);
        }
        if let Some(inner) = checks::block(context, &keyword) {
            return self.unbuilt_check(inner, name);
        }
        if let Some(word) = checks::word(context, &keyword) {
            return self.unbuilt_word(context, name, args, raw, word);
        }
        if let Some(row) = row(context, &keyword) {
            if context == C::K_TOP && self.pass != reader(row) {
                return self.skip();
            }
            if row.arity.block {
                return self.value_block(context, row, name, args);
            }
            let args = if is_command(row) { self.command(raw) } else { Some(args.to_vec()) };
            let Some(args) = args else { return };
            return self.directive(context, row, name, args);
        }
        match unbuilt(context, &keyword) {
            Some(effect) => self.unbuilt(context, &keyword, name.span, effect),
            None => self.unknown(context, &keyword, name.span),
        }
    }

    /// The words after the keyword of a command, by the rules for commands.
    fn command(&mut self, raw: &Text) -> Option<Vec<Word>> {
        match command(raw) {
            Ok(words) => Some(words.into_iter().skip(1).collect()),
            Err(quote) => {
                let shown = String::from_utf8_lossy(raw.bytes()).into_owned();
                let text = format!("String '{shown}': missing terminating {}", quote.0);
                self.report.say(self.place, Found::new(Class::Quote, text, "close the quote on the same line"));
                None
            }
        }
    }

    /// One keyword with its words.
    pub(super) fn directive(&mut self, context: C, row: &'static Row, name: &Word, mut args: Vec<Word>) {
        if self.cx.is_old_keepalived() && once_bare(context, row.keyword) {
            args.clear();
        }
        self.before(context, row.keyword, name.span);
        if args.len() < usize::from(row.arity.min) {
            return self.no_value(context, row.keyword, name, args.len());
        }
        let end = args.last().map_or(name.span, |word| word.span);
        let span = if end.file == name.span.file { name.span.to(end) } else { name.span };
        let directive = Directive { name: name.clone(), args: args.into(), block: None, span, end };
        let outcome = self.draft.set(context, &directive, &mut self.cx);
        if self.is_other_s(context, row.keyword) {
            self.cx.diagnostics.clear();
            if self.pass == Pass::Vrrp && outcome.is_ok() {
                self.after(context, &directive);
            }
            return;
        }
        self.remarks();
        match outcome {
            Ok(()) => self.after(context, &directive),
            Err(fault) => {
                let help = fault.help.unwrap_or_default();
                let at = fault.at.unwrap_or(name.span);
                let value = directive.args.iter().map(Word::lossy).next().unwrap_or_default();
                let complaint = complaint(context, row.keyword, &self.cx.owner, &value);
                let number = !fault.text.is_empty();
                if number {
                    self.report.say(self.place, Found::new(Class::Number, fault.text, &help).at(at));
                }
                // keepalived's verdict repeats what is wrong, which an operator is told once.
                let told = number && matches!(self.report.mode(), Mode::Check { .. });
                if let Some(text) = complaint.filter(|_| !told) {
                    self.report.say(self.place, Found::new(Class::General, text, &help).at(at));
                }
                self.draft.refused_vrid |= row.keyword == "virtual_router_id";
            }
        }
        if let Status::Ignored(why) = row.status {
            let note = Diagnostic::note("keepalived::no-effect", format!("`{}` has no effect: {why}", row.keyword));
            self.report.prepared(self.place, note.at(name.span, ""));
        }
    }

    /// What values remarked on while they were read.
    pub(super) fn remarks(&mut self) {
        for finding in std::mem::take(&mut self.cx.diagnostics) {
            self.report.prepared(self.place, finding);
        }
    }

    fn no_value(&mut self, context: C, keyword: &str, name: &Word, given: usize) {
        let help = format!("write a value after `{keyword}`");
        let (class, text) = match missing(context, keyword) {
            Some(text) => (Class::General, text.to_owned()),
            None => {
                let position = given + 2;
                let text = format!(
                    "*** Configuration line starting `{keyword}` is missing a parameter after keyword `{keyword}` at word position {position}"
                );
                (Class::MissingParameter, text)
            }
        };
        self.report.say(self.place, Found::new(class, text, &help).at(name.span));
    }

    /// A block each of whose lines is a value.
    fn value_block(&mut self, context: C, row: &'static Row, name: &Word, extra: &[Word]) {
        if let Some(first) = extra.first() {
            let text = format!("Block {} has extra parameters {} ...", row.keyword, first.lossy());
            let found = Found::new(Class::General, text, "each value stands on a line of its own within the braces");
            self.report.say(self.place, found.at(first.span));
        }
        if self.next_opens() {
            self.take();
        }
        while let Some(line) = self.take() {
            match &line.item {
                Item::Words { words, .. } if !words.is_empty() => self.directive(context, row, name, words.clone()),
                Item::Open => {
                    let brace = Word { text: b"{".as_slice().into(), span: line.span, ..name.clone() };
                    self.directive(context, row, name, vec![brace]);
                }
                Item::Close => return self.closed(row.keyword),
                _ => {}
            }
        }
    }

    /// The end of a block of values.
    fn closed(&mut self, keyword: &str) {
        self.draft.unicast |= keyword == "unicast_peer";
        if keyword == "interfaces" {
            self.draft.garp_lists += 1;
            self.garp_interfaces();
        }
        if keyword == "notification_email" && self.draft.global.notification_email.is_none() {
            let text = "Warning - empty notification_email block";
            self.report.say(self.place, Found::new(Class::General, text, "write an address into it, or delete it"));
        }
    }

    fn open_block(&mut self, inner: C, line: &Line, name: &Word, args: &[Word]) {
        let pass = match inner {
            C::K_GLOBAL => Pass::Parent,
            C::K_INSTANCE | C::K_SYNC_GROUP | C::K_AUTHENTICATION | C::K_AUTH_HMAC => Pass::Vrrp,
            C::K_SCRIPT | C::K_TRACK_PROCESS | C::K_GARP_GROUP | C::K_TRACK_GROUP => Pass::Vrrp,
            // Both processes know files.
            C::K_TRACK_FILE if self.pass == Pass::Checkers => Pass::Checkers,
            C::K_TRACK_FILE => Pass::Vrrp,
            // Three processes know sessions.
            C::K_BFD if self.pass != Pass::Parent => self.pass,
            C::NONE => return self.unknown(C::K_TOP, &name.lossy(), name.span),
            _ => Pass::Checkers,
        };
        if pass != self.pass {
            return self.skip();
        }
        match inner {
            C::K_GLOBAL => self.block(inner),
            C::K_INSTANCE => self.instance(line.span, name, args),
            C::K_SYNC_GROUP => self.sync_group(line.span, args),
            C::K_AUTHENTICATION => self.block(inner),
            C::K_AUTH_HMAC => {
                self.draft.has_hmac = true;
                self.block(inner);
            }
            C::K_SCRIPT | C::K_TRACK_FILE | C::K_TRACK_PROCESS => self.tracker(inner, line.span, name, args),
            C::K_GARP_GROUP => self.garp_group(line.span),
            C::K_TRACK_GROUP => self.track_group(line.span, args),
            C::K_BFD => self.bfd_instance(line.span, name, args),
            C::K_VIRTUAL_SERVER => self.virtual_server(line.span, name, args),
            C::K_REAL_SERVER => self.real_server(line.span, name, args),
            C::K_BFD_CHECK => self.bfd_check(line.span),
            _ => self.tcp_check(line.span),
        }
    }

    /// Whether keepalived names a missing first word, and stops.
    pub(super) fn named(&mut self, context: C, name: &Word, args: &[Word]) -> bool {
        if args.is_empty() {
            self.no_value(context, &name.lossy(), name, 0);
        }
        !args.is_empty()
    }

    fn unknown(&mut self, context: C, keyword: &str, span: Span) {
        let text = format!("Unknown keyword '{keyword}'");
        let newer = self.cx.is_old_keepalived() && newer(context, keyword);
        let help = match keyword {
            _ if newer => "this word came after keepalived 2.2: delete it, or the pragma compat".to_owned(),
            "}" => "delete the `}`, or add the `{` it closes".to_owned(),
            _ if !matches!(self.report.mode(), Mode::Check { .. }) || !self.report.is_new(span, &text) => String::new(),
            _ => format!("{} (keepalived itself logs this, ignores the line and runs on)", hint(context, keyword)),
        };
        let label = match context.names().next() {
            Some(block) if keyword != "}" => format!("unknown in {block}"),
            _ => "closes nothing".to_owned(),
        };
        self.report.say(self.place, Found::new(Class::UnknownKeyword, text, &help).at(span).label(&label));
    }

    /// A word keepalived knows and rkeep has not built.
    fn unbuilt(&mut self, context: C, keyword: &str, span: Span, effect: Effect) {
        let parent_reads = matches!(context, C::K_TOP | C::K_GLOBAL);
        if context != C::K_TOP || (self.pass == Pass::Parent) == parent_reads {
            self.say_unbuilt(keyword, span, effect);
        }
        self.skip();
    }

    /// A word that is of no effect is no reason not to run: the rest is, and what does not work is said.
    pub(super) fn say_unbuilt(&mut self, keyword: &str, span: Span, effect: Effect) {
        let harmful = effect == Effect::Harmful;
        let text = format!("'{keyword}' is known to keepalived and not built into rkeep yet: it has no effect");
        let help = if harmful { "keepalived itself, or do without it" } else { "nothing needs to be done" };
        let mut finding = Diagnostic::error("keepalived::not-built", text.clone()).at(span, "not built").help(help);
        finding.severity = if harmful { Severity::Error } else { Severity::Warning };
        if matches!(self.report.mode(), Mode::Run(_)) {
            finding = finding.legacy(Class::Remark, text);
        }
        self.report.prepared(self.place, finding);
    }

    /// A check that is read and not carried out.
    fn unbuilt_check(&mut self, inner: C, name: &Word) {
        if !matches!(inner, C::K_URL | C::K_HOST) {
            self.say_unbuilt(&name.lossy(), name.span, Effect::Harmful);
        }
        let outer = self.draft.urls;
        self.draft.urls += u32::from(inner == C::K_URL);
        self.block(inner);
        if inner == C::K_HTTP_GET && self.draft.urls == outer {
            let text = "HTTP/SSL_GET checker has no urls specified - ignoring";
            let found = Found::new(Class::General, text, "url { path / status_code 200 }");
            self.report.say(self.place, found.at(name.span));
        }
    }

    /// A word in such a check.
    fn unbuilt_word(&mut self, context: C, name: &Word, args: &[Word], raw: &Text, word: checks::Word) {
        let keyword = name.lossy();
        match word {
            checks::Word::Bare => {}
            checks::Word::Valued if args.is_empty() => self.no_value(context, &keyword, name, 0),
            checks::Word::Valued => {}
            checks::Word::Old(new) => {
                let text = format!("{keyword} is deprecated - please use '{new}'");
                self.report.say(self.place, Found::new(Class::Deprecated, text, &format!("write {new}")).at(name.span));
            }
            checks::Word::Command => {
                let Some(args) = self.command(raw) else { return };
                self.program(args.first());
            }
        }
    }

    fn unexpected_open(&mut self) {
        let help = "no block begins here: delete the `{`, or correct the word before it";
        self.report.say(self.place, Found::new(Class::Braces, "Unexpected '{' - ignoring", help));
    }

    fn extra_close(&mut self) {
        let help = "delete the `}`, or add the `{` it closes";
        self.report.say(self.place, Found::new(Class::Braces, "Extra '}' found", help));
    }

    fn open_quote(&mut self, raw: &Text) {
        let text = format!("Unmatched quote: '{}'", String::from_utf8_lossy(raw.bytes()));
        self.report.say(self.place, Found::new(Class::Quote, text, "close the quote on the same line"));
    }

    fn trouble(&mut self, trouble: &Trouble) {
        let parent = self.pass == Pass::Parent;
        let place = self.place;
        match trouble {
            Trouble::OpenQuote(line) => {
                let text = format!("Unterminated quote '{line}'");
                self.report.say(place, Found::new(Class::Quote, text, "close the quote on the same line"));
            }
            Trouble::TooLong if parent => {
                let help = "a line may have 1023 bytes; keepalived reads the rest as a line of its own";
                self.report.say_after(place, Found::new(Class::General, "line too long - ignoring", help));
            }
            Trouble::Nul if parent => {
                let text = "configuration appears to have embedded NULs - ignoring line";
                self.report.say_after(place, Found::new(Class::General, text, "delete the NUL bytes"));
            }
            Trouble::NoFile { name, pattern, fatal } if parent => {
                let text = match pattern {
                    true => format!("No config files matched '{name}'."),
                    false => format!("Config files missing '{name}'."),
                };
                let class = if *fatal { Class::NoConfig } else { Class::Remark };
                self.report.say(place, Found::new(class, text, "correct the name, or delete the line"));
            }
            Trouble::Limit if parent => {
                let text = "includes are nested too deeply - ignoring";
                self.report.say(place, Found::new(Class::General, text, "does a file include itself?"));
            }
            _ => {}
        }
    }
}

/// Which process reads what stands outside of all blocks.
fn reader(row: &Row) -> Pass {
    match tuning::Fixed::ROWS.iter().any(|known| known.keyword == row.keyword) {
        true => Pass::Vrrp,
        false => Pass::Parent,
    }
}

/// Whether a row's words are a command.
fn is_command(row: &Row) -> bool {
    row.syntax.contains("command")
}
