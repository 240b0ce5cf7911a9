//! What the failures of databases are about: one table, for every backend and for all who decide what to do next.

use std::error::Error as StdError;
use std::fmt;

use crate::error::{Error, ErrorKind};

/// What to do where a server refuses every change.
pub(crate) const READ_ONLY: &str = "the server takes no changes, as replicas do: write to the one that it follows";

/// What a failure is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A value that the column does not take.
    Value,
    /// A constraint that forbids the row.
    Constraint,
    /// More than the database takes in one piece.
    TooLarge,
    /// What a trigger or a routine says.
    Program,
    /// Somebody else is at it.
    Busy,
    /// Two transactions met.
    Conflict,
    /// There is no connection, or no server.
    Lost,
    /// The statement was stopped: by a time limit, by a person.
    Stopped,
    /// No room: on the disk, in memory.
    Room,
    /// A right is missing, or nothing may be written.
    Right,
    /// What is asked for is not there.
    Absent,
    /// The disk or the database itself is damaged.
    Damage,
}

/// PostgreSQL's codes: the longest that a code begins with counts.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const SQLSTATES: &[(&str, Cause)] = &[
    ("08", Cause::Lost),
    ("21", Cause::Program),
    ("22", Cause::Value),
    ("23", Cause::Constraint),
    ("25006", Cause::Right),
    ("25P03", Cause::Lost),
    ("25P04", Cause::Lost),
    ("27", Cause::Program),
    ("28", Cause::Right),
    ("2F", Cause::Program),
    ("38", Cause::Program),
    ("39", Cause::Program),
    ("3D000", Cause::Absent),
    ("3F000", Cause::Absent),
    ("40", Cause::Conflict),
    ("42501", Cause::Right),
    ("42P01", Cause::Absent),
    ("44", Cause::Program),
    ("53", Cause::Room),
    ("53300", Cause::Busy),
    ("54", Cause::TooLarge),
    ("55006", Cause::Busy),
    ("55P03", Cause::Busy),
    ("57014", Cause::Stopped),
    ("57P", Cause::Lost),
    ("58", Cause::Damage),
    ("P0", Cause::Program),
    ("XX", Cause::Damage),
];

/// SQLite's primary result codes. <https://www.sqlite.org/rescode.html>
const SQLITE_CODES: &[(i32, Cause)] = &[
    (1, Cause::Program),
    (3, Cause::Right),
    (5, Cause::Busy),
    (6, Cause::Busy),
    (7, Cause::Room),
    (8, Cause::Right),
    (9, Cause::Stopped),
    (10, Cause::Damage),
    (11, Cause::Damage),
    (13, Cause::Room),
    (14, Cause::Absent),
    (15, Cause::Busy),
    (17, Cause::Busy),
    (18, Cause::TooLarge),
    (19, Cause::Constraint),
    (20, Cause::Value),
    (23, Cause::Right),
    (26, Cause::Damage),
];

/// The error numbers of MariaDB and MySQL. <https://mariadb.com/kb/en/mariadb-error-code-reference/>
const MYSQL_CODES: &[(Cause, &[u16])] = &[
    (
        Cause::Value,
        &[
            1261, 1262, 1264, 1265, 1292, 1300, 1366, 1367, 1406, 1411, 1416, 1441, 1525, 1690, 3140, 3141, 3156, 3854,
            3988, 4038,
        ],
    ),
    (
        Cause::Constraint,
        &[
            1022, 1048, 1062, 1138, 1169, 1216, 1217, 1263, 1364, 1369, 1451, 1452, 1526, 1557, 1586, 1748, 1761, 1762,
            1859, 3819, 4025,
        ],
    ),
    (Cause::TooLarge, &[1118, 1153, 1162, 1197, 1301, 3170]),
    (Cause::Program, &[1442, 1456, 1643, 1644]),
    (Cause::Busy, &[1040, 1203, 1205, 1226, 1637, 3572]),
    (Cause::Conflict, &[1020, 1213, 1614, 3058, 3101]),
    (
        Cause::Lost,
        &[1053, 1077, 1078, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2002, 2003, 2006, 2013, 3169, 4031],
    ),
    (Cause::Stopped, &[1028, 1317, 1969, 3024]),
    (Cause::Room, &[1021, 1037, 1038, 1041, 1114, 1135, 1206, 1534]),
    (
        Cause::Right,
        &[
            1044, 1045, 1095, 1129, 1130, 1131, 1133, 1142, 1143, 1227, 1251, 1290, 1370, 1396, 1410, 1698, 1792, 1820,
            1836, 1862, 3118, 3159, 4151,
        ],
    ),
    (Cause::Absent, &[1049, 1051, 1054, 1072, 1109, 1146, 1305]),
    (Cause::Damage, &[1017, 1030, 1033, 1034, 1035, 1194, 1195, 1712, 1877]),
];

/// The error numbers of SQL Server.
/// <https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors>
const MSSQL_CODES: &[(Cause, &[u32])] = &[
    (
        Cause::Value,
        &[
            206, 210, 220, 232, 234, 235, 236, 241, 242, 244, 245, 248, 257, 273, 293, 295, 296, 517, 529, 1007, 2628,
            3606, 6355, 8114, 8115, 8152, 8169, 9402, 9411, 9413, 9420, 9436, 13608, 13609,
        ],
    ),
    (Cause::Constraint, &[334, 515, 547, 550, 1505, 2601, 2627, 3819, 8134]),
    (Cause::TooLarge, &[511, 1701, 1946, 7105, 7119, 7139]),
    (Cause::Program, &[3609, 6522, 16915]),
    (Cause::Busy, &[1222, 5061, 5064, 10928, 10929, 17809, 40501, 49918, 49919, 49920]),
    (Cause::Conflict, &[1203, 1204, 1205, 3960, 3961, 41302, 41305, 41325, 41839]),
    (
        Cause::Lost,
        &[
            596, 921, 922, 927, 976, 979, 983, 3902, 3903, 4014, 6005, 6107, 10053, 10054, 17142, 18401, 40143, 40197,
            40613,
        ],
    ),
    (Cause::Stopped, &[3617]),
    (Cause::Room, &[701, 802, 1101, 1105, 1121, 3257, 5123, 5149, 8645, 8651, 8902, 9002, 40544]),
    (
        Cause::Right,
        &[
            229, 230, 262, 297, 300, 916, 978, 1088, 2760, 3906, 3908, 6004, 15151, 15247, 18452, 18456, 18470, 18486,
            18487, 18488,
        ],
    ),
    (Cause::Absent, &[207, 208, 911, 942, 2812, 3701, 3728, 4060, 4902, 4924]),
    (Cause::Damage, &[605, 823, 824, 825, 829, 3456, 5180, 8966]),
];

/// From this number on the errors of SQL Server are those of programs.
const MSSQL_OWN: u32 = 50_000;

/// The words of all where a driver keeps the code to itself. SQLite has no others; those of PostgreSQL are in its own
/// language, so a failure without them is not known yet.
const WORDS: &[(&str, Cause)] = &[
    ("connection closed", Cause::Lost),
    ("error communicating with the server", Cause::Lost),
    ("terminating connection", Cause::Lost),
    ("the database system is", Cause::Lost),
    ("database is locked", Cause::Busy),
    ("database table is locked", Cause::Busy),
    ("lock timeout", Cause::Busy),
    ("could not obtain lock", Cause::Busy),
    ("too many clients", Cause::Busy),
    ("remaining connection slots", Cause::Busy),
    ("deadlock detected", Cause::Conflict),
    ("canceling statement", Cause::Stopped),
    ("interrupted", Cause::Stopped),
    ("disk is full", Cause::Room),
    ("No space left on device", Cause::Room),
    ("out of memory", Cause::Room),
    ("readonly database", Cause::Right),
    ("read-only transaction", Cause::Right),
    ("unable to open database file", Cause::Right),
    ("permission denied", Cause::Right),
    ("must be owner of", Cause::Right),
    ("not authorized", Cause::Right),
    ("Lock wait timeout exceeded", Cause::Busy),
    ("Too many connections", Cause::Busy),
    ("max_statement_time exceeded", Cause::Stopped),
    ("Got a packet bigger than", Cause::TooLarge),
    ("Packet too large", Cause::TooLarge),
    ("Data too long for column", Cause::Value),
    ("Incorrect string value", Cause::Value),
    ("command denied to user", Cause::Right),
    ("Access denied for user", Cause::Right),
    ("--read-only option", Cause::Right),
    ("doesn't exist", Cause::Absent),
    ("no such table", Cause::Absent),
    ("no such column", Cause::Absent),
    ("does not exist", Cause::Absent),
    ("disk I/O error", Cause::Damage),
    ("disk image is malformed", Cause::Damage),
    ("not a database", Cause::Damage),
    ("string or blob too big", Cause::TooLarge),
    ("datatype mismatch", Cause::Value),
];

impl Cause {
    /// What a code of PostgreSQL is about. Classes that nobody has defined are for programs.
    pub(crate) fn of_sqlstate(code: &str) -> Option<Self> {
        let known = SQLSTATES.iter().filter(|(start, _)| code.starts_with(start)).max_by_key(|(start, _)| start.len());
        let is_own = code.starts_with(|first: char| matches!(first, '6'..='9' | 'I'..='O' | 'Q'..='W' | 'Y' | 'Z'));
        known.map(|(_, cause)| *cause).or(is_own.then_some(Self::Program))
    }

    /// What a result code of SQLite is about, extended or not.
    pub(crate) fn of_sqlite(code: i32) -> Option<Self> {
        SQLITE_CODES.iter().find(|(primary, _)| *primary == code & 0xff).map(|(_, cause)| *cause)
    }

    /// What an error number of MariaDB or MySQL is about.
    pub(crate) fn of_mysql(code: u16) -> Option<Self> {
        MYSQL_CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(cause, _)| *cause)
    }

    /// What an error number of SQL Server is about. Numbers that nobody has defined are for programs.
    pub(crate) fn of_mssql(code: u32) -> Option<Self> {
        let known = MSSQL_CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(cause, _)| *cause);
        known.or((code >= MSSQL_OWN).then_some(Self::Program))
    }

    /// What a failure is about of which only the text is known.
    pub(crate) fn of_words(text: &str) -> Option<Self> {
        WORDS.iter().find(|(words, _)| text.contains(words)).map(|(_, cause)| *cause)
    }

    /// What an error of a database is about, if the database said so.
    pub(crate) fn of(error: &Error) -> Option<Self> {
        let mut next = StdError::source(error);
        while let Some(cause) = next {
            if let Some(told) = cause.downcast_ref::<Told>() {
                return told.cause;
            }
            if let Some(rusqlite::Error::SqliteFailure(failure, _)) = cause.downcast_ref() {
                return Self::of_sqlite(failure.extended_code);
            }
            next = cause.source();
        }
        None
    }

    /// Whether it is the row itself that the database will never take as it stands: its values, or what a constraint
    /// says of them.
    pub(crate) fn is_in_row(self) -> bool {
        matches!(self, Self::Value | Self::Constraint)
    }

    /// Whether it is about a row: also what a trigger says of it, which may say something else another time.
    pub(crate) fn is_of_row(self) -> bool {
        self.is_in_row() || matches!(self, Self::TooLarge | Self::Program)
    }

    /// The kind of error.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::Busy | Self::Lost => ErrorKind::Busy,
            Self::Conflict => ErrorKind::Conflict,
            Self::Right => ErrorKind::Permission,
            Self::Absent => ErrorKind::NotFound,
            _ => ErrorKind::Failed,
        }
    }

    /// Whether the same may go through later, without anybody changing the data or the schema.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, Self::Busy | Self::Conflict | Self::Lost | Self::Stopped | Self::Room)
    }
}

/// The reason that a database gave, and what it is about.
#[derive(Debug)]
pub(crate) struct Told {
    text: String,
    cause: Option<Cause>,
}

impl Told {
    pub(crate) fn new(text: impl Into<String>, cause: Option<Cause>) -> Self {
        Self { text: text.into(), cause }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl StdError for Told {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_with_the_row_is_in_the_row() {
        for code in ["22001", "22021", "22P05", "23502", "23503", "23505", "23514", "23P01"] {
            assert!(Cause::of_sqlstate(code).is_some_and(Cause::is_in_row), "{code}");
        }
        for code in [
            "08000", "08006", "0A000", "25006", "25P03", "28P01", "3D000", "40001", "40P01", "42501", "42601", "42703",
            "42P01", "53000", "53100", "53200", "53300", "54000", "55000", "55P03", "57014", "57P01", "57P02", "57P03",
            "57P05", "58000", "58030", "72000", "F0000", "HV000", "P0001", "XX000", "XX001", "XX002",
        ] {
            assert!(!Cause::of_sqlstate(code).is_some_and(Cause::is_in_row), "{code}");
        }
        for (code, is_in_row) in [
            (19, true),
            (1811, true),
            (20, true),
            (1, false),
            (5, false),
            (261, false),
            (8, false),
            (10, false),
            (778, false),
            (11, false),
            (13, false),
            (14, false),
            (18, false),
            (26, false),
            (99, false),
        ] {
            assert_eq!(Cause::of_sqlite(code).is_some_and(Cause::is_in_row), is_in_row, "{code}");
        }
    }

    #[test]
    fn each_number_of_mysql_is_about_one_thing() {
        let mut all: Vec<u16> = MYSQL_CODES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        for (code, expected) in [(1062, Cause::Constraint), (1205, Cause::Busy), (1213, Cause::Conflict)] {
            assert_eq!(Cause::of_mysql(code), Some(expected));
        }
        for code in [1064, 1205, 1213, 1114, 1290, 2013, 1142, 1054] {
            assert!(!Cause::of_mysql(code).is_some_and(Cause::is_of_row), "{code}");
        }
    }

    #[test]
    fn each_number_of_sql_server_is_about_one_thing() {
        let mut all: Vec<u32> = MSSQL_CODES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        for (code, expected) in
            [(2627, Cause::Constraint), (1222, Cause::Busy), (1205, Cause::Conflict), (50_001, Cause::Program)]
        {
            assert_eq!(Cause::of_mssql(code), Some(expected));
        }
        for code in [102, 156, 1222, 1205, 1105, 3906, 596, 229, 207] {
            assert!(!Cause::of_mssql(code).is_some_and(Cause::is_of_row), "{code}");
        }
    }

    #[test]
    fn the_longest_code_counts_and_words_are_found_where_there_is_no_code() {
        assert_eq!(Cause::of_sqlstate("53300"), Some(Cause::Busy));
        assert_eq!(Cause::of_sqlstate("53100"), Some(Cause::Room));
        assert_eq!(Cause::of_sqlstate("42601"), None);
        assert_eq!(Cause::of_words("database or disk is full"), Some(Cause::Room));
        assert_eq!(Cause::of_words("could not extend file \"x\": No space left on device"), Some(Cause::Room));
        assert_eq!(Cause::of_words("kein Speicherplatz mehr auf dem Gerät verfügbar"), None);
    }

    #[test]
    fn an_error_keeps_what_it_is_about_however_it_is_wrapped() {
        let error = Error::failed("store it").because(Told::new("the disk is full", Some(Cause::Room)));
        let error = error.within("log").within("run");
        assert_eq!(Cause::of(&error), Some(Cause::Room));
        assert_eq!(error.to_string(), "could not run: log: store it: the disk is full");
        assert_eq!(Cause::of(&Error::failed("store it").because("nobody knows")), None);
    }
}
