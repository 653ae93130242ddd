//! `limit_req_zone` and `limit_conn_zone`.

use super::Lowering;
use crate::ir::expr::Expr;
use crate::ir::limit::LimitZone;
use crate::syntax::tree::{Directive, Word};
use crate::table::value::{ZoneUse, parse_number, parse_size};
use crate::table::{Cx, Fault};

/// nginx wants eight pages.
const LEAST: u64 = 8 * 4096;

impl Lowering<'_> {
    pub(super) fn limit_req_zone(&mut self, directive: &Directive) -> Result<(), Fault> {
        let mut rate = 1000;
        let mut zone = None;
        let key = Expr::of(directive.arg(0), &mut self.cx)?;
        for word in directive.args.iter().skip(1) {
            match word.text.split(|byte| *byte == b'=').next() {
                Some(b"zone") => zone = Some(named(word)?),
                Some(b"rate") => rate = thousandths(word)?,
                _ => return Err(unknown(word).help("one of zone=NAME:SIZE, rate=NUMBERr/s, rate=NUMBERr/m")),
            }
        }
        self.limit_zone(directive, key, zone, Some(rate))
    }

    pub(super) fn limit_conn_zone(&mut self, directive: &Directive) -> Result<(), Fault> {
        let key = Expr::of(directive.arg(0), &mut self.cx)?;
        let word = directive.arg(1);
        if !word.text.starts_with(b"zone=") {
            return Err(unknown(word).help("write zone=NAME:SIZE"));
        }
        let zone = named(word)?;
        self.limit_zone(directive, key, Some(zone), None)
    }

    fn limit_zone(
        &mut self,
        directive: &Directive,
        key: Expr,
        zone: Option<(String, u64)>,
        rate: Option<u64>,
    ) -> Result<(), Fault> {
        let keyword = directive.name.lossy();
        let missing = || Fault::new(format!("\"{keyword}\" must have \"zone\" parameter")).help("write zone=NAME:SIZE");
        let (name, size) = zone.filter(|(name, _)| !name.is_empty()).ok_or_else(missing)?;
        declare(&name, directive, rate.is_some(), &mut self.cx)?;
        let written = directive.arg(0).lossy().into_owned();
        self.ir.limit_zones.push(LimitZone { name, key, written, size, rate, span: directive.span });
        Ok(())
    }
}

fn declare(name: &str, directive: &Directive, requests: bool, cx: &mut Cx) -> Result<(), Fault> {
    let key = directive.arg(0).lossy().into_owned();
    let for_ = if requests { ZoneUse::Requests(key) } else { ZoneUse::Connections(key) };
    match cx.zones.declare(name, for_)? {
        Some(ZoneUse::Requests(key) | ZoneUse::Connections(key)) => {
            let text = format!("{} \"{name}\" is already bound to key \"{key}\"", directive.name.lossy());
            Err(Fault::new(text).help("delete it, or give the zone another name"))
        }
        _ => Ok(()),
    }
}

fn unknown(word: &Word) -> Fault {
    Fault::new(format!("invalid parameter \"{}\"", word.lossy())).at(word.span)
}

/// `zone=NAME:SIZE`
fn named(word: &Word) -> Result<(String, u64), Fault> {
    let text = word.lossy();
    let refuse = |text: String| Fault::new(text).at(word.span).help("write zone=NAME:SIZE, such as zone=one:1m");
    let written = text.strip_prefix("zone=").unwrap_or_default().rsplit_once(':');
    let sized = written.and_then(|(name, size)| Some((name.to_owned(), parse_size(size.as_bytes())?)));
    let (name, size) = sized.ok_or_else(|| refuse(format!("invalid zone size \"{text}\"")))?;
    match size < LEAST {
        true => Err(refuse(format!("zone \"{text}\" is too small")).help("write 32k or more")),
        false => Ok((name, size)),
    }
}

/// `rate=NUMBER[r/s|r/m]`: requests a second in thousandths.
fn thousandths(word: &Word) -> Result<u64, Fault> {
    let text = word.lossy();
    let value = text.strip_prefix("rate=").unwrap_or_default();
    let (digits, minutes) = match (value.strip_suffix("r/s"), value.strip_suffix("r/m")) {
        (Some(digits), _) => (digits, false),
        (None, Some(digits)) => (digits, true),
        (None, None) => (value, false),
    };
    let number = parse_number(digits.as_bytes()).filter(|number| *number > 0).and_then(|n| n.checked_mul(1000));
    let number = number.ok_or_else(|| Fault::new(format!("invalid rate \"{text}\"")).at(word.span))?;
    Ok(if minutes { number / 60 } else { number })
}
