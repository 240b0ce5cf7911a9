//! The fields of an app.toml: what each takes and what it is for. dc's pages and editors know them from here.

use crate::settings::Kind::{Bytes, Choice, Decimal, Duration, Flag, List, Number, Program, Text, Whole};
use crate::settings::{Field, Known, field, known};

/// So often an occurrence may be tried again.
pub(super) const RETRIES_MAX: u32 = 100;
/// So often a stage may try a document.
pub(super) const ATTEMPTS_MAX: u32 = 100;
/// So many documents a machine may work on at once.
pub(super) const WORKERS_MAX: u32 = 1_000;
/// So many programs of an app with queues may work at once.
pub(super) const PROGRAMS_MAX: i64 = 256;

/// The sections of an app.toml; the first has the fields at the top.
pub const DEFINITION: &[Known] = &[
    known("", APP, "An app of Data Collector"),
    known("env", &[], "Variables for its environment"),
    known("dramatiq", ACTORS, "Queues of Dramatiq whose messages its program answers"),
    known("pipeline", PIPELINE, "Where the documents of a pipeline come from"),
    known("stage[]", STAGE, "A stage that documents go through; one with `use` has the fields of what it uses, too"),
];

pub(super) const APP: &[Field] = &[
    field("command", Program, "./main", "Program and its arguments; a path is relative to the app's folder"),
    field("schedule", Text, "", "When it runs: cron with 5 or 6 fields, @daily and the like, or @reboot"),
    field("interval", Duration, "", "Time between two starts; instead of `schedule`"),
    field("timezone", Text, "UTC", "Time zone of `schedule`"),
    field("jitter", Duration, "", "Start up to so much later, each time differently"),
    field("timeout", Duration, "", "Longest run; then its whole process tree is ended"),
    field("grace", Duration, "10s", "Time between TERM and KILL"),
    field("overlap", Choice(&["skip", "queue", "replace"]), "skip", "What happens when it is due while it runs"),
    field("catch_up", Choice(&["last", "all", "none"]), "last", "What happens to runs that were missed"),
    field("max_failures", Whole(1, u32::MAX as i64), "", "Failures in a row after which it is disabled"),
    field("on", List, "", "Labels of machines on which it may run"),
    field("after", List, "", "Apps after which it runs, when all of them ended well; instead of a schedule"),
    field("keep", Flag, "false", "Start it again whenever it has ended: a service; instead of a schedule"),
    field("healthy_after", Duration, "1m", "How long a kept app has to run to count as well"),
    field("notify", Choice(&["fatal", "failure", "never"]), "fatal", "Which failures people get a message about"),
    field("expect", Duration, "", "Send a message when so much time passes without a good run"),
    field("retries", Whole(0, RETRIES_MAX as i64), "0", "Tries after a failure"),
    field("retry_after", Duration, "", "Pause before each of them"),
    field("user", Text, "", "User whose processes they are; dc runs as root then"),
    field("nice", Whole(-20, 19), "", "Priority of its processes"),
    field("memory_max", Bytes, "", "Memory of all its processes"),
    field("cpu_max", Decimal, "", "Processors that it may use"),
    field("secrets", List, "", "Secrets that it is given; all if not set"),
];

pub(super) const ACTORS: &[Field] = &[
    field("queues", List, "", "Queues to take messages from"),
    field("workers", Whole(1, PROGRAMS_MAX), "1", "Programs at once, each with one message"),
    field("max_retries", Number, "20", "Tries after a failure"),
    field("time_limit", Duration, "10m", "Longest time of a message; then its program is killed"),
    field("min_backoff", Duration, "15s", "Pause before the first retry"),
];

pub(super) const PIPELINE: &[Field] = &[
    field("watch", List, "", "Folders in which documents appear"),
    field("extensions", List, "", "Endings of files that are documents; others stay where they are"),
    field(
        "complete",
        Text,
        "quiet 2s",
        "When a file is complete: \"quiet 10s\", \"rename\", \"marker .ok\" or \"lease\"",
    ),
    field("copy", Flag, "false", "Leave files where they are"),
    field("recursive", Flag, "false", "Look into folders of the folders, too"),
    field("retention", Text, "standard", "Retention of the originals"),
    field("workers", Whole(1, WORKERS_MAX as i64), "", "Documents at once on each machine; one a processor if not set"),
];

pub(super) const STAGE: &[Field] = &[
    field("name", Text, "", "Name of the stage"),
    field("on", List, "", "Labels of machines on which it may work"),
    field("timeout", Duration, "10m", "Longest attempt"),
    field("attempts", Whole(1, ATTEMPTS_MAX as i64), "5", "Attempts until the document has failed"),
    field("retry_after", Duration, "10s", "Pause before the second attempt, doubled before each further one"),
    field("workers", Whole(1, WORKERS_MAX as i64), "", "Documents at once, on all machines together"),
    field("use", Text, "", "Built-in work: ocr, fields, check or load"),
    field("command", Program, "", "Program that does the work"),
    field("serve", Flag, "false", "One process for many documents, with a line of JSON for each"),
    field("worker", Text, "", "Work of a program that embeds the library"),
    field("actor", Text, "", "Actor of Dramatiq that does the work"),
    field("queue", Text, "default", "Queue of the actor"),
];
