//! `virtual_server`, `real_server` and `TCP_CHECK`: from what was written to what the checkers run.

use std::net::SocketAddr;
use std::time::Duration;

use super::bfd_check::SessionCheck;
use super::report::Found;
use super::walk::Walk;
use crate::diag::Class;
use crate::ir::service::{Check, CheckKind, Forward, Protocol, RealServer, Scheduler, Service, shown};
use crate::keepalived::number::{Seconds, Uint, written};
use crate::keepalived::value::Command;
use crate::keepalived::virtual_server::{RealLayer, TcpCheckLayer, TimingLayer, endpoint};
use crate::source::{Span, Spanned};
use crate::syntax::tree::Word;
use crate::table::Contexts as C;

/// A real server before its virtual server's values are known.
pub(super) struct RealDraft {
    address: SocketAddr,
    layer: RealLayer,
    timing: TimingLayer,
    checks: Vec<(TcpCheckLayer, Span)>,
    sessions: Vec<SessionCheck>,
    span: Span,
}

/// A virtual server before all are judged.
pub(super) struct ServiceDraft {
    pub(super) service: Service,
    has_protocol: bool,
    has_scheduler: bool,
    has_forward: bool,
    /// Where `quorum` and `hysteresis` were written.
    quorum_span: Option<Span>,
}

impl Walk<'_> {
    /// `virtual_server ADDRESS [PORT] { … }`
    pub(super) fn virtual_server(&mut self, span: Span, keyword: &Word, args: &[Word]) {
        if !self.named(C::K_TOP, keyword, args) {
            return self.skip();
        }
        if args.first().is_some_and(|word| word.is("fwmark") || word.is("group")) {
            return self.marked_service(span, args);
        }
        let Some(address) = self.endpoint(args, "Invalid virtual server IP address/port") else { return self.skip() };
        self.draft.service = Default::default();
        self.draft.service_timing = Default::default();
        self.draft.service_address = Some(address);
        self.draft.reals.clear();
        let span = args.last().map_or(span, |word| keyword.span.to(word.span));
        self.block(C::K_VIRTUAL_SERVER);
        self.close_service(address, span);
    }

    /// An address and port, or what keepalived says of them.
    fn endpoint(&mut self, args: &[Word], what: &str) -> Option<SocketAddr> {
        let fault = match endpoint(args, &mut self.cx) {
            Ok(address) => {
                self.remarks();
                return Some(address);
            }
            Err(fault) => fault,
        };
        self.remarks();
        let help = fault.help.unwrap_or_default();
        let at = fault.at.or(args.first().map(|word| word.span)).unwrap_or(Span::NONE);
        if !fault.text.is_empty() {
            self.report.say(self.place, Found::new(Class::Number, fault.text, &help).at(at));
        }
        let written: Vec<_> = args.iter().take(2).map(Word::lossy).collect();
        let text = format!("{what} {} - skipping", written.join("/"));
        self.report.say(self.place, Found::new(Class::General, text, &help).at(at));
        None
    }

    /// `real_server ADDRESS [PORT] { … }`
    pub(super) fn real_server(&mut self, span: Span, keyword: &Word, args: &[Word]) {
        if !self.named(C::K_VIRTUAL_SERVER, keyword, args) {
            return self.skip();
        }
        let Some(address) = self.endpoint(args, "Invalid real server ip address/port") else { return self.skip() };
        self.draft.real = Default::default();
        self.draft.real_timing = Default::default();
        self.draft.checks.clear();
        self.draft.session_checks.clear();
        self.draft.real_address = Some(address);
        let span = args.last().map_or(span, |word| keyword.span.to(word.span));
        self.block(C::K_REAL_SERVER);
        let (layer, timing) = (self.draft.real.clone(), self.draft.real_timing.clone());
        let checks = std::mem::take(&mut self.draft.checks);
        let sessions = std::mem::take(&mut self.draft.session_checks);
        if address.is_ipv4() != self.draft.service_address.is_none_or(|service| service.is_ipv4()) {
            let ip = address.ip();
            let text =
                format!("Address family of virtual server and real server {ip} don't match - skipping real server.");
            let help = "only tunnels join the families; write a real server of the virtual server's";
            return self.report.say(self.place, Found::new(Class::General, text, help).at(span));
        }
        self.draft.reals.push(RealDraft { address, layer, timing, checks, sessions, span });
    }

    /// `TCP_CHECK { … }`
    pub(super) fn tcp_check(&mut self, span: Span) {
        self.draft.tcp = Default::default();
        self.block(C::K_TCP_CHECK);
        let layer = std::mem::take(&mut self.draft.tcp);
        self.draft.checks.push((layer, span));
    }

    fn close_service(&mut self, address: SocketAddr, span: Span) {
        let reals = std::mem::take(&mut self.draft.reals);
        if reals.is_empty() {
            let protocol = written(&self.draft.service.protocol).map(|protocol| protocol.0);
            return self.no_real_servers(span, &named(address, protocol));
        }
        let service = self.service(address, span, &reals);
        let layer = &self.draft.service;
        let quorum_span =
            layer.quorum.as_ref().map(|field| field.span).or(layer.hysteresis.as_ref().map(|field| field.span));
        let (has_protocol, has_scheduler) = (layer.protocol.is_some(), layer.scheduler.is_some());
        let has_forward = layer.forward.is_some();
        self.draft.services.push(ServiceDraft { service, has_protocol, has_scheduler, has_forward, quorum_span });
    }

    pub(super) fn no_real_servers(&mut self, span: Span, name: &str) {
        let text = format!("Virtual server {name} has no real servers - ignoring");
        let found = Found::new(Class::General, text, "add real_server ADDRESS PORT { … }").at(span);
        match self.cx.is_old_keepalived() {
            true => self.report.conclude(Some(span), found),
            false => self.report.say(self.place, found),
        }
    }

    /// What keepalived's checkers say once all is read.
    pub(super) fn judge_services(&mut self) {
        let mut services = std::mem::take(&mut self.draft.services);
        for draft in &mut services {
            self.judge_defaults(draft);
            self.judge_real_servers(&mut draft.service);
            self.judge_quorum(draft);
            self.judge_ports(&mut draft.service);
        }
        self.draft.services = services;
        self.judge_scripts();
    }

    fn of_service(&mut self, span: Span, text: String, help: &str) {
        self.report.conclude(Some(span), Found::new(Class::General, text, help));
    }

    fn judge_defaults(&mut self, draft: &mut ServiceDraft) {
        let span = draft.service.span;
        let service = &mut draft.service;
        if !draft.has_protocol {
            let text = format!("Virtual server {}: no protocol set - defaulting to UDP", named(service.address, None));
            self.of_service(span, text, "write protocol TCP");
        }
        if service.address.port() == 0 && service.persistence.is_none() {
            service.persistence = Some(Duration::from_secs(360));
            let text =
                format!("Virtual server {}: zero port only valid for persistent services - setting", service.shown());
            self.of_service(span, text, "write the port after the address, or persistence_timeout");
        }
        if !draft.has_scheduler {
            let text = format!("Virtual server {}: no scheduler set, setting default 'wlc'", service.shown());
            self.of_service(span, text, "write lb_algo rr, wrr, lc, wlc or sh");
        }
        if !draft.has_forward {
            let text = format!("Virtual server {}: no forwarding method set, setting default NAT", service.shown());
            self.of_service(span, text, "write lb_kind NAT");
        }
    }

    fn judge_real_servers(&mut self, service: &mut Service) {
        let (name, protocol) = (service.shown(), service.protocol);
        let mut known = Vec::new();
        service.real_servers.retain(|real| {
            let twice = known.contains(&real.address);
            if twice {
                let text = format!(
                    "VS {name}: real server {} is duplicated - removing second rs",
                    shown(real.address, protocol)
                );
                self.of_service(real.span, text, "write each real server once; its share is `weight`");
            }
            known.push(real.address);
            !twice
        });
    }

    fn judge_quorum(&mut self, draft: &mut ServiceDraft) {
        let span = draft.quorum_span.unwrap_or(draft.service.span);
        let service = &mut draft.service;
        let name = service.shown();
        let total = service.real_servers.iter().map(|real| real.weight.max(0) as u32).fold(0, u32::saturating_add);
        if service.quorum > total {
            let text = format!(
                "Warning - quorum {} for {name} exceeds total weight of real servers {total}, reducing quorum to {total}",
                service.quorum
            );
            service.quorum = total;
            self.of_service(span, text, "a quorum that the real servers' weights can reach");
        }
        if service.hysteresis >= service.quorum {
            // keepalived's own arithmetic wraps here when no real server has weight.
            let shown = service.quorum.wrapping_sub(1);
            let (had, quorum) = (service.hysteresis, service.quorum);
            let text =
                format!("Virtual server {name}: hysteresis {had} >= quorum {quorum}; setting hysteresis to {shown}");
            service.hysteresis = quorum.saturating_sub(1);
            self.of_service(span, text, "a hysteresis below the quorum");
        }
    }

    /// Only NAT can change the port.
    fn judge_ports(&mut self, service: &mut Service) {
        if service.forward == Forward::Nat {
            return;
        }
        let (name, protocol, port) = (service.shown(), service.protocol, service.address.port());
        for real in service.real_servers.iter_mut().filter(|real| real.address.port() != port) {
            let real_name = shown(real.address, protocol);
            let text =
                format!("WARNING - virtual server {name} and real server {real_name} ports don't match - resetting");
            real.address.set_port(port);
            self.of_service(real.span, text, "write the virtual server's port, or lb_kind NAT");
        }
        if service.sorry_server.is_some_and(|sorry| sorry.port() != port) {
            let text = format!("WARNING - virtual server {name} and sorry server ports don't match - resetting");
            if let Some(sorry) = &mut service.sorry_server {
                sorry.set_port(port);
            }
            self.of_service(service.span, text, "write the virtual server's port, or lb_kind NAT");
        }
    }

    fn service(&mut self, address: SocketAddr, span: Span, reals: &[RealDraft]) -> Service {
        let layer = &self.draft.service;
        let script = |field: &Option<Spanned<Command>>| written(field).and_then(|command| command.0);
        let mail = written(&self.draft.global.smtp_alert_checker).or(written(&self.draft.global.smtp_alert));
        Service {
            address,
            protocol: written(&layer.protocol).map_or(Protocol::Udp, |protocol| protocol.0),
            delay_loop: seconds(&self.draft.service_timing.delay_loop).unwrap_or(Duration::from_secs(60)),
            scheduler: written(&layer.scheduler).map_or(Scheduler::WeightedLeastConnection, |algo| algo.0),
            forward: written(&layer.forward).map_or(Forward::Nat, |kind| kind.0),
            persistence: written(&layer.persistence_timeout).map(|timeout| Duration::from_secs(timeout.0.into())),
            persistence_prefix: written(&layer.persistence_granularity).map(|granularity| granularity.0),
            quorum: written(&layer.quorum).map_or(1, |quorum| quorum.0),
            hysteresis: written(&layer.hysteresis).map_or(0, |hysteresis| hysteresis.0),
            ha_suspend: layer.ha_suspend.is_some(),
            alpha: layer.alpha.is_some(),
            omega: layer.omega.is_some(),
            smtp_alert: written(&layer.smtp_alert).or(mail).is_some_and(|alert| alert.0),
            quorum_up: script(&layer.quorum_up),
            quorum_down: script(&layer.quorum_down),
            sorry_server: written(&layer.sorry_server).and_then(|server| server.0),
            real_servers: reals.iter().map(|real| self.real(real)).collect(),
            span,
        }
    }

    fn real(&self, draft: &RealDraft) -> RealServer {
        let (layer, service) = (&draft.layer, &self.draft.service);
        let script = |field: &Option<Spanned<Command>>| written(field).and_then(|command| command.0);
        let mail = written(&self.draft.global.smtp_alert_checker).or(written(&self.draft.global.smtp_alert));
        let weight = written(&layer.weight).map(|weight| weight.0).or(written(&service.weight).map(|weight| weight.0));
        let inhibit = written(&layer.inhibit_on_failure).map(|inhibit| inhibit.0);
        RealServer {
            address: draft.address,
            weight: weight.map_or(1, |weight| weight as i32),
            inhibit_on_failure: inhibit.unwrap_or(service.inhibit_on_failure.is_some()),
            smtp_alert: written(&layer.smtp_alert).or(mail).is_none_or(|alert| alert.0),
            notify_up: script(&layer.notify_up),
            notify_down: script(&layer.notify_down),
            checks: self.checks(draft),
            span: draft.span,
        }
    }

    fn checks(&self, real: &RealDraft) -> Vec<Check> {
        let alpha = written(&real.layer.alpha).map_or(self.draft.service.alpha.is_some(), |alpha| alpha.0);
        let connections = real.checks.iter().map(|(check, span)| self.check(real, check, *span));
        connections.chain(real.sessions.iter().map(|session| session.made(real.address, alpha))).collect()
    }

    fn check(&self, real: &RealDraft, layer: &TcpCheckLayer, span: Span) -> Check {
        let service = &self.draft.service_timing;
        let port = written(&layer.connect_port).map_or(real.address.port(), |port| port.0 as u16);
        let ip = written(&layer.connect_ip).map_or(real.address.ip(), |ip| ip.0);
        let bind_ip = written(&layer.bindto).map(|ip| ip.0);
        let bind_port = written(&layer.bind_port).map(|port| port.0 as u16);
        let any = if ip.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
        let bind = (bind_ip.is_some() || bind_port.is_some())
            .then(|| SocketAddr::new(bind_ip.unwrap_or(any), bind_port.unwrap_or(0)));
        let delay_loop = seconds(&layer.delay_loop)
            .or(seconds(&real.timing.delay_loop))
            .or(seconds(&service.delay_loop))
            .unwrap_or(Duration::from_secs(60));
        let retry = |field: &Option<Spanned<Uint<1, { u32::MAX }, true>>>| written(field).map(|retry| retry.0);
        let all = self.draft.service.alpha.is_some();
        let alpha = written(&layer.alpha).or(written(&real.layer.alpha)).map_or(all, |alpha| alpha.0);
        let log_all = written(&layer.log_all_failures).or(written(&self.draft.global.checker_log_all_failures));
        Check {
            kind: CheckKind::Tcp,
            connect: SocketAddr::new(ip, port),
            bind,
            bind_interface: written(&layer.bind_if).map(|name| name.0),
            fwmark: written(&layer.fwmark).map_or(0, |mark| mark.0),
            timeout: seconds(&layer.connect_timeout)
                .or(seconds(&real.timing.connect_timeout))
                .or(seconds(&service.connect_timeout))
                .unwrap_or(Duration::from_secs(5)),
            retry: written(&layer.retry)
                .map(|retry| retry.0)
                .or(retry(&real.timing.retry))
                .or(retry(&service.retry))
                .unwrap_or(1),
            delay_before_retry: seconds(&layer.delay_before_retry)
                .or(seconds(&real.timing.delay_before_retry))
                .or(seconds(&service.delay_before_retry))
                .unwrap_or(Duration::from_secs(1)),
            delay_loop,
            warmup: seconds(&layer.warmup)
                .or(seconds(&real.timing.warmup))
                .or(seconds(&service.warmup))
                .unwrap_or(delay_loop),
            alpha,
            log_all_failures: log_all.is_some_and(|log| log.0),
            span,
        }
    }
}

fn seconds<const MIN: u64, const MAX: u64, const STRICT: bool>(
    field: &Option<Spanned<Seconds<MIN, MAX, STRICT>>>,
) -> Option<Duration> {
    written(field).map(|seconds| seconds.0)
}

/// A server as keepalived names it while its protocol may still be unknown.
pub(super) fn named(address: SocketAddr, protocol: Option<Protocol>) -> String {
    match protocol {
        Some(protocol) => shown(address, protocol),
        None => format!("[{}]:none:{}", address.ip(), address.port()),
    }
}
