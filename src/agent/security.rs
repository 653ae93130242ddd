//! May a script run, and as whom: the rules of `enable_script_security` and `script_user`, in the original's words.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rkeep_parsers::ir::vrrp::Script;
use rkeep_parsers::keepalived::Global;

use crate::sys::process::{UserIds, group_by_name, user_by_name};

/// The user that scripts run as if there is one of this name and nothing else is said.
const DEFAULT_USER: &str = "keepalived_script";

const ROOT: UserIds = UserIds { uid: 0, gid: 0 };

/// Who a script runs as.
///
/// # Errors
/// A log line that says why it must not run.
pub fn admit(script: &Script, global: &Global) -> Result<UserIds, String> {
    let program = script.argv.first().map(Path::new).unwrap_or_else(|| Path::new(""));
    let shown = program.display();
    let user = user(script, global)?;
    let real = resolve(program).map_err(|error| format!("Script {shown} cannot be accessed - {}", reason(&error)))?;
    let meta =
        fs::metadata(&real).map_err(|error| format!("Script {shown} cannot be accessed - {}", reason(&error)))?;
    if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
        return Err(format!("Script {shown} is not an executable file - disabling."));
    }
    if global.script_security
        && user.uid == ROOT.uid
        && let Some(mend) = loose(&real)
    {
        return Err(format!("Unsafe permissions found for script '{shown}' - disabling. {mend}"));
    }
    Ok(user)
}

fn user(script: &Script, global: &Global) -> Result<UserIds, String> {
    if let Some((user, group)) = script.user.as_ref().or(global.script_user.as_ref()) {
        return named(user, group.as_deref());
    }
    match user_by_name(DEFAULT_USER) {
        Some(user) => Ok(user),
        None if !global.script_security => Ok(ROOT),
        None => {
            let program = script.argv.first().map_or("", String::as_str);
            Err(format!("Failed to set default user for script {program} - ignoring"))
        }
    }
}

fn named(user: &str, group: Option<&str>) -> Result<UserIds, String> {
    let ids = user_by_name(user).ok_or_else(|| format!("Script user '{user}' does not exist"))?;
    match group {
        None => Ok(ids),
        Some(group) => match group_by_name(group) {
            Some(gid) => Ok(UserIds { gid, ..ids }),
            None => Err(format!("Script group '{group}' does not exist")),
        },
    }
}

/// The program's real path, looked for in the usual directories when it has no slash.
fn resolve(program: &Path) -> io::Result<PathBuf> {
    if program.to_string_lossy().contains('/') {
        return fs::canonicalize(program);
    }
    let usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let found = usual.iter().map(|dir| Path::new(dir).join(program)).find(|path| path.is_file());
    fs::canonicalize(found.ok_or(io::ErrorKind::NotFound)?)
}

/// By what of a program's path others than root can change it, and what mends that; none where they cannot, or it is not
/// there.
pub fn mend(program: &str) -> Option<String> {
    resolve(Path::new(program)).ok().and_then(|real| loose(&real))
}

/// By what of a path others than root can change a file, or put another in its place, and what mends it; none where they
/// cannot: in a sticky directory others can write, but not replace what is root's.
fn loose(path: &Path) -> Option<String> {
    path.ancestors().find_map(|part| {
        let shown = part.display();
        let Ok(meta) = fs::metadata(part) else { return Some(format!("{shown} cannot be looked at.")) };
        let sticky = meta.is_dir() && meta.mode() & 0o1000 != 0;
        if meta.uid() != ROOT.uid {
            return Some(format!("{shown} belongs to user {}: chown root {shown}", meta.uid()));
        }
        let (others, group) = (meta.mode() & 0o002 != 0, meta.mode() & 0o020 != 0);
        let who = match (others, group) {
            _ if sticky => return None,
            (true, _) => "everybody".to_owned(),
            (false, true) => format!("group {}", meta.gid()),
            (false, false) => return None,
        };
        Some(format!("{shown} may be written by {who}: chmod go-w {shown}"))
    })
}

/// The C library's words for an error.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::source::Span;

    use super::*;

    fn script(program: &str, user: Option<&str>) -> Script {
        let user = user.map(|user| (user.to_owned(), None));
        Script { argv: vec![program.to_owned()], user, span: Span::NONE }
    }

    #[test]
    fn a_script_must_be_there_and_executable() {
        let global = Global::default();
        let why = admit(&script("/nonexistent/foo", None), &global);
        assert_eq!(
            why.err().as_deref(),
            Some("Script /nonexistent/foo cannot be accessed - No such file or directory")
        );
        assert!(admit(&script("/etc/passwd", None), &global).is_err());
        assert!(admit(&script("/bin/sh", None), &global).is_ok());
        assert!(admit(&script("sh", None), &global).is_ok());
    }

    #[test]
    fn with_security_root_runs_only_what_root_alone_can_change() {
        let global = Global { script_security: true, ..Global::default() };
        let dir = std::env::temp_dir().join(format!("rkeep-security-{}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        let file = dir.join("script");
        fs::write(&file, "#!/bin/sh\n").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o777)).expect("changed");
        let path = file.to_string_lossy().into_owned();
        let why = admit(&script(&path, Some("root")), &global);
        let mend = format!("{path} may be written by everybody: chmod go-w {path}");
        assert_eq!(why.err(), Some(format!("Unsafe permissions found for script '{path}' - disabling. {mend}")));
        assert!(admit(&script(&path, Some("root")), &Global::default()).is_ok());
        assert!(admit(&script("/bin/sh", Some("root")), &global).is_ok());
        fs::remove_dir_all(&dir).expect("removed");
    }

    #[test]
    fn users_are_the_scripts_own_first() {
        let mut global = Global { script_user: Some(("nobody".to_owned(), None)), ..Global::default() };
        let nobody = user_by_name("nobody");
        assert_eq!(admit(&script("/bin/sh", None), &global).ok(), nobody);
        assert_eq!(admit(&script("/bin/sh", Some("root")), &global).ok(), Some(ROOT));
        global.script_user = None;
        let why = admit(&script("/bin/sh", Some("no such user")), &global);
        assert_eq!(why.err().as_deref(), Some("Script user 'no such user' does not exist"));
    }
}
