//! Who plays a role: the original program, or rkeep in its place.

use std::path::{Path, PathBuf};

use super::Placed;

/// Where the article installs nginx.
pub const NGINX: &str = "/usr/local/nginx/sbin/nginx";
/// Where nodes find keepalived.
pub const KEEPALIVED: &str = "/usr/local/sbin/keepalived";

/// A program that plays a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The machine's own nginx and keepalived, as Debian installs them.
    Original,
    /// rkeep's executable, called by the original's name.
    Rkeep(PathBuf),
}

impl Subject {
    /// Puts it in nginx's place.
    pub fn as_nginx(&self) -> Placed {
        self.placed("/usr/sbin/nginx", NGINX)
    }

    /// Puts it in keepalived's place.
    pub fn as_keepalived(&self) -> Placed {
        self.placed("/usr/sbin/keepalived", KEEPALIVED)
    }

    fn placed(&self, original: &str, to: &str) -> Placed {
        let from = match self {
            Subject::Original => Path::new(original),
            Subject::Rkeep(path) => path,
        };
        Placed { from: from.to_owned(), to: to.into() }
    }

    /// nginx's command line for the article's directories, with more words at the end.
    pub fn nginx(&self, more: &[&str]) -> Vec<String> {
        // Debian's nginx was built for other directories.
        let paths: &[&str] = match self {
            Subject::Original => &["-p", "/usr/local/nginx/", "-c", "conf/nginx.conf", "-e", "logs/error.log"],
            Subject::Rkeep(_) => &[],
        };
        // In a user namespace no other user than root exists.
        let user: &[&str] = if alone() { &["-g", "user root root;"] } else { &[] };
        words(&[&[NGINX], paths, user, more])
    }

    /// keepalived's command line, in the foreground with all its log lines on the console.
    pub fn keepalived(&self) -> Vec<String> {
        // keepalived with a virtual_server ends at once where the kernel has no IPVS; rkeep forwards by itself.
        let only: &[&str] = match self {
            Subject::Original if !Path::new("/proc/net/ip_vs").exists() => &["-P"],
            _ => &[],
        };
        // Where nothing takes what goes to syslog, keepalived writes it to the machine's console, a slow line.
        words(&[&[KEEPALIVED, "-n", "-l", "-D", "-G"], only])
    }
}

fn words(parts: &[&[&str]]) -> Vec<String> {
    parts.concat().into_iter().map(str::to_owned).collect()
}

/// Whether this is a user namespace with one user.
pub(super) fn alone() -> bool {
    std::fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.split_whitespace().nth(2) == Some("1"))
}
