//! What becomes of the moments at which an app is due: started, queued, skipped or missed, each with its reason. Pure:
//! the same app at the same moment gets the same answer from every manager.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};

use crate::apps::{AppDefinition, CatchUp, Overlap};
use crate::clock;
use crate::tables::{Decision, DueApp, OccurrenceState, Pause, Verdict};

/// A moment that is longer ago than this was missed: nobody was there to start it.
pub(super) const LATE: Duration = Duration::from_secs(60);
/// So many moments are accounted for one by one; of more of them those in between share a line.
const MOMENTS_MAX: usize = 200;
/// So many occurrences of one app wait at the most, where each is to be made up for.
const QUEUED_MAX: i64 = 100;

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decided {
    pub(super) decision: Decision,
    /// Whether the run that goes on has to give way.
    pub(super) replaces: bool,
}

/// A moment that is due, and whether it stands for others up to another one.
#[derive(Debug, Clone, Copy)]
struct Moment {
    due_at: NaiveDateTime,
    until: Option<NaiveDateTime>,
}

/// Decides; `None` when the first moment is only due a little later, by its jitter.
pub(super) fn decide(
    app: &DueApp,
    definition: &AppDefinition,
    pauses: &[Pause],
    now: NaiveDateTime,
) -> Option<Decided> {
    let (moments, next_run) = ripe(app, definition, now);
    if moments.is_empty() {
        return None;
    }
    let is_busy = app.open_run.is_some() || app.claimed > 0;
    let mut judge = Judge { app, definition, pauses, now, is_busy, queued: app.queued };
    let mut replaces = false;
    let last = moments.len() - 1;
    let mut verdicts = Vec::with_capacity(moments.len());
    for (place, moment) in moments.iter().enumerate() {
        let is_late = now - moment.due_at > span(LATE + definition.jitter.unwrap_or_default());
        let is_left = match definition.catch_up {
            _ if moment.until.is_some() => true,
            CatchUp::All => false,
            CatchUp::Last => is_late && place < last,
            CatchUp::None => is_late,
        };
        let verdict = if is_left { judge.missed(moment) } else { judge.start(moment, is_late, &mut replaces) };
        verdicts.push(verdict);
    }
    Some(Decided { decision: Decision { verdicts, next_run }, replaces })
}

/// When an app that is due by its schedule may start: its jitter is the same for every manager.
pub(super) fn start_of(app: &DueApp, definition: &AppDefinition, due_at: NaiveDateTime) -> NaiveDateTime {
    let Some(jitter_ms) =
        definition.jitter.and_then(|jitter| u64::try_from(jitter.as_millis()).ok()).filter(|ms| *ms > 0)
    else {
        return due_at;
    };
    if app.is_wish {
        return due_at;
    }
    let key = format!("{} {}", app.name, due_at.and_utc().timestamp_micros());
    // FNV-1a
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    due_at + TimeDelta::milliseconds(i64::try_from(hash % jitter_ms).unwrap_or_default())
}

/// The moments that are due, and the first one that is not.
fn ripe(app: &DueApp, definition: &AppDefinition, now: NaiveDateTime) -> (Vec<Moment>, Option<NaiveDateTime>) {
    let mut moments = Vec::new();
    let mut next = Some(app.due_at);
    while let Some(due_at) = next {
        if start_of(app, definition, due_at) > now {
            break;
        }
        let recent = now - span(LATE);
        if moments.len() + 1 >= MOMENTS_MAX && due_at < recent {
            // too many to account for: they share a line, and the last minute is looked at again
            let resumed = definition.next_run(recent);
            moments.push(Moment { due_at, until: resumed.or(Some(now)) });
            next = resumed.filter(|resumed| *resumed > due_at);
            if next.is_none() {
                return (moments, definition.next_run(now));
            }
            continue;
        }
        moments.push(Moment { due_at, until: None });
        next = definition.next_run(due_at);
    }
    (moments, next)
}

/// Decides moment by moment, with what the moments before have changed.
struct Judge<'a> {
    app: &'a DueApp,
    definition: &'a AppDefinition,
    /// The times in which nothing was to be started.
    pauses: &'a [Pause],
    now: NaiveDateTime,
    is_busy: bool,
    queued: i64,
}

impl Judge<'_> {
    fn missed(&self, moment: &Moment) -> Verdict {
        let made_up = match self.definition.catch_up {
            CatchUp::Last | CatchUp::All => "the last one is made up for",
            CatchUp::None => "missed moments are not made up for",
        };
        let absent = self.absent(moment.due_at);
        let reason = match moment.until {
            Some(until) => format!("{absent}; nor at any moment until {}", clock::brief(until)),
            None => format!("{absent}; {made_up}"),
        };
        verdict(moment, OccurrenceState::Missed, reason)
    }

    /// Why nobody was there to start it.
    fn absent(&self, moment: NaiveDateTime) -> String {
        match self.pauses.iter().find(|pause| pause.covers(moment)) {
            Some(pause) => pause.past_words(),
            // whether it was away, cut off from the database, frozen, or had a wrong clock, cannot be known afterwards
            None if self.definition.on.is_empty() => "no manager could start it in time".to_owned(),
            None => {
                let label = self.definition.on_words();
                format!("no manager of a machine with the label {label} could start it in time")
            }
        }
    }

    fn start(&mut self, moment: &Moment, is_late: bool, replaces: &mut bool) -> Verdict {
        if let Some(retry_at) = self.app.retry_at.filter(|retry_at| *retry_at > self.now) {
            let failures = self.app.failures;
            let reason = format!("{} it waits until {}", failures_in_words(failures), clock::brief(retry_at));
            return verdict(moment, OccurrenceState::Skipped, reason);
        }
        if !self.is_busy && self.queued == 0 {
            self.is_busy = true;
            return Verdict { due_at: moment.due_at, state: OccurrenceState::Claimed, reason: None };
        }
        let what = match &self.app.open_run {
            Some(run) => format!("run {run} goes on"),
            None if self.app.claimed + self.app.queued > 0 => "one before it has not started yet".to_owned(),
            None if self.pauses.iter().any(|pause| pause.covers(self.app.due_at)) => {
                format!("{}, and one before it starts first", self.absent(self.app.due_at))
            }
            None => format!("one before it starts only now: {}", self.absent(self.app.due_at)),
        };
        match self.definition.overlap {
            // moments that are all to be made up for wait for each other
            _ if is_late && self.definition.catch_up == CatchUp::All && self.queued < QUEUED_MAX => {
                self.queue(moment, format!("it waits to be made up for: {what}"))
            }
            Overlap::Skip => verdict(moment, OccurrenceState::Skipped, what),
            Overlap::Queue | Overlap::Replace if self.queued > 0 => {
                verdict(moment, OccurrenceState::Skipped, format!("{what}, and one waits already"))
            }
            Overlap::Queue => self.queue(moment, format!("it waits: {what}")),
            Overlap::Replace => {
                *replaces = true;
                self.queue(moment, format!("it takes the place of what goes on: {what}"))
            }
        }
    }

    fn queue(&mut self, moment: &Moment, reason: String) -> Verdict {
        self.queued += 1;
        verdict(moment, OccurrenceState::Queued, reason)
    }
}

fn verdict(moment: &Moment, state: OccurrenceState, reason: String) -> Verdict {
    Verdict { due_at: moment.due_at, state, reason: Some(reason) }
}

fn failures_in_words(count: i64) -> String {
    if count == 1 { "after a failure".to_owned() } else { format!("after {count} failures in a row") }
}

fn span(length: Duration) -> TimeDelta {
    TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(&format!("2026-11-25 {text}"), "%Y-%m-%d %H:%M:%S").expect(text)
    }

    fn app(due: &str) -> DueApp {
        DueApp {
            app_id: 1,
            name: "a/b/c".parse().expect("a name"),
            definition: String::new(),
            due_at: moment(due),
            is_wish: false,
            retry_at: None,
            failures: 0,
            open_run: None,
            claimed: 0,
            queued: 0,
        }
    }

    fn definition(fields: &str) -> AppDefinition {
        AppDefinition::from_json(&format!("{{\"command\":[\"./main\"],{fields}}}")).expect(fields)
    }

    /// The decision in short: `10:00 claimed`, and when the next one is due.
    fn short(app: &DueApp, definition: &AppDefinition, now: &str) -> (Vec<String>, String) {
        let decided = decide(app, definition, &[], moment(now)).expect("a decision").decision;
        let line = |verdict: &Verdict| format!("{} {}", verdict.due_at.format("%H:%M:%S"), verdict.state.name());
        (
            decided.verdicts.iter().map(line).collect(),
            decided.next_run.map(|next| next.format("%H:%M").to_string()).unwrap_or_default(),
        )
    }

    #[test]
    fn what_is_due_now_starts() {
        let hourly = definition(r#""schedule":"0 * * * *""#);
        assert_eq!(
            short(&app("10:00:00"), &hourly, "10:00:00"),
            (vec!["10:00:00 claimed".to_owned()], "11:00".to_owned())
        );
        let every = definition(r#""interval":"15m""#);
        assert_eq!(
            short(&app("10:00:00"), &every, "10:00:59"),
            (vec!["10:00:00 claimed".to_owned()], "10:15".to_owned())
        );
        let by_hand = definition(r#""env":{}"#);
        assert_eq!(short(&app("10:00:00"), &by_hand, "10:00:00").1, "");
    }

    #[test]
    fn missed_moments_are_made_up_for_as_the_app_says() {
        let at = |catch_up: &str| definition(&format!(r#""schedule":"0 * * * *","catch_up":"{catch_up}""#));
        let states = |catch_up: &str, now: &str| short(&app("07:00:00"), &at(catch_up), now).0.join(" ");
        assert_eq!(states("last", "09:30:00"), "07:00:00 missed 08:00:00 missed 09:00:00 claimed");
        assert_eq!(states("last", "09:00:10"), "07:00:00 missed 08:00:00 missed 09:00:00 claimed");
        assert_eq!(states("none", "09:30:00"), "07:00:00 missed 08:00:00 missed 09:00:00 missed");
        assert_eq!(states("none", "09:00:10"), "07:00:00 missed 08:00:00 missed 09:00:00 claimed");
        assert_eq!(states("all", "09:30:00"), "07:00:00 claimed 08:00:00 queued 09:00:00 queued");
    }

    #[test]
    fn a_run_that_goes_on_is_left_waited_for_or_replaced() {
        let at = |overlap: &str| definition(&format!(r#""schedule":"0 * * * *","overlap":"{overlap}""#));
        let busy = DueApp { open_run: Some("r".to_owned()), ..app("10:00:00") };
        let first = |app: &DueApp, overlap: &str| {
            let decided = decide(app, &at(overlap), &[], moment("10:00:01")).expect("a decision");
            (decided.decision.verdicts[0].state, decided.replaces)
        };
        assert_eq!(first(&busy, "skip"), (OccurrenceState::Skipped, false));
        assert_eq!(first(&busy, "queue"), (OccurrenceState::Queued, false));
        assert_eq!(first(&busy, "replace"), (OccurrenceState::Queued, true));
        let waiting = DueApp { queued: 1, ..busy };
        assert_eq!(first(&waiting, "queue"), (OccurrenceState::Skipped, false));
        let failing = DueApp { retry_at: Some(moment("10:05:00")), failures: 3, ..app("10:00:00") };
        let decided = decide(&failing, &at("skip"), &[], moment("10:00:01")).expect("a decision").decision;
        assert!(decided.verdicts[0].reason.as_deref().is_some_and(|reason| reason.contains("3 failures")));
        assert_eq!(
            first(&DueApp { retry_at: Some(moment("09:59:00")), ..app("10:00:00") }, "skip").0,
            OccurrenceState::Claimed
        );
    }

    #[test]
    fn what_was_claimed_or_waits_keeps_its_place() {
        let at = |overlap: &str| definition(&format!(r#""schedule":"0 * * * *","overlap":"{overlap}""#));
        let decided = |app: &DueApp, overlap: &str| {
            let verdict =
                decide(app, &at(overlap), &[], moment("10:00:01")).expect("a decision").decision.verdicts.remove(0);
            (verdict.state, verdict.reason.unwrap_or_default())
        };
        let claimed = DueApp { claimed: 1, ..app("10:00:00") };
        let not_yet = "one before it has not started yet";
        assert_eq!(decided(&claimed, "skip"), (OccurrenceState::Skipped, not_yet.to_owned()));
        assert_eq!(decided(&claimed, "queue"), (OccurrenceState::Queued, format!("it waits: {not_yet}")));
        // whoever waits comes first, though nothing runs
        let waiting = DueApp { queued: 1, ..app("10:00:00") };
        assert_eq!(decided(&waiting, "queue"), (OccurrenceState::Skipped, format!("{not_yet}, and one waits already")));
        let busy = DueApp { open_run: Some("r7".to_owned()), ..app("10:00:00") };
        assert_eq!(decided(&busy, "skip").1, "run r7 goes on");
        assert_eq!(decided(&busy, "replace").1, "it takes the place of what goes on: run r7 goes on");
    }

    #[test]
    fn after_failures_an_app_waits_until_then_and_no_longer() {
        let hourly = definition(r#""schedule":"0 * * * *""#);
        let at = |now: &str, failures: i64| {
            let failing = DueApp { retry_at: Some(moment("10:00:30")), failures, ..app("10:00:00") };
            let verdict = decide(&failing, &hourly, &[], moment(now)).expect("a decision").decision.verdicts.remove(0);
            (verdict.state, verdict.reason)
        };
        let until = clock::brief(moment("10:00:30"));
        let reason = |start: &str| Some(format!("{start} it waits until {until}"));
        assert_eq!(at("10:00:29", 1), (OccurrenceState::Skipped, reason("after a failure")));
        assert_eq!(at("10:00:29", 2), (OccurrenceState::Skipped, reason("after 2 failures in a row")));
        assert_eq!(at("10:00:30", 2), (OccurrenceState::Claimed, None));
    }

    #[test]
    fn a_moment_is_missed_a_minute_after_it_could_have_started_at_the_latest() {
        let at = |fields: &str| definition(&format!(r#""schedule":"0 * * * *","catch_up":"none"{fields}"#));
        let state = |fields: &str, now: &str| short(&app("10:00:00"), &at(fields), now).0.remove(0);
        assert_eq!(state("", "10:01:00"), "10:00:00 claimed");
        assert_eq!(state("", "10:01:01"), "10:00:00 missed");
        // its jitter does not count against it
        assert_eq!(state(r#","jitter":"5m""#, "10:06:00"), "10:00:00 claimed");
        assert_eq!(state(r#","jitter":"5m""#, "10:06:01"), "10:00:00 missed");
        let reasons = |catch_up: &str, now: &str| {
            let definition = definition(&format!(r#""schedule":"0 * * * *","catch_up":"{catch_up}""#));
            decide(&app("10:00:00"), &definition, &[], moment(now))
                .expect("a decision")
                .decision
                .verdicts
                .remove(0)
                .reason
        };
        let missed = |why: &str| Some(format!("no manager could start it in time; {why}"));
        assert_eq!(reasons("none", "10:30:00"), missed("missed moments are not made up for"));
        assert_eq!(reasons("last", "11:30:00"), missed("the last one is made up for"));
    }

    #[test]
    fn what_was_due_while_everything_was_paused_is_told_so() {
        let hourly = definition(r#""schedule":"0 * * * *","on":["ocr"]"#);
        let pause = Pause {
            set_by: "ana".to_owned(),
            set_at: moment("08:30:00"),
            reason: Some("an upgrade".to_owned()),
            ended_at: Some(moment("09:30:00")),
        };
        let decided = decide(&app("08:00:00"), &hourly, &[pause], moment("10:00:01")).expect("a decision").decision;
        let reasons: Vec<String> =
            decided.verdicts.into_iter().map(|verdict| verdict.reason.unwrap_or_default()).collect();
        let made_up = "the last one is made up for";
        assert_eq!(
            reasons,
            [
                format!("no manager of a machine with the label `ocr` could start it in time; {made_up}"),
                format!("everything was paused by ana (an upgrade); {made_up}"),
                String::new(),
            ]
        );
    }

    #[test]
    fn no_more_than_a_hundred_wait_to_be_made_up_for() {
        let all = definition(r#""schedule":"* * * * *","catch_up":"all""#);
        let decided = decide(&app("00:00:00"), &all, &[], moment("02:30:30")).expect("a decision").decision;
        let count = |state| decided.verdicts.iter().filter(|verdict| verdict.state == state).count();
        assert_eq!((count(OccurrenceState::Claimed), count(OccurrenceState::Queued)), (1, 100));
        assert_eq!((count(OccurrenceState::Skipped), decided.verdicts.len()), (50, 151));
        let reason = decided.verdicts[1].reason.as_deref();
        let waits = "it waits to be made up for: one before it starts only now: no manager could start it in time";
        assert_eq!(reason, Some(waits));
    }

    #[test]
    fn a_wish_has_no_jitter_and_managers_of_all_versions_agree_about_it() {
        let jittered = definition(r#""schedule":"0 * * * *","jitter":"30s""#);
        let app = app("10:00:00");
        let wish = DueApp { is_wish: true, ..app.clone() };
        assert_eq!(start_of(&wish, &jittered, wish.due_at), wish.due_at);
        assert_eq!(start_of(&app, &jittered, app.due_at) - app.due_at, TimeDelta::milliseconds(JITTER_MS));
    }

    /// What every manager so far has made of 30 seconds for `a/b/c` at 10:00 on that day.
    const JITTER_MS: i64 = 27_485;

    #[test]
    fn jitter_moves_the_start_and_nothing_else() {
        let jittered = definition(r#""schedule":"0 * * * *","jitter":"30s""#);
        let app = app("10:00:00");
        let start = start_of(&app, &jittered, app.due_at);
        assert!(start >= app.due_at && start < moment("10:00:30"));
        assert_eq!(decide(&app, &jittered, &[], start - TimeDelta::milliseconds(1)), None);
        assert_eq!(short(&app, &jittered, "10:00:30"), (vec!["10:00:00 claimed".to_owned()], "11:00".to_owned()));
        let starts: std::collections::BTreeSet<NaiveDateTime> = (0..50)
            .map(|hour| start_of(&app, &jittered, app.due_at + TimeDelta::hours(hour)) - TimeDelta::hours(hour))
            .collect();
        assert!(starts.len() > 40, "every time another one");
    }

    #[test]
    fn a_long_absence_is_accounted_for_in_a_bounded_number_of_lines() {
        let every = definition(r#""schedule":"* * * * * *""#);
        let decided = decide(&app("00:00:00"), &every, &[], moment("20:00:00")).expect("a decision").decision;
        // 199 one by one, a line for all up to the last minute, and that
        assert_eq!(decided.verdicts.len(), MOMENTS_MAX + LATE.as_secs() as usize);
        let shared = &decided.verdicts[MOMENTS_MAX - 1];
        assert_eq!((shared.due_at, shared.state), (moment("00:03:19"), OccurrenceState::Missed));
        let until = clock::brief(moment("19:59:01"));
        assert_eq!(shared.reason, Some(format!("no manager could start it in time; nor at any moment until {until}")));
        assert_eq!(decided.verdicts[MOMENTS_MAX].due_at, moment("19:59:01"));
        assert!(
            decided
                .verdicts
                .iter()
                .any(|verdict| verdict.reason.as_deref().is_some_and(|reason| reason.contains("until")))
        );
        assert_eq!(
            decided.verdicts.last().map(|verdict| (verdict.due_at, verdict.state)),
            Some((moment("20:00:00"), OccurrenceState::Skipped))
        );
        assert_eq!(decided.next_run, Some(moment("20:00:01")));
        let claimed = decided.verdicts.iter().filter(|verdict| verdict.state == OccurrenceState::Claimed).count();
        assert_eq!(claimed, 1);
    }
}
