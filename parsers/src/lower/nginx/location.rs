//! `location`, `limit_except`, and what a value may not be at its place.

use super::{Frame, Lowering};
use crate::ir::Id;
use crate::ir::http::{Location, Match, Regex};
use crate::source::Span;
use crate::syntax::tree::Directive;
use crate::table::value::Store;
use crate::table::{Contexts, Cx, Fault};

impl Lowering<'_> {
    pub(super) fn location_block(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let written = matched(directive, &mut self.cx);
        let fault = match &written {
            Ok((matched, name)) => self.nesting(matched, name, frame).err(),
            Err(fault) => Some(fault.clone()),
        };
        let (matched, name) = written.unwrap_or((Match::If, Vec::new()));
        if let Some(fault) = fault {
            self.cx.refuse(directive, fault);
        }
        let span = Span { start: directive.name.span.start, end: directive.end.end, ..directive.span };
        let id = self.add_location(Location::new(matched, name, span));
        if let Some(outer) = frame.location {
            self.ir.locations[outer].children.push(id);
        }
        let inner = Frame { context: Contexts::LOCATION, location: Some(id), ..frame };
        self.read(&directive.block, inner);
        if let Some(layers) = self.drafts.get_mut(id.index()).and_then(|draft| draft.layers.as_mut()) {
            self.recently_read.share(layers);
        }
        Ok(())
    }

    /// Which locations may be inside which.
    fn nesting(&self, matched: &Match, name: &[u8], frame: Frame) -> Result<(), Fault> {
        let outer = frame.location.and_then(|id| self.ir.locations.get(id));
        let Some(outer) = outer.filter(|_| frame.context == Contexts::LOCATION) else { return Ok(()) };
        let (inner, around) = (String::from_utf8_lossy(name), String::from_utf8_lossy(&outer.name));
        let text = match (&outer.matched, matched) {
            (Match::Exact(_), _) => format!("location \"{inner}\" cannot be inside the exact location \"{around}\""),
            (Match::Named(_), _) => format!("location \"{inner}\" cannot be inside the named location \"{around}\""),
            (_, Match::Named(_)) => format!("named location \"{inner}\" can be on the server level only"),
            (_, Match::Regex(_)) => return Ok(()),
            _ if name.starts_with(&outer.name) => return Ok(()),
            _ => format!("location \"{inner}\" is outside location \"{around}\""),
        };
        Err(Fault::new(text))
    }

    pub(super) fn limit_except(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(outer) = frame.location else { return Ok(()) };
        if self.ir.locations[outer].limit_except.is_some() {
            return Err(Fault::verdict("is duplicate"));
        }
        let methods = methods(directive)?;
        let name = self.ir.locations[outer].name.clone();
        let id = self.add_location(Location::new(Match::LimitExcept { methods }, name, directive.span));
        self.ir.locations[outer].limit_except = Some(id);
        let inner = Frame { context: Contexts::LIMIT_EXCEPT, location: Some(id), ..frame };
        self.read(&directive.block, inner);
        Ok(())
    }

    /// What depends on the place or on what was written before it.
    pub(super) fn check_value(&self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(id) = frame.location else { return Ok(()) };
        let keyword = directive.name.lossy();
        match keyword.as_ref() {
            "root" | "alias" => self.root_or_alias(id, &keyword),
            "proxy_redirect" if directive.args.len() == 1 && directive.arg(0).is("default") => {
                self.redirect_default(id)
            }
            "proxy_store" | "proxy_cache" => self.store_or_cache(id, directive),
            _ => Ok(()),
        }
    }

    /// What is stored cannot be cached, too.
    fn store_or_cache(&self, id: Id<Location>, directive: &Directive) -> Result<(), Fault> {
        let proxy = self.drafts.get(id.index()).and_then(|draft| draft.layers.as_ref()?.proxy.as_deref());
        let Some(proxy) = proxy.filter(|_| !directive.arg(0).is("off")) else { return Ok(()) };
        let other = match directive.name.is("proxy_store") {
            true => proxy.cache.as_ref().is_some_and(|cache| cache.value.0.is_some()).then_some("proxy_cache"),
            false => {
                let stored = |store: &Option<Store>| store.as_ref().is_some_and(|store| store.0.is_some());
                proxy.store.as_ref().is_some_and(|store| stored(&store.value)).then_some("proxy_store")
            }
        };
        match other {
            Some(other) => Err(Fault::verdict(format!("is incompatible with \"{other}\""))),
            None => Ok(()),
        }
    }

    fn root_or_alias(&self, id: Id<Location>, keyword: &str) -> Result<(), Fault> {
        let core = self.drafts.get(id.index()).and_then(|draft| draft.layers.as_ref()?.core.as_deref());
        let other = match keyword {
            "root" => core.is_some_and(|core| core.alias.is_some()).then_some("alias"),
            _ => core.is_some_and(|core| core.root.is_some()).then_some("root"),
        };
        let named = matches!(self.ir.locations[id].matched, Match::Named(_));
        match other {
            Some(other) => {
                let text = format!("\"{keyword}\" directive is duplicate, \"{other}\" directive was specified earlier");
                Err(Fault::new(text))
            }
            None if named && keyword == "alias" => {
                Err(Fault::new("the \"alias\" directive cannot be used inside the named location"))
            }
            None => Ok(()),
        }
    }
}

fn matched(directive: &Directive, cx: &mut Cx) -> Result<(Match, Vec<u8>), Fault> {
    let (first, second) = (directive.arg(0), directive.args.get(1));
    let (modifier, name) = match second {
        Some(name) => (first.text.as_slice(), name.text.as_slice()),
        None => split_modifier(&first.text),
    };
    let span = second.unwrap_or(first).span;
    let regex = |caseless, cx: &mut Cx| Regex::compile(name, caseless, span, cx).map(Match::Regex);
    let matched = match modifier {
        b"=" => Match::Exact(name.to_vec()),
        b"^~" => Match::Prefix { path: name.to_vec(), final_: true },
        b"~" => regex(false, cx)?,
        b"~*" => regex(true, cx)?,
        b"" if name.starts_with(b"@") && second.is_none() => Match::Named(name.to_vec()),
        b"" => Match::Prefix { path: name.to_vec(), final_: false },
        _ => {
            let fault = Fault::new(format!("invalid location modifier \"{}\"", first.lossy())).at(first.span);
            return Err(fault.help("one of =, ~, ~*, ^~"));
        }
    };
    Ok((matched, name.to_vec()))
}

/// A modifier may stand right before the URI.
fn split_modifier(text: &[u8]) -> (&[u8], &[u8]) {
    let length = match text {
        [b'^', b'~', ..] | [b'~', b'*', ..] => 2,
        [b'=' | b'~', ..] => 1,
        _ => 0,
    };
    text.split_at(length)
}

const METHODS: [&str; 16] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "MKCOL",
    "COPY",
    "MOVE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "PATCH",
    "TRACE",
    "CONNECT",
];

/// The methods that a `limit_except` lets pass: GET brings HEAD.
fn methods(directive: &Directive) -> Result<Vec<String>, Fault> {
    let mut methods = Vec::new();
    for word in &directive.args {
        let known = METHODS.iter().find(|known| word.text.eq_ignore_ascii_case(known.as_bytes()));
        let refused = || Fault::new(format!("invalid method \"{}\"", word.lossy())).at(word.span);
        methods.push((*known.ok_or_else(refused)?).to_owned());
    }
    if methods.iter().any(|method| method == "GET") && !methods.iter().any(|method| method == "HEAD") {
        methods.push("HEAD".to_owned());
    }
    Ok(methods)
}
