//! What a FastCGI request begins with, and how its script is told from what follows it.

use rkeep_parsers::ir::http::Protocol;
use rkeep_parsers::nginx::FastCgi;

use super::records;
use crate::proxy::regex::{Regex, Regexes};
use crate::proxy::request::RequestCtx;
use crate::proxy::upstream::params;

/// How a location's scripts are told from what follows them.
#[derive(Debug, Default)]
pub struct Scripts {
    split: Option<Regex>,
}

impl Scripts {
    /// Prepares a location.
    ///
    /// # Errors
    /// What PCRE says.
    pub fn compile(conf: &FastCgi, regexes: &mut Regexes) -> Result<Scripts, String> {
        Ok(Scripts { split: conf.split_path_info.as_ref().map(|regex| regexes.compile(regex)).transpose()? })
    }

    /// `$fastcgi_script_name`
    pub fn name(&self, cx: &RequestCtx, out: &mut Vec<u8>) {
        let start = out.len();
        match self.split.as_ref().and_then(|split| split.captures(&cx.uri)) {
            Some(found) => out.extend_from_slice(found.get(1)),
            None => out.extend_from_slice(&cx.uri),
        }
        if out.len() > start && out.last() == Some(&b'/') {
            out.extend_from_slice(cx.conf().fastcgi.index.as_deref().unwrap_or_default().as_bytes());
        }
    }

    /// `$fastcgi_path_info`
    pub fn path_info(&self, cx: &RequestCtx, out: &mut Vec<u8>) {
        if let Some(found) = self.split.as_ref().and_then(|split| split.captures(&cx.uri)) {
            out.extend_from_slice(found.get(2));
        }
    }
}

/// Appends what comes before the body.
pub fn head(cx: &RequestCtx, for_cache: bool, out: &mut Vec<u8>) {
    let mut params = Vec::new();
    params::each(cx, Protocol::FastCgi, for_cache, |name, value| records::param(name, value, &mut params));
    records::begin(cx.conf().fastcgi.keep_conn, &params, out);
}
