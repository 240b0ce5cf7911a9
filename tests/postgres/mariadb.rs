//! What only MariaDB has: its types, its engines, changes of tables that end a transaction, and rows that come as a stream.

use crate::exact_merges::{file, number, table, texts, tried};
use crate::support::{Backend, mariadb};
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::error::{Error, ErrorKind};
use data_collector::merge::{MaxGone, Merge, undo};
use data_collector::ops;
use data_collector::record::Value;
use serde_json::{Value as Json, json};

/// A type, what it keeps and prints, and what it would change.
type Tried<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

const TRIED: &[Tried<'_>] = &[
    (
        "decimal(65,30)",
        &[
            (
                "99999999999999999999999999999999999.999999999999999999999999999999",
                "99999999999999999999999999999999999.999999999999999999999999999999",
            ),
            ("-1e-30", "-0.000000000000000000000000000001"),
        ],
        &["1e35", "1e-31"],
    ),
    ("decimal(5,2)", &[("999.99", "999.99"), ("1e2", "100.00")], &["1000", "1.239", "x"]),
    ("decimal(3,0) unsigned", &[("5.0", "5")], &["-1", "1000", "0.5"]),
    ("tinyint", &[("-128", "-128")], &["128", "1.5"]),
    ("smallint unsigned", &[("65535", "65535")], &["65536", "-1"]),
    ("mediumint", &[("8388607", "8388607")], &["8388608"]),
    ("bigint", &[("-9223372036854775808", "-9223372036854775808")], &["9223372036854775808"]),
    ("bigint unsigned", &[("18446744073709551615", "18446744073709551615")], &["18446744073709551616", "-1"]),
    ("float", &[("0.1", "0.1")], &["123456789.125"]),
    ("double", &[("0.30000000000000004", "0.30000000000000004")], &["12345678901234567.89", "1e400"]),
    ("double(7,2)", &[("1.25", "1.25")], &["1.255"]),
    ("boolean", &[("true", "1"), ("0", "0")], &["2", "maybe"]),
    (
        "datetime(6)",
        &[
            ("2026-01-31T10:15:30.123456Z", "2026-01-31 10:15:30.123456"),
            ("0001-01-01 00:00:00", "0001-01-01 00:00:00.000000"),
            ("9999-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999"),
            ("0000-00-00", "0000-00-00 00:00:00.000000"),
        ],
        &["2026-01-31T10:15:30+02:00", "2026-02-30", "2026-01-31 10:15:30.1234567", "26-01-31", "now", "1.5"],
    ),
    ("datetime", &[("2026-01-31", "2026-01-31 00:00:00")], &["2026-01-31 10:15:30.5"]),
    ("timestamp(3) null", &[("2026-01-31 10:15:30.25", "2026-01-31 10:15:30.250")], &["1969-01-01 00:00:00"]),
    ("date", &[("2026-01-31T00:00:00Z", "2026-01-31"), ("0000-00-00", "0000-00-00")], &["2026-01-31 10:15", "today"]),
    ("time(2)", &[("-838:59:59", "-838:59:59.00"), ("10:15", "10:15:00.00")], &["1015", "839:00:00", "10:15:30.123"]),
    ("year", &[("2026", "2026"), ("0000", "0000")], &["26", "1900", "20260"]),
    ("enum('red','Green','1')", &[("red", "red"), ("1", "1")], &["RED", "green", "2", "", "red "]),
    ("set('a','b','c')", &[("a,c", "a,c"), ("", "")], &["c,a", "3", "A", "a,a"]),
    ("char(3)", &[("äöü", "äöü"), (" a", " a")], &["ab ", "abcd"]),
    ("varchar(3)", &[("ab ", "ab ")], &["abc ", "abcd"]),
    ("varchar(3) character set latin1", &[("äöü", "äöü")], &["€€€€", "ш"]),
    ("tinytext", &[("ab ", "ab ")], &[LONG]),
    ("text character set utf8mb3", &[("шж中", "шж中")], &["😀"]),
    ("uuid", &[("A0EEBC999C0B4EF8BB6D6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")], &["a0eebc99"]),
    ("inet6", &[("::1", "::1")], &["1.2.3"]),
];

/// 256 bytes.
const LONG: &str = concat!(
    "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää",
    "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"
);

fn says(error: &Error, words: &[&str]) {
    let text = format!("{error:?}");
    words.iter().for_each(|word| assert!(text.contains(word), "`{word}` is not in: {text}"));
}

fn run(database: &mut Connection, sql: &str) {
    for statement in sql.split(";;") {
        database.execute(statement, &[]).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// The tables there are beside the history, the hidden ones too.
fn tables(database: &mut Connection) -> Vec<String> {
    texts(
        database,
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'dc_merges'",
    )
}

/// Nothing is rounded, cut or taken for something else: by the stream and by statements.
#[test]
fn a_type_keeps_all_of_a_value_or_the_value_is_refused() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    for (kind, kept, refused) in TRIED {
        run(&mut database, "DROP TABLE IF EXISTS t");
        table(&mut database, &backend, &format!("v {kind}"));
        let merge = Merge::into("t").max_gone(MaxGone::Rows(9));
        let forms = |value: &str| {
            [
                ("a.ndjson", json!({"v": value}).to_string()),
                ("a.csv", format!("v\n\"{}\"\n", value.replace('"', "\"\""))),
            ]
        };
        for (value, stored) in *kept {
            for (name, content) in forms(value) {
                // nothing stands for null in CSV
                if name == "a.csv" && value.is_empty() {
                    continue;
                }
                file(&backend, &mut database, &merge, name, &content);
                let found = texts(&mut database, "SELECT CAST(v AS char) FROM t WHERE archive IS NULL");
                assert_eq!(found, [*stored], "{kind}: {content}");
            }
        }
        let before = number(&mut database, "SELECT count(*) FROM t");
        for value in *refused {
            for (name, content) in forms(value) {
                if name == "a.csv" && value.is_empty() {
                    continue;
                }
                let error = tried(&backend, &mut database, &merge, name, &content).expect_err(&content);
                says(&error, &["line", "v"]);
                assert_eq!(number(&mut database, "SELECT count(*) FROM t"), before, "{kind}: {content}");
                // beside others it is set aside, with the reason
                let rejects = backend.folder.path().join("rejects.ndjson");
                let merge = merge.clone().rejects(&rejects).allow_empty(true).dry_run(true);
                let counts = file(&backend, &mut database, &merge, name, &content).counts;
                assert_eq!((counts.read, counts.rejected), (1, 1), "{kind}: {content}");
            }
        }
    }
}

/// Four alphabets, signs beyond 16 bits, every byte, and what LOAD DATA takes for the end of a field or a line.
#[test]
fn text_and_bytes_come_back_to_the_last_bit() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    table(&mut database, &backend, "k integer, s longtext character set utf8mb4, b longblob, f binary(4), x bit(12)");
    let text = "Žšč Ελλ Кир 中文 😀 a\u{0}b\tc\nd\\e\r\\N'\"`\u{1a}";
    let every: Vec<u8> = (0..=255).collect();
    let hex = |bytes: &[u8]| format!("\\x{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let rows = [
        json!({"k": 1, "s": text, "b": hex(&every), "f": "\\x00ff0a5c", "x": 4095}),
        json!({"k": 2, "s": "", "b": "\\x", "f": null, "x": 0}),
        json!({"k": 3, "s": "\\N", "b": null, "f": "\\x00000000", "x": null}),
    ];
    let merge = Merge::into("t");
    for way in [1, 0] {
        run(&mut database, "DELETE FROM t");
        let _off = (way == 0).then(|| NoStream::new(&backend));
        let mut database = backend.connect();
        assert_eq!(merge.run(&mut database, &rows).expect("a merge").counts.new, 3);
        assert_eq!(merge.run(&mut database, rows.iter().rev()).expect("a merge").counts.unchanged, 3);
        let found = database.query("SELECT s, b, f, x FROM t ORDER BY k", &[]).expect("rows").rows;
        let expected = [
            vec![Value::from(text), Value::Bytes(every.clone()), Value::Bytes(vec![0, 255, 10, 92]), Value::from(4095)],
            vec![Value::from(""), Value::Bytes(vec![]), Value::Null, Value::from(0)],
            vec![Value::from("\\N"), Value::Null, Value::Bytes(vec![0; 4]), Value::Null],
        ];
        assert_eq!(found, expected);
    }
    for bad in [json!({"k": 4, "f": "\\x00"}), json!({"k": 4, "x": 4096}), json!({"k": 4, "x": -1})] {
        let error = merge.clone().gone(Gone::Keep).run(&mut database, [bad]).expect_err("not kept");
        says(&error, &["line 1", "would not keep"]);
    }
}

/// The server takes no LOAD DATA LOCAL as long as it lives. Others that merge meanwhile go the other way too.
struct NoStream(String);

impl NoStream {
    fn new(backend: &Backend) -> Self {
        mariadb::run(&backend.url, "SET GLOBAL local_infile = 0").expect("a setting");
        Self(backend.url.clone())
    }
}

impl Drop for NoStream {
    fn drop(&mut self) {
        let _ = mariadb::run(&self.0, "SET GLOBAL local_infile = 1");
    }
}

/// A change of a table ends a transaction here; nobody sees a part of a merge all the same.
#[test]
fn what_fails_or_is_tried_leaves_no_trace() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    Merge::into("t").create(true).dry_run(true).run(&mut database, [json!({"a": 1})]).expect("a try");
    let bad = [json!({"a": 1, "b": "x"}), json!({"a": f64::MAX, "b": 1})];
    Merge::into("t").create(true).column_type("a", "int").run(&mut database, &bad).expect_err("too large");
    assert_eq!(tables(&mut database), Vec::<String>::new());
    let create = "CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, sha BINARY(32) NOT NULL, archive DATETIME(6), \
        date_created DATETIME(6), date_modified DATETIME(6), a int(11) NOT NULL DEFAULT 7 COMMENT 'it''s', CHECK (a < 100))";
    run(&mut database, create);
    let merge = Merge::into("t").evolve(true);
    merge.run(&mut database, [json!({"a": 1})]).expect("a merge");
    let made = |database: &mut Connection| database.query("SHOW FULL COLUMNS FROM t", &[]).expect("a table").rows;
    let before = made(&mut database);
    let wider = [json!({"a": 1, "b": 1}), json!({"a": 2.5, "b": 2})];
    merge.clone().dry_run(true).run(&mut database, &wider).expect("a try");
    assert_eq!(made(&mut database), before);
    merge.run(&mut database, [json!({"a": 1, "b": 1}), json!({"a": 200.5, "b": 2})]).expect_err("a condition");
    assert_eq!(made(&mut database), before);
    let report = merge.run(&mut database, &wider).expect("a merge");
    assert_eq!((report.added_columns.len(), report.widened_columns.len()), (1, 1));
    let after = format!("{:?}", made(&mut database));
    assert!(after.contains("decimal(65,30)") && after.contains("it's"), "{after}");
    undo(&mut database, &report.merge.expect("one"), false, &Cancellation::default()).expect("an undo");
    assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 1);
}

/// What a table has that a merge cannot work with is named, with the statement that helps.
#[test]
fn a_table_that_cannot_be_merged_into_is_named() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    let own = "sha BINARY(32), archive DATETIME(6), date_created DATETIME(6), date_modified DATETIME(6)";
    let id = "id BIGINT AUTO_INCREMENT PRIMARY KEY";
    for (columns, words) in [
        (format!("{id}, {own}, k int) ENGINE = MyISAM"), ["MyISAM", "ENGINE = InnoDB"]),
        (format!("{own}, k int)"), ["cannot be found again", "ADD COLUMN `id` BIGINT NOT NULL AUTO_INCREMENT"]),
        (format!("id varchar(36) DEFAULT (uuid()) PRIMARY KEY, {own}, k int)"), ["cannot be found again", "`row_id`"]),
        (format!("{id}, {}, k int)", own.replace("BINARY(32)", "BINARY(16)")), ["cannot hold a record hash", "MODIFY"]),
        (
            format!("{id}, {}, k int)", own.replace("archive DATETIME(6)", "archive DATETIME")),
            ["microseconds", "MODIFY"],
        ),
    ] {
        run(&mut database, &format!("DROP TABLE IF EXISTS t;; CREATE TABLE t ({columns}"));
        let merge = Merge::into("t");
        let error = merge.run(&mut database, [json!({"k": 1})]).expect_err("an obstacle");
        says(&error, &words);
        run(&mut database, error.hint_text().expect("a hint"));
        let rows = [json!({"k": 1}), json!({"k": 2})];
        assert_eq!(merge.run(&mut database, &rows).expect("a merge").counts.new, 2);
        assert_eq!(merge.run(&mut database, &rows[1..]).expect("a merge").counts.gone, 1);
    }
}

/// A key of whole numbers with another name finds rows as well, also one without a sign; so does one of a table in parts.
#[test]
fn rows_are_found_by_whatever_key_there_is() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    let own = "sha BINARY(32), archive DATETIME(6), date_created DATETIME(6), date_modified DATETIME(6)";
    for (start, end) in [
        ("nr INT UNSIGNED AUTO_INCREMENT PRIMARY KEY", ""),
        ("id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY", "AUTO_INCREMENT = 18446744073709000000"),
        ("id BIGINT AUTO_INCREMENT, PRIMARY KEY (id, k)", "PARTITION BY HASH (k) PARTITIONS 3"),
        ("id varchar(9), uuid BIGINT AUTO_INCREMENT UNIQUE", ""),
    ] {
        run(
            &mut database,
            &format!("DROP TABLE IF EXISTS t;; CREATE TABLE t ({start}, {own}, k int NOT NULL, v int) {end}"),
        );
        let rows =
            |value: i64| (0..4).map(|k| json!({"k": k, "v": if k == 2 { value } else { 0 }})).collect::<Vec<Json>>();
        let merge = Merge::into("t").key(["k"]);
        assert_eq!(merge.run(&mut database, rows(0)).expect("a merge").counts.new, 4, "{start}");
        let report = merge.run(&mut database, rows(1)).expect("a merge");
        assert_eq!((report.counts.changed, report.counts.unchanged), (1, 3), "{start}");
        undo(&mut database, &report.merge.expect("one"), false, &Cancellation::default()).expect("an undo");
        assert_eq!(number(&mut database, "SELECT SUM(v) + 0 FROM t WHERE archive IS NULL"), 0);
    }
}

/// One hash has one active row, whoever writes it, and nobody sees the column that holds them to it.
#[test]
fn an_active_row_has_its_hash_alone() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    Merge::into("t").create(true).run(&mut database, [json!({"a": 1}), json!({"a": 2})]).expect("a merge");
    let rows = database.query("SELECT * FROM t", &[]).expect("rows");
    assert_eq!(rows.columns, ["id", "sha", "archive", "date_created", "date_modified", "a"]);
    let twice = "INSERT INTO t (sha, date_created, a) SELECT sha, date_created, a FROM t";
    says(&database.execute(twice, &[]).expect_err("twice"), &["Duplicate entry"]);
    let own = [json!({"a": 1, "sha_active": 2})];
    let error = Merge::into("t").evolve(true).run(&mut database, own).expect_err("its name");
    says(&error, &["sha_active", "--rename"]);
}

/// Rights that are missing are named, and a wrong login shows no password.
#[test]
fn missing_rights_are_named() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut owner = backend.connect();
    Merge::into("t").create(true).run(&mut owner, [json!({"a": 1})]).expect("a merge");
    let user = format!("dc_{}", &uuid::Uuid::now_v7().simple().to_string()[20..]);
    run(&mut owner, &format!("CREATE USER {user}@'%' IDENTIFIED BY 's3:cr@t';; GRANT SELECT ON t TO {user}@'%'"));
    let url = |password: &str| backend.url.replace("root@", &format!("{user}:{password}@"));
    let connect = |password: &str| {
        let context = backend.context_with(&[("DC_DB_MAIN_URL", &url(password))]);
        ops::connect(&context, "main")
    };
    let error = connect("wr0ng").err().expect("a wrong password");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
    assert!(!format!("{error:?}").contains("wr0ng") && error.hint_text().is_some(), "{error:?}");
    let mut database = connect("s3:cr@t").expect("a connection");
    for (merge, row) in [
        (Merge::into("t"), json!({"a": 2})),
        (Merge::into("u").create(true), json!({"a": 2})),
        (Merge::into("t").evolve(true), json!({"a": 2, "b": 1})),
    ] {
        let error = merge.run(&mut database, [row]).expect_err("no right");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
    }
    run(&mut owner, &format!("DROP USER {user}@'%'"));
    let error = ops::connect(&backend.context_with(&[("DC_DB_MAIN_URL", "mysql://root@127.0.0.1/dc_nowhere")]), "main");
    says(&error.err().expect("no such database"), &["dc_nowhere", "CREATE DATABASE `dc_nowhere`"]);
}

/// Values of statements, by place and by number.
#[test]
fn statements_take_values_and_give_them_back_as_they_are() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    run(
        &mut database,
        "CREATE TABLE v (n decimal(65,30), u bigint unsigned, f float, d double, t datetime(3), y year, b bit(3), x blob, \
         j json, o boolean, c time(1))",
    );
    let values = [
        Value::Decimal("12345678901234567890.5".into()),
        Value::BigInteger("18446744073709551615".into()),
        Value::Float(0.5),
        Value::Float(1e-7),
        Value::from("2026-01-31 10:15:30.250"),
        Value::Integer(2026),
        Value::Integer(5),
        Value::Bytes(vec![0, 255]),
        Value::from("{\"a\":1}"),
        Value::Bool(true),
        Value::from("-30:00:00.5"),
    ];
    database.execute("INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)", &values).expect("a row");
    let row = database.query("SELECT * FROM v", &[]).expect("a row").rows.remove(0);
    assert_eq!(row[0], Value::Decimal("12345678901234567890.500000000000000000000000000000".into()));
    assert_eq!(row[1..], values[1..]);
    let same = "SELECT COUNT(*) FROM v WHERE n = $1 AND u = $2 AND '$1 ?' <> x AND n = $1 -- $9";
    assert_eq!(database.query(same, &values[..2]).expect("a number").rows, [[Value::Integer(1)]]);
    assert_eq!(
        database.query("SELECT ? + ?", &[Value::from(1), Value::from(2)]).expect("a sum").rows,
        [[Value::Integer(3)]]
    );
    assert_eq!(database.execute("UPDATE v SET y = y", &[]).expect("a change"), 1);
    assert!(database.query("SELECT $2", &[Value::from(1)]).is_err());
    assert_eq!(database.query("SHOW TABLES", &[]).expect("tables").rows.len(), 1);
}

/// An index of strangers that knows no capital letters refuses a row by its name; nothing is mixed.
#[test]
fn keys_that_a_collation_holds_for_one_are_refused() {
    let Some(backend) = Backend::mariadb() else { return };
    let mut database = backend.connect();
    table(&mut database, &backend, "k varchar(9) COLLATE utf8mb4_general_ci UNIQUE, v integer");
    let rows = [json!({"k": "a", "v": 1}), json!({"k": "A", "v": 2})];
    let error = Merge::into("t").key(["k"]).run(&mut database, &rows).expect_err("one key");
    says(&error, &["line 2", "Duplicate entry"]);
    assert_eq!(number(&mut database, "SELECT COUNT(*) FROM t"), 0);
}

/// Tests that take longer than some seconds.
mod slow {
    use super::*;

    /// A value of 16 MiB needs a stream; in a statement it is refused by name where the server does not take so much.
    #[test]
    fn a_value_of_16_mib_is_stored_or_refused() {
        let Some(backend) = Backend::mariadb() else { return };
        let mut database = backend.connect();
        table(&mut database, &backend, "k integer, b longblob");
        let row = [json!({"k": 1, "b": format!("\\x{}", "ab".repeat((16 << 20) - 64))})];
        let merge = Merge::into("t").allow_empty(true).max_gone(MaxGone::Rows(9));
        assert_eq!(merge.run(&mut database, &row).expect("a merge").counts.new, 1);
        assert_eq!(number(&mut database, "SELECT LENGTH(b) FROM t"), (16 << 20) - 64);
        run(&mut database, "DELETE FROM t");
        let _off = NoStream::new(&backend);
        let error = merge.run(&mut backend.connect(), &row).expect_err("too large");
        says(&error, &["line 1", "max_allowed_packet"]);
    }
}
