//! Values of `limit_req` and `limit_conn`.

use super::flags::one_of;
use super::{Arity, Cx, Fault, Level, Value, parse_number};
use crate::syntax::tree::{Directive, Word};

/// All `limit_req`s of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLimits(pub Vec<RequestLimit>);

/// One `limit_req`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestLimit {
    /// The zone's name.
    pub zone: String,
    /// How many requests may be ahead of the rate.
    pub burst: u64,
    /// How many of them are not delayed; none: no request is delayed.
    pub delay: Option<u64>,
}

/// All `limit_conn`s of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLimits(pub Vec<ConnectionLimit>);

/// One `limit_conn`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// The zone's name.
    pub zone: String,
    /// How many at a time.
    pub most: u32,
}

/// `limit_req_status`, `limit_conn_status`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitStatus(pub u16);

/// `limit_req_log_level`, `limit_conn_log_level`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitLevel(pub Level);

impl Value for RequestLimits {
    const ARITY: Arity = Arity::range(1, 3);
    const SYNTAX: &'static str = "zone=name [burst=number] [nodelay | delay=number]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut limit = RequestLimit { delay: Some(0), ..RequestLimit::default() };
        let mut zone = None;
        for word in &directive.args {
            request_parameter(&mut limit, &mut zone, word)?;
        }
        let missing = || Fault::new("\"limit_req\" must have \"zone\" parameter").help("write zone=NAME");
        limit.zone = zone.ok_or_else(missing)?;
        cx.zones.used(&limit.zone, directive.span);
        Ok(RequestLimits(vec![limit]))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        add(&mut self.0, more.0, |limit| &limit.zone)
    }
}

fn request_parameter(limit: &mut RequestLimit, zone: &mut Option<String>, word: &Word) -> Result<(), Fault> {
    let text = word.lossy();
    let number = |value: &str| parse_number(value.as_bytes()).filter(|number| *number > 0);
    let refuse = |what: &str| Fault::new(format!("invalid {what} \"{text}\"")).at(word.span);
    match text.split_once('=') {
        Some(("zone", name)) => *zone = Some(name.to_owned()),
        Some(("burst", value)) => limit.burst = number(value).ok_or_else(|| refuse("burst value"))?,
        Some(("delay", value)) => limit.delay = Some(number(value).ok_or_else(|| refuse("delay value"))?),
        None if text == "nodelay" => limit.delay = None,
        _ => return Err(refuse("parameter").help("one of zone=, burst=, delay=, nodelay")),
    }
    Ok(())
}

impl Value for ConnectionLimits {
    const ARITY: Arity = Arity::range(2, 2);
    const SYNTAX: &'static str = "zone number";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let (zone, word) = (directive.arg(0).lossy().into_owned(), directive.arg(1));
        let number = parse_number(&word.text).filter(|number| *number > 0);
        let invalid = || Fault::new(format!("invalid number of connections \"{}\"", word.lossy())).at(word.span);
        let most = number.ok_or_else(invalid)?;
        if most > 65535 {
            return Err(Fault::new("connection limit must be less 65536").at(word.span));
        }
        cx.zones.used(&zone, directive.span);
        Ok(ConnectionLimits(vec![ConnectionLimit { zone, most: most as u32 }]))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        add(&mut self.0, more.0, |limit| &limit.zone)
    }
}

/// Adds limits of other zones.
fn add<T>(limits: &mut Vec<T>, more: Vec<T>, zone: impl Fn(&T) -> &String) -> Result<(), Fault> {
    for limit in more {
        if limits.iter().any(|known| zone(known) == zone(&limit)) {
            return Err(Fault::verdict("is duplicate"));
        }
        limits.push(limit);
    }
    Ok(())
}

impl Value for LimitStatus {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "code";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        let number = parse_number(&word.text).ok_or_else(|| Fault::verdict("invalid number").at(word.span))?;
        match number {
            400..=599 => Ok(LimitStatus(number as u16)),
            _ => Err(Fault::new("value must be between 400 and 599").at(word.span)),
        }
    }
}

impl Value for LimitLevel {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "info | notice | warn | error";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let levels = [("info", Level::Info), ("notice", Level::Notice), ("warn", Level::Warn), ("error", Level::Error)];
        one_of(directive.arg(0), &levels).map(LimitLevel)
    }
}
