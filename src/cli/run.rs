//! `rkeep run`: both faces under one process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::check::KEEPALIVED_CONF;
use crate::host::nginx::layout;
use crate::host::supervisor::{Face, Member, Supervisor};

/// Run nginx and keepalived in the foreground under one process, for a container or a single unit.
///
/// Without options each is run whose file is on this machine; with options, only those named. Both log to standard error,
/// too. TERM and INT end both at once, QUIT lets nginx answer what is under way, HUP reloads both, USR1 opens nginx's logs
/// anew; keepalived always goes before nginx. One that is killed is started again; one that ends by itself ends the other,
/// and its exit code is the command's. As process 1 it also buries what has lost its parent.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The nginx.conf to run by
    #[arg(long, value_name = "FILE")]
    nginx_conf: Option<PathBuf>,
    /// The keepalived.conf to run by
    #[arg(long, value_name = "FILE")]
    keepalived_conf: Option<PathBuf>,
    /// Let keepalived log more
    #[arg(long)]
    detail: bool,
}

/// Runs it.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let members = members(arguments, Path::exists);
    if members.is_empty() {
        eprintln!(
            "rkeep run: no nginx.conf and no keepalived.conf here; name one with --nginx-conf or --keepalived-conf"
        );
        return ExitCode::from(2);
    }
    Supervisor::new(members.into_iter().map(|(face, args)| Member::new(face, args)).collect()).run()
}

fn members(arguments: &Arguments, exists: impl Fn(&Path) -> bool) -> Vec<(Face, Vec<OsString>)> {
    let own = arguments.nginx_conf.is_none() && arguments.keepalived_conf.is_none();
    let plain = Path::new(layout::PLAIN.prefix).join(layout::PLAIN.conf);
    let mut members = Vec::new();
    if arguments.keepalived_conf.is_some() || own && exists(Path::new(KEEPALIVED_CONF)) {
        let detail = arguments.detail.then_some("-D");
        let args = ["-n", "-l", "-G"].into_iter().chain(detail).map(OsString::from);
        let file = arguments.keepalived_conf.iter().flat_map(|file| ["-f".into(), file.clone().into_os_string()]);
        members.push((Face::Keepalived, args.chain(file).collect()));
    }
    if arguments.nginx_conf.is_some() || own && (exists(&plain) || exists(Path::new(layout::DEBIAN.conf))) {
        let args = ["-g", "error_log stderr notice;"].map(OsString::from).into_iter();
        let file = arguments.nginx_conf.iter().flat_map(|file| ["-c".into(), absolute(file).into_os_string()]);
        members.push((Face::Nginx, args.chain(file).collect()));
    }
    members
}

/// nginx takes a relative file to be below its prefix.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faces(arguments: &Arguments, here: &[&str]) -> Vec<Face> {
        members(arguments, |path| here.iter().any(|known| Path::new(known) == path))
            .iter()
            .map(|(face, _)| *face)
            .collect()
    }

    #[test]
    fn what_has_a_file_is_run() {
        let mut arguments = Arguments { nginx_conf: None, keepalived_conf: None, detail: false };
        assert_eq!(faces(&arguments, &[]), []);
        assert_eq!(faces(&arguments, &["/etc/nginx/nginx.conf"]), [Face::Nginx]);
        assert_eq!(faces(&arguments, &["/etc/nginx/nginx.conf", KEEPALIVED_CONF]), [Face::Keepalived, Face::Nginx]);
        arguments.keepalived_conf = Some("k.conf".into());
        assert_eq!(faces(&arguments, &["/etc/nginx/nginx.conf"]), [Face::Keepalived]);
    }
}
