//! A mail's bytes, as keepalived writes them: its headers in its order, no MIME, no Message-ID. Pure.

use serde::{Deserialize, Serialize};

use crate::sys::clock::LocalTime;

/// Who writes, to whom, in whose name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `router_id`, in front of the subject.
    pub router_id: String,
    /// `notification_email_from`
    pub from: String,
    /// `notification_email`
    pub to: Vec<String>,
}

/// A mail that is ready to go out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The address it comes from, without a name.
    pub from: String,
    /// The addresses it still has to reach.
    pub to: Vec<String>,
    /// What it is about, for log lines.
    pub subject: String,
    /// Headers and body, lines ended by CRLF, neither the last dot nor doubled ones.
    pub data: String,
}

/// Writes a mail with this subject and body line.
pub fn compose(envelope: &Envelope, subject: &str, text: &str, now: &LocalTime) -> Mail {
    let subject = format!("[{}] {}", one_line(&envelope.router_id), one_line(subject));
    let from = one_line(&envelope.from);
    let to: Vec<String> = envelope.to.iter().map(|to| one_line(to)).collect();
    let data = format!(
        "Date: {}\r\nFrom: {from}\r\nSubject: {subject}\r\nX-Mailer: Keepalived\r\nTo: {}\r\n\r\n=> {} <=\r\n",
        date(now),
        to.join(", "),
        one_line(text),
    );
    Mail { from: bare(&from), to: to.iter().map(|to| bare(to)).collect(), subject, data }
}

/// `Sun, 22 Nov 2026 07:27:41 +0000` (RFC 5322 3.3).
fn date(now: &LocalTime) -> String {
    let LocalTime { day, year, hour, minute, second, offset, .. } = *now;
    let (weekday, month) = (now.weekday_name(), now.month_name());
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs() / 60;
    let (zone_hours, zone_minutes) = (minutes / 60, minutes % 60);
    format!(
        "{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} {sign}{zone_hours:02}{zone_minutes:02}"
    )
}

/// The address in `Name <address>`.
fn bare(address: &str) -> String {
    let inner = address.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inner, _)| inner);
    inner.unwrap_or(address).trim().to_owned()
}

/// Nothing that came from a file may add a header or a line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: i32) -> LocalTime {
        LocalTime { year: 2026, month: 11, day: 2, weekday: 1, hour: 7, minute: 27, second: 41, offset }
    }

    fn envelope() -> Envelope {
        Envelope {
            router_id: "LVS_DEVEL".to_owned(),
            from: "root@linuxzen.com".to_owned(),
            to: vec!["cold_night@linuxzen.com".to_owned(), "second@linuxzen.com".to_owned()],
        }
    }

    #[test]
    fn writes_the_originals_bytes() {
        let subject = "Realserver [192.168.3.1]:tcp:80 of virtual server [192.168.3.253]:tcp:80 - DOWN";
        let mail = compose(&envelope(), subject, "TCP CHECK failed on service", &at(0));
        assert_eq!(
            mail.data,
            "Date: Mon, 02 Nov 2026 07:27:41 +0000\r\nFrom: root@linuxzen.com\r\nSubject: [LVS_DEVEL] Realserver \
             [192.168.3.1]:tcp:80 of virtual server [192.168.3.253]:tcp:80 - DOWN\r\nX-Mailer: Keepalived\r\n\
             To: cold_night@linuxzen.com, second@linuxzen.com\r\n\r\n=> TCP CHECK failed on service <=\r\n"
        );
        assert_eq!(mail.to, ["cold_night@linuxzen.com", "second@linuxzen.com"]);
    }

    #[test]
    fn zones_are_signed_hours_and_minutes() {
        assert!(date(&at(-12_600)).ends_with("-0330"));
        assert!(date(&at(28_800)).ends_with("+0800"));
    }

    #[test]
    fn a_name_stays_out_of_the_dialogue_and_lines_cannot_be_smuggled_in() {
        let from = "Keepalived <root@vm>\r\nBcc: x@y".to_owned();
        let mail = compose(&Envelope { from, ..envelope() }, "s", "t", &at(0));
        assert_eq!(mail.from, "root@vm");
        assert!(!mail.data.contains("\nBcc"));
    }
}
