//! nginx.8 and keepalived.8: the command lines of the two faces.

use rkeep::cli::manual::{self, Described};
use rkeep::host::nginx::layout;

use super::page::Page;

pub fn nginx() -> String {
    let page = Page::new("nginx", "8", "rkeep's nginx face: HTTP and reverse proxy server")
        .heading("SYNOPSIS")
        .synopsis("nginx", "[-?hvVtTq] [-s signal] [-p prefix] [-e filename] [-c filename] [-g directives]")
        .heading("DESCRIPTION")
        .text(
            "`rkeep` called by the name of nginx. It reads nginx.conf unchanged and has nginx's command line, signals, \
               files, log lines and exit codes.",
        )
        .paragraph(
            "A master process owns the listening sockets; one worker process serves, with a thread for each of \
                    `worker_processes`. A reload happens in place: no connection is closed by it.",
        )
        .heading("OPTIONS");
    let page = options(page, &manual::nginx()).heading("SIGNALS");
    NGINX_SIGNALS
        .iter()
        .fold(page, |page, (signal, text)| page.item(signal, text))
        .heading("FILES")
        .item(layout::DEBIAN.conf, "the configuration where Debian's nginx has it; see `nginx.conf(5)`")
        .item(&format!("{}/{}", layout::PLAIN.prefix, layout::PLAIN.conf), "the same where nginx is built by hand")
        .item(layout::DEBIAN.pid, "the master's process id, unless `pid` says otherwise")
        .heading("EXIT STATUS")
        .text(
            "0 when all is well; 1 when the command line or the configuration is wrong or something cannot be opened.",
        )
        .heading("SEE ALSO")
        .text("`rkeep(8)`, `nginx.conf(5)`, `keepalived(8)`")
        .end()
}

const NGINX_SIGNALS: [(&str, &str); 6] = [
    ("TERM, INT", "end at once"),
    ("QUIT", "serve what is under way, then end"),
    ("HUP", "read the configuration again; when it is wrong, the old one stays"),
    ("USR1", "open the log files again"),
    ("USR2", "start the program that now lies in this one's place with the same sockets"),
    ("WINCH", "let the worker serve what is under way and end; the master stays"),
];

pub fn keepalived() -> String {
    let page = Page::new("keepalived", "8", "rkeep's keepalived face: virtual addresses and virtual servers")
        .heading("SYNOPSIS")
        .synopsis("keepalived", "[OPTION...]")
        .heading("DESCRIPTION")
        .text(
            "`rkeep` called by the name of keepalived. It reads keepalived.conf unchanged and has keepalived's command \
               line, processes, signals, log lines and exit codes.",
        )
        .paragraph(
            "A parent process starts and watches one for VRRP, one for checkers and virtual servers, and one \
                    that runs scripts and sends mails.",
        )
        .heading("OPTIONS");
    let page = options(page, &manual::keepalived()).heading("SIGNALS");
    KEEPALIVED_SIGNALS
        .iter()
        .fold(page, |page, (signal, text)| page.item(signal, text))
        .heading("FILES")
        .item("/etc/keepalived/keepalived.conf", "the configuration; see `keepalived.conf(5)`")
        .item("/run/keepalived.pid, /run/vrrp.pid, /run/checkers.pid", "process ids")
        .item("/run/rkeep", "the addresses that are set, so that a later start can remove what a killed process left")
        .heading("EXIT STATUS")
        .text("0 when all is well; with `-t` 2, 4 or 5 when the configuration is wrong, 6 when it cannot be read.")
        .heading("SEE ALSO")
        .text("`rkeep(8)`, `keepalived.conf(5)`, `nginx(8)`")
        .end()
}

const KEEPALIVED_SIGNALS: [(&str, &str); 4] = [
    ("TERM, INT", "give up all virtual addresses and end"),
    ("HUP", "read the configuration again; when it is wrong, the old one stays"),
    ("USR1", "write the state to /tmp/keepalived.data"),
    ("USR2", "write statistics to /tmp/keepalived.stats"),
];

fn options(page: Page, options: &[Described]) -> Page {
    options.iter().fold(page, |page, (option, text)| page.item(option, text))
}
