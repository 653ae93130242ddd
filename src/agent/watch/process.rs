//! One `vrrp_track_process`: how many processes of a kind run.

use std::fs;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::track::{ArgumentMatch, TrackProcess};
use tracing::info;

use super::Teller;

/// How often processes are looked at.
const EVERY: Duration = Duration::from_millis(250);

/// The kernel keeps so many bytes of a process' short name.
const SHORT_NAME: usize = 15;

/// Counts until dropped.
pub(super) async fn watch(process: TrackProcess, teller: Teller) {
    let mut known: Option<bool> = None;
    let mut since: Option<Instant> = None;
    loop {
        let wanted = process.clone();
        let count = tokio::task::spawn_blocking(move || count(&wanted)).await.unwrap_or(0);
        let good = count >= process.quorum && process.quorum_max.is_none_or(|most| count <= most);
        if known == Some(good) {
            since = None;
        } else if is_lasting(&process, known, good, &mut since) {
            let word = if good { "achieved" } else { "not achieved" };
            info!("Track process {} quorum {word}: {count} run", process.name);
            teller.say(good, i64::from(count));
            (known, since) = (Some(good), None);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Whether a change has lasted long enough. What is found first counts at once.
fn is_lasting(process: &TrackProcess, known: Option<bool>, good: bool, since: &mut Option<Instant>) -> bool {
    let delay = if good { process.fork_delay } else { process.terminate_delay };
    let began = *since.get_or_insert_with(Instant::now);
    known.is_none() || began.elapsed() >= delay
}

fn count(process: &TrackProcess) -> u32 {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| is_one(process, *id)).count() as u32
}

fn is_one(process: &TrackProcess, id: u32) -> bool {
    let Some((program, arguments)) = process.command.split_first() else { return false };
    if arguments.is_empty() && !process.full_command && process.arguments == ArgumentMatch::Exact {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        let short = program.get(..SHORT_NAME).unwrap_or(program);
        return name.trim_end() == short;
    }
    let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.strip_suffix(b"\0").unwrap_or(&line).split(|byte| *byte == 0).collect();
    let Some((first, rest)) = words.split_first() else { return false };
    *first == program.as_bytes() && fits(arguments, rest, process.arguments)
}

fn fits(wanted: &[String], given: &[&[u8]], how: ArgumentMatch) -> bool {
    let same = |(wanted, given): (&String, &&[u8])| wanted.as_bytes() == *given;
    match how {
        ArgumentMatch::Exact => wanted.len() == given.len() && wanted.iter().zip(given).all(same),
        ArgumentMatch::Initial => wanted.len() <= given.len() && wanted.iter().zip(given).all(same),
        ArgumentMatch::Partial => {
            let Some((last, first)) = wanted.split_last() else { return true };
            let goes_on = given.get(first.len()).is_some_and(|word| word.starts_with(last.as_bytes()));
            first.iter().zip(given).all(same) && goes_on
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_compared_as_written() {
        let wanted = ["-c".to_owned(), "/etc/x".to_owned()];
        let given: [&[u8]; 3] = [b"-c", b"/etc/x.conf", b"-d"];
        assert!(!fits(&wanted, &given, ArgumentMatch::Exact));
        assert!(!fits(&wanted, &given, ArgumentMatch::Initial));
        assert!(fits(&wanted, &given, ArgumentMatch::Partial));
        assert!(fits(&wanted[..1], &given, ArgumentMatch::Initial));
        assert!(!fits(&wanted, &given[..1], ArgumentMatch::Partial));
    }
}
