//! Dates as HTTP and logs write them. The strings of the current second are made once a second and thread.

use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::proxy::clock;
use crate::sys::clock::{LocalTime, MONTHS, WEEKDAYS};

/// A moment in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year.
    pub year: i64,
    /// Month from 1.
    pub month: u32,
    /// Day of the month from 1.
    pub day: u32,
    /// Day of the week, 0 is Sunday.
    pub weekday: u32,
    /// Hour.
    pub hour: u32,
    /// Minute.
    pub minute: u32,
    /// Second.
    pub second: u32,
}

impl Civil {
    /// Of seconds since 1970.
    pub fn of(at: i64) -> Civil {
        let days = at.div_euclid(86_400);
        let rest = at.rem_euclid(86_400) as u32;
        // Days since 0000-03-01, in eras of 400 years.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 } as u32;
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: (of_year - (153 * from_march + 2) / 5 + 1) as u32,
            weekday: (days + 4).rem_euclid(7) as u32,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// `Jan` …
    pub fn month_name(&self) -> &'static str {
        MONTHS.get(self.month as usize - 1).copied().unwrap_or("Jan")
    }

    fn day_name(&self) -> &'static str {
        WEEKDAYS.get(self.weekday as usize).copied().unwrap_or("Sun")
    }
}

/// Days since 1970 of a date.
fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `Mon, 28 Sep 1970 06:00:00 GMT`
pub fn http(at: i64) -> String {
    let c = Civil::of(at);
    let (day, month) = (c.day_name(), c.month_name());
    format!("{day}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT", c.day, c.year, c.hour, c.minute, c.second)
}

/// `Thu, 31-Dec-37 23:55:55 GMT`, as cookies have it.
pub fn cookie(at: i64) -> String {
    let c = Civil::of(at);
    let (day, month) = (c.day_name(), c.month_name());
    let year = if c.year > 2037 { c.year.to_string() } else { format!("{:02}", c.year.rem_euclid(100)) };
    format!("{day}, {:02}-{month}-{year} {:02}:{:02}:{:02} GMT", c.day, c.hour, c.minute, c.second)
}

/// Reads a date of HTTP: RFC 1123, RFC 850 or asctime.
pub fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let after_weekday = text.split_once(',').map(|(_, rest)| rest);
    let rest = after_weekday.unwrap_or(text).trim();
    let words: Vec<&str> = rest.split([' ', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, clock) = match words.as_slice() {
        // Sunday, 06-Nov-94 08:49:37 GMT and Sun, 06 Nov 1994 08:49:37 GMT
        [day, month, year, clock, ..] if after_weekday.is_some() && day.as_bytes().first()?.is_ascii_digit() => {
            (*day, *month, *year, *clock)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, clock, year] => (*day, *month, *year, *clock),
        _ => return None,
    };
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let day: i64 = day.parse().ok().filter(|day| (1..=31).contains(day))?;
    let year = match (year.len(), year.parse::<i64>().ok()?) {
        (2, year) if year < 70 => year + 2000,
        (2, year) => year + 1900,
        (4, year) => year,
        _ => return None,
    };
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let valid = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    (valid && year >= 1970).then(|| days_from(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// The strings of one second.
#[derive(Debug, Default)]
struct Cached {
    at: i64,
    http: String,
    error_log: String,
    local: String,
    iso: String,
    syslog: String,
}

thread_local! {
    static CACHE: RefCell<Cached> = RefCell::new(Cached { at: -1, ..Cached::default() });
}

impl Cached {
    fn refresh(&mut self, at: i64) {
        if self.at == at {
            return;
        }
        let c = LocalTime::at(UNIX_EPOCH + Duration::from_secs(at.max(0) as u64));
        let (month, offset) = (c.month_name(), c.offset);
        let clock = format!("{:02}:{:02}:{:02}", c.hour, c.minute, c.second);
        let sign = if offset < 0 { '-' } else { '+' };
        let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
        *self = Cached {
            at,
            http: http(at),
            error_log: format!("{:04}/{:02}/{:02} {clock}", c.year, c.month, c.day),
            local: format!("{:02}/{month}/{:04}:{clock} {sign}{hours:02}{minutes:02}", c.day, c.year),
            iso: format!("{:04}-{:02}-{:02}T{clock}{sign}{hours:02}:{minutes:02}", c.year, c.month, c.day),
            syslog: format!("{month} {:2} {clock}", c.day),
        };
    }
}

fn cached<T>(at: i64, take: impl FnOnce(&Cached) -> T) -> T {
    CACHE.with_borrow_mut(|cache| {
        cache.refresh(at);
        take(cache)
    })
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Seconds east of UTC of the local time zone.
pub fn local_offset(at: i64) -> i64 {
    i64::from(LocalTime::at(UNIX_EPOCH + Duration::from_secs(at.max(0) as u64)).offset)
}

/// Appends the current `Date`, within a connection's task.
pub fn put_http_now(out: &mut Vec<u8>) {
    cached(clock::seconds(), |cache| out.extend_from_slice(cache.http.as_bytes()));
}

/// `2026/01/31 23:59:59`, local time.
pub fn error_log_time() -> String {
    cached(now(), |cache| cache.error_log.clone())
}

/// `$time_local`
pub fn put_local(out: &mut Vec<u8>) {
    cached(clock::seconds(), |cache| out.extend_from_slice(cache.local.as_bytes()));
}

/// `$time_iso8601`
pub fn put_iso(out: &mut Vec<u8>) {
    cached(clock::seconds(), |cache| out.extend_from_slice(cache.iso.as_bytes()));
}

/// `Jan  1 23:59:59`, as syslog wants it.
pub fn syslog_time() -> String {
    cached(now(), |cache| cache.syslog.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        assert_eq!(http(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        assert_eq!(parse(b"yesterday"), None);
        assert_eq!(parse(b"06 Nov 1994 08:49:37 GMT"), None, "nginx takes this for the form without a comma");
        for at in [0, 951_782_399, 951_782_400, 4_102_444_800, 7_258_118_400] {
            assert_eq!(parse(http(at).as_bytes()), Some(at));
        }
    }
}
