//! The load: `wrk`, and what it says.

use std::time::Duration;

use super::case::{By, Case};

/// The script that makes wrk post.
pub const POST: &str = "/run/post.lua";

/// What the script holds.
pub fn post_script(bytes: usize) -> String {
    format!("wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", {bytes})\n")
}

/// A message of gRPC, to be posted.
pub const MESSAGE: &str = "/run/message";

/// What that file holds: the prefix of a message, and its bytes.
pub fn message() -> Vec<u8> {
    [&[0, 0, 0, 0, 64][..], &[b'x'; 64]].concat()
}

/// The command line for a load on a port.
pub fn command(case: &Case, port: u16, time: Duration) -> Vec<String> {
    let (connections, seconds) = (case.connections.to_string(), time.as_secs().max(1).to_string());
    let scheme = if matches!(case.by, By::Tls | By::Handshakes) { "https" } else { "http" };
    let at = format!("127.0.0.1:{port}");
    let url = format!("{scheme}://{at}{}", case.path);
    let client = match case.by {
        By::Http | By::Tls | By::Handshakes => format!("wrk -t 1 -d {seconds} -c {connections}"),
        By::Http2 => format!("h2load -t 1 -m 8 -D {seconds} -c {connections}"),
        By::Grpc => format!(
            "h2load -t 1 -m 8 -D {seconds} -c {connections} -d {MESSAGE} -H content-type:application/grpc -H te:trailers"
        ),
        By::Resumptions => return resumptions(case, &at, &seconds),
    };
    let mut words: Vec<&str> = PINNED.split(' ').chain(client.split(' ')).collect();
    if case.post > 0 {
        words.extend(["-s", POST]);
    }
    if case.by == By::Handshakes {
        // As two words with a blank in the second, or wrk does not send it.
        words.extend(["-H", "Connection: close"]);
    }
    words.push(&url);
    words.into_iter().map(str::to_owned).collect()
}

/// Where clients run.
const PINNED: &str = "taskset -c 1 nice -n -20";

/// Clients that come again and again with the session of their first time.
fn resumptions(case: &Case, at: &str, seconds: &str) -> Vec<String> {
    let client = format!("openssl s_time -tls1_3 -reuse -connect {at} -www {} -time {seconds}", case.path);
    let line = format!("for i in $(seq {}); do {client} 2>&1 & done; wait", case.connections);
    PINNED.split(' ').chain(["sh", "-c", &line]).map(str::to_owned).collect()
}

/// How many requests were answered, if all were answered well.
///
/// # Errors
/// What was not.
pub fn requests(case: &Case, said: &str) -> Result<u64, String> {
    match case.by {
        By::Http2 | By::Grpc => of_h2load(said),
        By::Resumptions => of_s_time(said),
        By::Http | By::Tls | By::Handshakes => of_wrk(said),
    }
}

/// It prints an `r` for each session taken up again and a star for each new one.
fn of_s_time(said: &str) -> Result<u64, String> {
    let counts = said.lines().filter_map(|line| line.split_once(" connections in ")?.0.parse::<u64>().ok());
    match counts.sum::<u64>() {
        count if count > 0 && !said.contains('*') => Ok(count / 2),
        _ => Err(format!("s_time says: {said}")),
    }
}

fn of_wrk(said: &str) -> Result<u64, String> {
    let bad = said.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
    if let Some(bad) = bad {
        return Err(bad.trim().to_owned());
    }
    let line = said.lines().find_map(|line| line.split_once(" requests in "));
    let count = line.and_then(|(count, _)| count.trim().parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| format!("wrk says nothing of requests: {said}"))
}

fn of_h2load(said: &str) -> Result<u64, String> {
    let line = said.lines().find_map(|line| line.strip_prefix("requests: ")).unwrap_or_default();
    let count = |what: &str| line.split(", ").find_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok());
    match (count(" succeeded"), count(" failed"), count(" errored")) {
        (Some(good), Some(0), Some(0)) if good > 0 => Ok(good),
        _ => Err(format!("h2load says: {said}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says() {
        assert_eq!(of_wrk("Running 1s test\n  45678 requests in 1.00s, 50MB read\n"), Ok(45678));
        assert!(of_wrk("  1 requests in 1.00s, 5B read\n  Non-2xx or 3xx responses: 7\n").is_err());
        assert!(of_wrk("unable to connect").is_err());
    }

    #[test]
    fn what_s_time_says() {
        let said = "rrrr\n\n4 connections in 0.04s; 100.00 connections/user sec, bytes read 99\n\
                    4 connections in 2 real seconds, 25 bytes read per connection\n";
        assert_eq!(of_s_time(said), Ok(4));
        assert!(of_s_time(&said.replacen('r', "*", 1)).is_err() && of_s_time("").is_err());
    }

    #[test]
    fn what_h2load_says() {
        let said = |failed| {
            format!("requests: 9 total, 9 started, 9 done, 8 succeeded, {failed} failed, 0 errored, 0 timeout\n")
        };
        assert_eq!(of_h2load(&said(0)), Ok(8));
        assert!(of_h2load(&said(1)).is_err() && of_h2load("").is_err());
    }
}
