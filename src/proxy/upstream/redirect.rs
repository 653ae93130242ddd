//! `proxy_redirect`: a backend's `Location` and `Refresh` as the client is to see them.

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::ir::http::{Location, ProxyPass, Target};
use rkeep_parsers::table::value::{RedirectRule, Redirects};

use crate::proxy::regex::{Regex, Regexes};
use crate::proxy::request::RequestCtx;

/// Rules in order; the first that matches is used.
#[derive(Debug, Default)]
pub struct RedirectRules {
    rules: Vec<(Pattern, Expr)>,
}

#[derive(Debug)]
enum Pattern {
    Prefix(Expr),
    Regex(Regex),
}

impl RedirectRules {
    /// As the directives of a level say.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(
        written: &Redirects,
        location: &Location,
        pass: &ProxyPass,
        regexes: &mut Regexes,
    ) -> Result<Self, String> {
        let mut rules = Vec::new();
        match written {
            Redirects::Off => {}
            Redirects::Default => rules.extend(default(location, pass)),
            Redirects::Rules(written) => {
                for rule in written {
                    match rule {
                        RedirectRule::Default => rules.extend(default(location, pass)),
                        RedirectRule::Prefix(from, to) => rules.push((Pattern::Prefix(from.clone()), to.clone())),
                        RedirectRule::Regex(from, to) => {
                            rules.push((Pattern::Regex(regexes.compile(from)?), to.clone()));
                        }
                    }
                }
            }
        }
        Ok(RedirectRules { rules })
    }

    /// The value from `at` on rewritten; none when no rule matches.
    pub fn apply(&self, cx: &RequestCtx, value: &[u8], at: usize) -> Option<Vec<u8>> {
        let (head, rest) = value.split_at_checked(at)?;
        self.rules.iter().find_map(|(pattern, to)| {
            let mut out = head.to_vec();
            match pattern {
                Pattern::Prefix(from) => {
                    let rest = strip(cx, rest, from)?;
                    cx.eval_into(to, &mut out);
                    out.extend_from_slice(rest);
                }
                Pattern::Regex(regex) => {
                    if !regex.run(cx, rest) {
                        return None;
                    }
                    cx.eval_into(to, &mut out);
                }
            }
            Some(out)
        })
    }
}

fn strip<'a>(cx: &RequestCtx, value: &'a [u8], prefix: &Expr) -> Option<&'a [u8]> {
    match prefix.as_text() {
        Some(prefix) => value.strip_prefix(prefix),
        None => value.strip_prefix(cx.eval(prefix).as_slice()),
    }
}

/// The URL of `proxy_pass` becomes the location's name; without a URI part only the host is taken away.
fn default(location: &Location, pass: &ProxyPass) -> Option<(Pattern, Expr)> {
    if matches!(pass.target, Target::Dynamic(_)) {
        return None;
    }
    let (from, to) = match pass.uri {
        Some(_) => (pass.url.clone(), location.name.clone()),
        None => ([pass.url.as_slice(), b"/"].concat(), b"/".to_vec()),
    };
    Some((Pattern::Prefix(Expr::text(from)), Expr::text(to)))
}
