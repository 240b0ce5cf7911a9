//! `--update`: rows are changed in place by their key, on every backend.

use crate::support::Backend;
use data_collector::db::Connection;
use data_collector::error::ErrorKind;
use data_collector::merge::Merge;
use data_collector::record::Value;
use serde_json::json;

/// The rows as `k name n`, by their key.
fn rows(database: &mut Connection) -> Vec<String> {
    let found = database.query("SELECT k, name, n FROM u WHERE archive IS NULL ORDER BY k, name", &[]).expect("rows");
    let text = |value: &Value<'_>| match value {
        Value::Text(text) => text.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Null => "-".to_owned(),
        other => format!("{other:?}"),
    };
    found.rows.iter().map(|row| row.iter().map(text).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn rows_are_changed_in_place_and_nothing_goes() {
    for backend in Backend::all_of_users() {
        let mut database = backend.connect();
        backend.make(&mut database, "u", "k integer, name varchar(20), n integer");
        let full = Merge::into("u").key(["k"]);
        let first = [
            json!({"k": 1, "name": "a", "n": 1}),
            json!({"k": 2, "name": "b", "n": 2}),
            json!({"k": 3, "name": "c", "n": 3}),
        ];
        full.run(&mut database, first).expect("a load");
        let ids = |database: &mut Connection| database.query("SELECT id, k FROM u ORDER BY k", &[]).expect("ids").rows;
        let before = ids(&mut database);
        let update = full.clone().update(true);
        // 1 has a new number, 2 becomes null, 3 does not come, 4 is new; names are not in the input
        let second = [json!({"k": 1, "n": 10}), json!({"k": 2, "n": null}), json!({"k": 4, "n": 4})];
        let report = update.run(&mut database, &second).expect("an update");
        let counts = &report.counts;
        assert_eq!((counts.new, counts.changed, counts.gone, counts.unchanged), (1, 2, 0, 0), "{}", backend.url);
        assert_eq!(rows(&mut database), ["1 a 10", "2 b -", "3 c 3", "4 - 4"], "{}", backend.url);
        assert_eq!(ids(&mut database)[..3], before[..], "rows stay what they are");
        let all = database.query("SELECT count(*) FROM u", &[]).expect("a count").rows;
        assert_eq!(all[0][0], Value::Integer(4), "there is no history");
        let again = update.run(&mut database, &second).expect("an update");
        assert_eq!((again.counts.changed, again.counts.unchanged), (0, 3), "{}", backend.url);
        // two records of one key, for a row that is there and for one that is not
        for key in [1, 9] {
            let twice = [json!({"k": key, "n": 20}), json!({"k": key, "n": 21})];
            let error = update.run(&mut database, twice).map(|_| ()).expect_err("two records of one key");
            assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
            assert_eq!(rows(&mut database), ["1 a 10", "2 b -", "3 c 3", "4 - 4"], "{}", backend.url);
        }
        let dry = update.clone().dry_run(true).run(&mut database, [json!({"k": 3, "n": 0})]).expect("a rehearsal");
        assert_eq!((dry.counts.changed, rows(&mut database)[2].as_str()), (1, "3 c 3"));
    }
}

#[test]
fn an_update_needs_a_key_and_lets_nothing_go() {
    let backend = Backend::sqlite();
    let mut database = backend.connect();
    let update = Merge::into("u").update(true);
    for merge in [update.clone(), update.key(["k"]).gone(data_collector::db::Gone::Delete)] {
        let error = merge.run(&mut database, [json!({"k": 1})]).map(|_| ()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    }
}
