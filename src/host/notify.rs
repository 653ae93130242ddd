//! systemd's `Type=notify`: telling the service manager how far we are, over the socket that `$NOTIFY_SOCKET` names.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use rustix::time::{ClockId, clock_gettime};

/// The variable that names the socket.
pub const SOCKET: &str = "NOTIFY_SOCKET";

/// What there is to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All is up; also at the end of a reload, however it went.
    Ready,
    /// A reload begins.
    Reloading,
    /// The end begins.
    Stopping,
    /// This process is the one to watch from now on.
    MainPid(i32),
}

/// Says it, if a service manager listens.
pub fn say(state: State) {
    let Some(name) = std::env::var_os(SOCKET) else { return };
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    // A service manager that has gone is not missed.
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        let _ = socket.send_to_addr(text(state).as_bytes(), &address);
    }
}

fn text(state: State) -> String {
    match state {
        // A daemon is not the process that was started.
        State::Ready => format!("MAINPID={}\nREADY=1", std::process::id()),
        State::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic()),
        State::Stopping => "STOPPING=1".to_owned(),
        State::MainPid(pid) => format!("MAINPID={pid}"),
    }
}

/// What somebody else says, in its order.
pub fn states(text: &str) -> Vec<State> {
    let state = |line: &str| match line.split_once('=')? {
        ("READY", "1") => Some(State::Ready),
        ("RELOADING", "1") => Some(State::Reloading),
        ("STOPPING", "1") => Some(State::Stopping),
        ("MAINPID", pid) => pid.parse().ok().map(State::MainPid),
        _ => None,
    };
    text.lines().filter_map(state).collect()
}

/// By this `Type=notify-reload` tells a reload that it has asked for from an earlier one.
fn monotonic() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_says_when_it_began() {
        let said = text(State::Reloading);
        let (reloading, when) = said.split_once('\n').unwrap();
        let when: i64 = when.strip_prefix("MONOTONIC_USEC=").unwrap().parse().unwrap();
        assert_eq!(reloading, "RELOADING=1");
        assert!(when > 0 && when <= monotonic());
        assert_eq!(states(&said), [State::Reloading]);
        assert_eq!(states(&text(State::MainPid(7))), [State::MainPid(7)]);
        assert_eq!(states("READY=1\nSTATUS=fine\nMAINPID=x"), [State::Ready]);
    }
}
