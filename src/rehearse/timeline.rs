//! What happened when: who owned the address, when nobody answered, which mails came. Pure.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::clients::Request;
use super::owner::Owner;
use super::report::millis;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Entry {
    /// Something was done to the cluster.
    Act {
        /// In which drill.
        drill: &'static str,
        /// What.
        act: String,
    },
    /// A virtual router has another owner.
    Owner {
        /// Its name.
        router: String,
        /// Who claims it from now on.
        owner: Owner,
    },
    /// Some client gets an answer again after a while without one.
    Silence {
        /// For how long.
        ms: u64,
        /// Requests sent in that time that got none at all.
        failed: usize,
    },
    /// A mail came.
    Mail {
        /// Its subject.
        subject: String,
    },
}

/// An entry with its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// Milliseconds since the rehearsal began.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Timeline(Vec<Moment>);

impl Timeline {
    /// Puts entries in the order of their times.
    pub fn new(began: Instant, entries: impl IntoIterator<Item = (Instant, Entry)>) -> Timeline {
        let at = |at: Instant| millis(at.saturating_duration_since(began));
        let mut moments: Vec<_> = entries.into_iter().map(|(when, entry)| Moment { at: at(when), entry }).collect();
        moments.sort_by_key(|moment| moment.at);
        Timeline(moments)
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "timeline, in seconds")?;
        self.0.iter().try_for_each(|Moment { at, entry }| writeln!(f, "{:8.3}  {entry}", *at as f64 / 1e3))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Act { drill, act } => write!(f, "{drill}: {act}"),
            Entry::Owner { router, owner } => write!(f, "    {router} is owned by {owner}"),
            Entry::Silence { ms, failed } => {
                write!(f, "    clients are answered again: {ms} ms without an answer, {failed} requests failed")
            }
            Entry::Mail { subject } => write!(f, "    mail: {subject}"),
        }
    }
}

/// What clients went through in a window of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Requests sent in the window, or under way when it began.
    pub sent: usize,
    /// Those of them that got no good answer.
    pub failed: usize,
    /// Those that were sent after the last moment at which that is excused.
    pub failed_late: usize,
    /// The longest time that one client waited for the next good answer.
    pub longest: Duration,
}

impl Silence {
    /// Measures it.
    pub fn measure(log: &[Request], clients: usize, window: [Instant; 2], excused_until: Instant) -> Silence {
        let [start, end] = window;
        // Who had asked and was still waiting when it began has been through it, too.
        let in_time =
            |it: &&Request| it.sent <= end && (it.sent >= start || it.answer.is_none_or(|(at, _)| at >= start));
        let sent = || log.iter().filter(in_time);
        let failed = || sent().filter(|request| failed(request));
        Silence {
            sent: sent().count(),
            failed: failed().count(),
            failed_late: failed().filter(|request| request.sent > excused_until).count(),
            longest: (0..clients)
                .flat_map(|client| waits(log, client, window))
                .map(|(from, to)| to - from)
                .max()
                .unwrap_or_default(),
        }
    }
}

/// The ends of times longer than `least` in which some client got no good answer; those that overlap are one.
pub fn silences(log: &[Request], clients: usize, window: [Instant; 2], least: Duration) -> Vec<(Instant, Entry)> {
    let mut long: Vec<_> = (0..clients).flat_map(|client| waits(log, client, window)).collect();
    long.retain(|(from, to)| *to - *from > least);
    long.sort();
    let mut joined: Vec<(Instant, Instant)> = Vec::new();
    for (from, to) in long {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    let entry = |(from, to): (Instant, Instant)| {
        let failed = log.iter().filter(|request| (from..to).contains(&request.sent) && failed(request)).count();
        (to, Entry::Silence { ms: millis(to - from), failed })
    };
    joined.into_iter().map(entry).collect()
}

fn failed(request: &Request) -> bool {
    request.answer.is_some_and(|(_, answer)| !answer.is_good())
}

/// The times between good answers of a client, in a window.
fn waits(log: &[Request], client: usize, [start, end]: [Instant; 2]) -> Vec<(Instant, Instant)> {
    let own = log.iter().filter(|request| request.client == client);
    let good = own.filter_map(|request| request.answer).filter(|(_, answer)| answer.is_good()).map(|(at, _)| at);
    let mut times: Vec<Instant> = good.filter(|at| (start..=end).contains(at)).collect();
    times.extend([start, end]);
    times.sort();
    times.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::super::clients::Answer;
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// Requests as (client, sent, answered, good).
    fn log(start: Instant, requests: &[(usize, u64, u64, bool)]) -> Vec<Request> {
        let request = |&(client, sent, done, good): &(usize, u64, u64, bool)| {
            let answer = if good { Answer::Status(200) } else { Answer::Broken(ErrorKind::TimedOut) };
            Request { client, sent: start + ms(sent), answer: Some((start + ms(done), answer)) }
        };
        requests.iter().map(request).collect()
    }

    #[test]
    fn silence_is_the_worst_clients_and_includes_the_ends_of_the_window() {
        let start = Instant::now();
        let log = log(
            start,
            &[(0, 0, 5, true), (1, 0, 5, true), (0, 100, 900, true), (1, 200, 205, true), (1, 300, 800, false)],
        );
        let seen = Silence::measure(&log, 2, [start, start + ms(1000)], start + ms(250));
        let longest = ms(895);
        assert_eq!(seen, Silence { sent: 5, failed: 1, failed_late: 1, longest });
        let seen = Silence::measure(&log, 2, [start, start + ms(1000)], start + ms(300));
        assert_eq!(seen.failed_late, 0);
    }

    #[test]
    fn overlapping_silences_are_one() {
        let start = Instant::now();
        let log = log(
            start,
            &[
                (0, 0, 100, true),
                (1, 0, 300, true),
                (0, 0, 500, true),
                (1, 0, 700, true),
                (0, 0, 750, true),
                (1, 350, 360, false),
            ],
        );
        let found = silences(&log, 2, [start, start + ms(800)], ms(200));
        assert_eq!(found, [(start + ms(750), Entry::Silence { ms: 750, failed: 1 })]);
    }

    #[test]
    fn a_timeline_is_in_order_and_reads_as_lines() {
        let began = Instant::now();
        let owner = Entry::Owner { router: "VI_1".into(), owner: Owner::One(1) };
        let act = Entry::Act { drill: "stop-master", act: "stop".into() };
        let timeline = Timeline::new(began, [(began + ms(1613), owner), (began + ms(1000), act)]);
        let text = "timeline, in seconds\n   1.000  stop-master: stop\n   1.613      VI_1 is owned by director 2\n";
        assert_eq!(timeline.to_string(), text);
    }
}
