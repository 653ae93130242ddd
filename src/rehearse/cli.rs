//! `rkeep rehearse`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;
use rustix::process::getuid;
use serde_json::json;

use super::cluster::{self, Cluster};
use super::drill::{self, Drill};
use super::keep::{self, Door};
use super::own::{self, Own};
use super::progress::Progress;
use super::report::Outcome;
use super::site::Site;
use super::stage::Stage;
use super::{Cast, Files, Subject};
use crate::sys::namespace;

/// `rkeep rehearse`: builds the whole cluster on this machine, rkeep in every role, and takes it through its drills.
///
/// Needs no root and no files, touches nothing outside. Exits with 0 if all drills held, with 1 if one did not, with 2 if
/// it could not run.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Run this drill only (may be given more than once)
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(drill::ALL.iter().map(|it| it.name)))]
    drill: Vec<String>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
    /// Leave the cluster standing, and say how to enter its boxes; it ends on Enter, Ctrl-C or --end
    #[arg(long)]
    keep: bool,
    /// End the cluster that --keep has left standing
    #[arg(long, exclusive = true)]
    end: bool,
    /// Break something beforehand, to see that a drill notices
    #[arg(long = "break", value_name = "WHAT", value_enum, conflicts_with = "keepalived_conf")]
    broken: Vec<Breakage>,
    /// Rehearse with this keepalived.conf: its addresses, interfaces and servers are simulated
    #[arg(long, value_name = "FILE")]
    keepalived_conf: Option<PathBuf>,
    /// Rehearse with this nginx.conf on both directors: stubs answer in the place of its upstream servers
    #[arg(long, value_name = "FILE")]
    nginx_conf: Option<PathBuf>,
    /// The second director's keepalived.conf; made from the first's unless given
    #[arg(long, value_name = "FILE")]
    peer_keepalived_conf: Option<PathBuf>,
}

/// What can be broken beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Breakage {
    /// The network keeps the directors from hearing each other's adverts
    Adverts,
    /// The second director has another `auth_pass`
    Auth,
    /// The mail server takes no mail
    Mail,
}

/// Sysctls that keep unprivileged users from making namespaces: the value that does, and one that does not.
const FORBIDDING: [(&str, &str, &str); 3] = [
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("user.max_user_namespaces", "0", "10000"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
];

/// Runs it. The process must still be single-threaded.
pub fn main(arguments: &Arguments) -> ExitCode {
    let done = if arguments.end { keep::end().map(|()| true) } else { rehearse(arguments) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rkeep rehearse: {error}{}", advice(&error));
            ExitCode::from(2)
        }
    }
}

/// Says whether all drills held.
fn rehearse(arguments: &Arguments) -> io::Result<bool> {
    let own = arguments.own()?.map(|own| own::plan(&own)).transpose()?;
    let remarks = own.as_ref().map(|simulation| simulation.remarks.clone()).unwrap_or_default();
    if !arguments.json {
        print(&remarks.iter().map(|remark| format!("note: {remark}\n")).collect::<String>())?;
    }
    let door = arguments.keep.then(|| Door::open(getuid())).transpose()?;
    namespace::become_root()?;
    let mut progress = Progress::new();
    let site = match own {
        Some(simulation) => {
            progress.part("building what the files name: rkeep on both directors, stubs behind them".to_owned());
            own::build(simulation, &std::env::current_exe()?)?
        }
        None => {
            let what = "building: 2 directors, 3 web servers, 4 clients, a mail server, rkeep in every role";
            progress.part(what.to_owned());
            article(&arguments.broken)?
        }
    };
    let mut stage = Stage::new(site, progress)?;
    let outcomes = play(&mut stage, &arguments.drills(), arguments.json)?;
    let held = outcomes.iter().all(Outcome::held);
    let timeline = stage.timeline();
    match arguments.json {
        true => {
            let all = json!({ "held": held, "drills": outcomes, "timeline": timeline, "remarks": remarks });
            print(&format!("{all:#}\n"))?;
        }
        false => print(&format!("{}\n{timeline}\n{}\n", legend(&outcomes), summary(&outcomes)))?,
    }
    // Whoever has asked for the end waits until all is gone.
    let _waiting = door.map(|door| keep::keep(&mut stage, &door)).transpose()?;
    drop(stage);
    Ok(held)
}

impl Arguments {
    /// The operator's own files. All that is simulated hangs on keepalived.conf, so no other comes without it.
    fn own(&self) -> io::Result<Option<Own>> {
        let (nginx, peer) = (self.nginx_conf.clone(), self.peer_keepalived_conf.clone());
        if let Some(keepalived) = self.keepalived_conf.clone() {
            return Ok(Some(Own { nginx, keepalived, peer }));
        }
        let alone = match (&nginx, &peer) {
            (None, None) => return Ok(None),
            (Some(file), _) => format!("--nginx-conf {}", file.display()),
            (None, Some(file)) => format!("--peer-keepalived-conf {}", file.display()),
        };
        Err(io::Error::other(format!(
            "{alone} needs --keepalived-conf FILE beside it: it says which addresses and interfaces the two directors \
             share, and so what fails over; both are usually in /etc (--nginx-conf /etc/nginx/nginx.conf \
             --keepalived-conf /etc/keepalived/keepalived.conf)"
        )))
    }

    fn drills(&self) -> Vec<&'static Drill> {
        let asked = |drill: &&&Drill| self.drill.is_empty() || self.drill.iter().any(|name| name == drill.name);
        drill::ALL.iter().filter(asked).copied().collect()
    }
}

/// The article's cluster, with that broken.
fn article(broken: &[Breakage]) -> io::Result<Site> {
    let mut files = Files::article();
    if broken.contains(&Breakage::Auth) {
        files.keepalived[1] = files.keepalived[1].replace("auth_pass 1111", "auth_pass 2222");
    }
    let pair = cluster::article::pair()?;
    let cluster = Cluster::build(&Cast::all(&Subject::Rkeep(std::env::current_exe()?)), &files)?;
    if broken.contains(&Breakage::Adverts) {
        cluster.directors.iter().try_for_each(|director| cluster.lan.deafen(&director.node))?;
    }
    if broken.contains(&Breakage::Mail) {
        cluster.mail.set_open(false);
    }
    Ok(Site::article(cluster, pair))
}

fn play(stage: &mut Stage, drills: &[&Drill], quiet: bool) -> io::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for (number, drill) in drills.iter().enumerate() {
        stage.progress.part(format!("{}/{} {}", number + 1, drills.len(), drill.name));
        let outcome = drill.play(stage)?;
        stage.progress.clear();
        if !quiet {
            print(&outcome.to_string())?;
        }
        outcomes.push(outcome);
    }
    if !outcomes.iter().all(Outcome::held) {
        let directory = stage.keep_logs()?;
        eprintln!("rkeep rehearse: the directors' and the clients' logs are in {}", directory.display());
    }
    Ok(outcomes)
}

/// What the figures of drills are held against.
fn legend(outcomes: &[Outcome]) -> &'static str {
    match outcomes.iter().flat_map(|it| &it.legs).any(|leg| leg.requests > 0) {
        true => {
            "\nallowed: what the timers in the directors' files add up to, and `room` for processes, ARP and a busy machine\n"
        }
        false => "",
    }
}

/// The last line.
fn summary(outcomes: &[Outcome]) -> String {
    let names = |which: &dyn Fn(&Outcome) -> bool| {
        outcomes.iter().filter(|it| which(it)).map(|it| it.drill).collect::<Vec<_>>().join(", ")
    };
    let (broken, left_out) = (names(&|it| !it.held()), names(&|it| it.left_out.is_some()));
    let mut line = match broken.as_str() {
        "" => format!("all {} drills held", outcomes.iter().filter(|it| it.left_out.is_none()).count()),
        broken => format!("did not hold: {broken}"),
    };
    if !left_out.is_empty() {
        line += &format!("; left out: {left_out}");
    }
    line
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

/// What to do about an error that comes from the machine's settings.
fn advice(error: &io::Error) -> String {
    // ENOSPC and EUSERS are how the kernel says that its limit of namespaces is reached.
    let refused = error.kind() == io::ErrorKind::PermissionDenied
        || matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EUSERS));
    if !refused {
        return String::new();
    }
    let found = |name: &str| std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/")));
    let forbids = |(name, value, _): &&(&str, &str, &str)| found(name).is_ok_and(|found| found.trim() == *value);
    let causes: Vec<_> = FORBIDDING.iter().filter(forbids).collect();
    let cause: Vec<_> = causes.iter().map(|(name, value, _)| format!("{name} = {value}")).collect();
    let cause = if cause.is_empty() { "perhaps a container's rules".to_owned() } else { cause.join(", ") };
    let remedy: String = causes
        .iter()
        .map(|(name, _, allowing)| format!(", or let root allow it: sysctl -w {name}={allowing}"))
        .collect();
    format!(
        "\n  it needs user namespaces, and this machine lets its users make none ({cause});\n  \
         run it as root (sudo rkeep rehearse){remedy}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_files_do_not_come_without_keepalived_conf() {
        let mut arguments = Arguments {
            drill: Vec::new(),
            json: false,
            keep: false,
            end: false,
            broken: Vec::new(),
            keepalived_conf: None,
            nginx_conf: None,
            peer_keepalived_conf: None,
        };
        assert!(arguments.own().unwrap().is_none());
        arguments.nginx_conf = Some("n.conf".into());
        let refused = arguments.own().err().unwrap().to_string();
        assert!(refused.starts_with("--nginx-conf n.conf needs --keepalived-conf FILE beside it"), "{refused}");
        arguments.keepalived_conf = Some("k.conf".into());
        assert_eq!(arguments.own().unwrap().unwrap().nginx, Some("n.conf".into()));
    }
}
