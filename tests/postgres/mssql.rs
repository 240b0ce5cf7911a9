//! What only SQL Server has: its types, its tables without a key, its locks, and how one connects to it. Against a real server
//! where `DC_TEST_MSSQL` names one, else against a peer.

use crate::exact_merges::{file, number, table, texts, tried};
use crate::support::certificate::Certificate;
use crate::support::mssql::Peer;
use crate::support::{Backend, context, dc, stderr, stdout};
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::error::{Error, ErrorKind};
use data_collector::merge::{MaxGone, Merge, undo};
use data_collector::ops;
use data_collector::record::Value;
use serde_json::{Value as Json, json};

/// A type, what it keeps and gives back, and what it would change.
type Tried<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const TRIED: &[Tried<'_>] = &[
    (
        "decimal(38,10)",
        &[("9999999999999999999999999999.9999999999", "9999999999999999999999999999.9999999999"), ("-1e-10", "-1E-10")],
        &["1e28", "1e-11"],
    ),
    ("decimal(5,2)", &[("999.99", "999.99"), ("1e2", "100.0")], &["1000", "1.239", "x"]),
    ("money", &[("922337203685477.5807", "922337203685477.5807")], &["1.00001"]),
    ("tinyint", &[("255", "255")], &["-1", "256", "0.5"]),
    ("smallint", &[("-32768", "-32768")], &["32768"]),
    ("int", &[("2147483647", "2147483647")], &["2147483648"]),
    ("bigint", &[("-9223372036854775808", "-9223372036854775808")], &["9223372036854775808"]),
    ("real", &[("0.5", "0.5")], &["123456789.125"]),
    ("float", &[("0.30000000000000004", "0.30000000000000004")], &["12345678901234567.89", "1e400"]),
    ("bit", &[("true", "true"), ("0", "false")], &["2", "maybe"]),
    (
        "datetime2(6)",
        &[
            ("2026-01-31T10:15:30.123456Z", "2026-01-31 10:15:30.123456"),
            ("0001-01-01 00:00:00", "0001-01-01 00:00:00.000000"),
            ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"),
        ],
        &["2026-01-31T10:15:30+02:00", "2026-02-30", "2026-01-31 10:15:30.1234567", "26-01-31", "now"],
    ),
    ("datetime2(0)", &[("2026-01-31", "2026-01-31 00:00:00")], &["2026-01-31 10:15:30.5"]),
    ("datetime", &[("2026-01-31 10:15:30.003", "2026-01-31 10:15:30.003")], &["2026-01-31 10:15:30.001", "1752-12-31"]),
    ("smalldatetime", &[("2026-01-31 10:15", "2026-01-31 10:15:00")], &["2026-01-31 10:15:30"]),
    ("date", &[("2026-01-31T00:00:00Z", "2026-01-31")], &["2026-01-31 10:15", "today", "0000-00-00"]),
    ("time(2)", &[("10:15", "10:15:00.00")], &["1015", "24:00:00", "10:15:30.123"]),
    ("nchar(3)", &[("äöü", "äöü"), (" a", " a ")], &["ab ", "abcd", "aa😀"]),
    ("nvarchar(3)", &[("ab ", "ab "), ("a", "a")], &["abc ", "abcd", "aa😀"]),
    ("nvarchar(max)", &[("ab ", "ab "), ("шж中😀", "шж中😀")], &[]),
    ("varchar(3)", &[("ab ", "ab ")], &["abc ", "abcd"]),
    (
        "uniqueidentifier",
        &[("a0eebc999c0b4ef8bb6d6bb9bd380a11", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11")],
        &["a0eebc99"],
    ),
];

fn says(error: &Error, words: &[&str]) {
    let text = format!("{error:?}");
    words.iter().for_each(|word| assert!(text.contains(word), "`{word}` is not in: {text}"));
}

fn run(database: &mut Connection, sql: &str) {
    for statement in sql.split(";;") {
        database.execute(statement, &[]).unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

/// What a query gives, in the words of JSON.
fn shown(database: &mut Connection, sql: &str) -> Vec<String> {
    let rows = database.query(sql, &[]).expect("a query").rows;
    let text = |value: &Value<'_>| match value {
        Value::Text(text) => text.to_string(),
        Value::Decimal(digits) | Value::BigInteger(digits) => digits.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        other => format!("{other:?}"),
    };
    rows.iter().map(|row| text(&row[0])).collect()
}

/// Nothing is rounded, cut or taken for something else.
#[test]
fn a_type_keeps_all_of_a_value_or_the_value_is_refused() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    for (kind, kept, refused) in TRIED {
        run(&mut database, "DROP TABLE IF EXISTS t");
        table(&mut database, &backend, &format!("v {kind} NULL"));
        let merge = Merge::into("t").max_gone(MaxGone::Rows(9));
        for (value, stored) in *kept {
            let content = json!({"v": value}).to_string();
            file(&backend, &mut database, &merge, "a.ndjson", &content);
            let found = shown(&mut database, "SELECT v FROM t WHERE archive IS NULL");
            let number = |text: &str| text.parse::<f64>().ok();
            let is_same = found == [*stored] || number(stored).is_some_and(|it| number(&found[0]) == Some(it));
            assert!(is_same, "{kind}: {content}: {found:?}");
        }
        let before = number(&mut database, "SELECT count(*) FROM t");
        for value in *refused {
            let content = json!({"v": value}).to_string();
            let error = tried(&backend, &mut database, &merge, "a.ndjson", &content).expect_err(&content);
            says(&error, &["line", "v"]);
            assert_eq!(number(&mut database, "SELECT count(*) FROM t"), before, "{kind}: {content}");
            // beside others it is set aside, with the reason
            let rejects = backend.folder.path().join("rejects.ndjson");
            let merge = merge.clone().rejects(&rejects).allow_empty(true).dry_run(true);
            let counts = file(&backend, &mut database, &merge, "a.ndjson", &content).counts;
            assert_eq!((counts.read, counts.rejected), (1, 1), "{kind}: {content}");
        }
    }
}

/// Four alphabets, signs beyond 16 bits, NUL, every byte, empty texts.
#[test]
fn text_and_bytes_come_back_to_the_last_bit() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    table(&mut database, &backend, "k int, s nvarchar(max) NULL, b varbinary(max) NULL, f binary(4) NULL");
    let text = "Žšč Ελλ Кир 中文 😀 a\u{0}b\tc\nd\\e\r\\N'\"`\u{1a} [x]";
    let every: Vec<u8> = (0..=255).collect();
    let hex = |bytes: &[u8]| format!("\\x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let rows = [
        json!({"k": 1, "s": text, "b": hex(&every), "f": "\\x00ff0a5c"}),
        json!({"k": 2, "s": "", "b": "\\x", "f": null}),
        json!({"k": 3, "s": "\\N", "b": null, "f": "\\x00000000"}),
    ];
    let merge = Merge::into("t");
    assert_eq!(merge.run(&mut database, &rows).expect("a merge").counts.new, 3);
    assert_eq!(merge.run(&mut database, rows.iter().rev()).expect("a merge").counts.unchanged, 3);
    let found = database.query("SELECT s, b, f FROM t ORDER BY k", &[]).expect("rows").rows;
    let expected = [
        vec![Value::from(text), Value::Bytes(every), Value::Bytes(vec![0, 255, 10, 92])],
        vec![Value::from(""), Value::Bytes(vec![]), Value::Null],
        vec![Value::from("\\N"), Value::Null, Value::Bytes(vec![0; 4])],
    ];
    assert_eq!(found, expected);
    // what is longer than the driver's stream bears stands beside what is not, in its order
    let long: Vec<Json> = (0..4)
        .map(|k| {
            let length = if k == 2 { 3 } else { 70_000 };
            json!({"k": k, "s": format!("{k}é").repeat(length), "b": hex(&vec![k as u8; length])})
        })
        .collect();
    Merge::into("long").create(true).column_type("b", "varbinary(max)").run(&mut database, &long).expect("a merge");
    let found = database.query("SELECT k, LEN(s), DATALENGTH(b) FROM long ORDER BY id", &[]).expect("rows").rows;
    let lengths: Vec<i64> =
        found.iter().flatten().map(|it| if let Value::Integer(it) = it { *it } else { -1 }).collect();
    assert_eq!(lengths, [0, 140_000, 70_000, 1, 140_000, 70_000, 2, 6, 3, 3, 140_000, 70_000]);
    // a scope and a filter hold the text for what it is
    assert_eq!(database.delete("t", &[("s", Value::from("\\n"))]).expect("none"), 0);
    assert_eq!(database.delete("t", &[("s", Value::from(text))]).expect("one"), 1);
    let error = merge.gone(Gone::Keep).run(&mut database, [json!({"k": 4, "f": "\\x00"})]).expect_err("not kept");
    says(&error, &["line 1", "would not keep"]);
}

/// The shape of a table is part of the transaction; what fails or is only tried leaves nothing.
#[test]
fn what_fails_or_is_tried_leaves_no_trace() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    let tables = |database: &mut Connection| texts(database, "SELECT name FROM sys.objects WHERE name = 't'").len();
    Merge::into("t").create(true).dry_run(true).run(&mut database, [json!({"a": 1})]).expect("a try");
    let bad = [json!({"a": 1, "b": "x"}), json!({"a": f64::MAX, "b": 1})];
    Merge::into("t").create(true).column_type("a", "int").run(&mut database, &bad).expect_err("too large");
    assert_eq!(tables(&mut database), 0);
    table(&mut database, &backend, "a int NULL CHECK (a < 100)");
    let merge = Merge::into("t").evolve(true);
    merge.run(&mut database, [json!({"a": 1})]).expect("a merge");
    let columns = |database: &mut Connection| {
        let table = database.table(&"t".parse().expect("a name")).expect("a table");
        table.columns.iter().map(|column| format!("{} {}", column.name, column.declared)).collect::<Vec<_>>()
    };
    let before = columns(&mut database);
    let wider = [json!({"a": 1, "b": 1}), json!({"a": 3, "b": 2})];
    merge.clone().dry_run(true).run(&mut database, &wider).expect("a try");
    assert_eq!(columns(&mut database), before);
    merge.run(&mut database, [json!({"a": 1, "b": 1}), json!({"a": 200, "b": 2})]).expect_err("a condition");
    assert_eq!(columns(&mut database), before);
    let report = merge.run(&mut database, &wider).expect("a merge");
    assert_eq!(report.added_columns.len(), 1);
    undo(&mut database, &report.merge.expect("one"), false, &Cancellation::default()).expect("an undo");
    assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 1);
}

/// Rows that constraints forbid are set aside one by one, the others go in.
#[test]
fn refused_rows_are_set_aside() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    run(&mut database, "CREATE TABLE parents (p int NOT NULL PRIMARY KEY);; INSERT INTO parents VALUES (1), (2)");
    let columns =
        "k int NOT NULL UNIQUE, p int NULL REFERENCES parents (p), v int NOT NULL CHECK (v < 1000), d date NULL";
    table(&mut database, &backend, columns);
    let rejects = backend.folder.path().join("rejects.ndjson");
    let rows: Vec<Json> = (0..3_000)
        .map(|k| match k {
            700 => json!({"k": k, "p": 3, "v": 1}),
            1_500 => json!({"k": 1, "p": 1, "v": 2}),
            1_501 => json!({"k": k, "p": 1, "v": 1_000}),
            2_999 => json!({"k": k, "p": 1, "v": 1, "d": "2026-02-30"}),
            k => json!({"k": k, "p": 1 + k % 2, "v": 1, "d": "2026-01-31"}),
        })
        .collect();
    let merge = Merge::into("t").rejects(&rejects);
    let counts = merge.run(&mut database, &rows).expect("a merge").counts;
    assert_eq!((counts.new, counts.rejected, counts.active_after), (2_996, 4, 2_996));
    let again = merge.run(&mut database, &rows).expect("a merge").counts;
    assert_eq!((again.new, again.unchanged, again.rejected), (0, 2_996, 4));
}

/// What a table has that a merge cannot work with is named, with the statement that helps.
#[test]
fn a_table_that_cannot_be_merged_into_is_named() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    let own = "sha BINARY(32) NULL, archive DATETIME2(6) NULL, date_created DATETIME2(6) NULL, date_modified DATETIME2(6) NULL";
    let id = "id BIGINT IDENTITY(1,1) NOT NULL PRIMARY KEY";
    for (columns, words) in [
        (format!("{own}, k int"), ["cannot be found again", "ADD \"id\" BIGINT IDENTITY NOT NULL UNIQUE"]),
        (
            format!("{id}, {}, k int", own.replace("BINARY(32)", "BINARY(16)")),
            ["cannot hold a record hash", "BINARY(32)"],
        ),
        (
            format!("{id}, {}, k int", own.replace("archive DATETIME2(6)", "archive DATETIME2(3)")),
            ["microseconds", "ALTER"],
        ),
    ] {
        run(&mut database, &format!("DROP TABLE IF EXISTS t;; CREATE TABLE t ({columns})"));
        let merge = Merge::into("t");
        let error = merge.run(&mut database, [json!({"k": 1})]).expect_err("an obstacle");
        says(&error, &words);
        run(&mut database, error.hint_text().expect("a hint"));
        let rows = [json!({"k": 1}), json!({"k": 2})];
        assert_eq!(merge.run(&mut database, &rows).expect("a merge").counts.new, 2);
        assert_eq!(merge.run(&mut database, &rows[1..]).expect("a merge").counts.gone, 1);
    }
}

/// Values of statements, by place and by number.
#[test]
fn statements_take_values_and_give_them_back_as_they_are() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    run(
        &mut database,
        "CREATE TABLE v (n decimal(30,5) NULL, f real NULL, d float NULL, t datetime2(3) NULL, y smallint NULL, \
         x varbinary(max) NULL, o bit NULL, c time(1) NULL, s nvarchar(20) NULL)",
    );
    let values = [
        Value::Decimal("12345678901234567890.5".into()),
        Value::Float(0.5),
        Value::Float(1e-7),
        Value::from("2026-01-31 10:15:30.250"),
        Value::Integer(2026),
        Value::Bytes(vec![0, 255]),
        Value::Bool(true),
        Value::from("10:00:00.5"),
        Value::from("it's"),
    ];
    database.execute("INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", &values).expect("a row");
    let row = database.query("SELECT * FROM v", &[]).expect("a row").rows.remove(0);
    assert_eq!(row[0], Value::Decimal("12345678901234567890.50000".into()));
    assert_eq!(row[1..], values[1..]);
    let same = "SELECT COUNT(*) FROM v WHERE n = $1 AND s <> '$1 ?' AND n = $1 -- $9";
    assert_eq!(database.query(same, &values[..1]).expect("a number").rows, [[Value::Integer(1)]]);
    let sum = database.query("SELECT ? + ?", &[Value::from(1), Value::from(2)]).expect("a sum");
    assert_eq!(sum.rows, [[Value::Integer(3)]]);
    assert_eq!(database.execute("UPDATE v SET y = y", &[]).expect("a change"), 1);
    assert!(database.query("SELECT $2", &[Value::from(1)]).is_err());
}

/// Merges of one table wait for each other.
#[test]
fn a_merge_waits_for_another_one_of_its_table() {
    let Some(backend) = Backend::mssql() else { return };
    let mut database = backend.connect();
    Merge::into("t").key(["k"]).create(true).run(&mut database, [json!({"k": 0, "v": 0})]).expect("a merge");
    std::thread::scope(|scope| {
        for v in 1..=4 {
            let backend = &backend;
            scope.spawn(move || {
                let merge = Merge::into("t").key(["k"]);
                let counts = merge.run(&mut backend.connect(), [json!({"k": 0, "v": v})]).expect("a merge").counts;
                assert_eq!((counts.changed, counts.active_after), (1, 1));
            });
        }
    });
    assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 1);
    assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 5);
}

/// `dc merge --database warehouse` beside a `main` of another kind, with all that belongs to it.
#[test]
fn the_command_merges_into_it_beside_another_main() {
    let Some(backend) = Backend::mssql() else { return };
    let folder = backend.folder.path();
    let dc = |arguments: &[&str]| {
        let output = dc(folder).env("DC_DB_WAREHOUSE_URL", &backend.url).args(arguments).output().expect("dc starts");
        let complaint = stderr(&output);
        assert!(
            output.status.success() && !complaint.contains("WARN"),
            "{arguments:?}: {}{complaint}",
            stdout(&output)
        );
        stdout(&output)
    };
    std::fs::write(folder.join("a.csv"), "k,v,d\n1,a,2026-01-31\n2,b,\n").expect("a file");
    std::fs::write(folder.join("b.csv"), "k,v,d\n1,a,2026-01-31\n3,c,2026-02-01\n").expect("a file");
    let into = ["--database", "warehouse", "--key", "k"];
    dc(&[&["merge", "t", "a.csv", "--create"][..], &into].concat());
    dc(&[&["merge", "t", "b.csv"][..], &into].concat());
    let told = dc(&["merge", "show", "t", "--database", "warehouse"]);
    assert!(told.contains("\"c\"") && !told.contains("\"b\""), "{told}");
    let told = dc(&["merge", "history", "--database", "warehouse"]);
    assert_eq!(told.matches("dbo.t").count(), 2, "{told}");
    let error = dc_error(folder, &[("DC_DB_MAIN_URL", &backend.url)], &["deploy"]);
    assert!(error.contains("SQL Server") && error.contains("another database"), "{error}");
}

fn dc_error(folder: &std::path::Path, settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = dc(folder).envs(settings.iter().copied()).args(arguments).output().expect("dc starts");
    assert!(!output.status.success(), "{arguments:?}: {}", stdout(&output));
    stderr(&output)
}

fn open(url: &str) -> Result<Connection, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    ops::connect(&context(folder.path(), &[("DC_DB_W_URL", url)]), "w")
}

/// What is wrong with a login, a name or a server is named; no password is shown.
#[test]
fn what_is_wrong_with_a_connection_is_named() {
    let Some(peer) = Peer::start(&[]) else { return };
    let error = open(&peer.url("master").replace("sa:", "nobody:s3cr@t")).err().expect("a wrong login");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
    assert!(!format!("{error:?}").contains("s3cr@t") && error.hint_text().is_some(), "{error:?}");
    let error = open(&peer.url("dc_nowhere")).err().expect("no such database");
    says(&error, &["dc_nowhere", "CREATE DATABASE [dc_nowhere]"]);
    let error = open(&format!("{}?encrypt=true&trust=true", peer.url("master"))).err().expect("no TLS");
    says(&error, &["the server has no TLS", "sslmode=disable"]);
    let error = open("mssql://127.0.0.1/d?integrated=true").err().expect("not built in");
    if cfg!(not(feature = "mssql-kerberos")) {
        assert_eq!(error.kind(), ErrorKind::Settings);
        says(&error, &["mssql-kerberos", "libgssapi"]);
    }
    // a port where nobody listens, and a server that says nothing
    let port = peer.port;
    drop(peer);
    let error = open(&format!("mssql://sa:x@127.0.0.1:{port}/d")).err().expect("nobody");
    assert!(error.kind() == ErrorKind::Busy && error.is_temporary(), "{error:?}");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let error = open(&format!("mssql://sa:x@127.0.0.1:{port}/d?connect_timeout=1")).err().expect("silence");
    says(&error, &["no answer in 1 seconds"]);
}

/// The words of TLS mean what they mean elsewhere.
#[test]
fn a_certificate_is_checked_as_far_as_it_is_asked_for() {
    let Some(own) = Certificate::make("DNS:localhost") else { return };
    let tls = ["--tls", own.certificate.to_str().expect("a path"), own.key.to_str().expect("a path")];
    let Some(peer) = Peer::start(&[&tls[..], &["--encryption", "required"]].concat()) else { return };
    let by_name = peer.url("master").replace("127.0.0.1", "localhost");
    let root = format!("sslrootcert={}", own.certificate.display());
    for (url, options) in [
        (peer.url("master"), "sslmode=require".to_owned()),
        (peer.url("master"), "encrypt=true&trust=true".to_owned()),
        (peer.url("master"), String::new()),
        (peer.url("master"), format!("sslmode=verify-ca&{root}")),
        (by_name.clone(), format!("sslmode=verify-full&{root}")),
        (by_name, format!("encrypt=true&{root}")),
    ] {
        let url = format!("{url}?{options}");
        let mut database = open(&url).unwrap_or_else(|error| panic!("{options}: {error:?}"));
        assert_eq!(number(&mut database, "SELECT 1"), 1, "{options}");
    }
    for (options, words) in [
        ("sslmode=disable".to_owned(), "the server asks for TLS"),
        (format!("sslmode=verify-full&{root}"), "certificate"),
        ("sslmode=verify-ca".to_owned(), "certificate"),
    ] {
        let error = open(&format!("{}?{options}", peer.url("master"))).err().unwrap_or_else(|| panic!("{options}"));
        assert_eq!(error.kind(), ErrorKind::Permission, "{options}: {error:?}");
        says(&error, &[words]);
    }
}
