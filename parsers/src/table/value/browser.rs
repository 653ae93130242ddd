//! Values of `modern_browser` and its like.

use super::{Arity, Cx, Fault, Value};
use crate::syntax::tree::Directive;

/// Families of browsers that tell their version, in the order in which they are looked for: Opera's may name others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// `opera`
    Opera,
    /// `msie`
    Msie,
    /// `gecko`
    Gecko,
    /// `safari`
    Safari,
    /// `konqueror`
    Konqueror,
}

impl Family {
    /// All, in order, with their names.
    pub const ALL: [(&'static str, Family); 5] = [
        ("opera", Family::Opera),
        ("msie", Family::Msie),
        ("gecko", Family::Gecko),
        ("safari", Family::Safari),
        ("konqueror", Family::Konqueror),
    ];
}

/// `modern_browser`: all of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModernBrowsers {
    /// Families and the first modern version of each, as [`version`] reads it.
    pub listed: Vec<(Family, u64)>,
    /// `unlisted`: others are modern, too.
    pub unlisted: bool,
}

/// `ancient_browser`: all of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AncientBrowsers {
    /// What they have in their `User-Agent`.
    pub parts: Vec<Vec<u8>>,
    /// `netscape4`
    pub netscape4: bool,
}

/// The value of a variable; the last of a level counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowserWord(pub String);

/// A version as a number: up to four parts of two digits, the first without a bound. None where another byte comes
/// before the end; `rest` says whether that ends the version instead.
pub fn version(text: &[u8], rest: bool) -> Option<u64> {
    let (mut version, mut part, mut scale) = (0u64, 0u64, 1_000_000u64);
    for byte in text {
        match byte {
            b'0'..=b'9' => part = part.saturating_mul(10).saturating_add(u64::from(byte - b'0')),
            b'.' => {
                version = version.saturating_add(part.saturating_mul(scale));
                (part, scale) = (0, scale / 100);
            }
            _ if rest => break,
            _ => return None,
        }
    }
    Some(version.saturating_add(part.saturating_mul(scale)))
}

impl Value for ModernBrowsers {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "browser version | unlisted";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let (name, number) = (directive.arg(0), directive.arg(1));
        if directive.args.len() == 1 {
            let fault = || Fault::new(format!("invalid value \"{}\"", name.lossy())).at(name.span);
            let remedy = "write \"unlisted\", or a browser and its first modern version";
            return match name.is("unlisted") {
                true => Ok(ModernBrowsers { unlisted: true, ..ModernBrowsers::default() }),
                false => Err(fault().help(remedy)),
            };
        }
        let known = Family::ALL.iter().find(|(known, _)| name.text.eq_ignore_ascii_case(known.as_bytes()));
        let Some((_, family)) = known else {
            let names = Family::ALL.map(|(name, _)| name).join(", ");
            let fault = Fault::new(format!("unknown browser name \"{}\"", name.lossy())).at(name.span);
            return Err(fault.help(format!("one of {names}")));
        };
        let Some(version) = version(&number.text, false) else {
            let fault = Fault::new(format!("invalid browser version \"{}\"", number.lossy())).at(number.span);
            return Err(fault.help("write digits and dots, such as 5.5"));
        };
        Ok(ModernBrowsers { listed: vec![(*family, version)], unlisted: false })
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.listed.extend(more.listed);
        self.unlisted |= more.unlisted;
        Ok(())
    }
}

impl Value for AncientBrowsers {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "string | netscape4 …";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let words = || directive.args.iter();
        let parts = words().filter(|word| !word.is("netscape4")).map(|word| word.text.to_vec()).collect();
        Ok(AncientBrowsers { parts, netscape4: words().any(|word| word.is("netscape4")) })
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.parts.extend(more.parts);
        self.netscape4 |= more.netscape4;
        Ok(())
    }
}

impl Value for BrowserWord {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "string";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        Ok(BrowserWord(directive.arg(0).lossy().into_owned()))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}
