//! What facts lead to: decisions as keepalived takes them, and the whole agent with real scripts and FIFOs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rkeep_parsers::ir::service::{Forward, Protocol, RealServer, Scheduler, Service};
use rkeep_parsers::ir::vrrp::{NotifyScripts, Script};
use rkeep_parsers::keepalived::Fifo;
use rkeep_parsers::source::Span;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::decide::{Action, Decider, Lines};
use super::drive::run_in;
use super::seen::Seen;
use crate::bus::{Cause, Exit, Fact, Input, Publisher, Subject, Verdict, cause};
use crate::plan::AgentPlan;

const VS: &str = "[192.168.3.253]:tcp:80";
const RS: &str = "[192.168.3.1]:tcp:80";

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn script(argv: &[&str]) -> Script {
    Script { argv: argv.iter().map(|&word| word.to_owned()).collect(), user: None, span: Span::NONE }
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

/// The article's virtual server with scripts, and its instance.
fn plan() -> AgentPlan {
    let server = RealServer {
        address: address("192.168.3.1:80"),
        weight: 3,
        inhibit_on_failure: false,
        smtp_alert: true,
        notify_up: Some(script(&["/bin/up"])),
        notify_down: Some(script(&["/bin/down"])),
        checks: Vec::new(),
        span: Span::NONE,
    };
    let service = Service {
        address: address("192.168.3.253:80"),
        protocol: Protocol::Tcp,
        delay_loop: Duration::from_secs(6),
        scheduler: Scheduler::RoundRobin,
        forward: Forward::Nat,
        persistence: None,
        persistence_prefix: None,
        quorum: 1,
        hysteresis: 0,
        ha_suspend: false,
        alpha: false,
        omega: false,
        smtp_alert: false,
        quorum_up: Some(script(&["/bin/quorum", "up"])),
        quorum_down: None,
        sorry_server: None,
        real_servers: vec![server],
        span: Span::NONE,
    };
    let mut plan = AgentPlan::default();
    plan.services.push(service);
    plan
}

fn mail(subject: String, text: &str) -> Action {
    Action::Mail { subject, text: text.to_owned() }
}

#[test]
fn a_real_servers_fall_runs_its_script_and_is_mailed() {
    let down =
        Decider::default().decide(&plan(), &real_server(Verdict::Down, cause::CHECK, "TCP CHECK failed on service"));
    assert_eq!(
        down,
        [
            Action::Run(script(&["/bin/down"]), vec![]),
            Action::Line(Lines::Lvs, format!("RS {RS} {VS} DOWN")),
            mail(format!("Realserver {RS} of virtual server {VS} - DOWN"), "TCP CHECK failed on service"),
        ]
    );
}

#[test]
fn neither_start_nor_reload_of_a_real_server_is_news() {
    let mut decider = Decider::default();
    for kind in [cause::START, cause::RELOAD] {
        assert_eq!(decider.decide(&plan(), &real_server(Verdict::Up, kind, "")), []);
    }
    let first = decider.decide(&plan(), &real_server(Verdict::Down, cause::FIRST_CHECK, "x"));
    assert!(matches!(first.as_slice(), [Action::Run(..), Action::Line(..)]), "no mail: {first:?}");
    let only = real_server(Verdict::Down, cause::CHECK_ONLY, "x");
    assert!(matches!(decider.decide(&plan(), &only).as_slice(), [Action::Mail { .. }]));
    let mut quiet = plan();
    quiet.global.no_checker_emails = true;
    assert_eq!(decider.decide(&quiet, &only), []);
}

#[test]
fn a_quorum_at_the_start_runs_its_script() {
    let subject = Subject::Service(VS.to_owned());
    let start = fact(subject.clone(), Verdict::Up, cause::START, "Starting with quorum up 1+0=1 <= 6", 6);
    let expected =
        [Action::Run(script(&["/bin/quorum", "up"]), vec![]), Action::Line(Lines::Lvs, format!("VS {VS} UP"))];
    assert_eq!(Decider::default().decide(&plan(), &start), expected);
    assert_eq!(Decider::default().decide(&plan(), &fact(subject, Verdict::Down, cause::START, "", 0)), []);
}

#[test]
fn an_instance_tells_each_state_once_its_own_script_first() {
    let mut plan = plan();
    let notify = NotifyScripts {
        master: Some(script(&["/bin/master"])),
        any: Some(script(&["/bin/any", "x"])),
        ..NotifyScripts::default()
    };
    plan.routers.push(instance(notify));
    let mut decider = Decider::default();
    let args = |state: &str| ["INSTANCE", "VI_1", state, "100"].map(str::to_owned).to_vec();
    assert_eq!(
        decider.decide(&plan, &router(Verdict::Backup)),
        [
            Action::Run(script(&["/bin/any", "x"]), args("BACKUP")),
            Action::Line(Lines::Vrrp, "INSTANCE \"VI_1\" BACKUP 100".to_owned()),
            mail(
                "VRRP Instance VI_1 - Entering BACKUP state".to_owned(),
                "VRRP Instance is no longer owning VRRP VIPs"
            ),
        ]
    );
    assert_eq!(decider.decide(&plan, &router(Verdict::Backup)), [], "said already");
    assert_eq!(
        decider.decide(&plan, &router(Verdict::Master)),
        [
            Action::Run(script(&["/bin/master"]), vec![]),
            Action::Run(script(&["/bin/any", "x"]), args("MASTER")),
            Action::Line(Lines::Vrrp, "INSTANCE \"VI_1\" MASTER 100".to_owned()),
            mail("VRRP Instance VI_1 - Entering MASTER state".to_owned(), "VRRP Instance is now owning VRRP VIPs"),
        ]
    );
    plan.global.no_email_faults = true;
    assert!(!decider.decide(&plan, &router(Verdict::Fault)).iter().any(|action| matches!(action, Action::Mail { .. })));
    let stop = decider.decide(&plan, &router(Verdict::Stopped));
    assert!(stop.contains(&mail("VRRP Instance VI_1 - Stopping".to_owned(), "VRRP Instance stopping")), "{stop:?}");
}

/// The article's instance with `smtp_alert`.
fn instance(notify: NotifyScripts) -> rkeep_parsers::ir::vrrp::Router {
    use rkeep_parsers::ir::vrrp::{Auth, InitialState, Router};
    Router {
        name: "VI_1".to_owned(),
        initial: InitialState::Master,
        interface: "eth0".to_owned(),
        vrid: 51,
        priority: 100,
        version: 2,
        advert_interval: Duration::from_secs(1),
        down_timer_adverts: 3,
        auth: Auth::None,
        addresses: Vec::new(),
        excluded: Vec::new(),
        nopreempt: false,
        preempt_delay: Duration::ZERO,
        track_interfaces: Vec::new(),
        dont_track_primary: false,
        source: None,
        unicast_peers: Vec::new(),
        garp_delay: Duration::from_secs(5),
        garp_repeat: 5,
        garp_refresh: Duration::ZERO,
        garp_refresh_repeat: 1,
        garp_lower_prio_delay: Duration::from_secs(5),
        garp_lower_prio_repeat: 5,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        smtp_alert: true,
        notify,
        debug: 0,
        group: None,
        span: Span::NONE,
    }
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
    let mut plan = plan();
    let say = script(&["/bin/sh", "-c", &format!("echo \"$0 $1 $2 $3\" >> {out}")]);
    plan.routers.push(instance(NotifyScripts { any: Some(say), ..NotifyScripts::default() }));
    let reader = script(&["/bin/sh", "-c", &format!("head -n 1 \"$0\" > {read}")]);
    plan.global.notify_fifo = Some(Fifo { path: fifo.clone(), user: None, script: Some(reader) });
    plan.global.email_to = vec!["a@b.c".to_owned()];
    plan.global.smtp_server = Some(rkeep_parsers::keepalived::SmtpServer { host: "127.0.0.1".to_owned(), port: 1 });
    let (tell, input) = mpsc::channel(8);
    let spool = scratch.0.join("spool");
    let places = spool.clone();
    let seen = Seen::of(&scratch.0, 1);
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
