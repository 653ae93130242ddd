//! `auth_basic`: a name and a password that a file knows.

use std::io::ErrorKind;

use rkeep_parsers::table::value::Level;

use super::gate::Verdict;
use crate::proxy::password;
use crate::proxy::paths;
use crate::proxy::request::{RequestCtx, Status};

/// Asks for a password where the location wants one.
pub fn check(cx: &mut RequestCtx) -> Verdict {
    let location = cx.location.clone();
    let conf = &location.ir.conf.auth_basic;
    let (Some(realm), Some(path)) = (&conf.realm.0, &conf.user_file.path) else { return Verdict::Silent };
    let realm = cx.eval(realm);
    if realm == b"off" {
        return Verdict::Silent;
    }
    let Some((user, word)) = cx.credentials() else {
        cx.error(Level::Info, format_args!("no user/password was provided for basic authentication"));
        return ask(cx, &realm);
    };
    let path = conf.user_file.dir.join(paths::from_bytes(&cx.eval(path)));
    let lines = match std::fs::read(&path) {
        Ok(lines) => lines,
        Err(error) => {
            let (level, status) = match error.kind() {
                ErrorKind::NotFound => (Level::Error, 403),
                _ => (Level::Crit, 500),
            };
            cx.error_io(level, &error, format_args!("open() \"{}\" failed", path.display()));
            return Verdict::Refuse(Status(status));
        }
    };
    let shown = String::from_utf8_lossy(&user).into_owned();
    match password::find(&lines, &user) {
        None => {
            cx.error(Level::Error, format_args!("user \"{shown}\" was not found in \"{}\"", path.display()));
            ask(cx, &realm)
        }
        Some(hash) if password::fits(&word, hash) => Verdict::Pass,
        Some(_) => {
            cx.error(Level::Error, format_args!("user \"{shown}\": password mismatch"));
            ask(cx, &realm)
        }
    }
}

/// Refuses and says how to come in.
fn ask(cx: &mut RequestCtx, realm: &[u8]) -> Verdict {
    cx.out.fields.remove(b"WWW-Authenticate");
    cx.out.fields.push(b"WWW-Authenticate", &[b"Basic realm=\"", realm, b"\""].concat());
    Verdict::Refuse(Status(401))
}
