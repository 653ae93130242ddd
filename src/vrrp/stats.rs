//! What an instance counts, and how keepalived prints it in `/tmp/keepalived.stats`.

use std::fmt;

use super::wire::accept::Why;

/// The counters of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Adverts that counted.
    pub received: u64,
    /// Adverts sent.
    pub sent: u64,
    /// Times it became master.
    pub became_master: u64,
    /// Times it ceased to be master.
    pub released_master: u64,
    /// Adverts of a wrong length.
    pub length_errors: u64,
    /// Adverts that came through a router.
    pub ttl_errors: u64,
    /// Packets that are no adverts.
    pub type_errors: u64,
    /// Adverts of another interval.
    pub interval_errors: u64,
    /// Adverts of other addresses.
    pub address_errors: u64,
    /// Adverts of an unknown authentication.
    pub auth_type_errors: u64,
    /// Adverts of another authentication.
    pub auth_mismatches: u64,
    /// Adverts of a wrong password.
    pub auth_failures: u64,
    /// Adverts without the trailer that they must have.
    pub trailers_missing: u64,
    /// Trailers of an unknown kind.
    pub trailers_malformed: u64,
    /// Trailers of an unknown key.
    pub unknown_keys: u64,
    /// Trailers that do not belong to their adverts.
    pub wrong_codes: u64,
    /// Trailers that are too old.
    pub stale: u64,
    /// Adverts said again.
    pub replayed: u64,
    /// Good-byes heard.
    pub zero_received: u64,
    /// Good-byes said.
    pub zero_sent: u64,
}

impl Stats {
    /// Counts an advert that does not count.
    pub fn rejected(&mut self, why: Why) {
        let counter = match why {
            Why::Length { .. } => &mut self.length_errors,
            Why::Ttl(_) => &mut self.ttl_errors,
            Why::Type(_) => &mut self.type_errors,
            Why::Interval { .. } => &mut self.interval_errors,
            Why::AuthType(_) => &mut self.auth_type_errors,
            Why::AuthMismatch { .. } => &mut self.auth_mismatches,
            Why::Password | Why::Seal => &mut self.auth_failures,
            Why::TrailerMissing => &mut self.trailers_missing,
            Why::TrailerMalformed => &mut self.trailers_malformed,
            Why::UnknownKey(_) => &mut self.unknown_keys,
            Why::WrongCode => &mut self.wrong_codes,
            Why::Stale { .. } => &mut self.stale,
            Why::Replayed => &mut self.replayed,
            Why::Sealed | Why::Unsealed => &mut self.auth_mismatches,
            // keepalived has no counters of its own for these in this file.
            Why::Version { .. } | Why::Checksum(_) | Why::Cast { .. } | Why::NoPeer => return,
            Why::Spi { .. } | Why::Sequence { .. } => return,
        };
        *counter += 1;
    }
}

/// keepalived's layout, without the line that names the instance.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  Advertisements:\n    Received: {}\n    Sent: {}", self.received, self.sent)?;
        writeln!(f, "  Became master: {}\n  Released master: {}", self.became_master, self.released_master)?;
        writeln!(f, "  Packet Errors:\n    Length: {}\n    TTL: {}", self.length_errors, self.ttl_errors)?;
        writeln!(f, "    Invalid Type: {}", self.type_errors)?;
        writeln!(f, "    Advertisement Interval: {}", self.interval_errors)?;
        writeln!(f, "    Address List: {}", self.address_errors)?;
        writeln!(f, "  Authentication Errors:\n    Invalid Type: {}", self.auth_type_errors)?;
        writeln!(f, "    Type Mismatch: {}\n    Failure: {}", self.auth_mismatches, self.auth_failures)?;
        writeln!(f, "  Authentication Extension Errors:\n    Missing: {}", self.trailers_missing)?;
        writeln!(f, "    Malformed: {}\n    Unknown Key: {}", self.trailers_malformed, self.unknown_keys)?;
        writeln!(
            f,
            "    Invalid HMAC: {}\n    Stale: {}\n    Replay: {}",
            self.wrong_codes, self.stale, self.replayed
        )?;
        writeln!(f, "  Priority Zero:\n    Received: {}\n    Sent: {}", self.zero_received, self.zero_sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_laid_out_as_keepalived_s() {
        let mut stats = Stats { sent: 39, became_master: 2, released_master: 1, zero_sent: 1, ..Stats::default() };
        stats.rejected(Why::Ttl(64));
        let expected = "  Advertisements:
    Received: 0
    Sent: 39
  Became master: 2
  Released master: 1
  Packet Errors:
    Length: 0
    TTL: 1
    Invalid Type: 0
    Advertisement Interval: 0
    Address List: 0
  Authentication Errors:
    Invalid Type: 0
    Type Mismatch: 0
    Failure: 0
  Authentication Extension Errors:
    Missing: 0
    Malformed: 0
    Unknown Key: 0
    Invalid HMAC: 0
    Stale: 0
    Replay: 0
  Priority Zero:
    Received: 0
    Sent: 1
";
        assert_eq!(stats.to_string(), expected);
    }
}
