//! Variables that blocks of the configuration make: `map`, `geo`, `split_clients`.

use rkeep_parsers::ir::expr::{Expr, UserVar};
use rkeep_parsers::ir::geo::{Geo, Split};
use rkeep_parsers::ir::{expr, map};
use rkeep_parsers::table::value::Level;

use crate::plan::ProxyPlan;
use crate::proxy::regex::{Regex, Regexes};
use crate::proxy::request::RequestCtx;

/// How deep maps may ask maps; more is a circle.
const MAX_DEPTH: u8 = 32;

/// All such blocks, by the variable they make.
#[derive(Debug, Default)]
pub struct Maps {
    by_var: Vec<Option<Made>>,
}

/// What makes a variable.
#[derive(Debug)]
enum Made {
    Map(Map),
    Geo(Geo),
    Split(Split),
}

/// One map.
#[derive(Debug)]
struct Map {
    ir: map::Map,
    patterns: Vec<(Regex, Expr)>,
}

impl Maps {
    /// Compiles the maps of a plan.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(plan: &ProxyPlan, regexes: &mut Regexes) -> Result<Maps, String> {
        let mut maps = Maps::default();
        maps.by_var.resize_with(plan.variables.all().len(), || None);
        for map in plan.maps.values() {
            let compile = |(regex, value): &(_, Expr)| Ok((regexes.compile(regex)?, value.clone()));
            let patterns = map.patterns.iter().map(compile).collect::<Result<_, String>>()?;
            maps.put(map.var, Made::Map(Map { ir: map.clone(), patterns }));
        }
        plan.geos.iter().for_each(|geo| maps.put(geo.var, Made::Geo(geo.clone())));
        plan.splits.iter().for_each(|split| maps.put(split.var, Made::Split(split.clone())));
        Ok(maps)
    }

    fn put(&mut self, var: UserVar, made: Made) {
        if let Some(slot) = self.by_var.get_mut(var.0 as usize) {
            *slot = Some(made);
        }
    }

    fn get(&self, var: UserVar) -> Option<&Made> {
        self.by_var.get(var.0 as usize)?.as_ref()
    }
}

impl Made {
    /// Whether it is looked up anew at each use.
    fn is_volatile(&self) -> bool {
        match self {
            Made::Map(map) => map.ir.volatile,
            Made::Geo(geo) => geo.volatile,
            Made::Split(_) => false,
        }
    }
}

impl RequestCtx {
    /// Appends the value of a variable of the configuration; a map is looked up once unless it is volatile.
    pub(super) fn user_variable(&self, var: expr::UserVar, out: &mut Vec<u8>) -> bool {
        if let Some(Some(value)) = self.shared.user.borrow().get(var.0 as usize) {
            out.extend_from_slice(value);
            return true;
        }
        let Some(made) = self.snapshot.maps.get(var) else { return self.hidden_by(var, out) };
        let depth = self.map_depth.get();
        if depth >= MAX_DEPTH {
            self.error(Level::Error, format_args!("cycle while evaluating a map"));
            return false;
        }
        self.map_depth.set(depth + 1);
        let value = match made {
            Made::Map(map) => self.look_up(map),
            Made::Geo(geo) => self.located(geo),
            Made::Split(split) => self.share(split),
        };
        self.map_depth.set(depth);
        out.extend_from_slice(&value);
        if !made.is_volatile() {
            self.set_user(var, value);
        }
        true
    }

    /// The value of nginx's own variable that a `set` elsewhere in the file has hidden.
    fn hidden_by(&self, var: UserVar, out: &mut Vec<u8>) -> bool {
        let known = self.snapshot.plan.variables.all().get(var.0 as usize);
        let family = known.and_then(|known| expr::Prefix::split(&known.name));
        family.is_some_and(|(prefix, name)| self.prefixed(prefix, name, out))
    }

    fn look_up(&self, map: &Map) -> Vec<u8> {
        let source = self.eval(&map.ir.source);
        let value = map.ir.lookup(&source);
        let value = value.or_else(|| map.patterns.iter().find(|(regex, _)| regex.run(self, &source)).map(|(_, it)| it));
        self.eval(value.unwrap_or(&map.ir.default))
    }
}
