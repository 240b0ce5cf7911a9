//! Small pieces of pages: moments, states, links, and buttons that are forms.

use chrono::NaiveDateTime;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::access::Role;
use crate::clock;
use crate::tables::{AppCommand, RunOutcome, RunStatus, TaskState};

/// What stands for itself in a part of an address.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// For whom a page is drawn.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) is_signed_in: bool,
    /// Whether it goes into a file, where nothing can be sent or asked.
    pub(super) is_export: bool,
    /// How things stood when it was read, for whoever tells what changes.
    pub(super) seen: String,
    /// What stands in the place of the token of forms until the page goes out.
    pub(super) form_mark: String,
    /// The path and query of the page, to which a form comes back.
    pub(super) here: String,
}

impl View {
    /// Whether there are buttons.
    pub(super) fn can_act(&self) -> bool {
        self.role == Role::Operator && !self.is_export
    }
}

/// Shows a moment to the minute, or the day where it is not today.
pub(super) fn moment(at: NaiveDateTime) -> Markup {
    time(at, "short", &short(at))
}

/// Shows a moment to the second.
pub(super) fn full_moment(at: NaiveDateTime) -> Markup {
    time(at, "full", &clock::local(at))
}

/// Shows the time of day to the second.
pub(super) fn clock_time(at: NaiveDateTime) -> Markup {
    time(at, "clock", clock::local(at).get(11..).unwrap_or_default())
}

fn time(at: NaiveDateTime, form: &str, text: &str) -> Markup {
    let machine = at.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
    html! { time datetime=(machine) title=(clock::brief(at)) data-f=(form) { (text) } }
}

fn short(at: NaiveDateTime) -> String {
    let (text, today) = (clock::local(at), clock::local(clock::now()));
    let of = |text: &str, range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    if text.get(..10) == today.get(..10) { of(&text, 11..16) } else { of(&text, 5..16) }
}

/// A length of time as people read it.
pub(super) fn length(seconds: f64) -> String {
    match seconds {
        ..0.995 => format!("{seconds:.2} s"),
        ..60.0 => format!("{seconds:.1} s"),
        ..3_600.0 => format!("{} min {:02} s", (seconds / 60.0) as i64, seconds as i64 % 60),
        ..172_800.0 => format!("{} h {:02} min", (seconds / 3_600.0) as i64, (seconds / 60.0) as i64 % 60),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// A number with its thousands apart.
pub(super) fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + 8);
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `1 run`, `2 runs`.
pub(super) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", self::number(number as i64)) }
}

/// How a run ended: a sign, a word and a colour.
pub(super) fn outcome(code: RunOutcome) -> Markup {
    let class = match code {
        RunOutcome::Ok => "ok",
        RunOutcome::Running | RunOutcome::Serving => "run",
        RunOutcome::Stopped | RunOutcome::Interrupted => "off",
        _ => "bad",
    };
    let words = code.name().to_lowercase().replace('_', " ");
    html! { span class={ "badge " (class) } { (words) } }
}

/// How an app stands.
pub(super) fn status(status: RunStatus) -> Markup {
    let (class, words) = match status {
        RunStatus::Running => ("run", "running"),
        RunStatus::Queued => ("wait", "waiting"),
        RunStatus::Failed => ("bad", "failed"),
        RunStatus::Disabled => ("off", "out of service"),
        RunStatus::Idle => ("idle", "idle"),
    };
    html! { span class={ "badge " (class) } { (words) } }
}

/// How a document stands.
pub(super) fn task_state(state: TaskState) -> Markup {
    let class = match state {
        TaskState::Done => "ok",
        TaskState::Running => "run",
        TaskState::Waiting => "wait",
        TaskState::Cancelled => "off",
        TaskState::Rejected | TaskState::Failed | TaskState::Quarantined => "bad",
    };
    html! { span class={ "badge " (class) } { (state.name()) } }
}

/// A part of an address.
pub(super) fn part(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// The address of an app.
pub(super) fn app_path(name: &str) -> String {
    let parts: Vec<String> = name.split('/').map(part).collect();
    format!("/apps/{}", parts.join("/"))
}

/// A link to an app.
pub(super) fn app_link(name: &str) -> Markup {
    html! { a href=(app_path(name)) { (name) } }
}

/// The address of a run.
pub(super) fn run_path(runtime: &str) -> String {
    format!("/runs/{}", part(runtime))
}

/// The address of the rows that a merge changed.
pub(super) fn merge_path(id: &str) -> String {
    format!("/merges/{}", part(id))
}

/// The address of a table.
pub(super) fn table_path(database: &str, full_name: &str) -> String {
    format!("/tables/{}/{}", part(database), part(full_name))
}

/// The hidden fields of each form.
pub(super) fn hidden(view: &View) -> Markup {
    html! {
        input type="hidden" name="form" value=(view.form_mark);
        input type="hidden" name="back" value=(view.here);
    }
}

/// What a command is called, and what is asked before it is sent.
pub(super) fn command_words(command: AppCommand) -> (&'static str, &'static str, Option<&'static str>) {
    match command {
        AppCommand::Start => ("start", "Start", None),
        AppCommand::Stop => ("stop", "Stop", Some("End the run?")),
        AppCommand::Restart => ("restart", "Restart", Some("End the run and start it again?")),
        AppCommand::Reset => ("reset", "Reset", None),
        AppCommand::Enable => ("enable", "Enable", None),
        // of documents, which have buttons of their own
        AppCommand::Documents => ("documents", "Documents", None),
        AppCommand::Disable => ("disable", "Disable", Some("Take out of service?")),
    }
}

/// A button that tells an app something; nothing for who only looks.
pub(super) fn tell(view: &View, app: &str, command: AppCommand) -> Markup {
    if !view.can_act() {
        return html! {};
    }
    let (value, words, ask) = command_words(command);
    html! {
        form.in method="post" action="/do" {
            (hidden(view))
            input type="hidden" name="app" value=(app);
            button name="do" value=(value) data-ask=[ask] aria-label={ (words) " " (app) } { (words) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_read_well() {
        assert_eq!(
            (number(1_234_567), number(12), number(-1_000)),
            ("1\u{202f}234\u{202f}567".into(), "12".into(), "-1\u{202f}000".into())
        );
        let lengths = [0.1, 12.34, 75.0, 3_700.0, 200_000.0].map(length);
        assert_eq!(lengths, ["0.10 s", "12.3 s", "1 min 15 s", "1 h 01 min", "2.3 d"]);
    }

    #[test]
    fn a_name_stays_one_part_of_an_address() {
        assert_eq!(app_path("a/b/<script>"), "/apps/a/b/%3Cscript%3E");
        assert_eq!(table_path("main", "s.t/../x?"), "/tables/main/s.t%2F..%2Fx%3F");
    }
}
