//! Whether a client is a modern browser, by its `User-Agent`. Pure but for the request's part.

use memchr::memmem;
use rkeep_parsers::nginx::Browser;
use rkeep_parsers::table::value::{Family, browser_version};

use super::request::RequestCtx;

/// Where a family tells its version: so many bytes come first at least, then a word, and the version so many bytes after
/// that word's beginning.
fn told(family: Family) -> (usize, &'static [u8], usize) {
    let mozilla5 = "Mozilla/5.0 (".len();
    let compatible = "Mozilla/4.0 (compatible; ".len();
    match family {
        // A space or a slash follows.
        Family::Opera => (0, b"Opera", 6),
        Family::Msie => (compatible, b"MSIE ", 5),
        Family::Gecko => (mozilla5, b"rv:", 3),
        Family::Safari => (mozilla5, b"Safari/", 7),
        Family::Konqueror => (compatible, b"Konqueror/", 10),
    }
}

/// The version that a `User-Agent` tells of a family.
fn version(agent: &[u8], family: Family) -> Option<u64> {
    let (skip, word, add) = told(family);
    let rest = agent.get(skip..)?;
    let number = rest.get(memmem::find(rest, word)? + add..).filter(|number| !number.is_empty())?;
    browser_version(number, true)
}

/// Whether a client with this `User-Agent` is modern.
fn is_modern(conf: &Browser, agent: Option<&[u8]>) -> bool {
    let unlisted = conf.modern.unlisted;
    let Some(agent) = agent else { return unlisted };
    if !conf.modern.listed.is_empty() {
        for (_, family) in Family::ALL {
            // Opera counts as none of the others even where it is not listed.
            let first = conf.modern.listed.iter().find(|(listed, _)| *listed == family).map(|(_, first)| *first);
            let known = first.is_some() || family == Family::Opera;
            if let Some(version) = known.then(|| version(agent, family)).flatten() {
                return first.is_some_and(|first| version >= first);
            }
        }
        if !unlisted {
            return false;
        }
    }
    let netscape4 = agent.len() > "Mozilla/4.72 ".len()
        && agent.strip_prefix(b"Mozilla/").and_then(<[u8]>::first).is_some_and(|digit| matches!(digit, b'1'..=b'4'));
    let ancient = conf.ancient.parts.iter().any(|part| memmem::find(agent, part).is_some());
    unlisted && !ancient && !(conf.ancient.netscape4 && netscape4)
}

impl RequestCtx {
    /// Whether the client says that it is Internet Explorer, and not that it is Opera (`$msie`).
    pub fn is_msie(&self) -> bool {
        let agent = self.head.fields.get(b"User-Agent").unwrap_or_default();
        let has_version = memmem::find(agent, b"MSIE ").is_some_and(|at| at + 7 < agent.len());
        has_version && memmem::find(agent, b"Opera").is_none()
    }

    /// `$modern_browser`, or `$ancient_browser`; empty where it is the other kind.
    pub fn browser(&self, modern: bool) -> &[u8] {
        let conf = &self.conf().browser;
        if is_modern(conf, self.head.fields.get(b"User-Agent")) != modern {
            return b"";
        }
        let value = if modern { &conf.modern_value } else { &conf.ancient_value };
        value.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::table::value::{AncientBrowsers, ModernBrowsers};

    use super::*;

    const GECKO: &str = "Mozilla/5.0 (Windows; U; Windows NT 5.1; rv:1.7.8) Gecko/20050511 Firefox/1.0.4";
    const MSIE: &str = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)";
    const OPERA: &str = "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.0; en) Opera 8.0";

    fn modern(listed: &[(Family, &str)], unlisted: bool, ancient: &[&str], agent: &str) -> bool {
        let version = |text: &str| browser_version(text.as_bytes(), false).expect("a version");
        let listed = listed.iter().map(|(family, text)| (*family, version(text))).collect();
        let parts = ancient.iter().filter(|part| **part != "netscape4").map(|part| part.as_bytes().to_vec()).collect();
        let ancient = AncientBrowsers { parts, netscape4: ancient.contains(&"netscape4") };
        let conf = Browser { modern: ModernBrowsers { listed, unlisted }, ancient, ..Browser::default() };
        is_modern(&conf, Some(agent.as_bytes()))
    }

    #[test]
    fn versions() {
        assert_eq!(browser_version(b"5.5", false), Some(5_050_000));
        assert_eq!(browser_version(b"1.7.8)", true), Some(1_070_800));
        assert_eq!(browser_version(b"1.x", false), None);
        assert!(modern(&[(Family::Gecko, "1.7.8")], false, &[], GECKO));
        assert!(!modern(&[(Family::Gecko, "1.7.9")], false, &[], GECKO));
        assert!(modern(&[(Family::Msie, "5.5")], false, &[], MSIE) && !modern(&[(Family::Msie, "7")], true, &[], MSIE));
        assert!(!modern(&[(Family::Msie, "5.5")], false, &[], OPERA), "Opera that calls itself another");
        assert!(modern(&[(Family::Opera, "8"), (Family::Msie, "7")], false, &[], OPERA));
    }

    #[test]
    fn others() {
        assert!(!modern(&[], false, &[], GECKO) && modern(&[], true, &[], GECKO));
        assert!(!modern(&[], true, &["Windows NT 5"], GECKO));
        assert!(!modern(&[], true, &["netscape4"], MSIE) && modern(&[], true, &["netscape4"], GECKO));
        assert!(
            modern(&[(Family::Msie, "6")], true, &["Lynx"], GECKO)
                && !modern(&[(Family::Msie, "6")], true, &["Lynx"], "Lynx")
        );
        let all = Browser::default();
        assert!(!is_modern(&all, None));
    }
}
