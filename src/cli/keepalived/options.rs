//! keepalived's command line, read as getopt_long reads it: combined letters, attached or separate values, long names
//! that may be shortened as long as they stay unique.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// It does not.
    None,
    /// It must.
    Required,
    /// It may, attached only.
    Optional,
}

use Arity::{None as No, Optional as Opt, Required as Req};

/// All options: long name, letter, value. An option without a letter has `\0`.
const OPTIONS: &[(&str, u8, Arity)] = &[
    ("use-file", b'f', Req),
    ("vrrp", b'P', No),
    ("check", b'C', No),
    ("no_bfd", b'B', No),
    ("all", 0, No),
    ("log-console", b'l', No),
    ("log-detail", b'D', No),
    ("log-facility", b'S', Req),
    ("log-file", b'g', Opt),
    ("flush-log-file", 0, No),
    ("no-syslog", b'G', No),
    ("umask", b'u', Req),
    ("release-vips", b'X', No),
    ("dont-release-vrrp", b'V', No),
    ("dont-release-ipvs", b'I', No),
    ("dont-respawn", b'R', No),
    ("dont-fork", b'n', No),
    ("dump-conf", b'd', No),
    ("pid", b'p', Req),
    ("vrrp_pid", b'r', Req),
    ("checkers_pid", b'c', Req),
    ("bfd_pid", b'b', Req),
    ("genhash", b'T', No),
    ("address-monitoring", b'a', No),
    ("snmp", b'x', No),
    ("snmp-agent-socket", b'A', Req),
    ("namespace", b's', Req),
    ("core-dump", b'm', No),
    ("core-dump-pattern", b'M', Opt),
    ("all-config", b'e', No),
    ("config-id", b'i', Req),
    ("ignore-sigint", 0, No),
    ("no-follow-service", 0, No),
    ("signum", 0, Req),
    ("take-over", 0, Req),
    ("config-test", b't', Opt),
    ("perf", 0, Opt),
    ("no-mem-check", 0, No),
    ("debug", 0, Opt),
    ("version", b'v', No),
    ("help", b'h', No),
];

/// An option that was given, by its long name, with its value.
pub type Given = (&'static str, Option<OsString>);

/// Reads the arguments after the program's name: the options in their order. Words that are no options are of no
/// interest to keepalived.
///
/// # Errors
/// keepalived's words for the first mistake.
pub fn parse(args: &[OsString]) -> Result<Vec<Given>, String> {
    let mut given = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_bytes() {
            b"--" => break,
            [b'-', b'-', long @ ..] => given.push(parse_long(long, &mut args)?),
            [b'-', letters @ ..] if !letters.is_empty() => parse_letters(letters, &mut args, &mut given)?,
            _ => {}
        }
    }
    Ok(given)
}

fn parse_long<'a>(word: &[u8], rest: &mut impl Iterator<Item = &'a OsString>) -> Result<Given, String> {
    let (name, value) = match word.iter().position(|&byte| byte == b'=') {
        Some(at) => (word.get(..at), word.get(at + 1..).map(|value| OsString::from_vec(value.to_vec()))),
        None => (Some(word), None),
    };
    let shown = OsStr::from_bytes(name.unwrap_or(word)).to_string_lossy().into_owned();
    let unknown = || format!("Unknown option --{shown}");
    let (long, _, arity) = find_long(&shown).ok_or_else(unknown)?;
    match (arity, value) {
        (Arity::None, Some(_)) => Err(unknown()),
        (Arity::Required, None) => {
            let value = rest.next().cloned().ok_or_else(|| format!("Missing parameter for option --{long}"))?;
            Ok((long, Some(value)))
        }
        (_, value) => Ok((long, value)),
    }
}

fn find_long(name: &str) -> Option<(&'static str, u8, Arity)> {
    let whole = OPTIONS.iter().find(|(long, ..)| *long == name);
    let mut starting = OPTIONS.iter().filter(|(long, ..)| long.starts_with(name));
    let only = starting.next().filter(|_| starting.next().is_none());
    whole.or(only).copied()
}

fn parse_letters<'a>(
    letters: &[u8],
    rest: &mut impl Iterator<Item = &'a OsString>,
    given: &mut Vec<Given>,
) -> Result<(), String> {
    for (at, &letter) in letters.iter().enumerate() {
        let known = OPTIONS.iter().find(|(_, known, _)| *known == letter && letter != 0);
        let &(long, _, arity) = known.ok_or_else(|| format!("Unknown option -{}", letter as char))?;
        let attached = letters.get(at + 1..).filter(|value| !value.is_empty());
        let attached = attached.map(|value| OsString::from_vec(value.to_vec()));
        match arity {
            Arity::None => given.push((long, None)),
            Arity::Optional => {
                given.push((long, attached));
                break;
            }
            Arity::Required => {
                let missing = || format!("Missing parameter for option -{}", letter as char);
                given.push((long, Some(attached.or_else(|| rest.next().cloned()).ok_or_else(missing)?)));
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Vec<(&'static str, Option<String>)>, String> {
        let given = parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())?;
        Ok(given.into_iter().map(|(name, value)| (name, value.map(|v| v.into_string().unwrap()))).collect())
    }

    fn one(line: &str) -> (&'static str, Option<String>) {
        read(line).unwrap().remove(0)
    }

    #[test]
    fn letters_combine_and_values_stand_beside_or_after() {
        let given = read("-nlDf/x -p /y").unwrap();
        assert_eq!(
            given.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["dont-fork", "log-console", "log-detail", "use-file", "pid"]
        );
        assert_eq!(given[3].1.as_deref(), Some("/x"));
        assert_eq!(given[4].1.as_deref(), Some("/y"));
        assert_eq!(one("-t"), ("config-test", None));
        assert_eq!(one("-t/log"), ("config-test", Some("/log".to_owned())));
    }

    #[test]
    fn long_names_may_be_short_and_take_values_either_way() {
        assert_eq!(one("--vers"), ("version", None));
        assert_eq!(one("--use-file=/x"), ("use-file", Some("/x".to_owned())));
        assert_eq!(one("--use-file /x"), ("use-file", Some("/x".to_owned())));
        assert_eq!(one("--vrrp"), ("vrrp", None));
        assert_eq!(one("--config-test=/log").1.as_deref(), Some("/log"));
        assert_eq!(read("word -- -n").unwrap(), []);
    }

    #[test]
    fn refusals_are_keepaliveds() {
        let refused = |line: &str| read(line).unwrap_err();
        assert_eq!(refused("--bogus"), "Unknown option --bogus");
        assert_eq!(refused("-nZ"), "Unknown option -Z");
        assert_eq!(refused("--log"), "Unknown option --log");
        assert_eq!(refused("-f"), "Missing parameter for option -f");
        assert_eq!(refused("--dont-fork=1"), "Unknown option --dont-fork");
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = OPTIONS.iter().map(|(long, ..)| long).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), OPTIONS.len());
    }
}
