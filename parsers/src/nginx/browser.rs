//! `ngx_http_browser_module`.

use crate::table::Directives;
use crate::table::value::{AncientBrowsers, BrowserWord, ModernBrowsers};

/// Which browsers count as modern.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_browser_module", within(http, server, location))]
pub struct Browser {
    /// From which version on a browser is modern, and whether those are that are not listed.
    #[row("modern_browser")]
    pub modern: ModernBrowsers,
    /// What ancient ones have in their `User-Agent`.
    #[row("ancient_browser")]
    pub ancient: AncientBrowsers,
    /// `$modern_browser` for modern ones.
    #[row("modern_browser_value", default = "1")]
    pub modern_value: BrowserWord,
    /// `$ancient_browser` for ancient ones.
    #[row("ancient_browser_value", default = "1")]
    pub ancient_value: BrowserWord,
}
