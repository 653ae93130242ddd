//! Where nginx's files are when nobody says otherwise: as nginx is built by default, or as Debian builds it.

use std::path::{Path, PathBuf};

/// The paths that a build of nginx carries in itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// `--prefix`
    pub prefix: &'static str,
    /// `--conf-path`
    pub conf: &'static str,
    /// `--error-log-path`
    pub error_log: &'static str,
    /// `--pid-path`
    pub pid: &'static str,
    /// `--http-log-path`
    pub access_log: &'static str,
    /// `--http-client-body-temp-path`
    pub client_body: &'static str,
    /// `--http-proxy-temp-path`
    pub proxy: &'static str,
}

/// nginx as `./configure` makes it.
pub const PLAIN: Layout = Layout {
    prefix: "/usr/local/nginx",
    conf: "conf/nginx.conf",
    error_log: "logs/error.log",
    pid: "logs/nginx.pid",
    access_log: "logs/access.log",
    client_body: "client_body_temp",
    proxy: "proxy_temp",
};

/// nginx as Debian makes it.
pub const DEBIAN: Layout = Layout {
    prefix: "/usr/share/nginx",
    conf: "/etc/nginx/nginx.conf",
    error_log: "stderr",
    pid: "/run/nginx.pid",
    access_log: "/var/log/nginx/access.log",
    client_body: "/var/lib/nginx/body",
    proxy: "/var/lib/nginx/proxy",
};

impl Layout {
    /// The layout for a program at `exe`: Debian's where Debian keeps nginx, or where only Debian's file is there.
    /// `placed` says that the command line itself names a prefix or a file.
    pub fn choose(exe: &Path, placed: bool, exists: impl Fn(&Path) -> bool) -> &'static Layout {
        let plain = Path::new(PLAIN.prefix);
        if exe.starts_with(plain) {
            return &PLAIN;
        }
        let only_debians = || !exists(&plain.join(PLAIN.conf)) && exists(Path::new(DEBIAN.conf));
        match exe == Path::new("/usr/sbin/nginx") || !placed && only_debians() {
            true => &DEBIAN,
            false => &PLAIN,
        }
    }
}

/// The files that one command line is about, all absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// What the build says.
    pub layout: &'static Layout,
    /// `-p`, with a slash at its end when it is shown.
    pub prefix: PathBuf,
    /// `-c`
    pub conf: PathBuf,
    /// `-e`; none for standard error.
    pub error_log: Option<PathBuf>,
}

impl Paths {
    /// Completes what the command line says.
    pub fn new(
        layout: &'static Layout,
        prefix: Option<&Path>,
        conf: Option<&Path>,
        error_log: Option<&Path>,
        here: &Path,
    ) -> Self {
        // nginx takes a relative prefix as it is; all our processes change their directory, so it is completed here.
        let prefix = here.join(prefix.unwrap_or(Path::new(layout.prefix)));
        let conf = prefix.join(conf.unwrap_or(Path::new(layout.conf)));
        let error_log = error_log.unwrap_or(Path::new(layout.error_log));
        let error_log = (error_log != Path::new("stderr")).then(|| prefix.join(error_log));
        Paths { layout, prefix, conf, error_log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_paths_hold_where_debian_keeps_nginx() {
        let none = |_: &Path| false;
        let debian_only = |path: &Path| path == Path::new("/etc/nginx/nginx.conf");
        let both = |_: &Path| true;
        assert_eq!(Layout::choose(Path::new("/usr/sbin/nginx"), true, none), &DEBIAN);
        assert_eq!(Layout::choose(Path::new("/opt/nginx"), false, debian_only), &DEBIAN);
        assert_eq!(Layout::choose(Path::new("/opt/nginx"), true, debian_only), &PLAIN);
        assert_eq!(Layout::choose(Path::new("/opt/nginx"), false, both), &PLAIN);
        assert_eq!(Layout::choose(Path::new("/usr/local/nginx/sbin/nginx"), false, debian_only), &PLAIN);
    }

    #[test]
    fn paths_are_below_the_prefix_unless_absolute() {
        let here = Path::new("/here");
        let paths = Paths::new(&PLAIN, Some(Path::new("t")), Some(Path::new("n.conf")), Some(Path::new("e.log")), here);
        assert_eq!(paths.conf, Path::new("/here/t/n.conf"));
        assert_eq!(paths.error_log.unwrap(), Path::new("/here/t/e.log"));
        let paths = Paths::new(&DEBIAN, Some(Path::new("/p/")), None, Some(Path::new("stderr")), here);
        assert_eq!((paths.conf.as_path(), paths.error_log), (Path::new("/etc/nginx/nginx.conf"), None));
    }
}
