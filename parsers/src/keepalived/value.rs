//! Values of keepalived.conf besides numbers. A keyword written twice: the last one holds, unless a value says otherwise.

use std::net::IpAddr;

use super::number::{argument, remark};
use crate::diag::Class;
use crate::ir::vrrp::Script;
use crate::source::Spanned;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Arity, Cx, Fault, Value};

/// There; words after it mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flag(pub bool);

/// `[true|on|yes|false|off|no]`; bare is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switch(pub bool);

/// One word as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub String);

/// One word, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionalText(pub Option<String>);

/// All words of a list, on one line or many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List(pub Vec<String>);

/// Any words, at least `LEAST`; the last occurrence holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words<const LEAST: u8 = 0>(pub Vec<String>);

/// An address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub IpAddr);

impl Default for Address {
    fn default() -> Self {
        Address(std::net::Ipv4Addr::UNSPECIFIED.into())
    }
}

/// A command with its arguments and, after it, a user and a group; none when the keyword stands alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command(pub Option<Script>);

/// A fault that says nothing itself: the keyword's own words are all there is.
pub fn silent() -> Fault {
    Fault::new("")
}

/// Refuses a value with keepalived's words for just this case.
pub fn refuse(cx: &mut Cx, word: &Word, what: String, help: &str) -> Fault {
    cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help(help));
    silent()
}

fn last<T>(field: &mut T, more: T) -> Result<(), Fault> {
    *field = more;
    Ok(())
}

impl Value for Flag {
    const ARITY: Arity = Arity::ANY;
    const SYNTAX: &'static str = "";

    fn parse(_: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(Flag(true))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

impl Value for Switch {
    const ARITY: Arity = Arity::range(0, 1);
    const SYNTAX: &'static str = "[on | off]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let Some(word) = directive.args.first() else { return Ok(Switch(true)) };
        match &word.text[..] {
            b"true" | b"on" | b"yes" => Ok(Switch(true)),
            b"false" | b"off" | b"no" => Ok(Switch(false)),
            _ => Err(silent()
                .at(word.span)
                .help("one of true, on, yes, false, off, no (lower case), or nothing for true")),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

impl Value for Text {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "string";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(Text(argument(directive)?.lossy().into_owned()))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

impl Value for OptionalText {
    const ARITY: Arity = Arity::range(0, 1);
    const SYNTAX: &'static str = "[string]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(OptionalText(directive.args.first().map(|word| word.lossy().into_owned())))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

impl Value for List {
    const ARITY: Arity = Arity::ANY.with_block();
    const SYNTAX: &'static str = "{ word … }";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(List(directive.args.iter().map(|word| word.lossy().into_owned()).collect()))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.0.extend(more.0);
        Ok(())
    }
}

impl<const LEAST: u8> Value for Words<LEAST> {
    const ARITY: Arity = Arity::range(LEAST, u8::MAX);
    const SYNTAX: &'static str = if LEAST == 0 { "[word …]" } else { "word …" };

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(Words(directive.args.iter().map(|word| word.lossy().into_owned()).collect()))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

impl Value for Address {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "address";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        let help = "an IPv4 or IPv6 address, such as 192.168.3.253";
        word.lossy().parse().map(Address).map_err(|_| silent().at(word.span).help(help))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

impl Value for Command {
    const ARITY: Arity = Arity::range(1, 3);
    const SYNTAX: &'static str = "command [user [group]]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let mut words = directive.args.iter();
        let Some(command) = words.next() else { return Ok(Command(None)) };
        let owned = |word: &Word| word.lossy().into_owned();
        let argv = split_command(&command.lossy());
        let user = words.next().map(|user| (owned(user), words.next().map(owned)));
        Ok(Command(Some(Script { argv, user, span: directive.span })))
    }
}

/// Sets a command once: keepalived keeps the first.
///
/// # Errors
/// A second occurrence.
pub fn set_command(field: &mut Option<Spanned<Command>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    if field.is_some() {
        let (keyword, text) = (directive.name.lossy(), argument(directive)?.lossy());
        let owner = if cx.owner.is_empty() { "(null)" } else { &cx.owner };
        let what = format!("({owner}) {keyword} script already specified - ignoring {text}");
        return Err(refuse(
            cx,
            &directive.name,
            what,
            "keepalived runs one; delete the other, or call both from one script",
        ));
    }
    *field = Some(Spanned::new(Command::parse(directive, cx)?, directive.span));
    Ok(())
}

/// A command that may be absent: the keyword alone says something too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionalCommand(pub Option<Script>);

impl Value for OptionalCommand {
    const ARITY: Arity = Arity::range(0, 3);
    const SYNTAX: &'static str = "[command [user [group]]]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        Command::parse(directive, cx).map(|command| OptionalCommand(command.0))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        last(self, more)
    }
}

/// A command written as one string: its words, cut at blanks outside of quotes.
fn split_command(text: &str) -> Vec<String> {
    let line = crate::syntax::keepalived::Text::of_file(crate::source::FileId(u32::MAX), 0, text.as_bytes());
    match crate::syntax::keepalived::command(&line) {
        Ok(words) => words.iter().map(|word| word.lossy().into_owned()).collect(),
        Err(_) => text.split_ascii_whitespace().map(str::to_owned).collect(),
    }
}
