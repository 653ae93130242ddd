//! What is known before the first byte is read: paths, release, machine.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::table::Compat;

/// Where nginx looks for things that the file does not name; relative paths are below the prefix.
#[derive(Clone, Debug)]
pub struct Layout {
    /// `pid`
    pub pid: String,
    /// `error_log`, or the file of `-e`.
    pub error_log: String,
    /// `access_log`
    pub access_log: String,
    /// `client_body_temp_path`
    pub client_body_temp: String,
    /// `proxy_temp_path`
    pub proxy_temp: String,
    /// `user`
    pub user: String,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            pid: "logs/nginx.pid".to_owned(),
            error_log: "logs/error.log".to_owned(),
            access_log: "logs/access.log".to_owned(),
            client_body_temp: "client_body_temp".to_owned(),
            proxy_temp: "proxy_temp".to_owned(),
            user: "nobody".to_owned(),
        }
    }
}

impl Layout {
    /// Debian's.
    pub fn debian() -> Self {
        Layout {
            pid: "/run/nginx.pid".to_owned(),
            error_log: "/var/log/nginx/error.log".to_owned(),
            access_log: "/var/log/nginx/access.log".to_owned(),
            client_body_temp: "/var/lib/nginx/body".to_owned(),
            proxy_temp: "/var/lib/nginx/proxy".to_owned(),
            user: "www-data".to_owned(),
        }
    }

    /// Defaults of this layout and of a release that differ from the rows'.
    pub(super) fn defaults(&self, compat: Compat) -> HashMap<&'static str, String> {
        let mut defaults = HashMap::from([
            ("pid", self.pid.clone()),
            ("error_log", self.error_log.clone()),
            ("access_log", format!("{} combined", self.access_log)),
            ("client_body_temp_path", self.client_body_temp.clone()),
            ("proxy_temp_path", self.proxy_temp.clone()),
            ("fastcgi_temp_path", self.proxy_temp.replace("proxy", "fastcgi")),
            ("scgi_temp_path", self.proxy_temp.replace("proxy", "scgi")),
            ("uwsgi_temp_path", self.proxy_temp.replace("proxy", "uwsgi")),
            ("user", self.user.clone()),
        ]);
        if compat.nginx < (1, 29) {
            defaults.insert("proxy_http_version", "1.0".to_owned());
            defaults.insert("keepalive", "0".to_owned());
        }
        defaults
    }
}

/// Everything that a reading depends on besides the bytes of the files.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The main file, absolute.
    pub path: PathBuf,
    /// What relative paths are below.
    pub prefix: PathBuf,
    /// The text of `-g`.
    pub globals: Option<String>,
    /// Whose defaults hold; a pragma in the file may change it.
    pub compat: Compat,
    /// Where things are that the file does not name.
    pub layout: Layout,
    /// Whether the process may bind port 80: a server without `listen` takes 80, otherwise 8000.
    pub privileged: bool,
    /// What `$hostname` stands for in `server_name`.
    pub hostname: String,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            path: PathBuf::from("/usr/local/nginx/conf/nginx.conf"),
            prefix: PathBuf::from("/usr/local/nginx"),
            globals: None,
            compat: Compat::default(),
            layout: Layout::default(),
            privileged: true,
            hostname: "localhost".to_owned(),
        }
    }
}
