//! What a database would round, cut, drop or replace by themselves is refused beforehand, by name; what they keep
//! is kept.

use crate::exact_merges::{file, number, table, texts, tried};
use crate::support::{Backend, Engine};
use data_collector::db::Connection;
use data_collector::error::ErrorKind;
use data_collector::merge::{MaxGone, Merge};
use serde_json::json;

/// A type, what it keeps and prints, and what it would change.
type Tried<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const TRIED: &[Tried<'_>] = &[
    ("money", &[("1.5", "$1.50"), ("-3", "-$3.00")], &["1,5", "1.005", "12,34"]),
    ("numeric(5,-2)", &[("12300", "12300"), ("1e6", "1000000")], &["12345", "10000000"]),
    ("numeric(5,2)", &[("999.99", "999.99"), ("1e2", "100.00")], &["1000", "1.239"]),
    ("numeric(3)", &[("5", "5")], &["1000", "5.5"]),
    (
        "numeric(5,2)[]",
        &[("{1.5,NULL}", "{1.50,NULL}"), ("[[1],[2.25]]", "{{1.00},{2.25}}")],
        &["{1.239}", "[1,[1.239]]"],
    ),
    ("real[]", &[("{0.1,NaN}", "{0.1,NaN}")], &["{123456789.125}"]),
    ("double precision[]", &[("{0.1}", "{0.1}")], &["{12345678901234567.89}", "[12345678901234567.89]"]),
    ("timestamp(0)", &[("2026-01-31 10:15:30", "2026-01-31 10:15:30")], &["2026-01-31 10:15:30.5"]),
    ("timestamptz(3)", &[("2026-01-31T10:15:30.250Z", "2026-01-31 10:15:30.25+00")], &["2026-01-31T10:15:30.2501Z"]),
    (
        "timestamp",
        &[("2026-01-31T10:15:30Z", "2026-01-31 10:15:30"), ("2026-01-31", "2026-01-31 00:00:00")],
        &[
            "2026-01-31T10:15:30+02:00",
            "2026-01-31 10:15:30.1234567",
            "2026-01-31 10:15 Europe/Zagreb",
            "20260131 101530+02",
            "2026-01-31+02",
            "1.255",
            "31/12/25",
            "now",
        ],
    ),
    ("timestamp(0)[]", &[("{2026-01-31}", "{\"2026-01-31 00:00:00\"}")], &["{\"2026-01-31 10:15:30.5\"}"]),
    ("time(0)", &[("10:15:30", "10:15:30")], &["10:15:30.5", "10:15:30+02", "2026-01-31 10:15"]),
    (
        "date",
        &[("2026-01-31T00:00:00Z", "2026-01-31")],
        &["2026-01-31 10:15", "2026-01-31 101530", "12.123", "today", "2026-01-31T00:00:00+02:00"],
    ),
    ("interval", &[("1 day 00:00:00.5", "1 day 00:00:00.5")], &["00:00:00.1234567"]),
    ("interval(0)", &[("PT5S", "00:00:05")], &["PT5.5S"]),
    ("interval year", &[], &["1 year 2 months"]),
    ("interval day to second", &[("1 day", "1 day")], &["00:00:00.1234567"]),
    ("varchar(3)", &[("abc", "abc"), ("äöü", "äöü")], &["abc ", "abcd"]),
    ("char(3)", &[("ab", "ab")], &["abc ", "abcd"]),
    ("varchar(2)[]", &[("{ab,a}", "{ab,a}")], &["{\"ab \"}"]),
    ("name", &[("short", "short")], &["a234567890123456789012345678901234567890123456789012345678901234"]),
    ("\"char\"", &[("a", "a")], &["ab"]),
    ("point", &[("(1,2.5)", "(1,2.5)")], &["(1.12345678901234567,2)"]),
    ("tsrange", &[("[2026-01-31,2026-02-01)", "[\"2026-01-31 00:00:00\",\"2026-02-01 00:00:00\")")], &["[today,)"]),
    ("daterange", &[("[2026-01-31,2026-02-01)", "[2026-01-31,2026-02-01)")], &["[2026-01-31 10:15,2026-02-01)"]),
    ("cents", &[("1.25", "1.25")], &["1.255"]),
    ("cents[]", &[("{1.25}", "{1.25}")], &["{1.255}"]),
    ("codes[]", &[], &["{{abcd}}"]),
    ("shares", &[], &["[1.12345678901234567,2)"]),
    ("timeslot", &[("morning", "morning"), ("now", "now")], &[]),
    ("oid", &[("7", "7")], &["-1", "4294967296"]),
    ("jsonb[]", &[("[\"1\",{\"a\":[2]}]", "{\"\\\"1\\\"\",\"{\\\"a\\\": [2]}\"}")], &[]),
    ("bytea", &[("\\x0aff", "\\x0aff")], &["\\x+1"]),
    ("codes", &[("{abc}", "{abc}")], &["{abcd}"]),
    ("priced", &[], &["(1.255)"]),
    ("priced[]", &[], &["{(1.255)}"]),
    ("named", &[("(x,1)", "(x,1)")], &[]),
    ("uuid", &[("{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")], &[]),
];

#[test]
fn a_type_keeps_all_of_a_value_or_the_value_is_refused() {
    let Some(backend) = Backend::postgres() else { return };
    let mut database = backend.connect();
    for made in [
        "DOMAIN cents AS numeric(5,2)",
        "DOMAIN codes AS varchar(3)[]",
        "TYPE priced AS (price numeric(5,2))",
        "TYPE shares AS RANGE (subtype = float8)",
        "TYPE timeslot AS ENUM ('morning', 'now')",
        "TYPE named AS (name text, count integer)",
    ] {
        database.execute(&format!("CREATE {made}"), &[]).expect("a type");
    }
    for (kind, kept, refused) in TRIED {
        database.execute("DROP TABLE IF EXISTS t", &[]).expect("a table less");
        table(&mut database, &backend, &format!("v {kind}"));
        let merge = Merge::into("t").max_gone(MaxGone::Rows(9));
        // both ways into the table: as a text of JSON, and as a field of CSV that is read the short way
        let forms = |value: &str| {
            [
                ("a.ndjson", json!({"v": value}).to_string()),
                ("a.csv", format!("v\n\"{}\"\n", value.replace('"', "\"\""))),
            ]
        };
        for (value, stored) in *kept {
            for (name, content) in forms(value) {
                file(&backend, &mut database, &merge, name, &content);
                let found = texts(&mut database, "SELECT CAST(v AS text) FROM t WHERE archive IS NULL");
                assert_eq!(found, [*stored], "{kind}: {content}");
            }
        }
        let before = number(&mut database, "SELECT count(*) FROM t");
        for value in *refused {
            for (name, content) in forms(value) {
                let error = tried(&backend, &mut database, &merge, name, &content).expect_err(&content);
                assert!(format!("{error:?}").contains("column `v`"), "{kind}: {error:?}");
                assert_eq!(number(&mut database, "SELECT count(*) FROM t"), before, "{kind}: {content}");
            }
        }
    }
}

#[test]
fn what_outgrows_its_digits_or_letters_is_widened_where_that_was_asked_for() {
    for backend in [Backend::postgres(), Backend::mariadb()].into_iter().flatten() {
        let mut database = backend.connect();
        table(&mut database, &backend, "k integer, n numeric(5,2), c varchar(3)");
        let merge = Merge::into("t").key(["k"]).evolve(true);
        file(&backend, &mut database, &merge, "a.csv", "k,n,c\n1,1.25,abc\n");
        let report = file(&backend, &mut database, &merge, "b.csv", "k,n,c\n1,1.25,abc\n2,1000,abcd\n");
        assert_eq!((report.counts.unchanged, report.counts.new), (1, 1));
        let both = format!("SELECT CONCAT({}, c) FROM t ORDER BY k", backend.digits_of("n"));
        assert_eq!(texts(&mut database, &both), ["1.25abc", "1000abcd"]);
    }
}

/// SQLite makes numbers of texts in columns whose types it does not know.
#[test]
fn no_text_becomes_another_number() {
    let Some(backend) = Backend::all().into_iter().find(Backend::is_sqlite) else { return };
    let mut database = backend.connect();
    table(&mut database, &backend, "v DATE");
    let merge = Merge::into("t").max_gone(MaxGone::Rows(9));
    for kept in ["2026-01-31", "12:30", "17", "x", "1.5"] {
        file(&backend, &mut database, &merge, "a.csv", &format!("v\n{kept}\n"));
        assert_eq!(texts(&mut database, "SELECT CAST(v AS TEXT) FROM t WHERE archive IS NULL"), [kept]);
    }
    for refused in ["0012", "1.0", "+5", "1e400", "9007199254740993.0", "12345678901234567890.5"] {
        let error = tried(&backend, &mut database, &merge, "a.csv", &format!("v\n{refused}\n")).expect_err(refused);
        assert!(format!("{error:?}").contains("column `v`"), "{error:?}");
    }
}

/// What a column demands beside its type would be lost with the type.
#[test]
fn nothing_is_widened_that_has_conditions() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let columns = match backend.engine {
            // the server says so itself, of a column that a key or a computed column needs
            Engine::Mariadb => {
                database.execute("CREATE TABLE parents (k decimal(5,2) PRIMARY KEY)", &[]).expect("a table");
                database.execute("INSERT INTO parents VALUES (1)", &[]).expect("a row");
                "k decimal(5,2) REFERENCES parents (k), n text"
            }
            Engine::Sqlite => {
                database.execute("CREATE TABLE parents (k INTEGER PRIMARY KEY)", &[]).expect("a table");
                database.execute("INSERT INTO parents VALUES (1)", &[]).expect("a row");
                "k INTEGER REFERENCES parents (k), n TEXT"
            }
            Engine::Postgres => {
                database.execute("CREATE DOMAIN positive AS numeric(5,2) CHECK (value > 0)", &[]).expect("a domain");
                "k positive, n text"
            }
            Engine::Mssql => {
                database.execute("CREATE TABLE parents (k decimal(5,2) NOT NULL PRIMARY KEY)", &[]).expect("a table");
                database.execute("INSERT INTO parents VALUES (1)", &[]).expect("a row");
                "k decimal(5,2) REFERENCES parents (k), n nvarchar(max)"
            }
        };
        table(&mut database, &backend, columns);
        let merge = Merge::into("t").evolve(true);
        file(&backend, &mut database, &merge, "a.csv", "k,n\n1,x\n");
        let error = tried(&backend, &mut database, &merge, "b.csv", "k,n\n1,x\n99.555,y\n").expect_err("a condition");
        assert!(format!("{error:?}").contains("widen `k`"), "{error:?}");
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 1);
    }
}

/// Constraints of SQLite may name what becomes of a conflict; a merge says no to all of it, as to any other conflict.
#[test]
fn no_conflict_takes_a_row_away() {
    let Some(backend) = Backend::all().into_iter().find(Backend::is_sqlite) else { return };
    for way in ["REPLACE", "IGNORE", "ROLLBACK", "FAIL"] {
        let mut database = backend.connect();
        database.execute("DROP TABLE IF EXISTS t", &[]).expect("a table less");
        let columns = format!(
            "k INTEGER UNIQUE ON CONFLICT {way}, n INTEGER NOT NULL ON CONFLICT {} DEFAULT 7",
            if way == "IGNORE" { "IGNORE" } else { "REPLACE" }
        );
        table(&mut database, &backend, &columns);
        let merge = Merge::into("t").max_gone(MaxGone::Rows(9));
        file(&backend, &mut database, &merge, "a.csv", "k,n\n1,1\n2,2\n");
        // the row that goes is archived, and its key with it
        for content in ["k,n\n1,5\n2,2\n", "k,n\n1,1\n2,2\n3,\n"] {
            let error = tried(&backend, &mut database, &merge, "b.csv", content).expect_err("a conflict");
            assert!(format!("{error:?}").contains("constraint"), "{way}: {error:?}");
        }
        let rejects = backend.folder.path().join("rejects.ndjson");
        let report = file(&backend, &mut database, &merge.clone().rejects(&rejects), "b.csv", "k,n\n1,5\n2,2\n3,3\n");
        let counts = &report.counts;
        assert_eq!((counts.new, counts.rejected, counts.unchanged, counts.gone), (1, 1, 1, 1), "{way}");
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 3, "{way}");
    }
}

#[test]
fn a_table_of_too_many_columns_is_refused_before_it_is_made() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let header = |count: usize| (0..count).map(|at| format!("c{at}")).collect::<Vec<_>>().join(",");
        let row = |count: usize| vec!["1"; count].join(",");
        let csv = |count: usize| format!("{}\n{}\n", header(count), row(count));
        let most = backend.of([2_000, 1_600, 1_017, 1_024]);
        let merge = Merge::into("t").create(true);
        let error = tried(&backend, &mut database, &merge, "a.csv", &csv(5_000)).expect_err("too many");
        is_too_wide(&error, most);
        assert!(database.table(&"t".parse().expect("a name")).is_err());
        file(&backend, &mut database, &merge, "a.csv", &csv(3));
        let error = tried(&backend, &mut database, &merge.evolve(true), "a.csv", &csv(most - 4)).expect_err("too many");
        is_too_wide(&error, most);
        assert_eq!(columns(&mut database), 8);
    }
}

fn is_too_wide(error: &data_collector::error::Error, most: usize) {
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(format!("{error:?}").contains(&format!("takes {most} at most")), "{error:?}");
}

fn columns(database: &mut Connection) -> usize {
    database.table(&"t".parse().expect("a name")).expect("a table").columns.len()
}

/// A key is the same key in whatever letters the database gives it back.
#[test]
fn a_key_that_is_given_back_in_other_letters_is_the_same() {
    for backend in Backend::all_of_users() {
        let mut database = backend.connect();
        let kinds: &[(&str, &str)] = match backend.engine {
            Engine::Sqlite => &[("DATE", "17"), ("DATE", "1.5")],
            Engine::Mariadb => &[
                ("date", "20260131"),
                ("datetime(3)", "2026-01-31T10:15:30Z"),
                ("time", "10:15"),
                ("uuid", "A0EEBC999C0B4EF8BB6D6BB9BD380A11"),
                ("double", "1e23"),
                ("float", "0.1"),
                ("decimal(9,4)", "1.5"),
                ("bigint unsigned", "18446744073709551615"),
                ("varchar(5)", "ab   "),
            ],
            Engine::Postgres => &[
                ("char(5)", "ab   "),
                ("int[]", "[1,2]"),
                ("text[]", "[\"a\"]"),
                ("date", "20260131"),
                ("uuid", "A0EEBC999C0B4EF8BB6D6BB9BD380A11"),
                ("float8", "1e23"),
            ],
            Engine::Mssql => &[
                ("nchar(5)", "ab"),
                ("date", "20260131"),
                ("datetime2(3)", "2026-01-31T10:15:30Z"),
                ("time(0)", "10:15"),
                ("uniqueidentifier", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
                ("float", "1e23"),
                ("real", "0.1"),
                ("decimal(9,4)", "1.5"),
                ("tinyint", "200"),
                ("nvarchar(5)", "ab   "),
            ],
        };
        for (kind, key) in kinds {
            database.execute("DROP TABLE IF EXISTS t", &[]).expect("a table less");
            table(&mut database, &backend, &format!("k {kind}, n integer"));
            let merge = Merge::into("t").key(["k"]).max_gone(MaxGone::Rows(9));
            let csv = |n: &str| format!("k,n\n\"{}\",{n}\n", key.replace('"', "\"\""));
            file(&backend, &mut database, &merge, "a.csv", &csv("1"));
            let counts = file(&backend, &mut database, &merge, "a.csv", &csv("2")).counts;
            assert_eq!((counts.changed, counts.new, counts.gone), (1, 0, 0), "{kind}");
            let rejects = backend.folder.path().join("rejects.ndjson");
            let merge = merge.rejects(&rejects).allow_empty(true);
            let counts = file(&backend, &mut database, &merge, "a.csv", &csv("x")).counts;
            assert_eq!((counts.rejected, counts.kept, counts.active_after), (1, 1, 1), "{kind}");
        }
    }
}

/// Records of which nothing is hashed would all be one.
#[test]
fn a_record_of_which_nothing_is_hashed_is_refused() {
    for backend in Backend::all() {
        let mut database = backend.connect();
        let merge = Merge::into("t").create(true).hash_except(["a", "b"]);
        let error = tried(&backend, &mut database, &merge, "a.csv", "a,b\n1,x\n2,y\n").expect_err("nothing is left");
        assert!(format!("{error:?}").contains("none of the columns that are hashed"), "{error:?}");
        let rejects = backend.folder.path().join("rejects.ndjson");
        let merge = Merge::into("t").create(true).hash_on(["k"]).rejects(&rejects);
        let lines = "{\"k\":1,\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"k\":null}\n";
        let counts = file(&backend, &mut database, &merge, "a.ndjson", lines).counts;
        assert_eq!((counts.new, counts.rejected, counts.duplicate), (2, 2, 0));
    }
}
