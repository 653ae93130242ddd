//! `split_clients`: a variable that divides requests by a hash.

use super::Lowering;
use crate::ir::expr::Expr;
use crate::ir::geo::Split;
use crate::syntax::tree::{Directive, Word};
use crate::table::value::parse_number;
use crate::table::{Cx, Fault};

/// Hundredths of a percent in a whole.
const WHOLE: u64 = 10_000;

impl Lowering<'_> {
    pub(super) fn split_clients(&mut self, directive: &Directive) -> Result<(), Fault> {
        let key = Expr::of(directive.arg(0), &mut self.cx)?;
        let var = self.new_variable(directive.arg(1))?;
        let mut split = Split { var, key, parts: Vec::new(), span: directive.span };
        let mut total = 0;
        let lines = directive.block.as_ref().map(|block| self.cx.walk(block)).unwrap_or_default();
        for line in lines {
            if let Err(fault) = part(&mut split, line, &mut total, &mut self.cx) {
                self.cx.refuse(line, fault);
            }
        }
        self.ir.splits.push(split);
        if total > WHOLE {
            return Err(Fault::new("percent total is greater than 100%").help("the last part may be \"*\""));
        }
        Ok(())
    }
}

fn part(split: &mut Split, line: &Directive, total: &mut u64, cx: &mut Cx) -> Result<(), Fault> {
    let value = Expr::of(line.arg(0), cx)?;
    let share = match line.name.is("*") {
        true => None,
        false => Some(hundredths(&line.name)?),
    };
    *total += share.unwrap_or(0);
    // The whole is the largest hash, as nginx counts.
    let end = share.map(|_| (*total * u64::from(u32::MAX) / WHOLE).min(u64::from(u32::MAX)) as u32);
    split.parts.push((end, value));
    Ok(())
}

/// `50%`, `0.5%`: hundredths of a percent, above zero.
fn hundredths(word: &Word) -> Result<u64, Fault> {
    let text = word.lossy();
    let number = text.strip_suffix('%').and_then(|number| {
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let part = match part.len() {
            0 => Some(0),
            1 => parse_number(part.as_bytes()).map(|tenths| tenths * 10),
            2 => parse_number(part.as_bytes()),
            _ => None,
        };
        parse_number(whole.as_bytes()).filter(|whole| *whole <= 100)?.checked_mul(100)?.checked_add(part?)
    });
    let invalid = || Fault::new(format!("invalid percent value \"{text}\"")).at(word.span).help("write 50% or 0.5%");
    number.filter(|number| *number > 0).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;
    use crate::syntax::tree::Quote;

    #[test]
    fn percents() {
        let read =
            |text: &str| hundredths(&Word { text: text.as_bytes().into(), span: Span::NONE, quote: Quote::None }).ok();
        assert_eq!(read("50%"), Some(5000));
        assert_eq!(read("0.5%"), Some(50));
        assert_eq!(read("33.33%"), Some(3333));
        for bad in ["50", "0%", "1.234%", "x%", "%", "-1%"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
