//! One line that tells what is being done: redrawn on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(200);

/// The line, on standard error.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    shown: Instant,
    terminal: bool,
    /// `3/10 kill-vrrp`
    part: String,
    words: String,
}

impl Progress {
    /// A line that is drawn if standard error is a terminal.
    pub fn new() -> Progress {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Progress { began: now, shown: now, terminal, part: String::new(), words: String::new() }
    }

    /// A new part begins.
    pub fn part(&mut self, part: String) {
        if !self.terminal {
            eprintln!("rkeep rehearse: {part}");
        }
        self.part = part;
        self.words.clear();
    }

    /// What is being done in it.
    pub fn say(&mut self, words: &str) {
        words.clone_into(&mut self.words);
    }

    /// Whether the line should be drawn again.
    pub fn is_due(&self) -> bool {
        self.terminal && self.shown.elapsed() >= REDRAW
    }

    /// Draws it, with what is the case now.
    pub fn show(&mut self, state: &str) {
        self.shown = Instant::now();
        let line = format!("[{:3} s] {}: {}; {state}", self.began.elapsed().as_secs(), self.part, self.words);
        // A line that is broken could not be wiped away.
        let columns = rustix::termios::tcgetwinsize(std::io::stderr()).map_or(80, |size| usize::from(size.ws_col));
        let line: String = line.chars().take(columns.saturating_sub(1)).collect();
        draw(&format!("\r\x1b[K{line}"));
    }

    /// Wipes it away, so that something else can be printed.
    pub fn clear(&self) {
        if self.terminal {
            draw("\r\x1b[K");
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Progress::new()
    }
}

/// A terminal that does not take it does not matter.
fn draw(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
