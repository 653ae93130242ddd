//! `server_name`, and names that two servers of one socket claim.

use std::collections::{HashMap, HashSet};

use super::{Frame, Lowering};
use crate::diag::{Class, Diagnostic};
use crate::ir::Id;
use crate::ir::http::{Regex, Server, ServerName};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Cx, Fault};

use super::url::shown;

impl Lowering<'_> {
    pub(super) fn server_name(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(server) = frame.server else { return Ok(()) };
        for word in &directive.args {
            let name = name_of(word, directive, &self.setup.hostname, &mut self.cx)?;
            self.names_at.push((server, word.span));
            self.ir.servers[server].names.push(name);
        }
        Ok(())
    }

    /// Servers without a name have the empty one; names claimed twice on a socket are nginx's warning.
    pub(super) fn finish_names(&mut self) {
        for server in self.ir.servers.values_mut() {
            if server.names.is_empty() {
                server.names.push(ServerName::Exact(String::new()));
            }
        }
        let mut found = Vec::new();
        let mut places: HashMap<Id<Server>, Vec<Span>> = HashMap::new();
        for (server, span) in &self.names_at {
            places.entry(*server).or_default().push(*span);
        }
        for listener in self.ir.listeners.values() {
            // A server that is alone on its socket answers every name: nginx does not look at its names.
            if listener.servers.len() < 2 && !self.has_pattern(listener.default) {
                continue;
            }
            let mut claimed = HashSet::new();
            let address = shown(&listener.address);
            for &id in &listener.servers {
                let Some(server) = self.ir.servers.get(id) else { continue };
                let places = places.get(&id).map(Vec::as_slice).unwrap_or_default();
                for (at, name) in server.names.iter().enumerate() {
                    let span = places.get(at).copied().unwrap_or(server.span);
                    found.extend(claim(name, &address, span, &mut claimed));
                }
            }
        }
        self.cx.diagnostics.append(&mut found);
    }
}

impl Lowering<'_> {
    fn has_pattern(&self, server: Id<Server>) -> bool {
        let grouped = |name: &ServerName| matches!(name, ServerName::Regex(regex) if regex.groups > 0);
        self.ir.servers.get(server).is_some_and(|server| server.names.iter().any(grouped))
    }
}

fn name_of(word: &Word, directive: &Directive, hostname: &str, cx: &mut Cx) -> Result<ServerName, Fault> {
    let text = word.lossy();
    let bytes = text.as_bytes();
    let short = matches!(bytes, [b'*', rest @ ..] if rest.len() < 2 || rest[0] != b'.') || text == ".";
    if short {
        return Err(Fault::new(format!("server name \"{text}\" is invalid")).at(word.span));
    }
    if text.contains('/') {
        let warning = format!("server name \"{text}\" has suspicious symbols");
        cx.warn(directive, "nginx::suspicious-name", warning, word.span);
    }
    if let Some(pattern) = text.strip_prefix('~') {
        if pattern.is_empty() {
            return Err(Fault::new(format!("empty regex in server name \"{text}\"")).at(word.span));
        }
        let caseless = pattern.bytes().any(|byte| byte.is_ascii_uppercase());
        return Regex::compile(pattern.as_bytes(), caseless, word.span, cx).map(ServerName::Regex);
    }
    if text.eq_ignore_ascii_case("$hostname") {
        return Ok(ServerName::Exact(hostname.to_ascii_lowercase()));
    }
    let name = text.to_ascii_lowercase();
    Ok(match (name.strip_prefix("*."), name.strip_prefix('.'), name.strip_suffix(".*")) {
        (Some(suffix), _, _) => ServerName::Suffix(format!(".{suffix}")),
        (_, Some(domain), _) => ServerName::Dot(format!(".{domain}")),
        (_, _, Some(prefix)) => ServerName::Prefix(format!("{prefix}.")),
        _ => ServerName::Exact(name),
    })
}

/// The names of one kind that a name takes on a socket; a second claim is ignored with a warning.
fn claim(name: &ServerName, address: &str, span: Span, claimed: &mut HashSet<String>) -> Option<Diagnostic> {
    let (shown, keys) = match name {
        ServerName::Exact(name) => (name.clone(), vec![name.clone()]),
        ServerName::Suffix(suffix) => (format!("*{suffix}"), vec![format!("*{suffix}")]),
        ServerName::Dot(domain) => {
            (domain.clone(), vec![domain.trim_start_matches('.').to_owned(), format!("*{domain}")])
        }
        ServerName::Prefix(prefix) => (format!("{prefix}*"), vec![format!("{prefix}*")]),
        ServerName::Regex(_) => return None,
    };
    if shown.matches('*').count() > usize::from(keys.iter().any(|key| key.starts_with("*.") || key.ends_with(".*")))
        || shown.contains("..")
    {
        let text = format!("invalid server name or wildcard \"{shown}\" on {address}");
        let found = Diagnostic::error("nginx::server-name", text.clone()).at(span, "");
        let found = found.help("a * may be the first or the last part of a name: *.example.com, www.example.*");
        return Some(found.legacy(Class::NginxEmerg, text));
    }
    let taken = keys.iter().any(|key| claimed.contains(key));
    claimed.extend(keys);
    taken.then(|| {
        let text = format!("conflicting server name \"{shown}\" on {address}, ignored");
        let found = Diagnostic::warning("nginx::conflicting-name", text.clone()).at(span, "");
        found.help("another server of this socket has the name and keeps it").legacy(Class::NginxWarn, text)
    })
}
