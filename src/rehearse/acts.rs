//! What drills do to the cluster.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::bound::HANG;
use super::site::Web;
use super::stage::Stage;

/// How long a program may take to stop when it is told to.
const STOPPING: Duration = Duration::from_secs(10);

/// What drills do. `victim` is the director that had the address when the drill began.
impl Stage {
    fn director(&self) -> &super::Server {
        &self.site.directors[self.victim]
    }

    /// Nothing.
    ///
    /// # Errors
    /// None.
    pub fn nothing(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Stops keepalived and then nginx, as their init scripts do.
    ///
    /// # Errors
    /// A program that does not stop.
    pub fn stop(&mut self) -> io::Result<()> {
        self.running[self.victim].signal(Signal::TERM)?;
        let victim = self.victim;
        self.wait("waiting for keepalived to stop", STOPPING, |stage| {
            stage.running[victim].runs().is_ok_and(|runs| !runs)
        });
        match self.director().has_nginx() {
            true => self.director().nginx(&["-s", "stop"]).map(drop),
            false => Ok(()),
        }
    }

    /// Starts nginx and keepalived.
    ///
    /// # Errors
    /// One does not start.
    pub fn start(&mut self) -> io::Result<()> {
        self.director().start_nginx()?;
        self.running[self.victim] = self.director().start_keepalived()?;
        Ok(())
    }

    /// Kills the process that speaks VRRP.
    ///
    /// # Errors
    /// There is none.
    pub fn kill_vrrp(&mut self) -> io::Result<()> {
        let node = &self.director().node;
        let pid: i32 = node.read("/run/vrrp.pid")?.trim().parse().map_err(io::Error::other)?;
        node.signal_one(pid, Signal::KILL)
    }

    /// Kills keepalived and nginx, all processes at once.
    ///
    /// # Errors
    /// As [`super::Node::crash`].
    pub fn kill_all(&mut self) -> io::Result<()> {
        let node = &self.director().node;
        for signal in [Signal::STOP, Signal::KILL] {
            node.signal_all("keepalived", signal)?;
            node.signal_all("nginx", signal)?;
        }
        Ok(())
    }

    /// Pulls the director's cables.
    ///
    /// # Errors
    /// As [`super::Lan::unplug`].
    pub fn unplug(&mut self) -> io::Result<()> {
        self.site.lans.iter().try_for_each(|lan| lan.unplug(&self.director().node))
    }

    /// Puts them back.
    ///
    /// # Errors
    /// As [`super::Lan::replug`].
    pub fn replug(&mut self) -> io::Result<()> {
        self.site.lans.iter().try_for_each(|lan| lan.replug(&self.director().node))
    }

    /// Keeps the directors from hearing each other; everybody else hears both.
    ///
    /// # Errors
    /// As [`super::Lan::isolate`].
    pub fn split(&mut self) -> io::Result<()> {
        self.isolate(true)
    }

    /// Lets them hear each other again.
    ///
    /// # Errors
    /// As [`super::Lan::isolate`].
    pub fn join(&mut self) -> io::Result<()> {
        self.isolate(false)
    }

    fn isolate(&self, isolated: bool) -> io::Result<()> {
        let directors = || self.site.directors.iter();
        self.site.lans.iter().try_for_each(|lan| directors().try_for_each(|one| lan.isolate(&one.node, isolated)))
    }

    /// Kills nginx, all processes at once.
    ///
    /// # Errors
    /// As [`super::Node::crash`].
    pub fn kill_proxy(&mut self) -> io::Result<()> {
        self.director().node.crash("nginx").map(drop)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_proxy(&mut self) -> io::Result<()> {
        self.director().start_nginx()
    }

    /// Halts nginx: its sockets stay open. Where the address does not move for it, it goes on after a while.
    ///
    /// # Errors
    /// As [`super::Node::signal_all`].
    pub fn hang_proxy(&mut self) -> io::Result<()> {
        self.director().node.signal_all("nginx", Signal::STOP)?;
        if self.pair().is_served_by_nginx() {
            return Ok(());
        }
        let until = Instant::now() + HANG;
        self.wait("letting nginx hang", HANG * 2, |_| Instant::now() >= until);
        self.continue_proxy()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// As [`super::Node::signal_all`].
    pub fn continue_proxy(&mut self) -> io::Result<()> {
        self.director().node.signal_all("nginx", Signal::CONT).map(drop)
    }

    /// The first server that the director's nginx passes requests to.
    fn web(&self) -> Option<&Web> {
        let shares = self.pair().direct[self.victim].iter().flat_map(|direct| &direct.shares);
        shares.into_iter().find_map(|(address, _)| self.site.webs.iter().find(|web| web.address == *address))
    }

    /// Kills the first server behind the directors.
    ///
    /// # Errors
    /// As [`Web::kill`].
    pub fn kill_web(&mut self) -> io::Result<()> {
        self.web().map_or(Ok(()), Web::kill)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// As [`Web::start`].
    pub fn start_web(&mut self) -> io::Result<()> {
        self.web().map_or(Ok(()), Web::start)
    }

    /// Whether the director passes requests to the first server.
    pub fn first_web_serves(&self) -> bool {
        let (Some(direct), Some(web)) = (&self.pair().direct[self.victim], self.web()) else {
            return false;
        };
        let asked = direct.shares.len().max(1) * 2;
        self.ask(direct.probe.target(), &direct.probe, asked).is_ok_and(|tally| tally.of(&web.says) > 0)
    }

    /// Lets nginx and keepalived of both directors read their files again.
    ///
    /// # Errors
    /// nginx refuses its file.
    pub fn reload(&mut self) -> io::Result<()> {
        for (director, keepalived) in self.site.directors.iter().zip(&self.running) {
            keepalived.signal(Signal::HUP)?;
            if director.has_nginx() {
                let ended = director.nginx(&["-s", "reload"])?;
                let refused = || io::Error::other(format!("nginx -s reload on {}: {}", director.address, ended.stderr));
                (ended.code() == Some(0)).then_some(()).ok_or_else(refused)?;
            }
        }
        Ok(())
    }
}
