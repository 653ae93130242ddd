//! The commands of pages.

use pcre2::bytes::RegexBuilder;
use rkeep_parsers::table::value::Level;

use super::lexer::Command;
use super::text::{Encoding, Test, expand, test};
use super::{Branch, Item, Page};
use crate::proxy::compose::{self, Failed, Out};
use crate::proxy::http::uri::{is_safe, split_args, unescape};
use crate::proxy::request::{Captures, RequestCtx};
use crate::proxy::subrequest::{self, Ask, Child};

/// Why a command cannot be run, for the log.
struct Fault(String);

type Done<T = ()> = Result<T, Fault>;

impl Command {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.params.iter().find(|(have, _)| have == name.as_bytes()).map(|(_, value)| value.as_slice())
    }

    fn need(&self, name: &str) -> Done<&[u8]> {
        let missing = || {
            let command = String::from_utf8_lossy(&self.name);
            Fault(format!("mandatory \"{name}\" parameter is absent in \"{command}\" SSI command"))
        };
        self.get(name).ok_or_else(missing)
    }

    /// Each parameter is one of these and comes once.
    fn check(&self) -> Done {
        let allowed: &[&str] = match self.name.as_slice() {
            b"include" => &["virtual", "file", "wait", "set", "stub"],
            b"echo" => &["var", "default", "encoding"],
            b"config" => &["errmsg", "timefmt"],
            b"set" => &["var", "value"],
            b"if" | b"elif" => &["expr"],
            b"block" => &["name"],
            b"else" | b"endif" | b"endblock" => &[],
            name => return Err(Fault(format!("invalid SSI command: \"{}\"", String::from_utf8_lossy(name)))),
        };
        for (at, (name, _)) in self.params.iter().enumerate() {
            let shown = String::from_utf8_lossy(name);
            if !allowed.contains(&shown.as_ref()) {
                return Err(Fault(format!("invalid parameter name: \"{shown}\"")));
            }
            if self.params.iter().take(at).any(|(before, _)| before == name) {
                return Err(Fault(format!("duplicate \"{shown}\" parameter")));
            }
        }
        Ok(())
    }
}

impl Page {
    /// Runs a command, or shows that it cannot be run.
    pub(super) async fn command(
        &mut self,
        cx: &mut RequestCtx,
        command: &Command,
        out: &mut Out<'_>,
    ) -> Result<(), Failed> {
        let done = match command.check() {
            Err(fault) => Err(fault),
            Ok(()) => match command.name.as_slice() {
                b"if" | b"elif" | b"else" | b"endif" => self.branch(cx, command),
                _ if !self.shows() => Ok(()),
                b"include" => match self.include(cx, command) {
                    Ok(include) => self.run_include(cx, include, out).await?,
                    Err(fault) => Err(fault),
                },
                b"echo" => self.echo(cx, command),
                b"set" => set(cx, command),
                b"config" => self.config(cx, command),
                b"block" => self.begin_block(command),
                _ => Err(Fault("invalid context of SSI command: \"endblock\"".to_owned())),
            },
        };
        if let Err(Fault(text)) = done {
            cx.error(Level::Error, format_args!("{text}"));
            self.fail(cx);
        }
        Ok(())
    }

    fn branch(&mut self, cx: &mut RequestCtx, command: &Command) -> Done {
        if command.name == b"if" {
            // What is inside a branch that is not shown is not asked.
            let holds = self.shows() && holds(cx, command.need("expr")?)?;
            self.branches.push(Branch { shown: holds, taken: holds, last: false });
            return Ok(());
        }
        let outside = || Fault(format!("invalid context of SSI command: \"{}\"", command.name.escape_ascii()));
        let branch = self.branches.pop().ok_or_else(outside)?;
        let ends = command.name == b"endif";
        if ends {
            return Ok(());
        }
        let asked = self.shows() && !branch.taken && !branch.last;
        let shown = match command.name.as_slice() {
            b"elif" => asked && holds(cx, command.need("expr")?)?,
            _ => asked,
        };
        let last = command.name == b"else" || branch.last;
        self.branches.push(Branch { shown, taken: branch.taken || shown, last });
        if branch.last { Err(outside()) } else { Ok(()) }
    }

    fn begin_block(&mut self, command: &Command) -> Done {
        self.block = Some((command.need("name")?.to_vec(), Vec::new()));
        Ok(())
    }

    fn config(&mut self, cx: &mut RequestCtx, command: &Command) -> Done {
        if let Some(format) = command.get("timefmt") {
            cx.time_format = Some(format.into());
        }
        if let Some(text) = command.get("errmsg") {
            self.error_text = text.to_vec();
        }
        Ok(())
    }

    fn echo(&mut self, cx: &mut RequestCtx, command: &Command) -> Done {
        let name = String::from_utf8_lossy(command.need("var")?).to_ascii_lowercase();
        let encoding = match command.get("encoding") {
            None => Encoding::Entity,
            Some(name) => Encoding::of(name).ok_or_else(|| {
                Fault(format!("unknown encoding \"{}\" in the \"echo\" command", name.escape_ascii()))
            })?,
        };
        let value = cx.page_variable(&name);
        let value = value.or_else(|| command.get("default").map(<[u8]>::to_vec));
        self.text(encoding.encode(&value.unwrap_or_else(|| b"(none)".to_vec())));
        Ok(())
    }

    fn include(&self, cx: &RequestCtx, command: &Command) -> Done<Include> {
        let (virtual_, file) = (command.get("virtual"), command.get("file"));
        let (set, stub) = (command.get("set"), command.get("stub"));
        let (path, mut wait) = match (virtual_, file) {
            (Some(path), None) => (path, false),
            (None, Some(path)) => (path, true),
            (Some(_), Some(_)) => return Err(Fault("inclusion may be either virtual or file".to_owned())),
            (None, None) => return Err(Fault("no parameter in \"include\" SSI command".to_owned())),
        };
        if set.is_some() && stub.is_some() {
            return Err(Fault("\"set\" and \"stub\" cannot be used together in \"include\" SSI command".to_owned()));
        }
        match command.get("wait") {
            None | Some(b"no") => {}
            Some(_) if file.is_some() => return Err(Fault("\"wait\" cannot be used with file".to_owned())),
            Some(b"yes") => wait = true,
            Some(word) => {
                return Err(Fault(format!("invalid value \"{}\" in the \"wait\" parameter", word.escape_ascii())));
            }
        }
        let (uri, args) = target(cx, path)?;
        let stub = match stub {
            None => None,
            Some(name) => {
                let block = cx.know(|known| known.blocks.get(name).cloned());
                let missing = || Fault(format!("\"stub\"=\"{}\" for \"include\" not found", name.escape_ascii()));
                Some(block.ok_or_else(missing)?)
            }
        };
        let set = set.map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
        let ask = Ask { uri, args, with_body: true, no_pages: stub.is_some(), ..Ask::default() };
        Ok(Include { ask, wait, set, stub })
    }

    async fn run_include(&mut self, cx: &mut RequestCtx, include: Include, out: &mut Out<'_>) -> Result<Done, Failed> {
        if let Some(name) = include.set {
            let (status, value) = compose::fetch(cx, include.ask).await?;
            let value = if status < 300 { value } else { Vec::new() };
            cx.know(|known| known.variables.insert(name, value));
            return Ok(Ok(()));
        }
        let Some(child) = subrequest::make(cx, include.ask) else {
            return Ok(Err(Fault("too many nested includes".to_owned())));
        };
        self.queue.push_back(Item::Include(Child::start(child, include.stub)));
        if include.wait {
            self.flush(cx, out).await?;
        }
        Ok(Ok(()))
    }
}

/// An `include` that can be run.
struct Include {
    ask: Ask,
    wait: bool,
    set: Option<String>,
    stub: Option<Vec<u8>>,
}

fn expanded(cx: &RequestCtx, text: &[u8]) -> Done<Vec<u8>> {
    let value = expand(text, |name| cx.page_variable(name));
    value.map_err(|_| Fault(format!("invalid variable name in \"{}\"", String::from_utf8_lossy(text))))
}

/// Path and arguments of what is included; a path that does not begin with `/` is beside the page's own.
fn target(cx: &RequestCtx, written: &[u8]) -> Done<(Vec<u8>, Vec<u8>)> {
    let mut target = expanded(cx, written)?;
    if target.first() != Some(&b'/') {
        let slash = cx.uri.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        target.splice(..0, cx.uri.get(..slash).unwrap_or_default().iter().copied());
    }
    let (path, args) = split_args(&target);
    let path = unescape(path);
    match is_safe(&path) {
        true => Ok((path, args.to_vec())),
        false => Err(Fault(format!("unsafe URI \"{}\" was detected", String::from_utf8_lossy(&target)))),
    }
}

fn set(cx: &RequestCtx, command: &Command) -> Done {
    let name = String::from_utf8_lossy(command.need("var")?).to_ascii_lowercase();
    let value = expanded(cx, command.need("value")?)?;
    cx.know(|known| known.variables.insert(name, value));
    Ok(())
}

/// Whether a condition holds; a pattern's groups are kept.
fn holds(cx: &RequestCtx, expr: &[u8]) -> Done<bool> {
    let invalid = || Fault(format!("invalid expression in \"{}\"", String::from_utf8_lossy(expr)));
    Ok(match test(expr).ok_or_else(invalid)? {
        Test::There(value) => !expanded(cx, value)?.is_empty(),
        Test::Equal(left, right, negated) => (expanded(cx, left)? == expanded(cx, right)?) != negated,
        Test::Matches(left, pattern, negated) => matches(cx, expanded(cx, left)?, pattern)? != negated,
    })
}

fn matches(cx: &RequestCtx, subject: Vec<u8>, pattern: &[u8]) -> Done<bool> {
    let pattern = String::from_utf8_lossy(pattern);
    let regex = RegexBuilder::new().build(&pattern);
    let regex = regex.map_err(|error| Fault(format!("invalid pattern \"{pattern}\": {error}")))?;
    let mut places = regex.capture_locations();
    if !matches!(regex.captures_read(&mut places, &subject), Ok(Some(_))) {
        return Ok(false);
    }
    let found = Captures { groups: (0..regex.captures_len()).map(|group| places.get(group)).collect(), subject };
    cx.know(|known| {
        for (group, name) in regex.capture_names().iter().enumerate() {
            if let Some(name) = name {
                known.variables.insert(name.to_ascii_lowercase(), found.get(group).to_vec());
            }
        }
        known.captures = found;
    });
    Ok(true)
}
