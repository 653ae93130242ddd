//! The two ways keepalived cuts a line into words: the general one, and the one for commands (`notify`, `quorum_up`, …).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while, take_while1};
use nom::character::complete::one_of;
use nom::combinator::{map, opt, rest};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::Text;
use crate::syntax::tree::{Quote, Word};

/// Space, tab, form feed, vertical tab, CR and LF separate words.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
}

/// The words of a line, and whether a `"` was left open: its word is lost.
pub fn words(line: &Text) -> (Vec<Word>, bool) {
    let all = line.bytes();
    let mut words = Vec::new();
    let mut left = all;
    while let Ok((after, (text, quote))) = word(left) {
        let end = all.len() - after.len();
        let quotes = usize::from(quote == Quote::Double);
        let start = end - text.len() - 2 * quotes;
        words.push(Word { text: text.into(), span: line.span(start..end), quote });
        left = after;
    }
    (words, left.iter().any(|byte| !is_blank(*byte)))
}

fn word(input: &[u8]) -> IResult<&[u8], (&[u8], Quote)> {
    let quoted = map(delimited(tag("\""), take_till(|byte| byte == b'"'), tag("\"")), |text| (text, Quote::Double));
    let bare = map(take_while1(|byte| !is_blank(byte) && byte != b'"'), |text| (text, Quote::None));
    preceded(take_while(is_blank), alt((quoted, bare))).parse(input)
}

/// Why a command could not be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQuote(pub char);

/// The words of a command: both kinds of quotes, adjacent parts join, backslash escapes.
///
/// # Errors
/// A quote without its pair.
pub fn command(line: &Text) -> Result<Vec<Word>, OpenQuote> {
    let all = line.bytes();
    let at = |left: &[u8]| all.len() - left.len();
    let mut words = Vec::new();
    let mut left = skip_blanks(all);
    while !left.is_empty() {
        let (start, mut text, mut quote) = (at(left), Vec::new(), Quote::None);
        while let Some(&byte) = left.first().filter(|byte| !is_blank(**byte)) {
            if matches!(byte, b'"' | b'\'') {
                quote = if byte == b'"' { Quote::Double } else { Quote::Single };
            }
            left = part(left, &mut text)?;
        }
        words.push(Word { text: text.into(), span: line.span(start..at(left)), quote });
        left = skip_blanks(left);
    }
    Ok(words)
}

fn skip_blanks(input: &[u8]) -> &[u8] {
    let blanks = input.iter().take_while(|byte| is_blank(**byte)).count();
    input.get(blanks..).unwrap_or_default()
}

/// One quoted part, escape or plain byte of a command.
fn part<'a>(input: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], OpenQuote> {
    match input {
        [quote @ (b'"' | b'\''), inner @ ..] => quoted(inner, *quote, text),
        [b'\\', ..] => Ok(escaped(input, text)),
        [byte, after @ ..] => {
            text.push(*byte);
            Ok(after)
        }
        [] => Ok(input),
    }
}

fn quoted<'a>(mut input: &'a [u8], quote: u8, text: &mut Vec<u8>) -> Result<&'a [u8], OpenQuote> {
    loop {
        match input {
            [] => return Err(OpenQuote(char::from(quote))),
            [byte, after @ ..] if *byte == quote => return Ok(after),
            [b'\\', ..] => input = escaped(input, text),
            [byte, after @ ..] => {
                text.push(*byte);
                input = after;
            }
        }
    }
}

/// A backslash and what belongs to it: `\a \b \E \f \n \r \t \v`, octal, `\xHH`, `\cC`, any other byte itself.
fn escaped<'a>(input: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let parsed: IResult<&[u8], u8> = preceded(tag("\\"), alt((octal, hex, control, simple))).parse(input);
    match parsed {
        Ok((after, byte)) => {
            text.push(byte);
            after
        }
        Err(_) => rest::<_, nom::error::Error<_>>(input).map_or(&[], |(after, _)| after),
    }
}

fn octal(input: &[u8]) -> IResult<&[u8], u8> {
    let digit = || one_of("01234567");
    let value = |(a, b, c): (char, Option<char>, Option<char>)| {
        [Some(a), b, c]
            .into_iter()
            .flatten()
            .filter_map(|digit| digit.to_digit(8))
            .fold(0, |sum, digit| sum * 8 + digit) as u8
    };
    map((digit(), opt(digit()), opt(digit())), value).parse(input)
}

fn hex(input: &[u8]) -> IResult<&[u8], u8> {
    let digit = || one_of("0123456789abcdefABCDEF");
    let value = |(a, b): (char, Option<char>)| {
        [Some(a), b].into_iter().flatten().filter_map(|digit| digit.to_digit(16)).fold(0, |sum, digit| sum * 16 + digit)
            as u8
    };
    preceded(tag("x"), map((digit(), opt(digit())), value)).parse(input)
}

fn control(input: &[u8]) -> IResult<&[u8], u8> {
    preceded(tag("c"), map(nom::number::complete::u8, |byte: u8| byte & 0x1f)).parse(input)
}

fn simple(input: &[u8]) -> IResult<&[u8], u8> {
    let meaning = |byte: u8| match byte {
        b'a' => 0x07,
        b'b' => 0x08,
        b'E' => 0x1b,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        other => other,
    };
    map(nom::number::complete::u8, meaning).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn text(line: &str) -> Text {
        Text::of_file(FileId(0), 0, line.as_bytes())
    }

    fn shown(words: &[Word]) -> Vec<String> {
        words.iter().map(|word| word.lossy().into_owned()).collect()
    }

    #[test]
    fn a_quote_ends_a_bare_word() {
        let (found, open) = words(&text("ab\"c d\" 'e f'"));
        assert_eq!(shown(&found), ["ab", "c d", "'e", "f'"]);
        assert!(!open);
        assert_eq!((found[1].span.start, found[1].span.end), (2, 7));
    }

    #[test]
    fn an_open_quote_loses_its_word() {
        let (found, open) = words(&text("router_id \"abc"));
        assert_eq!(shown(&found), ["router_id"]);
        assert!(open);
    }

    #[test]
    fn commands_join_parts_and_know_escapes() {
        let found = command(&text("/bin/x 'a b'c \"d\\\"\" \\x41\\101\\t")).unwrap();
        assert_eq!(shown(&found), ["/bin/x", "a bc", "d\"", "AA\t"]);
        assert_eq!(command(&text("x \"abc")), Err(OpenQuote('"')));
        assert_eq!(shown(&command(&text("a\\")).unwrap()), ["a"]);
    }
}
