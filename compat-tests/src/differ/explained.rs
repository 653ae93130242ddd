//! Differences that are meant, each with its reason.

use super::case::{Case, End};
use super::side::Seen;

/// One kind of them.
struct Explained {
    reason: &'static str,
    /// Only against an nginx before this minor version, if any.
    before: Option<u32>,
    fits: fn(&Case, &Seen, &Seen) -> bool,
}

const EXPLAINED: &[Explained] = &[
    Explained {
        reason: "a condition of the request that fails after an answer has been made (412 of `return` and the like) makes \
                 nginx close the connection, and log no completion; rkeep answers the same and keeps it",
        before: None,
        fits: |_, nginx, rkeep| {
            let failed = |line: &String| line.contains("\" 412 [") && line.contains("\"  ");
            nginx.logged.last().is_some_and(failed) && rkeep.logged.len() >= nginx.logged.len()
        },
    },
    Explained {
        reason: "what has no valid status line is passed on by both as the body of an HTTP/0.9 answer; nginx logs status 009 \
                 and keeps the client's connection open, though nothing says where that answer ends; rkeep logs 200 and \
                 closes it",
        before: None,
        fits: |_, nginx, _| nginx.logged.iter().any(|line| line.contains("\" 009 [")),
    },
    Explained {
        reason: "where what the client still sends is read only lest a reset destroys the answer, rkeep has ended its own side \
                 already, nginx says nothing until it closes",
        before: None,
        fits: |_, nginx, rkeep| {
            let told = nginx.answers.iter().any(|line| line == "Connection: close");
            told && rkeep.closed == "at once"
                && Seen { closed: "", ..nginx.clone() } == Seen { closed: "", ..rkeep.clone() }
        },
    },
    Explained {
        reason: "nginx does not pass on a backend's field whose name is one byte that is neither letter nor digit",
        before: None,
        fits: |case, nginx, rkeep| {
            let odd = |line: &&String| {
                line.split(':')
                    .next()
                    .is_some_and(|name| name.len() == 1 || (name.len() == 4 && name.starts_with("\\x")))
            };
            let more = rkeep.answers.iter().filter(|line| !nginx.answers.contains(line)).collect::<Vec<_>>();
            !case.replies.is_empty() && !more.is_empty() && more.iter().all(odd)
        },
    },
    Explained {
        reason: "an answer of a status below 200 has no body and is not the last one: rkeep waits for the one that is, and \
                 closes the connection after a 101 that nobody asked for; nginx passes all but 103 on in its place, body and \
                 all, and goes on",
        before: None,
        fits: |_, nginx, _| {
            let status = |line: &String| line.split("\" ").nth(1).is_some_and(|rest| rest.starts_with(['0', '1']));
            nginx.logged.iter().any(|line| status(line) || line.contains("[1"))
        },
    },
    Explained {
        reason: "a backend falls silent in the middle of its answer: rkeep passes on what has come, nginx keeps it if it is short",
        before: None,
        fits: |case, nginx, rkeep| {
            let rest =
                |seen: &Seen| seen.answers.iter().filter(|line| !line.starts_with("body")).cloned().collect::<Vec<_>>();
            let silent = case.replies.iter().any(|reply| reply.end == End::Keep);
            let cut = rkeep.logged.iter().any(|line| line.contains("\"  "));
            silent && cut && (rest(nginx) == rest(rkeep) || nginx.answers.len() < rkeep.answers.len())
        },
    },
    Explained {
        reason: "where a request is passed on as it comes, it is a matter of time whether a backend is asked before the body \
                 turns out to be broken",
        before: None,
        fits: |_, nginx, rkeep| {
            let cut = |seen: &Seen| seen.received.iter().any(|request| request.contains("(not whole)"));
            nginx.answers == rkeep.answers && (cut(nginx) || cut(rkeep))
        },
    },
    Explained {
        reason: "a backend closes a kept connection just as the next request is sent on it: both ask again, if they have not \
                 noticed before",
        before: None,
        fits: |_, nginx, rkeep| {
            let once = |seen: &Seen| seen.logged.iter().map(|line| line.replace("[502, ", "[")).collect::<Vec<_>>();
            let same = once(nginx) == once(rkeep) && nginx.answers == rkeep.answers;
            same && (nginx.logged != rkeep.logged || again(nginx) == again(rkeep)) && nginx.closed == rkeep.closed
        },
    },
    Explained {
        reason: "an answer that a backend breaks off is not complete: rkeep's $request_completion is empty; nginx has OK there \
                 as long as the client takes what has come",
        before: None,
        fits: |_, nginx, rkeep| {
            let told = nginx.logged.iter().any(|line| line.contains("\" OK "));
            let cut = rkeep.logged.iter().any(|line| line.contains("\"  "));
            told && cut && nginx.answers == rkeep.answers && same_but_completion(nginx, rkeep)
        },
    },
    Explained {
        reason: "an answer in chunks is broken where its body begins: nginx has sent its head by then, and leaves the client \
                 to wait for the rest; rkeep closes the connection",
        before: None,
        fits: |_, nginx, rkeep| {
            let chunked = nginx.answers.iter().any(|line| line == "Transfer-Encoding: chunked");
            let closed = |seen: &Seen| Seen { closed: "", ..seen.clone() };
            let same = same_but_completion(&closed(nginx), &closed(rkeep));
            chunked && same && rkeep.closed == "at once" && rkeep.answers.len() < nginx.answers.len()
        },
    },
    Explained {
        reason: "how much is passed on of an answer that breaks off is a matter of buffers",
        before: None,
        fits: |_, nginx, rkeep| {
            let broken = rkeep.logged.iter().any(|line| line.contains("\"  "));
            broken && same_but_completion(nginx, rkeep)
        },
    },
    Explained {
        reason: "of a line that is no request as much is logged as the buffer held when that was seen; what came before it, \
                 empty lines and an earlier request, takes room in nginx's buffer and none in rkeep's",
        before: None,
        fits: |_, nginx, rkeep| {
            let bad = |line: &String| {
                line.split_once("\" 400 [").map(|(request, rest)| (request.to_owned(), rest.to_owned()))
            };
            let same = |(theirs, ours): (&String, &String)| match (bad(theirs), bad(ours)) {
                (Some(theirs), Some(ours)) => {
                    theirs.1 == ours.1 && (ours.0.starts_with(&theirs.0) || theirs.0.starts_with(&ours.0))
                }
                _ => theirs == ours,
            };
            let logs = nginx.logged.len() == rkeep.logged.len() && nginx.logged.iter().zip(&rkeep.logged).all(same);
            logs && Seen { logged: Vec::new(), ..nginx.clone() } == Seen { logged: Vec::new(), ..rkeep.clone() }
        },
    },
    Explained {
        reason: "where a request is passed on as it comes, it is a matter of time and buffers whether its length is known by then",
        before: None,
        fits: |_, nginx, rkeep| {
            nginx.answers == rkeep.answers && nginx.received != rkeep.received && unframed(nginx) == unframed(rkeep)
        },
    },
    Explained {
        reason: "since 1.22 nginx has come to refuse odd hosts, framing of backends that is invalid or said twice, bare line \
                 feeds in chunks and the like, and rkeep refuses them",
        before: Some(29),
        fits: |_, nginx, rkeep| {
            let refused =
                |line: &String| [" 400 ", " 405 ", " 501 ", " 502 "].iter().any(|status| line.contains(status));
            let refuses = rkeep.answers.iter().filter(|line| line.starts_with("HTTP/")).any(refused);
            let breaks_off = rkeep.logged.iter().any(|line| line.contains("\"  ") || line.contains("[502]"));
            let closes = rkeep.closed == "at once" && nginx.closed != rkeep.closed;
            refuses || breaks_off || closes || (rkeep.received.len() < nginx.received.len())
        },
    },
    Explained {
        reason: "an empty label does not match a wildcard since 1.22",
        before: Some(29),
        fits: |_, nginx, _| nginx.answers.iter().any(|line| line.contains("b.example  .c.example")),
    },
    Explained {
        reason: "since 1.22 nginx always sends Host, and first, and keeps Proxy-Connection to itself",
        before: Some(29),
        fits: |_, nginx, rkeep| nginx.answers == rkeep.answers && sorted(nginx) == sorted(rkeep),
    },
];

/// What was received, in whatever order of fields, but for Host and Proxy-Connection.
fn sorted(seen: &Seen) -> Vec<Vec<&str>> {
    let passed = |line: &&str| !["Host:", "Proxy-Connection:"].iter().any(|name| starts_with(line, name));
    let mut all: Vec<Vec<&str>> =
        seen.received.iter().map(|request| request.split("\\r\\n").filter(passed).collect()).collect();
    all.iter_mut().for_each(|lines| lines.sort_unstable());
    all
}

fn starts_with(line: &str, name: &str) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Whether all is the same but what the client heard, and whether log lines say that an answer is complete.
fn same_but_completion(nginx: &Seen, rkeep: &Seen) -> bool {
    let lines = |seen: &Seen| seen.logged.iter().map(|line| line.replace("\" OK ", "\"  ")).collect::<Vec<_>>();
    lines(nginx) == lines(rkeep) && nginx.received == rkeep.received && nginx.closed == rkeep.closed
}

/// What was received, without what tells where bodies end.
fn unframed(seen: &Seen) -> Vec<Vec<&str>> {
    let frames = |line: &&str| !["Content-Length:", "Transfer-Encoding:"].iter().any(|name| starts_with(line, name));
    seen.received.iter().map(|request| request.split("\\r\\n").filter(frames).collect()).collect()
}

/// What was received, whether or not on kept connections.
fn again(seen: &Seen) -> Vec<String> {
    seen.received.iter().map(|request| request.trim_start_matches("kept ").to_owned()).collect()
}

/// Why a difference is meant, if it is. `minor` is nginx's version: 31 for 1.31.
pub fn explained(case: &Case, nginx: &Seen, rkeep: &Seen, minor: u32) -> Option<&'static str> {
    let fits = |row: &&Explained| row.before.is_none_or(|before| minor < before) && (row.fits)(case, nginx, rkeep);
    EXPLAINED.iter().find(fits).map(|row| row.reason)
}
