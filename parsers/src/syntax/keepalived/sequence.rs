//! `~SEQ(var, [start,] [step,] end) line`, `~SEQx(…)` and `~LST(var, v1, v2 …) line`: one line that stands for many.

use super::Text;
use super::define::{Definition, Definitions};

/// How many lines one sequence may make.
const MOST: usize = 10_000;

/// A sequence taken apart: what its variables are in each round, and where the repeated line begins.
#[derive(Debug, PartialEq, Eq)]
pub struct Sequence {
    /// For each round the names and values.
    pub rounds: Vec<Vec<(Vec<u8>, Vec<u8>)>>,
    /// Where the line begins.
    pub rest: usize,
}

/// The sequence at the start of a line; none when there is none or it is not well formed.
pub fn sequence(bytes: &[u8]) -> Option<Sequence> {
    let after = bytes.strip_prefix(b"~")?;
    let open = after.iter().position(|byte| *byte == b'(')?;
    let close = after.iter().position(|byte| *byte == b')')?;
    let (kind, inner) = (after.get(..open)?, std::str::from_utf8(after.get(open + 1..close)?).ok()?);
    let rounds = match kind {
        b"SEQ" => numbers(inner, |number| number.to_string()),
        b"SEQx" => numbers(inner, |number| format!("{number:x}")),
        b"LST" => lists(inner),
        _ => None,
    }?;
    Some(Sequence { rounds, rest: close + 2 })
}

/// The line of one round.
pub fn round(line: &Text, values: &[(Vec<u8>, Vec<u8>)], rest: usize) -> Text {
    let mut definitions = Definitions::default();
    for (name, value) in values {
        let mut text = Text::default();
        text.push_replaced(value, line.whole());
        definitions.set(name, Definition { lines: vec![text], block: false });
    }
    definitions.expand(&line.slice(rest..line.bytes().len()).trimmed())
}

/// The definitions of each round.
type Rounds = Vec<Vec<(Vec<u8>, Vec<u8>)>>;

fn numbers(inner: &str, shown: fn(i64) -> String) -> Option<Rounds> {
    let mut parts = inner.split(',').map(str::trim);
    let name = parts.next()?.as_bytes().to_vec();
    let values = parts.map(number).collect::<Option<Vec<_>>>()?;
    let (start, step, end) = match values[..] {
        [end] => (1, None, end),
        [start, end] => (start, None, end),
        [start, step, end] => (start, Some(step), end),
        _ => return None,
    };
    let step = step.unwrap_or(if end < start { -1 } else { 1 });
    if step == 0 {
        return None;
    }
    let goes_on = |value: &i64| if step > 0 { *value <= end } else { *value >= end };
    let values = std::iter::successors(Some(start), |value| value.checked_add(step)).take_while(goes_on).take(MOST);
    Some(values.map(|value| vec![(name.clone(), shown(value).into_bytes())]).collect())
}

fn number(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { -value } else { value })
}

fn lists(inner: &str) -> Option<Rounds> {
    let mut items = items(inner).into_iter();
    let names = items.next()?;
    let rounds = items.take(MOST).map(|values| {
        let fits = values.len() == names.len();
        fits.then(|| names.iter().cloned().zip(values).collect())
    });
    rounds.collect()
}

/// `a, {b, c}` as lists of words.
fn items(inner: &str) -> Vec<Vec<Vec<u8>>> {
    let (mut items, mut left) = (Vec::new(), inner.trim());
    while !left.is_empty() {
        let (item, after) = match left.strip_prefix('{').and_then(|braced| braced.split_once('}')) {
            Some((braced, after)) => (braced, after.trim_start().strip_prefix(',').unwrap_or_default()),
            None => left.split_once(',').unwrap_or((left, "")),
        };
        items.push(item.split(',').map(|word| word.trim().as_bytes().to_vec()).collect());
        left = after.trim();
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Vec<String> {
        let found = sequence(line.as_bytes()).unwrap();
        let shown = |round: &Vec<(Vec<u8>, Vec<u8>)>| {
            round.iter().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>().join("/")
        };
        found.rounds.iter().map(shown).collect()
    }

    #[test]
    fn counts_up_down_and_in_hex() {
        assert_eq!(values("~SEQ(N, 3) x"), ["1", "2", "3"]);
        assert_eq!(values("~SEQ(N, 5, -2, 1) x"), ["5", "3", "1"]);
        assert_eq!(values("~SEQx(N, 9, 11) x"), ["9", "a", "b"]);
        assert_eq!(sequence(b"~SEQ(N, 1, 0, 5) x"), None);
    }

    #[test]
    fn lists_take_one_or_several_names() {
        assert_eq!(values("~LST(N, a, b) x"), ["a", "b"]);
        assert_eq!(values("~LST({A,B},{1,2},{3,4}) x"), ["1/2", "3/4"]);
    }
}
