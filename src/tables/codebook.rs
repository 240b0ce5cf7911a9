//! The codebooks: states and codes as enums with fixed numbers, and the rows that make them readable in SQL.
//!
//! A number is written once and never used again for something else; a row that is no longer needed stays.

use serde::{Serialize, Serializer};

/// The rows of one codebook table.
#[derive(Debug, Clone)]
pub struct Codebook {
    /// The table, for example `c_runtime_codes`.
    pub table: &'static str,
    /// Its rows, ordered by number.
    pub rows: Vec<CodebookRow>,
    /// Whether people add rows of their own, which stay when ours are seeded.
    pub is_open: bool,
}

/// One row of a codebook.
#[derive(Debug, Clone, Serialize)]
pub struct CodebookRow {
    /// The number that other tables hold.
    pub id: i64,
    /// The name, in capitals.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub description: &'static str,
    /// Of a retention, how many days it keeps a file; `None` for ever, and in all other codebooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
}

macro_rules! codebook {
    ($(#[$about:meta])* $name:ident in $table:literal { $($variant:ident = $id:literal $text:literal $description:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = $description] $variant,)+
        }

        impl $name {
            /// All of them, ordered by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The number that the database holds.
            pub fn id(self) -> i64 {
                match self { $(Self::$variant => $id,)+ }
            }

            /// The one with this number.
            pub fn from_id(id: i64) -> Option<Self> {
                match id { $($id => Some(Self::$variant),)+ _ => None }
            }

            /// The name, in capitals.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// What it means, in a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)+ }
            }

            fn book() -> Codebook {
                let row = |it: &Self| CodebookRow {
                    id: it.id(),
                    name: it.name(),
                    description: it.description(),
                    days: None,
                };
                Codebook { table: $table, rows: Self::ALL.iter().map(row).collect(), is_open: false }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

codebook! {
    /// The state of an app.
    RunStatus in "c_run_status" {
        Idle = 1 "IDLE" "Waits for its next run",
        Running = 2 "RUNNING" "Runs now",
        Failed = 3 "FAILED" "Its last run failed",
        Disabled = 4 "DISABLED" "Is not started until a person enables it",
        Queued = 5 "QUEUED" "Is due, and waits for its turn",
    }
}

codebook! {
    /// Why an app was taken out of service.
    FatalFlag in "c_fatal_flags" {
        None = 0 "NONE" "Nothing is wrong",
        Failures = 1 "FAILURES" "It failed too often in a row",
        CannotStart = 2 "CANNOT_START" "Its program could not be started",
        Timeout = 3 "TIMEOUT" "It did not end in its time",
    }
}

codebook! {
    /// What a person can tell an app.
    AppCommand in "c_cmd_list" {
        Start = 1 "START" "Run it now",
        Stop = 2 "STOP" "End its run",
        Restart = 3 "RESTART" "End its run and run it again",
        Reset = 4 "RESET" "Forget its failures",
        Enable = 5 "ENABLE" "Let its schedule start it again",
        Disable = 6 "DISABLE" "Do not start it until it is enabled",
        Documents = 7 "DOCUMENTS" "Retry, edit or take out documents of the pipeline",
    }
}

codebook! {
    /// How far a command has come.
    CommandFlag in "c_cmd_flags" {
        None = 0 "NONE" "There is no command",
        Requested = 1 "REQUESTED" "A person gave it",
        Accepted = 2 "ACCEPTED" "A manager is at it",
        Done = 3 "DONE" "It was carried out",
        Refused = 4 "REFUSED" "It does not fit the state of the app",
        Failed = 5 "FAILED" "It could not be carried out",
    }
}

codebook! {
    /// How a run ended.
    RunOutcome in "c_runtime_codes" {
        Running = 1 "RUNNING" "It has not ended",
        Ok = 2 "OK" "It ended by itself with exit status 0",
        Failed = 3 "FAILED" "It ended by itself with another exit status",
        Timeout = 4 "TIMEOUT" "Its time ran out and it was killed",
        Signalled = 5 "SIGNALLED" "A signal killed it that dc did not send",
        Interrupted = 6 "INTERRUPTED" "Ctrl-C or the end of dc itself stopped it",
        StartFailed = 7 "START_FAILED" "Its program could not be started",
        OrphanPid = 8 "ORPHAN_PID" "Its process was gone, with nobody to see how it ended",
        Stopped = 9 "STOPPED" "A person stopped it",
        Serving = 10 "SERVING" "It has not ended: it works a pipeline off, on one of several machines",
    }
}

codebook! {
    /// How grave a log record is.
    LogLevel in "c_log_level" {
        Debug = 10 "DEBUG" "For whoever looks for a mistake",
        Info = 20 "INFO" "What happened",
        Warning = 30 "WARNING" "Not as it should be; the work goes on",
        Error = 40 "ERROR" "A piece of work failed",
        Critical = 50 "CRITICAL" "The whole run is in danger",
    }
}

codebook! {
    /// What starts an app.
    AppType in "c_app_type" {
        Manual = 1 "MANUAL" "A person, or another program",
        Cron = 2 "CRON" "A schedule of moments",
        Interval = 3 "INTERVAL" "The time since its last run",
    }
}

codebook! {
    /// How long a stored file is kept.
    FileRetention in "c_file_retention" {
        Transient = 1 "TRANSIENT" "For a week: what can be made again",
        ShortTerm = 2 "SHORT_TERM" "For a quarter",
        Standard = 3 "STANDARD" "For a year",
        Regulatory3Y = 4 "REGULATORY_3Y" "For three years, leap days included",
        Regulatory5Y = 5 "REGULATORY_5Y" "For five years, leap days included",
        Regulatory7Y = 6 "REGULATORY_7Y" "For seven years, leap days included",
        Regulatory10Y = 7 "REGULATORY_10Y" "For ten years, leap days included",
        Extended = 8 "EXTENDED" "For 25 years",
        Permanent = 9 "PERMANENT" "For ever",
    }
}

impl FileRetention {
    /// For how many days; `None` for ever. Those of regulations are never shorter than so many years of any calendar.
    pub fn days(self) -> Option<i64> {
        match self {
            Self::Transient => Some(7),
            Self::ShortTerm => Some(90),
            Self::Standard => Some(365),
            Self::Regulatory3Y => Some(1_096),
            Self::Regulatory5Y => Some(1_827),
            Self::Regulatory7Y => Some(2_557),
            Self::Regulatory10Y => Some(3_653),
            Self::Extended => Some(9_125),
            Self::Permanent => None,
        }
    }

    /// The book with its days, to which people may add.
    fn open_book() -> Codebook {
        let Codebook { table, rows, .. } = Self::book();
        let with_days = |row: CodebookRow| CodebookRow { days: Self::from_id(row.id).and_then(Self::days), ..row };
        Codebook { table, rows: rows.into_iter().map(with_days).collect(), is_open: true }
    }
}

impl RunOutcome {
    /// Whether it counts as a failure of the app: it ended, badly, and nobody wanted that.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Timeout | Self::Signalled | Self::StartFailed | Self::OrphanPid)
    }
}

/// All codebooks, to be seeded by the merge engine.
pub fn codebooks() -> Vec<Codebook> {
    vec![
        RunStatus::book(),
        FatalFlag::book(),
        AppCommand::book(),
        CommandFlag::book(),
        RunOutcome::book(),
        LogLevel::book(),
        AppType::book(),
        FileRetention::open_book(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What stands in databases out there. Lines may be added; none may change.
    const WRITTEN: &str = "\
c_run_status 1 IDLE,2 RUNNING,3 FAILED,4 DISABLED,5 QUEUED
c_fatal_flags 0 NONE,1 FAILURES,2 CANNOT_START,3 TIMEOUT
c_cmd_list 1 START,2 STOP,3 RESTART,4 RESET,5 ENABLE,6 DISABLE,7 DOCUMENTS
c_cmd_flags 0 NONE,1 REQUESTED,2 ACCEPTED,3 DONE,4 REFUSED,5 FAILED
c_runtime_codes 1 RUNNING,2 OK,3 FAILED,4 TIMEOUT,5 SIGNALLED,6 INTERRUPTED,7 START_FAILED,8 ORPHAN_PID,9 STOPPED,10 SERVING
c_log_level 10 DEBUG,20 INFO,30 WARNING,40 ERROR,50 CRITICAL
c_app_type 1 MANUAL,2 CRON,3 INTERVAL
c_file_retention 1 TRANSIENT,2 SHORT_TERM,3 STANDARD,4 REGULATORY_3Y,5 REGULATORY_5Y,6 REGULATORY_7Y,7 REGULATORY_10Y,8 EXTENDED,9 PERMANENT";

    #[test]
    fn numbers_are_those_that_databases_hold() {
        let line = |book: Codebook| {
            let rows: Vec<String> = book.rows.iter().map(|row| format!("{} {}", row.id, row.name)).collect();
            format!("{} {}", book.table, rows.join(","))
        };
        let lines: Vec<String> = codebooks().into_iter().map(line).collect();
        assert_eq!(lines.join("\n"), WRITTEN);
    }

    #[test]
    fn numbers_and_names_are_unique_and_lead_back() {
        for book in codebooks() {
            let ids: BTreeSet<i64> = book.rows.iter().map(|row| row.id).collect();
            let names: BTreeSet<&str> = book.rows.iter().map(|row| row.name).collect();
            assert_eq!((ids.len(), names.len()), (book.rows.len(), book.rows.len()), "{}", book.table);
        }
        for outcome in RunOutcome::ALL {
            assert_eq!(RunOutcome::from_id(outcome.id()), Some(*outcome));
        }
        assert_eq!(RunOutcome::from_id(0), None);
    }
}
