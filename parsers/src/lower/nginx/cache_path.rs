//! `proxy_cache_path`

use std::time::Duration;

use super::Lowering;
use crate::diag::Diagnostic;
use crate::ir::cache::CachePath;
use crate::syntax::tree::{Directive, Word};
use crate::table::Fault;
use crate::table::value::{ZoneUse, parse_offset, parse_size, parse_time};

/// nginx wants two pages.
const LEAST: u64 = 2 * 4096;

impl Lowering<'_> {
    pub(super) fn cache_path(&mut self, directive: &Directive) -> Result<(), Fault> {
        let path = directive.arg(0).text.as_slice();
        let mut cache = CachePath {
            path: self.cx.full_path(path.strip_suffix(b"/").unwrap_or(path)),
            levels: Vec::new(),
            name: String::new(),
            keys_zone_size: 0,
            inactive: Duration::from_secs(600),
            max_size: None,
            min_free: 0,
            use_temp_path: true,
            span: directive.span,
        };
        for word in directive.args.iter().skip(1) {
            parameter(&mut cache, word)?;
            if word.text.starts_with(b"loader_") || word.text.starts_with(b"manager_") {
                self.tunes_nothing(word);
            }
        }
        let keyword = directive.name.lossy();
        if cache.name.is_empty() {
            let fault = Fault::new(format!("\"{keyword}\" must have \"keys_zone\" parameter"));
            return Err(fault.help("write keys_zone=NAME:SIZE, such as keys_zone=one:10m"));
        }
        if self.cx.zones.declare(&cache.name, ZoneUse::Cache)?.is_some() {
            return Err(Fault::new(format!("duplicate zone \"{}\"", cache.name)));
        }
        self.ir.caches.push(cache);
        Ok(())
    }

    /// How nginx's two processes share their work; rkeep's thread needs no such limits.
    fn tunes_nothing(&mut self, word: &Word) {
        let text =
            format!("\"{}\" has no effect: one thread reads the cache's files and keeps its bounds", word.lossy());
        self.cx.diagnostics.push(Diagnostic::note("nginx::no-effect", text).at(word.span, ""));
    }
}

fn parameter(cache: &mut CachePath, word: &Word) -> Result<(), Fault> {
    let text = word.lossy();
    let refused = |what: &str| Fault::new(format!("invalid {what} \"{text}\"")).at(word.span);
    let (name, value) = text.split_once('=').unwrap_or((text.as_ref(), ""));
    let size = |what| parse_offset(value.as_bytes()).ok_or_else(|| refused(what));
    match name {
        "levels" => cache.levels = levels(value).ok_or_else(|| refused("\"levels\""))?,
        "keys_zone" => {
            let (name, bytes) = value.rsplit_once(':').ok_or_else(|| refused("keys zone size"))?;
            cache.keys_zone_size = parse_size(bytes.as_bytes()).ok_or_else(|| refused("keys zone size"))?;
            cache.name = name.to_owned();
            if cache.keys_zone_size < LEAST {
                return Err(Fault::new(format!("keys zone \"{text}\" is too small")).at(word.span));
            }
        }
        "inactive" => {
            let inactive = parse_time(value.as_bytes(), true).ok_or_else(|| refused("inactive value"))?;
            cache.inactive = Duration::from_millis(inactive);
        }
        "max_size" => cache.max_size = Some(size("max_size value")?),
        "min_free" => cache.min_free = size("min_free value")?,
        "use_temp_path" => {
            cache.use_temp_path = match value {
                "on" => true,
                "off" => false,
                _ => return Err(refused("use_temp_path value").help("it must be \"on\" or \"off\"")),
            };
        }
        "loader_files" | "manager_files" => {
            value.parse::<u32>().map_err(|_| refused(&format!("{name} value")))?;
        }
        "loader_sleep" | "loader_threshold" | "manager_sleep" | "manager_threshold" => {
            parse_time(value.as_bytes(), false).ok_or_else(|| refused(&format!("{name} value")))?;
        }
        _ => return Err(refused("parameter")),
    }
    Ok(())
}

/// `1:2`: up to three levels of one or two digits.
fn levels(text: &str) -> Option<Vec<u8>> {
    let level = |digit: &str| digit.parse::<u8>().ok().filter(|level| (1..=2).contains(level));
    let levels: Vec<u8> = text.split(':').map(level).collect::<Option<_>>()?;
    (levels.len() <= 3).then_some(levels)
}
