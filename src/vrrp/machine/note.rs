//! What the machine has to say for the log, with keepalived 2.4's words. The instance's name goes before it.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A line of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// It waits for a start (`vrrp_startup_delay`).
    Delayed(Duration),
    /// It began.
    BackupAtStart,
    /// It is backup.
    Backup,
    /// It is master.
    Master,
    /// It cannot take part.
    Fault,
    /// The same at the start.
    FaultAtStart,
    /// The master was not heard for too long.
    Timeout,
    /// The addresses are set now.
    Setting,
    /// The addresses are removed now.
    Removing,
    /// Those that no advert names are set now.
    SettingExcluded,
    /// Those that no advert names are removed now.
    RemovingExcluded,
    /// A reload took an address away.
    AddressGone {
        /// Which.
        address: IpAddr,
        /// Its prefix length.
        prefix: u8,
        /// On which interface.
        device: String,
    },
    /// The master said good-bye.
    SentZero,
    /// Another master said good-bye while we are one.
    ZeroAsMaster,
    /// The master said good-bye.
    ZeroAsBackup,
    /// Somebody is master.
    MasterIs(IpAddr),
    /// A master of lower priority is not obeyed.
    Discarding {
        /// His priority.
        priority: u8,
        /// Who.
        source: IpAddr,
    },
    /// We give way to a higher priority.
    Higher {
        /// His priority.
        priority: u8,
        /// Who.
        source: IpAddr,
        /// Our priority.
        ours: u8,
    },
    /// We give way to a higher address.
    HigherAddress {
        /// Both priorities.
        priority: u8,
        /// Who.
        source: IpAddr,
    },
    /// We insist.
    Lower {
        /// His priority.
        priority: u8,
        /// Who.
        source: IpAddr,
        /// Our priority.
        ours: u8,
    },
    /// Somebody uses our address.
    OurAddress,
    /// Two address owners.
    TwoOwners,
    /// A backup follows the master's pace (version 3).
    IntervalLearnt {
        /// Until now.
        from: Duration,
        /// From now on.
        to: Duration,
    },
    /// A master goes at its own pace (version 3).
    IntervalOwn {
        /// Until now.
        from: Duration,
        /// From now on.
        to: Duration,
    },
    /// A lower master is tolerated for so long.
    PreemptDelay(Duration),
    /// He is not lower any more.
    PreemptDelayOver,
    /// Nothing on this box answers on its addresses.
    CannotServe,
    /// Something does, and has for a while.
    ServesAgain,
    /// Tracking changed the priority.
    Priority {
        /// Until now.
        from: u8,
        /// From now on.
        to: u8,
    },
}

impl Note {
    /// Whether keepalived says it only with `-D`.
    pub fn is_detail(&self) -> bool {
        matches!(
            self,
            Note::Timeout
                | Note::Setting
                | Note::Removing
                | Note::SettingExcluded
                | Note::RemovingExcluded
                | Note::SentZero
                | Note::ZeroAsBackup
                | Note::MasterIs(_)
                | Note::AddressGone { .. }
        )
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Delayed(delay) => write!(f, "Delaying startup for {} seconds", delay.as_secs_f64()),
            Note::BackupAtStart => f.write_str("Entering BACKUP STATE (init)"),
            Note::Backup => f.write_str("Entering BACKUP STATE"),
            Note::Master => f.write_str("Entering MASTER STATE"),
            Note::FaultAtStart => f.write_str("entering FAULT state"),
            Note::Fault => f.write_str("Entering FAULT STATE"),
            Note::Timeout => f.write_str("Receive advertisement timeout"),
            Note::Setting => f.write_str("setting VIPs."),
            Note::Removing => f.write_str("removing VIPs."),
            Note::SettingExcluded => f.write_str("setting E-VIPs."),
            Note::RemovingExcluded => f.write_str("removing E-VIPs."),
            Note::AddressGone { address, prefix, device } => {
                write!(f, "ip address {address}/{prefix} dev {device}, no longer exist")
            }
            Note::SentZero => f.write_str("sent 0 priority"),
            Note::ZeroAsMaster => f.write_str("Master received priority 0 message"),
            Note::ZeroAsBackup => f.write_str("Backup received priority 0 advertisement"),
            Note::MasterIs(source) => write!(f, "master set to {source}"),
            Note::OurAddress => {
                f.write_str("WARNING - equal priority advert received from remote host with our IP address.")
            }
            Note::TwoOwners => f.write_str(
                "CONFIGURATION ERROR: local instance and a remote instance are both configured as address owner, \
                 please fix - reducing local priority",
            ),
            Note::IntervalLearnt { from, to } => write!(
                f,
                "advertisement interval updated from {}ms to {}ms by master",
                from.as_millis(),
                to.as_millis()
            ),
            Note::IntervalOwn { from, to } => write!(
                f,
                "changing advert interval from {}ms to locally configured {}ms",
                from.as_millis(),
                to.as_millis()
            ),
            Note::PreemptDelay(delay) => write!(f, "start preempt delay ({:.6})", delay.as_secs_f64()),
            Note::CannotServe => f.write_str("nothing on this box answers on the virtual addresses, giving way"),
            Note::ServesAgain => f.write_str("this box answers on the virtual addresses again"),
            Note::PreemptDelayOver => f.write_str("stop preempt delay"),
            Note::Priority { from, to } => write!(f, "Changing effective priority from {from} to {to}"),
            Note::Discarding { .. } | Note::Higher { .. } | Note::HigherAddress { .. } | Note::Lower { .. } => {
                self.fmt_advert(f)
            }
        }
    }
}

impl Note {
    fn fmt_advert(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Discarding { priority, source } => {
                write!(f, "received lower priority ({priority}) advert from {source} - discarding")
            }
            Note::Higher { priority, source, ours } => {
                write!(f, "Master received advert from {source} with higher priority {priority}, ours {ours}")
            }
            Note::HigherAddress { priority, source } => write!(
                f,
                "Master received advert from {source} with same priority {priority} but higher IP address than ours"
            ),
            Note::Lower { priority, source, ours } => write!(
                f,
                "Received advert from {source} with lower priority {priority}, ours {ours}, forcing new election"
            ),
            _ => Ok(()),
        }
    }
}
