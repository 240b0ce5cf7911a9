//! Lines of standard error that belong together: a traceback is one record, in whatever language it was written. A line that
//! is indented belongs to the one before it, and some languages end a traceback with a line that is not.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a line waits for another one that belongs to it.
const HOLD: Duration = Duration::from_millis(100);
/// A longer group is more than one record.
const GROUP_BYTES_MAX: usize = 60 * 1024;
/// What begins a traceback of Python.
const TRACEBACK: &str = "Traceback (most recent call last)";
/// What stands between two tracebacks of one error.
const CHAINS: [&str; 2] = ["During handling of the above exception", "The above exception was the direct cause"];

/// Lines that are one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) text: String,
    /// Whether it is a traceback, and not just some lines.
    pub(super) is_traceback: bool,
}

/// What waits for more lines.
#[derive(Debug, Default)]
struct Held {
    lines: Vec<String>,
    bytes: usize,
    since: Option<Instant>,
    is_over: bool,
}

/// The lines of one stream.
#[derive(Debug, Default)]
pub(super) struct Together {
    held: Mutex<Held>,
    changed: Condvar,
}

impl Together {
    /// Takes a line. What is complete now goes to `each`.
    pub(super) fn take(&self, line: String, each: impl FnOnce(Group)) {
        let mut held = self.lock();
        let was_idle = held.since.is_none();
        if !held.takes(&line)
            && let Some(group) = held.release()
        {
            each(group);
        }
        held.bytes += line.len() + 1;
        held.lines.push(line);
        held.since = Some(Instant::now());
        drop(held);
        if was_idle {
            self.changed.notify_all();
        }
    }

    /// Gives what waits to `each`: something else comes.
    pub(super) fn flush(&self, each: impl FnOnce(Group)) {
        if let Some(group) = self.lock().release() {
            each(group);
        }
    }

    /// Gives what waits to `each` when nothing more comes, until [`Together::end`].
    pub(super) fn watch(&self, each: impl Fn(Group)) {
        let mut held = self.lock();
        while !held.is_over {
            let rest = held.since.map(|since| HOLD.saturating_sub(since.elapsed()));
            held = match rest {
                None => self.changed.wait(held).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    if let Some(group) = held.release() {
                        each(group);
                    }
                    held
                }
                Some(rest) => self.changed.wait_timeout(held, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Whether a line belongs to those that wait.
    fn takes(&self, line: &str) -> bool {
        let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else { return false };
        if self.bytes + line.len() > GROUP_BYTES_MAX {
            return false;
        }
        let is_traceback = self.lines.iter().any(|line| line.contains(TRACEBACK));
        if line.trim().is_empty() {
            // between two tracebacks of one error
            return is_traceback && !last.trim().is_empty() && self.lines.len() > 1;
        }
        if is_indented(line) {
            return true;
        }
        let is_chain = CHAINS.iter().any(|chain| line.starts_with(chain)) || line.starts_with(TRACEBACK);
        if is_traceback {
            // the line that names the error ends what is indented
            return is_chain || (is_indented(last) && self.lines.len() > 1);
        }
        let is_cause = line.starts_with("Caused by:") || line.starts_with("Suppressed:");
        let is_frame = line.starts_with('#') && line[1..].starts_with(|sign: char| sign.is_ascii_digit());
        let is_php = line == "Stack trace:" || (is_frame && self.lines.iter().any(|line| line == "Stack trace:"));
        let is_panic = first.starts_with("thread '") && first.contains("panicked at") && self.lines.len() == 1;
        (is_cause && self.lines.len() > 1) || (is_php && first.contains("PHP ")) || is_panic
    }

    fn release(&mut self) -> Option<Group> {
        self.since = None;
        self.bytes = 0;
        let lines = std::mem::take(&mut self.lines);
        let first = lines.first()?;
        let is_traceback = lines.len() > 1
            && (lines.iter().any(|line| line.contains(TRACEBACK) || is_frame_of_java(line))
                || first.contains("panicked at"));
        let text = lines.join("\n");
        // a blank line that waited for another traceback
        let text = if is_traceback { text.trim_end().to_owned() } else { text };
        Some(Group { text, is_traceback })
    }
}

fn is_indented(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// As Java, JavaScript and .NET write them.
fn is_frame_of_java(line: &str) -> bool {
    is_indented(line) && line.trim_start().starts_with("at ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Vec<Group> {
        let together = Together::default();
        let mut groups = Vec::new();
        for line in text.lines() {
            together.take(line.to_owned(), |group| groups.push(group));
        }
        together.flush(|group| groups.push(group));
        groups
    }

    #[test]
    fn a_traceback_is_one_record_in_any_language() {
        let python = "Traceback (most recent call last):\n  File \"a\", line 1, in <module>\n    f()\nValueError: bad\n\n\
            During handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  \
            File \"a\", line 3, in <module>\n    g()\nKeyError: 'x'";
        let java = "Exception in thread \"main\" java.lang.X: bad\n\tat a.b(C.java:1)\nCaused by: y\n\tat d.e(F.java:2)\n\t... 1 more";
        let node = "Error: bad\n    at f (/a.js:1:2)\n    at g (/a.js:3:4)";
        let ruby = "a.rb:1:in `f': bad (RuntimeError)\n\tfrom a.rb:3:in `<main>'";
        let rust = "thread 'main' (7) panicked at src/main.rs:2:5:\nbad";
        for (text, is_traceback) in [(python, true), (java, true), (node, true), (ruby, false), (rust, true)] {
            let all = groups(&format!("before\n{text}\nafter"));
            let texts: Vec<&str> = all.iter().map(|group| group.text.as_str()).collect();
            assert_eq!(texts, ["before", text, "after"]);
            assert_eq!(all[1].is_traceback, is_traceback, "{text}");
        }
    }

    #[test]
    fn lines_of_their_own_stay_so() {
        let texts: Vec<String> =
            groups("one\ntwo\n\nthree\n#1 four\nCaused by: five").into_iter().map(|it| it.text).collect();
        assert_eq!(texts, ["one", "two", "", "three", "#1 four", "Caused by: five"]);
        let long = format!("first\n{}", " x".repeat(100).repeat(400).replace(" x x x", "\n x x x"));
        assert!(groups(&long).iter().all(|group| group.text.len() <= GROUP_BYTES_MAX));
    }

    #[test]
    fn a_line_waits_no_longer_than_a_moment() {
        let together = Together::default();
        let seen = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            scope.spawn(|| together.watch(|group| seen.lock().expect("groups").push(group.text)));
            together.take("alone".to_owned(), |_| panic!("nothing was held"));
            let began = Instant::now();
            while seen.lock().expect("groups").is_empty() && began.elapsed() < Duration::from_secs(10) {
                std::thread::yield_now();
            }
            together.end();
        });
        assert_eq!(seen.into_inner().expect("groups"), ["alone"]);
    }
}
