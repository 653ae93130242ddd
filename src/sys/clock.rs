//! Local time by the C library, which knows the machine's time zone; how long the machine has been running.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long this machine has been running, suspended or not.
pub fn since_boot() -> Duration {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(since.tv_sec.try_into().unwrap_or(0), since.tv_nsec.try_into().unwrap_or(0))
}

/// A moment on the wall clock of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year, such as 2026.
    pub year: i32,
    /// 1…12.
    pub month: u8,
    /// 1…31.
    pub day: u8,
    /// 0 is Sunday.
    pub weekday: u8,
    /// 0…23.
    pub hour: u8,
    /// 0…59.
    pub minute: u8,
    /// 0…60.
    pub second: u8,
    /// Seconds east of Greenwich.
    pub offset: i32,
}

/// English names as C's locale writes them.
pub const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// English names as C's locale writes them, Sunday first.
pub const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl LocalTime {
    /// The wall clock at `at`. A moment before 1970 counts as 1970.
    pub fn at(at: SystemTime) -> Self {
        let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) as libc::time_t;
        // SAFETY: all-zero bytes are a valid `tm`; it holds integers and a pointer that may be null.
        let mut broken: libc::tm = unsafe { std::mem::zeroed() };
        // SAFETY: both pointers are to live values of this frame; localtime_r writes only through the second.
        unsafe { libc::localtime_r(&seconds, &mut broken) };
        LocalTime {
            year: broken.tm_year + 1900,
            month: broken.tm_mon as u8 + 1,
            day: broken.tm_mday as u8,
            weekday: broken.tm_wday as u8,
            hour: broken.tm_hour as u8,
            minute: broken.tm_min as u8,
            second: broken.tm_sec as u8,
            offset: broken.tm_gmtoff as i32,
        }
    }

    /// The month's English abbreviation.
    pub fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month).wrapping_sub(1)).copied().unwrap_or("Jan")
    }

    /// The weekday's English abbreviation.
    pub fn weekday_name(&self) -> &'static str {
        WEEKDAYS.get(usize::from(self.weekday)).copied().unwrap_or("Sun")
    }
}

/// `ctime`'s form without the newline: `Sun Nov 22 07:20:40 2026`.
impl std::fmt::Display for LocalTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (weekday, month) = (self.weekday_name(), self.month_name());
        let LocalTime { day, hour, minute, second, year, .. } = *self;
        write!(f, "{weekday} {month} {day:2} {hour:02}:{minute:02}:{second:02} {year}")
    }
}

/// Seconds since 1970 as strftime(3) writes them, by the machine's time zone or by Greenwich. Nothing where the format
/// is too long or holds a zero byte.
pub fn format(format: &[u8], at: i64, gmt: bool) -> Vec<u8> {
    let Ok(format) = std::ffi::CString::new(format) else { return Vec::new() };
    let seconds = at as libc::time_t;
    // SAFETY: all-zero bytes are a valid `tm`; it holds integers and a pointer that may be null.
    let mut broken: libc::tm = unsafe { std::mem::zeroed() };
    let split = if gmt { libc::gmtime_r } else { libc::localtime_r };
    // SAFETY: both pointers are to live values of this frame; the call writes only through the second.
    unsafe { split(&seconds, &mut broken) };
    let mut text = vec![0u8; 1024];
    // SAFETY: it writes at most `text.len()` bytes to `text`; the format ends with a zero byte, and `broken` is live.
    let len = unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &broken) };
    text.truncate(len);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn agrees_with_greenwich_once_the_offset_is_taken_away() {
        let at = UNIX_EPOCH + Duration::from_secs(1_795_332_504);
        let utc_offset = LocalTime::at(at).offset;
        let local = LocalTime::at(at - Duration::from_secs(utc_offset.rem_euclid(86_400) as u64));
        let shown = local.to_string();
        assert!(shown.ends_with("07:28:24 2026"), "{shown}");
    }

    #[test]
    fn formats() {
        assert_eq!(format(b"%A, %d-%b-%Y %H:%M:%S", 0, true), b"Thursday, 01-Jan-1970 00:00:00");
        assert_eq!(format(b"ELSE", 0, false), b"ELSE");
        assert_eq!(format(b"", 0, true), b"");
    }

    #[test]
    fn pads_as_ctime_does() {
        let time = LocalTime { year: 2026, month: 2, day: 3, weekday: 2, hour: 4, minute: 5, second: 6, offset: 0 };
        assert_eq!(time.to_string(), "Tue Feb  3 04:05:06 2026");
    }
}
