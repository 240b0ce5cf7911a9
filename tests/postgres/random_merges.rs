//! Random sequences of small merges against the same rules over plain sets. A sequence that fails is shrunk.
//!
//! `DC_TEST_MERGES=100000 cargo test --release --test postgres random_merges` runs as many merges on each backend.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use crate::support::Backend;
use data_collector::db::{Connection, Gone};
use data_collector::merge::{Counts, MaxGone, Merge, MergeReport};
use data_collector::record::Value;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value as Json, json};

/// Merges in one sequence, at most.
const STEPS_MAX: usize = 12;
/// Merges on each backend unless `DC_TEST_MERGES` says more.
const MERGES: u32 = 240;

const SCOPES: [&str; 3] = ["hr", "si", "it"];

/// Scope, key and value of a record.
type Row = (usize, i64, usize);

/// One merge.
#[derive(Debug, Clone)]
struct Step {
    scope: Option<usize>,
    is_keyed: bool,
    gone: Gone,
    threads: usize,
    /// The rows, each with a way to write its value.
    rows: Vec<(Row, usize)>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let row = ((0..3_usize, 0..5_i64, 0..3_usize), 0..3_usize);
    let gone = prop_oneof![Just(Gone::Archive), Just(Gone::Delete), Just(Gone::Keep)];
    let step = (proptest::option::of(0..3_usize), any::<bool>(), gone, 1..3_usize, prop::collection::vec(row, 0..12));
    let step = step.prop_map(|(scope, is_keyed, gone, threads, mut rows)| {
        if let Some(scope) = scope {
            rows.iter_mut().for_each(|((of, _, _), _)| *of = scope);
        }
        // which of several rows of a key is replaced is nobody's promise, and only `keep` would show it
        Step { scope, is_keyed: is_keyed && gone != Gone::Keep, gone, threads, rows }
    });
    let again = proptest::option::weighted(0.4, any::<bool>());
    prop::collection::vec((step, again), 1..=STEPS_MAX).prop_map(|steps| {
        let mut done: Vec<Step> = Vec::new();
        for (step, again) in steps {
            done.push(match (again, done.last().cloned()) {
                (Some(true), Some(last)) => last,
                // the same records, first as a delta feed and then as a full edition, say
                (Some(false), Some(last)) => Step { gone: step.gone, is_keyed: step.is_keyed, ..last },
                _ => step,
            });
        }
        done
    })
}

/// The table as the rules have it.
#[derive(Debug, Default, PartialEq)]
struct Model {
    active: BTreeSet<Row>,
    archived: usize,
}

impl Model {
    fn apply(&mut self, step: &Step) -> Counts {
        let in_scope = |row: &&Row| step.scope.is_none_or(|scope| scope == row.0);
        let before: BTreeSet<Row> = self.active.iter().filter(in_scope).copied().collect();
        let incoming: BTreeSet<Row> = step.rows.iter().map(|(row, _)| *row).collect();
        let new: Vec<Row> = incoming.difference(&before).copied().collect();
        let lost: Vec<Row> = before.difference(&incoming).copied().collect();
        let of_key = |rows: &[Row], key| rows.iter().filter(|(_, k, _)| *k == key).count();
        let changed = if step.is_keyed { (0..5).map(|key| of_key(&new, key).min(of_key(&lost, key))).sum() } else { 0 };
        let leaving: &[Row] = if step.gone == Gone::Keep { &[] } else { &lost };
        if step.gone == Gone::Archive {
            self.archived += leaving.len();
        }
        self.active.retain(|row| !leaving.contains(row));
        self.active.extend(&new);
        Counts {
            read: step.rows.len() as u64,
            new: (new.len() - changed) as u64,
            changed: changed as u64,
            unchanged: before.intersection(&incoming).count() as u64,
            duplicate: (step.rows.len() - incoming.len()) as u64,
            gone: (leaving.len() - changed) as u64,
            active_before: before.len() as u64,
            active_after: self.active.iter().filter(in_scope).count() as u64,
            ..Counts::default()
        }
    }
}

/// The same value for the hash, however it is written.
fn record(&((scope, key, value), writing): &(Row, usize)) -> Json {
    let value = [format!("v {value}"), format!("V{value}"), format!(" v\u{a0}{value} ")][writing].clone();
    json!({"scope": SCOPES[scope], "k": key, "v": value})
}

fn run(database: &mut Connection, table: &str, step: &Step) -> MergeReport {
    let records: Vec<Json> = step.rows.iter().map(record).collect();
    let merge =
        Merge::into(table).gone(step.gone).threads(step.threads).allow_empty(true).max_gone(MaxGone::Rows(1_000));
    let merge = if step.is_keyed { merge.key(["k"]) } else { merge };
    let merge = step.scope.into_iter().fold(merge, |merge, scope| merge.scope("scope", SCOPES[scope]));
    merge.run(database, &records).expect("a merge")
}

fn stored(database: &mut Connection, table: &str) -> Model {
    let mut model = Model::default();
    let sql = format!("SELECT scope, k, v, CASE WHEN archive IS NULL THEN 0 ELSE 1 END FROM {table}");
    for row in database.query(&sql, &[]).expect("a query").rows {
        let [Value::Text(scope), Value::Integer(key), Value::Text(value), Value::Integer(is_archived)] = &row[..]
        else {
            panic!("{row:?}");
        };
        if *is_archived == 1 {
            model.archived += 1;
            continue;
        }
        let scope = SCOPES.iter().position(|known| known == scope).expect("a scope");
        let value = value.trim_end().chars().last().and_then(|last| last.to_digit(10)).expect("a digit") as usize;
        assert!(model.active.insert((scope, *key, value)), "twice: {row:?}");
    }
    model
}

/// Tests that take longer than some seconds.
mod slow {
    use super::*;

    #[test]
    fn random_merges_agree_with_a_reference() {
        let merges = std::env::var("DC_TEST_MERGES").ok().and_then(|text| text.parse().ok()).unwrap_or(MERGES);
        for backend in Backend::all() {
            let database = RefCell::new(backend.connect());
            let (sequence, known) = (Cell::new(0), Cell::new(0));
            // half as long as the longest, in the mean
            let cases = merges * 2 / STEPS_MAX as u32;
            let config = Config { cases, failure_persistence: None, ..Config::default() };
            let outcome = TestRunner::new(config).run(&steps(), |steps| {
                let database = &mut *database.borrow_mut();
                sequence.set(sequence.get() + 1);
                let table = format!("t{}", sequence.get());
                let first = [json!({"scope": "hr", "k": 0, "v": "v 0"})];
                Merge::into(&table).create(true).run(database, &first).expect("the first merge");
                let mut model = Model { active: [(0, 0, 0)].into(), archived: 0 };
                for step in &steps {
                    let report = run(database, &table, step);
                    known.set(known.get() + u32::from(report.same_input));
                    prop_assert_eq!(report.counts, model.apply(step));
                }
                prop_assert_eq!(stored(database, &table), model);
                database.execute(&format!("DROP TABLE {table}"), &[]).expect("a table less");
                Ok(())
            });
            if let Err(failure) = outcome {
                panic!("{failure}");
            }
            assert!(known.get() > 0, "of {merges} merges some come again, and are known");
        }
    }
}
