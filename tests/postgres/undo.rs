//! Taking merges back, and tables as they were.

use crate::support::Backend;
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::error::{Error, ErrorKind};
use data_collector::merge::{AsOf, MaxGone, Merge, MergeReport, UndoReport, history, show, undo};
use data_collector::record::Value;
use serde_json::{Value as Json, json};

fn on_all(test: impl Fn(&Backend)) {
    Backend::all_of_users().iter().for_each(test);
}

fn merged(database: &mut Connection, merge: &Merge, records: &[Json]) -> MergeReport {
    merge.run(database, records).expect("a merge")
}

fn taken_back(database: &mut Connection, report: &MergeReport) -> Result<UndoReport, Error> {
    undo(database, report.merge.as_deref().expect("a change"), false, &Cancellation::default())
}

/// Every row with all its columns.
fn dump(database: &mut Connection) -> Vec<Vec<Value<'static>>> {
    database.query("SELECT * FROM t ORDER BY id", &[]).expect("a query").rows
}

fn shown(database: &mut Connection, as_of: &AsOf) -> Vec<String> {
    let mut lines = Vec::new();
    let mut take = |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    };
    show(database, "t", as_of, false, &mut take).expect("a table");
    lines.sort();
    lines
}

fn has_table(database: &mut Connection) -> bool {
    database.table(&"t".parse().expect("a name")).is_ok()
}

#[test]
fn a_merge_is_taken_back_to_the_last_row() {
    on_all(|backend| {
        let mut database = backend.connect();
        let merge = Merge::into("t").key(["k"]).create(true);
        let first = merged(&mut database, &merge, &[json!({"k": 1, "v": "a"}), json!({"k": 2, "v": "b"})]);
        let (before, seen) = (dump(&mut database), shown(&mut database, &AsOf::Now));
        let wider = Merge::into("t").key(["k"]).evolve(true);
        let second = merged(&mut database, &wider, &[json!({"k": 1, "v": "c", "w": 1}), json!({"k": 3, "v": "d"})]);
        assert_eq!(shown(&mut database, &AsOf::Run(first.merge.clone().expect("a merge"))).len(), 2);
        let error = taken_back(&mut database, &first).expect_err("a later merge touched its rows");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(
            error.hint_text().is_some_and(|hint| hint.contains(second.merge.as_deref().expect("one"))),
            "{error:?}"
        );
        let tried = undo(&mut database, second.merge.as_deref().expect("one"), true, &Cancellation::default());
        assert!(tried.expect("a try").dry_run);
        let report = taken_back(&mut database, &second).expect("an undo");
        assert_eq!((report.merges[0].removed, report.merges[0].restored), (2, 2));
        assert_eq!(report.merges[0].dropped_columns, ["w"]);
        assert_eq!((dump(&mut database), shown(&mut database, &AsOf::Now)), (before, seen));
        assert_eq!(taken_back(&mut database, &second).expect_err("twice").kind(), ErrorKind::Refused);
        assert!(taken_back(&mut database, &first).expect("an undo").merges[0].dropped);
        assert!(!has_table(&mut database));
        let past = history(&mut database, Some("t")).expect("a history");
        assert!(past.len() == 2 && past.iter().all(|merge| merge.undone.is_some()));
    });
}

#[test]
fn a_run_is_taken_back_in_all_its_tables_or_in_none() {
    on_all(|backend| {
        let mut database = backend.connect();
        let run = data_collector::ident::RuntimeId::new().to_string();
        for table in ["t", "u"] {
            let merge = Merge::into(table).create(true).runtime(Some(run.clone()));
            merged(&mut database, &merge, &[json!({"n": 1}), json!({"n": 2})]);
        }
        merged(&mut database, &Merge::into("u"), &[json!({"n": 2}), json!({"n": 3})]);
        let error = undo(&mut database, &run, false, &Cancellation::default()).expect_err("`u` was merged again");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(has_table(&mut database));
        let last = history(&mut database, Some("u")).expect("a history")[0].id.clone();
        undo(&mut database, &last, false, &Cancellation::default()).expect("an undo");
        assert_eq!(undo(&mut database, &run, false, &Cancellation::default()).expect("an undo").merges.len(), 2);
        assert!(!has_table(&mut database));
    });
}

#[test]
fn what_cannot_be_taken_back_is_refused_with_the_reason() {
    on_all(|backend| {
        let mut database = backend.connect();
        merged(&mut database, &Merge::into("t").create(true), &[json!({"n": 1}), json!({"n": 2})]);
        let deleting = merged(&mut database, &Merge::into("t").gone(Gone::Delete), &[json!({"n": 1})]);
        let error = taken_back(&mut database, &deleting).expect_err("deleted");
        assert!(error.message().contains("deleted 1 rows"), "{error}");
        let back = merged(&mut database, &Merge::into("t"), &[json!({"n": 3})]);
        merged(&mut database, &Merge::into("t"), &[json!({"n": 1}), json!({"n": 3})]);
        let error = taken_back(&mut database, &back).expect_err("1 has come back");
        assert!(error.message().contains("come back"), "{error}");
        let unknown = undo(&mut database, "no-run", false, &Cancellation::default()).expect_err("no run");
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn scopes_are_taken_back_one_by_one() {
    on_all(|backend| {
        let mut database = backend.connect();
        let rows = [json!({"c": "HR", "n": 1}), json!({"c": "SI", "n": 1})];
        merged(&mut database, &Merge::into("t").create(true), &rows);
        let one = merged(&mut database, &Merge::into("t").scope("c", "HR"), &[json!({"c": "HR", "n": 2})]);
        merged(&mut database, &Merge::into("t").scope("c", "SI"), &[json!({"c": "SI", "n": 2})]);
        taken_back(&mut database, &one).expect("the other scope is another's");
        assert_eq!(shown(&mut database, &AsOf::Now), ["{\"c\": \"HR\", \"n\": 1}", "{\"c\": \"SI\", \"n\": 2}"]);
    });
}

/// Tests that take longer than some seconds.
mod slow {
    use super::*;

    /// Random merges, some of them taken back: the table is then, to the last column, what it was.
    #[test]
    fn random_merges_and_undos_leave_no_trace() {
        for (backend, rounds) in Backend::all_of_users().iter().zip([120, 40, 20, 10]) {
            let mut database = backend.connect();
            let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
            let mut random = |below: u64| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                seed % below
            };
            merged(&mut database, &Merge::into("t").create(true), &[json!({"k": 0, "v": 0})]);
            let mut pasts = Vec::new();
            for round in 0..rounds {
                let records: Vec<Json> = (0..=random(8)).map(|_| json!({"k": random(5), "v": random(3)})).collect();
                let merge = Merge::into("t").max_gone(MaxGone::Rows(1_000));
                let merge = if random(2) == 0 { merge.key(["k"]) } else { merge };
                let before = (dump(&mut database), shown(&mut database, &AsOf::Now));
                let report = merged(&mut database, &merge, &records);
                if report.merge.is_some() && random(3) == 0 {
                    taken_back(&mut database, &report).expect("the newest merge");
                    assert_eq!((dump(&mut database), shown(&mut database, &AsOf::Now)), before, "round {round}");
                } else if let Some(id) = report.merge {
                    pasts.push((id, shown(&mut database, &AsOf::Now)));
                }
            }
            for (id, expected) in &pasts {
                assert_eq!(&shown(&mut database, &AsOf::Run(id.clone())), expected);
            }
        }
    }
}
