//! `geo`: a variable that depends on an address.

use std::net::{IpAddr, Ipv4Addr};

use super::Lowering;
use crate::ir::expr::Expr;
use crate::ir::geo::{Geo, Places};
use crate::syntax::tree::{Directive, Word};
use crate::table::value::{Whom, parse_network};
use crate::table::{Cx, Fault};

/// The lines of a block.
struct Reading<'a> {
    geo: Geo,
    cx: &'a mut Cx,
    default_seen: Option<Vec<u8>>,
}

impl Lowering<'_> {
    pub(super) fn geo(&mut self, directive: &Directive) -> Result<(), Fault> {
        let (source, target) = match &*directive.args {
            [source, target] => (Some(Expr::of(source, &mut self.cx)?), target),
            _ => (None, directive.arg(0)),
        };
        let var = self.new_variable(target)?;
        let geo = Geo {
            var,
            source,
            proxies: Vec::new(),
            recursive: false,
            places: Places::Networks(Vec::new()),
            default: Vec::new(),
            volatile: false,
        };
        let lines = directive.block.as_ref().map(|block| self.cx.walk(block)).unwrap_or_default();
        let mut reading = Reading { geo, cx: &mut self.cx, default_seen: None };
        for line in lines {
            if let Err(fault) = reading.line(line) {
                reading.cx.refuse(line, fault);
            }
        }
        self.ir.geos.push(reading.geo);
        Ok(())
    }
}

impl Reading<'_> {
    fn line(&mut self, line: &Directive) -> Result<(), Fault> {
        match (line.name.text.as_slice(), &*line.args) {
            (b"ranges", []) => self.geo.places = Places::Ranges(Vec::new()),
            (b"proxy_recursive", []) => self.geo.recursive = true,
            (b"volatile", []) => self.geo.volatile = true,
            (b"proxy", [word]) => {
                let network = self.network(line, word)?;
                self.geo.proxies.push(network);
            }
            (b"delete", [word]) => return self.delete(line, word),
            (b"default", [value]) => self.default(line, value),
            (_, [value]) => return self.place(line, value),
            _ => return Err(Fault::new("invalid number of the geo parameters").help("write: network value;")),
        }
        Ok(())
    }

    fn default(&mut self, line: &Directive, value: &Word) {
        if let Some(old) = self.default_seen.replace(value.text.to_vec()) {
            self.duplicate(line, value, &old);
        }
        self.geo.default = value.text.to_vec();
    }

    fn duplicate(&mut self, line: &Directive, value: &Word, old: &[u8]) {
        let (network, old) = (line.name.lossy(), String::from_utf8_lossy(old));
        let text = format!("duplicate network \"{network}\", value: \"{}\", old value: \"{old}\"", value.lossy());
        self.cx.warn(line, "nginx::duplicate-network", text, line.name.span);
    }

    fn network(&mut self, line: &Directive, word: &Word) -> Result<(IpAddr, u8), Fault> {
        let text = word.lossy();
        let invalid = || Fault::new(format!("invalid network \"{text}\"")).at(word.span);
        let Some((Whom::Network(base, bits), exact)) = parse_network(&text) else {
            return Err(invalid().help("write an address such as 10.0.0.0/8"));
        };
        if !exact {
            let text = format!("low address bits of {text} are meaningless");
            self.cx.warn(line, "nginx::low-address-bits", text, word.span);
        }
        Ok((base, bits))
    }

    fn place(&mut self, line: &Directive, value: &Word) -> Result<(), Fault> {
        if let Places::Ranges(ranges) = &mut self.geo.places {
            let (start, end) = range(&line.name)?;
            let same = ranges.iter().find(|(s, e, _)| (*s, *e) == (start, end)).map(|(.., old)| old.clone());
            put_range(ranges, start, end, Some(&value.text));
            if let Some(old) = same {
                self.duplicate_range(line, value, &old);
            }
            return Ok(());
        }
        let (base, bits) = self.network(line, &line.name)?;
        let Places::Networks(networks) = &mut self.geo.places else { return Ok(()) };
        match networks.iter_mut().find(|(known, len, _)| (*known, *len) == (base, bits)) {
            Some((.., known)) => {
                let old = std::mem::replace(known, value.text.to_vec());
                self.duplicate(line, value, &old);
            }
            None => networks.push((base, bits, value.text.to_vec())),
        }
        Ok(())
    }

    fn duplicate_range(&mut self, line: &Directive, value: &Word, old: &[u8]) {
        let (range, old) = (line.name.lossy(), String::from_utf8_lossy(old));
        let text = format!("duplicate range \"{range}\", value: \"{}\", old value: \"{old}\"", value.lossy());
        self.cx.warn(line, "nginx::duplicate-range", text, line.name.span);
    }

    fn delete(&mut self, line: &Directive, word: &Word) -> Result<(), Fault> {
        let found = match &mut self.geo.places {
            Places::Ranges(ranges) => {
                let (start, end) = range(word)?;
                let known = ranges.iter().any(|(s, e, _)| *s <= end && *e >= start);
                put_range(ranges, start, end, None);
                known
            }
            Places::Networks(_) => {
                let (base, bits) = self.network(line, word)?;
                let Places::Networks(networks) = &mut self.geo.places else { return Ok(()) };
                let before = networks.len();
                networks.retain(|(known, len, _)| (*known, *len) != (base, bits));
                networks.len() < before
            }
        };
        if !found {
            let kind = if matches!(self.geo.places, Places::Ranges(_)) { "address range" } else { "network" };
            let text = format!("no {kind} \"{}\" to delete", word.lossy());
            self.cx.warn(line, "nginx::nothing-to-delete", text, word.span);
        }
        Ok(())
    }
}

/// `FIRST-LAST`
fn range(word: &Word) -> Result<(Ipv4Addr, Ipv4Addr), Fault> {
    let text = word.lossy();
    let parsed = text.split_once('-').and_then(|(start, end)| {
        let ends: (Ipv4Addr, Ipv4Addr) = (start.parse().ok()?, end.parse().ok()?);
        (ends.0 <= ends.1).then_some(ends)
    });
    let invalid = || Fault::new(format!("invalid range \"{text}\"")).at(word.span);
    parsed.ok_or_else(|| invalid().help("write a range such as 10.0.0.0-10.0.0.255"))
}

type Ranges = Vec<(Ipv4Addr, Ipv4Addr, Vec<u8>)>;

/// Gives a range its value, or takes it out; what lies over its ends is cut.
fn put_range(ranges: &mut Ranges, start: Ipv4Addr, end: Ipv4Addr, value: Option<&[u8]>) {
    let mut all = Ranges::new();
    for (s, e, old) in ranges.drain(..) {
        if e < start || s > end {
            all.push((s, e, old));
            continue;
        }
        if s < start {
            all.push((s, Ipv4Addr::from(u32::from(start) - 1), old.clone()));
        }
        if e > end {
            all.push((Ipv4Addr::from(u32::from(end) + 1), e, old));
        }
    }
    if let Some(value) = value {
        all.push((start, end, value.to_vec()));
    }
    all.sort();
    *ranges = all;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ranges_cut_earlier_ones() {
        let ip = |last| Ipv4Addr::new(127, 0, 0, last);
        let mut ranges = Ranges::new();
        put_range(&mut ranges, ip(0), ip(255), Some(b"a"));
        put_range(&mut ranges, ip(1), ip(2), Some(b"b"));
        put_range(&mut ranges, ip(2), ip(2), None);
        let shown: Vec<_> = ranges.iter().map(|(s, e, value)| (s.octets()[3], e.octets()[3], value[0])).collect();
        assert_eq!(shown, [(0, 0, b'a'), (1, 1, b'b'), (3, 255, b'a')]);
    }
}
