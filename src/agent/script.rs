//! Running scripts: no shell, a process group of their own, nothing of ours open, all at once as they come.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, info};

use crate::sys::process::UserIds;

/// So many scripts run at a time at most.
const MOST: usize = 256;

/// The scripts that run now.
#[derive(Default)]
pub struct Runner {
    running: JoinSet<()>,
    groups: Arc<Mutex<BTreeSet<u32>>>,
}

impl Runner {
    /// Starts a program with its arguments as this user.
    pub fn start(&mut self, argv: &[String], user: UserIds) {
        while self.running.try_join_next().is_some() {}
        let Some((program, arguments)) = argv.split_first() else { return };
        if self.running.len() >= MOST {
            info!("Script {program} is not run: {MOST} scripts are still running");
            return;
        }
        match spawn(program, arguments, user) {
            Ok(child) => self.follow(program.clone(), child),
            Err(error) => info!("Script {program} cannot be run: {error}"),
        }
    }

    fn follow(&mut self, program: String, mut child: Child) {
        let groups = self.groups.clone();
        let with =
            move |act: &dyn Fn(&mut BTreeSet<u32>)| act(&mut groups.lock().unwrap_or_else(PoisonError::into_inner));
        let id = child.id().unwrap_or_default();
        with(&|groups| {
            groups.insert(id);
        });
        self.running.spawn(async move {
            let status = child.wait().await;
            with(&|groups| {
                groups.remove(&id);
            });
            match status {
                Ok(status) => debug!("Script {program} ended: {status}"),
                Err(error) => info!("Script {program} is lost: {error}"),
            }
        });
    }

    /// Waits for those that run; ends what still runs after `patience`.
    pub async fn stop(mut self, patience: Duration) {
        let all = async { while self.running.join_next().await.is_some() {} };
        if timeout(patience, all).await.is_ok() {
            return;
        }
        for id in self.groups.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if let Some(group) = i32::try_from(*id).ok().and_then(Pid::from_raw) {
                // It may have ended in this moment.
                let _ = kill_process_group(group, Signal::TERM);
            }
        }
        self.running.detach_all();
    }
}

pub(super) fn spawn(program: &str, arguments: &[String], user: UserIds) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if geteuid().as_raw() != user.uid {
        command.uid(user.uid).gid(user.gid);
    }
    command.spawn()
}
