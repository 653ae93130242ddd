//! The load: `wrk`, and what it says.

use std::time::Duration;

use super::Case;

/// The script that makes wrk post.
pub const POST: &str = "/run/post.lua";

/// What the script holds.
pub fn post_script(bytes: usize) -> String {
    format!("wrk.method = \"POST\"\nwrk.body = string.rep(\"x\", {bytes})\n")
}

/// The command line for a load on a port.
pub fn command(case: &Case, port: u16, time: Duration) -> Vec<String> {
    let (connections, seconds) = (case.connections.to_string(), time.as_secs().max(1).to_string());
    let url = format!("http://127.0.0.1:{port}{}", case.path);
    let mut words: Vec<&str> = "taskset -c 1 nice -n -20 wrk -t 1".split(' ').collect();
    words.extend(["-c", &connections, "-d", &seconds]);
    if case.post > 0 {
        words.extend(["-s", POST]);
    }
    words.push(&url);
    words.into_iter().map(str::to_owned).collect()
}

/// How many requests were answered, if all were answered well.
///
/// # Errors
/// What was not.
pub fn requests(said: &str) -> Result<u64, String> {
    let bad = said.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors"));
    if let Some(bad) = bad {
        return Err(bad.trim().to_owned());
    }
    let line = said.lines().find_map(|line| line.split_once(" requests in "));
    let count = line.and_then(|(count, _)| count.trim().parse().ok()).filter(|count| *count > 0);
    count.ok_or_else(|| format!("wrk says nothing of requests: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says() {
        assert_eq!(requests("Running 1s test\n  45678 requests in 1.00s, 50MB read\n"), Ok(45678));
        assert!(requests("  1 requests in 1.00s, 5B read\n  Non-2xx or 3xx responses: 7\n").is_err());
        assert!(requests("unable to connect").is_err());
    }
}
