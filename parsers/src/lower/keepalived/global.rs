//! `global_defs` as the engines need it.

use std::net::IpAddr;
use std::time::Duration;

use super::Machine;
use super::draft::Draft;
use crate::keepalived::global::{Dumps, Fifo, FifoPath, Global, Place, Process};
use crate::keepalived::number::written;
use crate::keepalived::tuning::{OutsideLayer, SpeakingLayer, TuningLayer};
use crate::keepalived::value::{Command, OptionalText};
use crate::source::Spanned;

/// What was written, with keepalived's defaults.
pub(super) fn global(draft: &Draft, machine: &dyn Machine) -> Global {
    let (layer, speaking) = (&draft.global, &draft.speaking);
    let defaults = Global::default();
    let seconds = |seconds: u32| Duration::from_secs(u64::from(seconds.max(1)));
    let group = written(&layer.vrrp_mcast_group4).and_then(|group| match group.0 {
        IpAddr::V4(group) => Some(group),
        IpAddr::V6(_) => None,
    });
    Global {
        router_id: written(&layer.router_id).and_then(|id| id.0).unwrap_or_else(|| machine.host_name()),
        email_to: written(&layer.notification_email).unwrap_or_default().0,
        email_from: written(&layer.notification_email_from).and_then(|from| from.0),
        smtp_server: written(&layer.smtp_server),
        smtp_helo_name: written(&layer.smtp_helo_name).and_then(|name| name.0),
        smtp_connect_timeout: written(&layer.smtp_connect_timeout)
            .map_or(defaults.smtp_connect_timeout, |timeout| seconds(timeout.0)),
        smtp_alert: written(&layer.smtp_alert).map(|alert| alert.0),
        notify_fifo: fifo(&layer.notify_fifo, &layer.notify_fifo_script),
        vrrp_notify_fifo: fifo(&layer.vrrp_notify_fifo, &layer.vrrp_notify_fifo_script),
        lvs_notify_fifo: fifo(&layer.lvs_notify_fifo, &layer.lvs_notify_fifo_script),
        no_checker_emails: written(&layer.no_checker_emails).is_some_and(|none| none.0),
        fifo_after_reload: speaking.fifo_write_vrrp_states_on_reload.is_some(),
        no_email_faults: layer.no_email_faults.is_some(),
        script_user: written(&layer.script_user).and_then(|user| user.0),
        script_security: layer.enable_script_security.is_some(),
        startup_script: written(&layer.startup_script).and_then(|script| script.0),
        shutdown_script: written(&layer.shutdown_script).and_then(|script| script.0),
        startup_timeout: written(&draft.tuning.startup_script_timeout)
            .map_or(defaults.startup_timeout, |timeout| seconds(timeout.0)),
        shutdown_timeout: written(&draft.tuning.shutdown_script_timeout)
            .map_or(defaults.shutdown_timeout, |timeout| seconds(timeout.0)),
        delay_after_boot: written(&speaking.vrrp_delay_after_boot).map_or(Duration::ZERO, |delay| delay.0),
        garp_interval: written(&layer.garp_interval).map_or(Duration::ZERO, |interval| interval.0),
        garp_groups: draft.garp_groups.clone(),
        gna_interval: written(&layer.gna_interval).map_or(Duration::ZERO, |interval| interval.0),
        link_delays: written(&draft.fixed.interface_up_down_delays).unwrap_or_default(),
        vrrp_startup_delay: written(&layer.vrrp_startup_delay).map_or(Duration::ZERO, |delay| delay.0),
        mcast_group4: group,
        mcast_group6: written(&speaking.vrrp_mcast_group6).and_then(|group| match group.0 {
            IpAddr::V4(_) => None,
            IpAddr::V6(group) => Some(group),
        }),
        log_unknown_vrids: speaking.log_unknown_vrids.is_some(),
        process: process(speaking),
        checkers: checkers(&draft.tuning),
        dumps: dumps(speaking),
        place: place(&draft.outside),
    }
}

fn place(layer: &OutsideLayer) -> Place {
    let name = |field: &Option<Spanned<OptionalText>>| written(field).and_then(|name| name.0);
    Place {
        net_namespace: name(&layer.net_namespace),
        instance: name(&layer.instance),
        pid_dir: layer.use_pid_dir.is_some(),
        child_wait: written(&layer.child_wait_time).map(|seconds| seconds.0),
    }
}

fn process(layer: &SpeakingLayer) -> Process {
    let limit = written(&layer.vrrp_rlimit_rttime).or(written(&layer.vrrp_rlimit_rtime));
    Process {
        nice: written(&layer.vrrp_priority).map(|nice| nice.0),
        real_time: written(&layer.vrrp_rt_priority).map(|priority| priority.0),
        cpus: written(&layer.vrrp_cpu_affinity).unwrap_or_default().0,
        run_limit: limit.map(|limit| limit.0),
        no_swap: true,
    }
}

fn checkers(layer: &TuningLayer) -> Process {
    Process {
        nice: written(&layer.checker_priority).map(|nice| nice.0),
        real_time: written(&layer.checker_rt_priority).map(|priority| priority.0),
        cpus: written(&layer.checker_cpu_affinity).unwrap_or_default().0,
        run_limit: written(&layer.checker_rlimit_rttime).map(|limit| limit.0),
        no_swap: layer.checker_no_swap.is_some(),
    }
}

fn dumps(layer: &SpeakingLayer) -> Dumps {
    let path = |field: &Option<Spanned<OptionalText>>| written(field).and_then(|path| path.0);
    Dumps {
        state: path(&layer.state_dump_file),
        stats: path(&layer.stats_dump_file),
        json: path(&layer.json_dump_file),
        json_version: written(&layer.json_version).map_or(1, |version| version.0),
    }
}

/// A FIFO, if its path was written.
fn fifo(path: &Option<Spanned<FifoPath>>, script: &Option<Spanned<Command>>) -> Option<Fifo> {
    let FifoPath { path, user } = written(path)?;
    Some(Fifo { path, user, script: written(script).and_then(|script| script.0) })
}
