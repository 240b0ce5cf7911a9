//! Merges that can be trusted with money: no digit is rounded, no row goes because its record was refused, no key is
//! taken for another.

use crate::support::Backend;
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::error::ErrorKind;
use data_collector::merge::{Counts, Input, MaxGone, Merge, MergeReport, undo};
use data_collector::record::Value;
use serde_json::{Value as Json, json};

fn on_all(test: impl Fn(&Backend)) {
    Backend::all().iter().for_each(test);
}

/// Merges a file of this name and content.
pub(crate) fn file(
    backend: &Backend,
    database: &mut Connection,
    merge: &Merge,
    name: &str,
    content: &str,
) -> MergeReport {
    tried(backend, database, merge, name, content).expect("a merge")
}

pub(crate) fn tried(
    backend: &Backend,
    database: &mut Connection,
    merge: &Merge,
    name: &str,
    content: &str,
) -> Result<MergeReport, data_collector::error::Error> {
    let path = backend.folder.path().join(name);
    std::fs::write(&path, content).expect("a file");
    merge.run_inputs(database, &[Input::File(path)])
}

pub(crate) fn texts(database: &mut Connection, sql: &str) -> Vec<String> {
    let rows = database.query(sql, &[]).expect("a query").rows;
    let text = |row: Vec<Value<'static>>| match &row[0] {
        Value::Text(text) => text.to_string(),
        other => format!("{other:?}"),
    };
    rows.into_iter().map(text).collect()
}

pub(crate) fn number(database: &mut Connection, sql: &str) -> i64 {
    match database.query(sql, &[]).expect("a query").rows[0][0] {
        Value::Integer(number) => number,
        ref other => panic!("{other:?}"),
    }
}

/// A table with the framework's columns and these.
pub(crate) fn table(database: &mut Connection, backend: &Backend, columns: &str) {
    backend.make(database, "t", columns);
}

const AMOUNTS: [&str; 6] = [
    "12345678901234567.89",
    "12345678901234567.12",
    "0.1",
    "1.50",
    "-0.000000000000000000001",
    "99999999999999999999.5",
];

#[test]
fn decimals_keep_their_digits_from_csv_and_from_json() {
    on_all(|backend| {
        for (name, line) in [("a.csv", ""), ("a.ndjson", "{\"n\": NUMBER}\n")] {
            let mut database = backend.connect();
            table(
                &mut database,
                backend,
                backend.of(["n NUMERIC TEXT", "n numeric", "n DECIMAL(65,30)", "n DECIMAL(38,10)"]),
            );
            let digits = backend.digits_of("n");
            let content = match line {
                "" => format!("n\n{}\n", AMOUNTS.join("\n")),
                line => AMOUNTS.map(|amount| line.replace("NUMBER", amount)).concat(),
            };
            let merge = Merge::into("t");
            let report = file(backend, &mut database, &merge, name, &content);
            assert_eq!((report.counts.new, report.counts.duplicate), (6, 0), "{name}");
            let mut stored = texts(&mut database, &format!("SELECT {digits} FROM t ORDER BY id"));
            assert_eq!(stored, AMOUNTS.map(|amount| backend.kept_digits(amount)), "{name}");
            // one last digit is another number
            let other = content.replace("567.12", "567.13");
            let report = file(backend, &mut database, &merge, name, &other);
            assert_eq!((report.counts.new, report.counts.unchanged, report.counts.gone), (1, 5, 1), "{name}");
            stored = texts(
                &mut database,
                &format!("SELECT {digits} FROM t WHERE archive IS NULL AND n <> n OR {digits} LIKE '%567.13'"),
            );
            assert_eq!(stored, ["12345678901234567.13"], "{name}");
            database.execute("DROP TABLE t", &[]).expect("a table less");
        }
    });
}

#[test]
fn inference_takes_numeric_for_what_no_float_holds() {
    on_all(|backend| {
        for (name, content) in [
            ("a.csv", "n\n9007199254740993\n9007199254740992\n2.5\n"),
            ("a.ndjson", "{\"n\":9007199254740993}\n{\"n\":9007199254740992}\n{\"n\":2.5}\n"),
        ] {
            let mut database = backend.connect();
            let report = file(backend, &mut database, &Merge::into("t").create(true), name, content);
            assert_eq!(report.counts.new, 3, "{name}");
            let stored = texts(&mut database, &format!("SELECT {} FROM t ORDER BY id", backend.digits_of("n")));
            assert_eq!(stored, ["9007199254740993", "9007199254740992", "2.5"], "{name}");
            database.execute("DROP TABLE t", &[]).expect("a table less");
        }
    });
}

#[test]
fn what_a_column_would_round_is_refused() {
    on_all(|backend| {
        let mut database = backend.connect();
        let columns = backend.of([
            "f REAL, d NUMERIC",
            "f double precision, d numeric(12,2), r real",
            "f DOUBLE, d DECIMAL(12,2), r FLOAT",
            "f FLOAT, d DECIMAL(12,2), r REAL",
        ]);
        table(&mut database, backend, columns);
        let mut refused = vec![("f", "12345678901234567.89"), ("f", "9007199254740993")];
        if !backend.is_sqlite() {
            refused.extend([("d", "1.239"), ("r", "123456789.125")]);
        } else {
            refused.push(("d", "12345678901234567.89"));
        }
        for (column, amount) in refused {
            for (name, content) in
                [("a.csv", format!("{column}\n{amount}\n")), ("a.ndjson", format!("{{\"{column}\":{amount}}}\n"))]
            {
                let error = tried(backend, &mut database, &Merge::into("t"), name, &content).expect_err("a digit less");
                let told = format!("{error:?}");
                assert!(told.contains(amount) && told.contains(&format!("`{column}`")), "{name}: {told}");
            }
        }
        let fits = "{\"f\":0.30000000000000004,\"d\":1.50}\n{\"f\":45.81309999999999860165,\"d\":-3}\n";
        assert_eq!(file(backend, &mut database, &Merge::into("t"), "b.ndjson", fits).counts.new, 2);
    });
}

/// What a source writes as CSV today and as NDJSON tomorrow is the same data.
#[test]
fn csv_and_json_feed_a_table_in_turn_without_a_change() {
    on_all(|backend| {
        let mut database = backend.connect();
        let columns = backend.of([
            "i INTEGER, f REAL, n NUMERIC TEXT, s TEXT, b BOOLEAN, d DATE",
            "i bigint, f double precision, n numeric, s text, b boolean, d date",
            "i bigint, f double, n decimal(65,30), s text, b boolean, d date",
            "i bigint, f float, n decimal(38,10), s nvarchar(max), b bit, d date",
        ]);
        table(&mut database, backend, columns);
        let csv = "i,f,n,s,b,d\n1,5,12345678901234567.89,007,true,2026-01-02\n2,5.0,1.50,42,0,2026-01-03\n1.0,0.1,3,1.50,false,2026-01-04\n";
        let json = "{\"i\":1,\"f\":5,\"n\":12345678901234567.89,\"s\":\"007\",\"b\":true,\"d\":\"2026-01-02\"}\n\
            {\"i\":2,\"f\":5.0,\"n\":1.50,\"s\":42,\"b\":0,\"d\":\"2026-01-03\"}\n\
            {\"i\":1.0,\"f\":0.1,\"n\":3,\"s\":1.50,\"b\":false,\"d\":\"2026-01-04\"}\n";
        let merge = Merge::into("t");
        assert_eq!(file(backend, &mut database, &merge, "a.csv", csv).counts.new, 3);
        assert_eq!(file(backend, &mut database, &merge, "a.ndjson", json).counts.unchanged, 3);
        assert_eq!(file(backend, &mut database, &merge, "b.csv", &csv.replace('\n', "\r\n")).counts.unchanged, 3);
        assert_eq!(number(&mut database, "SELECT count(*) FROM t"), 3);
    });
}

/// The same where dc made the table, from the one or the other.
#[test]
fn a_made_table_knows_its_data_again_in_the_other_form() {
    let csv = "a,b,c\n1,x,1.5\n2,7,2\n";
    let json = "{\"a\":1,\"b\":\"x\",\"c\":1.5}\n{\"a\":2,\"b\":7,\"c\":2}\n";
    on_all(|backend| {
        for (first, second) in [(("a.csv", csv), ("a.ndjson", json)), (("b.ndjson", json), ("b.csv", csv))] {
            let mut database = backend.connect();
            let merge = Merge::into("t").create(true);
            assert_eq!(file(backend, &mut database, &merge, first.0, first.1).counts.new, 2);
            let report = file(backend, &mut database, &merge, second.0, second.1);
            assert_eq!((report.counts.unchanged, report.counts.new), (2, 0), "{} then {}", first.0, second.0);
            database.execute("DROP TABLE t", &[]).expect("a table less");
        }
    });
}

#[test]
fn a_row_whose_new_version_is_refused_stays() {
    on_all(|backend| {
        for gone in [Gone::Archive, Gone::Delete, Gone::Keep] {
            let mut database = backend.connect();
            table(&mut database, backend, "k integer, v integer, CHECK (v < 1000)");
            let rows = |value: i64| (0..100).map(|k| json!({"k": k, "v": value + k})).collect::<Vec<Json>>();
            let rejects = backend.folder.path().join("rejects.ndjson");
            let merge = Merge::into("t").key(["k"]).gone(gone).rejects(&rejects);
            assert_eq!(merge.run(&mut database, rows(0)).expect("a merge").counts.new, 100);
            // all but the last ten are refused, one is new, five are gone
            let mut changed = rows(910);
            changed.drain(..5);
            changed.iter_mut().rev().take(10).for_each(|row| row["v"] = json!(7));
            changed.push(json!({"k": 1_000, "v": 1}));
            let refused = changed.iter().filter(|row| row["v"].as_i64() >= Some(1_000)).count() as u64;
            let good = changed.len() as u64 - refused - 1;
            let report = merge.run(&mut database, &changed).expect("a merge");
            let left = if gone == Gone::Keep { 0 } else { 5 };
            let expected = Counts {
                read: 96,
                new: 1,
                changed: good,
                rejected: refused,
                gone: left,
                kept: if gone == Gone::Keep { 0 } else { refused },
                active_before: 100,
                active_after: 101 - left,
                ..Counts::default()
            };
            assert_eq!(report.counts, expected, "{gone:?}");
            assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 101 - left as i64);
            let archived = if gone == Gone::Delete { 0 } else { (good + left) as i64 };
            assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NOT NULL"), archived, "{gone:?}");
            if gone != Gone::Delete {
                let back = undo(&mut database, report.merge.as_deref().expect("one"), false, &Cancellation::default());
                assert_eq!(back.expect("an undo").merges[0].active, 100, "{gone:?}");
            }
            database.execute("DROP TABLE t", &[]).expect("a table less");
        }
    });
}

#[test]
fn what_could_not_be_read_is_not_absent() {
    on_all(|backend| {
        let mut database = backend.connect();
        table(&mut database, backend, "k integer, v integer");
        let rejects = backend.folder.path().join("rejects.ndjson");
        let merge = Merge::into("t").key(["k"]).rejects(&rejects).max_gone(MaxGone::Rows(1));
        let first: String = (0..10).map(|k| format!("{{\"k\":{k},\"v\":{k}}}\n")).collect();
        file(backend, &mut database, &merge, "a.ndjson", &first);
        // three cannot be taken and their keys are known, one has gone
        let second = first
            .replace("\"v\":3}", "\"v\":\"x\"}")
            .replace("\"v\":4}", "\"v\":[]}")
            .replace("\"v\":5}", "\"v\":1.5}")
            .replace("{\"k\":9,\"v\":9}\n", "");
        let counts = file(backend, &mut database, &merge, "b.ndjson", &second).counts;
        assert_eq!((counts.rejected, counts.kept, counts.gone, counts.active_after), (3, 3, 1, 9));
        // whose record the broken line was cannot be known
        let broken = second.replace("{\"k\":8,\"v\":8}", "{\"k\":8,").replace("{\"k\":7,\"v\":7}\n", "");
        let counts = file(backend, &mut database, &merge, "c.ndjson", &broken).counts;
        assert_eq!((counts.rejected, counts.kept, counts.gone, counts.active_after), (4, 5, 0, 9));
        let csv = "k,v\n0,0\n1,1\n2,x\n";
        let counts = file(backend, &mut database, &merge.clone().max_gone(MaxGone::Rows(9)), "d.csv", csv).counts;
        assert_eq!((counts.rejected, counts.kept, counts.gone, counts.active_after), (1, 1, 6, 3));
    });
}

#[test]
fn an_input_of_which_nothing_was_taken_is_empty() {
    on_all(|backend| {
        let mut database = backend.connect();
        table(&mut database, backend, "v integer, CHECK (v < 1000)");
        let rejects = backend.folder.path().join("rejects.ndjson");
        let merge = Merge::into("t").rejects(&rejects);
        let first: String = (0..15).map(|v| format!("{{\"v\":{v}}}\n")).collect();
        file(backend, &mut database, &merge, "a.ndjson", &first);
        for bad in ["{broken\n{\"v\":\"x\"}\n", "{\"v\":5000}\n{\"v\":6000}\n"] {
            let error = tried(backend, &mut database, &merge, "b.ndjson", bad).expect_err("nothing was taken");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
            assert!(format!("{error:?}").contains("none of the 2 records"), "{error:?}");
            assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 15);
        }
        let all = merge.clone().allow_empty(true).max_gone(MaxGone::Rows(15));
        assert_eq!(file(backend, &mut database, &all, "b.ndjson", "{broken\n").counts.gone, 15);
    });
}

#[test]
fn null_matches_nothing() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = Merge::into("t").key(["k"]).create(true).max_gone(MaxGone::Rows(9));
        let first = [json!({"k": null, "v": 1}), json!({"k": null, "v": 2}), json!({"k": "a", "v": 3})];
        merge.run(&mut database, &first).expect("a merge");
        let second = [json!({"k": null, "v": 4}), json!({"v": 5}), json!({"k": "a", "v": 6})];
        let counts = merge.run(&mut database, &second).expect("a merge").counts;
        assert_eq!((counts.new, counts.changed, counts.gone, counts.active_after), (2, 1, 2, 3));
        let delta = merge.clone().gone(Gone::Keep);
        let counts = delta.run(&mut database, &[json!({"k": null, "v": 7})]).expect("a merge").counts;
        assert_eq!((counts.new, counts.changed, counts.gone, counts.active_after), (1, 0, 0, 4));
    });
}

#[test]
fn a_delta_feed_is_taken_back() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = Merge::into("t").key(["k"]).create(true).gone(Gone::Keep);
        merge.run(&mut database, (0..9).map(|k| json!({"k": k, "v": 1}))).expect("a merge");
        let report = merge.run(&mut database, (5..12).map(|k| json!({"k": k, "v": 2}))).expect("a merge");
        assert_eq!((report.counts.changed, report.counts.new, report.counts.active_after), (4, 3, 12));
        let back = undo(&mut database, report.merge.as_deref().expect("one"), false, &Cancellation::default());
        let back = &back.expect("an undo").merges[0];
        assert_eq!((back.removed, back.restored, back.active), (7, 4, 9));
    });
}

#[test]
fn keys_that_only_letters_tell_apart_are_two() {
    on_all(|backend| {
        let mut database = backend.connect();
        let twins = [json!({"k": "abC", "v": 1}), json!({"k": "x", "v": 2}), json!({"k": "ABc", "v": 1})];
        for is_first in [true, false] {
            let merge = Merge::into("t").key(["k"]).create(true).max_gone(MaxGone::Rows(9));
            let error = merge.run(&mut database, &twins).expect_err("two keys");
            let told = format!("{error:?}");
            assert!(told.contains("line 3") && told.contains("line 1") && told.contains("--exact"), "{told}");
            let rejects = backend.folder.path().join("rejects.ndjson");
            let counts = merge.clone().rejects(&rejects).run(&mut database, &twins).expect("a merge").counts;
            assert_eq!(
                (counts.read, counts.duplicate, counts.rejected, counts.active_after),
                (3, 0, 1, 2),
                "{is_first}"
            );
            assert_eq!(std::fs::read_to_string(&rejects).expect("rejects").lines().count(), 1);
            let counts = merge.run(&mut database, [&twins[0], &twins[0], &twins[1]]).expect("a merge").counts;
            assert_eq!((counts.duplicate, counts.unchanged), (1, 2));
        }
        let counts = Merge::into("t").key(["k"]).exact(true).run(&mut database, &twins).expect("a merge").counts;
        assert_eq!((counts.duplicate, counts.active_after), (0, 3));
    });
}

#[test]
fn a_scope_that_no_row_can_have_is_an_error() {
    on_all(|backend| {
        if backend.is_sqlite() {
            return;
        }
        let mut database = backend.connect();
        table(&mut database, backend, "c varchar(2), p numeric(5,2), v integer");
        let rows = [json!({"c": "HR", "p": 1.24, "v": 1}), json!({"c": "HR", "p": 1.24, "v": 2})];
        Merge::into("t").run(&mut database, &rows).expect("a merge");
        for (column, value) in [("c", "HRX"), ("p", "1.239")] {
            let merge = Merge::into("t").scope(column, value).allow_empty(true).max_gone(MaxGone::Rows(9));
            let error = merge.run(&mut database, Vec::<Json>::new()).expect_err("no such value");
            assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        }
        assert_eq!(number(&mut database, "SELECT count(*) FROM t WHERE archive IS NULL"), 2);
        let merge = Merge::into("t").scope("c", "HR").max_gone(MaxGone::Rows(9));
        assert_eq!(merge.run(&mut database, &rows[..1]).expect("a merge").counts.gone, 1);
    });
}

/// One date that is none does not end the pairing of all others.
#[test]
fn a_key_of_dates_bears_a_bad_one() {
    on_all(|backend| {
        if backend.is_sqlite() {
            return;
        }
        let mut database = backend.connect();
        table(&mut database, backend, "day date, v integer");
        let merge = Merge::into("t").key(["day"]);
        merge.run(&mut database, (1..9).map(|d| json!({"day": format!("2026-01-0{d}"), "v": 1}))).expect("a merge");
        let mut rows: Vec<Json> = (1..9).map(|d| json!({"day": format!("2026-01-0{d}"), "v": 2})).collect();
        rows[3]["day"] = json!("never");
        let error = merge.run(&mut database, &rows).expect_err("no date");
        assert!(format!("{error:?}").contains("line 4"), "{error:?}");
        let rejects = backend.folder.path().join("rejects.ndjson");
        let counts = merge.clone().rejects(&rejects).run(&mut database, &rows).expect("a merge").counts;
        assert_eq!((counts.changed, counts.rejected, counts.kept, counts.gone), (7, 1, 1, 0));
    });
}

#[test]
fn a_whole_float_goes_into_an_integer_column() {
    on_all(|backend| {
        let mut database = backend.connect();
        table(&mut database, backend, "n integer, m integer");
        let merge = Merge::into("t");
        let counts = file(backend, &mut database, &merge, "a.csv", "n,m\n1.0,\n,2.0\n3,4\n").counts;
        assert_eq!(counts.new, 3);
        assert_eq!(number(&mut database, "SELECT sum(n) + sum(m) FROM t"), 10);
        let error = tried(backend, &mut database, &merge, "a.csv", "n,m\n1.5,\n").expect_err("no integer");
        assert!(format!("{error:?}").contains("`1.5` does not fit"), "{error:?}");
    });
}

/// A table that dc makes and an input whose start misleads: what the end brings is hashed by the column that it gets.
#[test]
fn a_misleading_start_does_not_change_hashes() {
    on_all(|backend| {
        let mut database = backend.connect();
        let lines: String =
            (0..3_000).map(|n| format!("{{\"a\":{n},\"padding\":\"{}\"}}\n", "x".repeat(2_000))).collect();
        let content = format!("{lines}{{\"a\":\"text\",\"b\":5}}\n{{\"b\":\"five\"}}\n");
        let merge = Merge::into("t").create(true);
        assert_eq!(file(backend, &mut database, &merge, "a.ndjson", &content).counts.new, 3_002);
        let turned = format!("{{\"b\":\"five\"}}\n{lines}{{\"a\":\"text\",\"b\":5}}\n");
        let counts = file(backend, &mut database, &merge, "b.ndjson", &turned).counts;
        assert_eq!((counts.unchanged, counts.new, counts.gone), (3_002, 0, 0));
    });
}

/// A column that is added is there before its values are hashed.
#[test]
fn an_added_column_hashes_as_it_will() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = Merge::into("t").create(true).evolve(true).max_gone(MaxGone::Rows(9));
        file(backend, &mut database, &merge, "a.ndjson", "{\"a\":1}\n{\"a\":2}\n");
        let wider = "{\"a\":1,\"b\":5}\n{\"a\":2,\"b\":\"x\"}\n";
        let report = file(backend, &mut database, &merge, "b.ndjson", wider);
        assert_eq!((report.counts.new, report.added_columns), (2, vec!["b".to_owned()]));
        let counts = file(backend, &mut database, &merge, "c.ndjson", &format!("\n{wider}")).counts;
        assert_eq!((counts.unchanged, counts.new), (2, 0));
    });
}

/// To the hash `hr` and `HR` are one, so a scope takes both.
#[test]
fn a_scope_is_spelled_as_the_hash_sees_it() {
    on_all(|backend| {
        let mut database = backend.connect();
        let rows = |country: &str| [json!({"c": country, "v": 1}), json!({"c": country, "v": 2})];
        let merge = Merge::into("t").create(true).max_gone(MaxGone::Rows(9));
        merge.clone().scope("c", "hr").run(&mut database, rows("hr")).expect("a merge");
        merge.clone().scope("c", "si").run(&mut database, rows("si")).expect("a merge");
        let counts = merge.clone().scope("c", "HR").run(&mut database, rows("HR")).expect("a merge").counts;
        assert_eq!((counts.unchanged, counts.new, counts.active_before, counts.active_after), (2, 0, 2, 2));
        let mixed = [json!({"c": "Hr", "v": 1}), json!({"c": "HR", "v": 3})];
        let counts = merge.clone().scope("c", "HR").run(&mut database, &mixed).expect("a merge").counts;
        assert_eq!((counts.unchanged, counts.new, counts.gone, counts.active_after), (1, 1, 1, 2));
        let error = merge.clone().exact(true).scope("c", "HR").run(&mut database, &mixed).expect_err("another scope");
        assert!(format!("{error:?}").contains("outside the scope"), "{error:?}");
        let counts = merge.scope("c", "si").run(&mut database, rows("SI")).expect("a merge").counts;
        assert_eq!((counts.unchanged, counts.active_after), (2, 2));
    });
}

#[test]
fn a_column_is_made_of_the_type_that_was_asked_for() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = Merge::into("t").create(true).column_type("n", "numeric(20,4)");
        let report = file(backend, &mut database, &merge, "a.csv", "n,s\n1.5,a\n2.25,b\n");
        assert_eq!(report.counts.new, 2);
        let shape = database.table(&"t".parse().expect("a name")).expect("a table");
        assert_eq!(
            shape.column("n").map(|column| column.declared.as_str()),
            Some(backend.of(["numeric(20,4)", "numeric(20,4)", "decimal(20,4)", "decimal(20,4)"]))
        );
        assert_eq!(
            file(backend, &mut database, &merge, "a.ndjson", "{\"n\":1.50,\"s\":\"a\"}\n{\"n\":2.25,\"s\":\"b\"}\n")
                .counts
                .unchanged,
            2
        );
        let wrong = Merge::into("u").create(true).column_type("m", "numeric(20,4)");
        let error = tried(backend, &mut database, &wrong, "a.csv", "n\n1\n").expect_err("no such column");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        let wrong = Merge::into("u").create(true).column_type("n", "text; DROP TABLE t");
        let error = tried(backend, &mut database, &wrong, "a.csv", "n\n1\n").expect_err("no type");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
    });
}

/// Columns that are not hashed would be swapped without anybody noticing.
#[test]
fn each_file_is_read_again_by_its_own_header() {
    on_all(|backend| {
        let mut database = backend.connect();
        table(&mut database, backend, "k integer, a text, b text");
        let files =
            [("one.csv", "k,a,b\n1,of a,of b\n2,of a,of b\n"), ("other.csv", "k,b,a\n3,of b,of a\n4,of b,of a\n")];
        let inputs = files.map(|(name, content)| {
            let path = backend.folder.path().join(name);
            std::fs::write(&path, content).expect("a file");
            Input::File(path)
        });
        let report = Merge::into("t").hash_on(["k"]).run_inputs(&mut database, &inputs).expect("a merge");
        assert_eq!(report.counts.new, 4);
        assert_eq!(texts(&mut database, "SELECT DISTINCT a FROM t"), ["of a"]);
    });
}

/// Whoever writes the values of the scope alone finds its rows by an index, letter for letter.
#[test]
fn an_own_scope_is_looked_up() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = |scope: &str| Merge::into("t").create(true).scope("d", scope).own_scope(true);
        for (place, scope) in ["ab", "AB", "a b"].into_iter().enumerate() {
            let rows = [json!({"d": scope, "v": place})];
            let counts = merge(scope).run(&mut database, &rows).expect("a merge").counts;
            assert_eq!((counts.new, counts.active_before), (1, 0), "{scope}");
        }
        let counts = merge("ab").run(&mut database, &[json!({"d": "ab", "v": 9})]).expect("a merge").counts;
        assert_eq!((counts.new, counts.gone, counts.active_before, counts.active_after), (1, 1, 1, 1));
        let (sql, shown) = backend.of([
            ("EXPLAIN QUERY PLAN SELECT id FROM t WHERE archive IS NULL AND d = 'ab'", 3),
            ("SET enable_seqscan = off; EXPLAIN SELECT id FROM t WHERE archive IS NULL AND d = 'ab'", 0),
            ("EXPLAIN SELECT id FROM t WHERE archive IS NULL AND d = 'ab'", 5),
            ("SELECT name FROM sys.indexes WHERE name LIKE 'dc_scope_%'", 0),
        ]);
        let mut plan = String::new();
        for statement in sql.split("; ") {
            let rows = database.query(statement, &[]).expect("a plan").rows;
            plan = rows.iter().map(|row| format!("{:?}\n", row.get(shown))).collect();
        }
        assert!(plan.contains("scope_active"), "{plan}");
    });
}
