//! nginx's command line, to the letter: single dashes, combined letters, attached or separate values.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::host::nginx::Order;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-h`, `-?`
    pub help: bool,
    /// `-v`, and what implies it.
    pub version: bool,
    /// `-V`
    pub configure: bool,
    /// `-t`, `-T`
    pub test: bool,
    /// `-T`
    pub dump: bool,
    /// `-q`
    pub quiet: bool,
    /// `-s`
    pub order: Option<Order>,
    /// `-p`
    pub prefix: Option<OsString>,
    /// `-e`
    pub error_log: Option<OsString>,
    /// `-c`
    pub conf: Option<OsString>,
    /// `-g`
    pub globals: Option<OsString>,
}

/// Reads the arguments after the program's name.
///
/// # Errors
/// nginx's words, without the `nginx: ` before them.
pub fn parse(args: &[OsString]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(letters) = arg.as_bytes().strip_prefix(b"-") else {
            return Err(format!("invalid option: \"{}\"", arg.display()));
        };
        for (at, &letter) in letters.iter().enumerate() {
            if options.flag(letter) {
                continue;
            }
            let attached = letters.get(at + 1..).filter(|rest| !rest.is_empty()).map(|rest| rest.to_vec());
            let mut value = || attached.clone().map(OsString::from_vec).or_else(|| args.next().cloned());
            options.with_value(letter, &mut value)?;
            break;
        }
    }
    Ok(options)
}

impl Options {
    /// Takes a letter that has no value.
    fn flag(&mut self, letter: u8) -> bool {
        match letter {
            b'?' | b'h' => (self.version, self.help) = (true, true),
            b'v' => self.version = true,
            b'V' => (self.version, self.configure) = (true, true),
            b't' => self.test = true,
            b'T' => (self.test, self.dump) = (true, true),
            b'q' => self.quiet = true,
            _ => return false,
        }
        true
    }

    fn with_value(&mut self, letter: u8, value: &mut dyn FnMut() -> Option<OsString>) -> Result<(), String> {
        let mut required = |what: &str| {
            let missing = || format!("option \"-{}\" requires {what}", letter as char);
            value().filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        match letter {
            b'p' => self.prefix = Some(required("directory name")?),
            b'e' => self.error_log = Some(required("file name")?),
            b'c' => self.conf = Some(required("file name")?),
            b'g' => self.globals = Some(required("parameter")?),
            b's' => self.order = Some(order(&required("parameter")?)?),
            other => return Err(format!("invalid option: \"{}\"", other as char)),
        }
        Ok(())
    }
}

fn order(word: &OsStr) -> Result<Order, String> {
    let known = word.to_str().and_then(Order::by_name);
    known.ok_or_else(|| format!("invalid option: \"-s {}\"", word.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, String> {
        parse(&line.split_whitespace().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn letters_combine_and_values_stand_beside_or_after() {
        let tested = read("-qt -p/a/ -c b.conf -e stderr").unwrap();
        assert!(tested.quiet && tested.test && !tested.dump);
        assert_eq!(tested.prefix.unwrap(), "/a/");
        assert_eq!(tested.conf.unwrap(), "b.conf");
        assert_eq!(tested.error_log.unwrap(), "stderr");
        assert_eq!(read("-tcfile").unwrap().conf.unwrap(), "file");
        assert!(read("-T").unwrap().test);
        assert!(read("-?").unwrap().help);
        assert_eq!(read("-").unwrap(), Options::default());
        assert_eq!(read("-sreload").unwrap().order, Some(Order::Reload));
    }

    #[test]
    fn refusals_are_nginxs() {
        let refused = |line: &str| read(line).unwrap_err();
        assert_eq!(refused("-x"), "invalid option: \"x\"");
        assert_eq!(refused("-hx"), "invalid option: \"x\"");
        assert_eq!(refused("word"), "invalid option: \"word\"");
        assert_eq!(refused("-s"), "option \"-s\" requires parameter");
        assert_eq!(refused("-s foo"), "invalid option: \"-s foo\"");
        assert_eq!(refused("-c"), "option \"-c\" requires file name");
        assert_eq!(refused("-e"), "option \"-e\" requires file name");
        assert_eq!(refused("-p"), "option \"-p\" requires directory name");
        assert_eq!(refused("-g"), "option \"-g\" requires parameter");
    }
}
