//! Routes and rules as they are written: names of tables, interfaces and scopes are the kernel's business when they are set.

/// Routes and rules that are set and removed together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paths {
    /// Routes.
    pub routes: Vec<Route>,
    /// Rules.
    pub rules: Vec<Rule>,
}

/// A line of `virtual_routes` or `static_routes`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `blackhole`, `unreachable`, …; nothing for a usual one.
    pub kind: String,
    /// Where it leads: a network, or `default`.
    pub to: Option<String>,
    /// `via`
    pub via: Option<String>,
    /// `dev`
    pub device: Option<String>,
    /// `src`: the address that packets by this route come from.
    pub source: Option<String>,
    /// `table`
    pub table: Option<String>,
    /// `metric`
    pub metric: Option<String>,
    /// `scope`
    pub scope: Option<String>,
    /// `mtu`
    pub mtu: Option<String>,
    /// `onlink`
    pub onlink: bool,
    /// `no_track`
    pub no_track: bool,
    /// Words that only tune it.
    pub other: Vec<String>,
}

/// A line of `virtual_rules` or `static_rules`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `from`
    pub from: Option<String>,
    /// `to`
    pub to: Option<String>,
    /// `iif`
    pub input: Option<String>,
    /// `oif`
    pub output: Option<String>,
    /// `table`
    pub table: Option<String>,
    /// `preference`
    pub preference: Option<String>,
    /// `fwmark`
    pub mark: Option<String>,
    /// `not`
    pub inverted: bool,
    /// `blackhole`, `unreachable`, `prohibit`; nothing for a lookup.
    pub action: String,
    /// Words that are not understood further.
    pub other: Vec<String>,
}
