//! What facts lead to: decisions as keepalived takes them, and the whole agent with real scripts and FIFOs.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::decide::{Action, Decider};
use super::drive::run_in;
use super::seen::{Hub, Seen};
use crate::bus::{Cause, Exit, Fact, Input, Publisher, Subject, Verdict, cause};
use crate::plan::AgentPlan;
use crate::testing::plans;

const VS: &str = "[192.168.3.253]:tcp:80";
const RS: &str = "[192.168.3.1]:tcp:80";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn fact(subject: Subject, verdict: Verdict, kind: &str, text: &str, value: i64) -> Fact {
    let cause = Cause { kind: kind.to_owned(), text: text.to_owned(), value };
    Fact { subject, verdict, cause, since: SystemTime::UNIX_EPOCH, seq: 0 }
}

fn real_server(verdict: Verdict, kind: &str, text: &str) -> Fact {
    let address = address("192.168.3.1:80");
    fact(Subject::RealServer { service: VS.to_owned(), server: RS.to_owned(), address }, verdict, kind, text, 1)
}

fn router(verdict: Verdict) -> Fact {
    fact(Subject::Router("VI_1".to_owned()), verdict, "timeout", "", 100)
}

/// The article's virtual server and instance, with `global` in the global part and `more` in the instance.
fn plan(global: &str, more: &str) -> AgentPlan {
    let text = format!(
        "global_defs {{\n notification_email {{\n a@b.c\n }}\n smtp_server 127.0.0.1 1\n {global}\n }}\n\
         vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n priority 100\n smtp_alert\n \
         virtual_ipaddress {{\n 192.168.3.253\n }}\n {more}\n }}\n\
         virtual_server 192.168.3.253 80 {{\n lb_algo rr\n lb_kind NAT\n protocol TCP\n quorum_up \"/bin/quorum up\"\n \
         real_server 192.168.3.1 80 {{\n weight 3\n notify_up /bin/up\n notify_down /bin/down\n }}\n }}\n"
    );
    plans(&text).agent
}

/// What is decided, a line each.
fn told(actions: Vec<Action>) -> Vec<String> {
    let line = |action| match action {
        Action::Mail { subject, text } => format!("mail {subject} | {text}"),
        Action::Run(script, more) => format!("run {}", [script.argv, more].concat().join(" ")),
        Action::Line(lines, line) => format!("{lines:?} {line}"),
    };
    actions.into_iter().map(line).collect()
}

#[test]
fn a_real_servers_fall_runs_its_script_and_is_mailed() {
    let down = real_server(Verdict::Down, cause::CHECK, "TCP CHECK failed on service");
    assert_eq!(
        told(Decider::default().decide(&plan("", ""), &down)),
        [
            "run /bin/down",
            "Lvs RS [192.168.3.1]:tcp:80 [192.168.3.253]:tcp:80 DOWN",
            "mail Realserver [192.168.3.1]:tcp:80 of virtual server [192.168.3.253]:tcp:80 - DOWN | TCP CHECK failed on \
         service",
        ]
    );
}

#[test]
fn a_lower_master_and_another_priority_are_told_where_asked_for() {
    let lower = fact(Subject::Lower("VI_1".to_owned()), Verdict::Master, "advert", "192.168.3.11", 100);
    let asked = plan("", "notify_master_rx_lower_pri /bin/lower\n notify_priority_changes true");
    let told_of = |plan: &AgentPlan, fact: &Fact| told(Decider::default().decide(plan, fact));
    assert_eq!(told_of(&asked, &lower), ["run /bin/lower", "Vrrp INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 100"]);
    let priority = fact(Subject::Priority("VI_1".to_owned()), Verdict::Backup, "priority", "", 90);
    assert_eq!(told_of(&asked, &priority), ["Vrrp INSTANCE \"VI_1\" BACKUP_PRIORITY 90"]);
    assert_eq!(told_of(&plan("", ""), &priority), [""; 0]);
}

#[test]
fn states_are_told_again_after_a_reload_where_asked_for() {
    let mut decider = Decider::default();
    let asked = plan("fifo_write_vrrp_states_on_reload", "");
    assert_eq!(decider.again(&asked), [], "nothing is known yet");
    decider.decide(&asked, &router(Verdict::Backup));
    decider.decide(&asked, &router(Verdict::Master));
    assert_eq!(told(decider.again(&asked)), ["Vrrp INSTANCE \"VI_1\" MASTER 100"]);
    assert_eq!(decider.again(&plan("", "")), []);
}

#[test]
fn neither_start_nor_reload_of_a_real_server_is_news() {
    let mut decider = Decider::default();
    for kind in [cause::START, cause::RELOAD] {
        assert_eq!(decider.decide(&plan("", ""), &real_server(Verdict::Up, kind, "")), []);
    }
    let first = decider.decide(&plan("", ""), &real_server(Verdict::Down, cause::FIRST_CHECK, "x"));
    assert!(matches!(first.as_slice(), [Action::Run(..), Action::Line(..)]), "no mail: {first:?}");
    let only = real_server(Verdict::Down, cause::CHECK_ONLY, "x");
    assert!(matches!(decider.decide(&plan("", ""), &only).as_slice(), [Action::Mail { .. }]));
    let mut quiet = plan("", "");
    quiet.global.no_checker_emails = true;
    assert_eq!(decider.decide(&quiet, &only), []);
}

#[test]
fn a_quorum_at_the_start_runs_its_script() {
    let subject = Subject::Service(VS.to_owned());
    let start = fact(subject.clone(), Verdict::Up, cause::START, "Starting with quorum up 1+0=1 <= 6", 6);
    let expected = ["run /bin/quorum up", "Lvs VS [192.168.3.253]:tcp:80 UP"];
    assert_eq!(told(Decider::default().decide(&plan("", ""), &start)), expected);
    let none = fact(subject, Verdict::Down, cause::START, "", 0);
    assert_eq!(Decider::default().decide(&plan("", ""), &none), []);
}

#[test]
fn an_instance_tells_each_state_once_its_own_script_first() {
    let mut plan = plan("", "notify_master /bin/master\n notify \"/bin/any x\"");
    let mut decider = Decider::default();
    assert_eq!(
        told(decider.decide(&plan, &router(Verdict::Backup))),
        [
            "run /bin/any x INSTANCE VI_1 BACKUP 100",
            "Vrrp INSTANCE \"VI_1\" BACKUP 100",
            "mail VRRP Instance VI_1 - Entering BACKUP state | VRRP Instance is no longer owning VRRP VIPs",
        ]
    );
    assert_eq!(decider.decide(&plan, &router(Verdict::Backup)), [], "said already");
    assert_eq!(
        told(decider.decide(&plan, &router(Verdict::Master))),
        [
            "run /bin/master",
            "run /bin/any x INSTANCE VI_1 MASTER 100",
            "Vrrp INSTANCE \"VI_1\" MASTER 100",
            "mail VRRP Instance VI_1 - Entering MASTER state | VRRP Instance is now owning VRRP VIPs",
        ]
    );
    plan.global.no_email_faults = true;
    assert_eq!(decider.decide(&plan, &router(Verdict::Fault)).len(), 2, "no mail");
    let stop = told(decider.decide(&plan, &router(Verdict::Stopped)));
    assert_eq!(stop[2], "mail VRRP Instance VI_1 - Stopping | VRRP Instance stopping");
}

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rkeep-agent-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).expect("a directory");
        Scratch(dir)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    fn script(&self, name: &str, line: &str) -> String {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{line}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("changed");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn until_is(path: &str, expected: &str) {
    let wait = async {
        while fs::read_to_string(path).unwrap_or_default() != expected {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let result = timeout(Duration::from_secs(10), wait).await;
    assert!(result.is_ok(), "{path} has {:?}, not {expected:?}", fs::read_to_string(path));
}

#[tokio::test]
async fn facts_become_scripts_lines_and_spooled_mails() {
    let scratch = Scratch::new("whole");
    let (out, fifo, read) = (scratch.path("out"), scratch.path("fifo"), scratch.path("read"));
    let say = scratch.script("say", &format!("echo \"$@\" >> {out}"));
    let reader = scratch.script("reader", &format!("head -n 1 \"$1\" > {read}"));
    let globals = format!("notify_fifo {fifo}\n notify_fifo_script {reader}");
    let plan = plan(&globals, &format!("notify {say}"));
    let (tell, input) = mpsc::channel(8);
    let spool = scratch.0.join("spool");
    let places = spool.clone();
    let seen = Seen::of(&scratch.0, Hub::parent());
    let agent = tokio::spawn(async move { run_in(plan, input, Publisher::new().0, &[Path::new(&places)], seen).await });
    tell.send(Input::Fact(router(Verdict::Master))).await.expect("it listens");
    until_is(&out, "INSTANCE VI_1 MASTER 100\n").await;
    until_is(&read, "INSTANCE \"VI_1\" MASTER 100\n").await;
    tell.send(Input::Fact(router(Verdict::Stopped))).await.expect("it listens");
    tell.send(Input::Stop).await.expect("it listens");
    assert_eq!(timeout(Duration::from_secs(3), agent).await.expect("in time").expect("no panic"), Exit::Done);
    until_is(&out, "INSTANCE VI_1 MASTER 100\nINSTANCE VI_1 STOP 100\n").await;
    assert_eq!(fs::read_dir(&spool).expect("a spool").count(), 2, "both mails wait for their server");
}
