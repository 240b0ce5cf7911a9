//! Random sequences of small merges against the same rules over plain sets. A sequence that fails is shrunk.
//!
//! `DC_TEST_MERGES=100000 cargo test --release --test postgres random_merges` runs as many merges on each backend,
//! in each of both tests: one of scopes, threads and editions that come again, one of amounts, null keys, refusals, delta
//! feeds and undos.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Backend, Engine};
use data_collector::context::Cancellation;
use data_collector::db::{Connection, Gone};
use data_collector::merge::{Counts, Input, MaxGone, Merge, MergeReport, undo};
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
                // in another order
                (Some(true), Some(last)) => Step { rows: last.rows.into_iter().rev().collect(), ..last },
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

fn merges() -> u32 {
    std::env::var("DC_TEST_MERGES").ok().and_then(|text| text.parse().ok()).unwrap_or(MERGES)
}

/// Amounts: the first two are one float.
const AMOUNTS: [&str; 5] = ["12345678901234567.89", "12345678901234567.12", "1.5", "2", "0.1"];

/// What becomes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Taken,
    /// Its table does not want it.
    Refused,
    /// A value of it is none that its column takes.
    Rejected,
}

/// Key and amount of a record.
type Payment = (Option<i64>, usize);

#[derive(Debug, Clone)]
enum Move {
    /// A merge by key: of each key one record, some of them twice; written as CSV or as NDJSON.
    Merge { gone: Gone, is_csv: bool, records: Vec<(Payment, Fate)>, repeated: usize },
    /// The last input once more, with its records in another order.
    Again,
    /// The last merge that stands is taken back.
    Undo,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let gone = prop_oneof![3 => Just(Gone::Archive), 1 => Just(Gone::Delete), 2 => Just(Gone::Keep)];
    let fate = prop_oneof![6 => Just(Fate::Taken), 2 => Just(Fate::Refused), 1 => Just(Fate::Rejected)];
    let keyed = prop::collection::btree_map(0..6_i64, (0..AMOUNTS.len(), fate.clone()), 0..6);
    let keyless = prop::collection::btree_map(0..AMOUNTS.len(), fate, 0..3);
    let merge =
        (gone, any::<bool>(), keyed, keyless, 0..3_usize).prop_map(|(gone, is_csv, keyed, keyless, repeated)| {
            let keyed = keyed.into_iter().map(|(key, (amount, fate))| ((Some(key), amount), fate));
            let records = keyed.chain(keyless.into_iter().map(|(amount, fate)| ((None, amount), fate))).collect();
            Move::Merge { gone, is_csv, records, repeated }
        });
    prop::collection::vec(prop_oneof![4 => merge, 2 => Just(Move::Again), 1 => Just(Move::Undo)], 1..=STEPS_MAX)
}

/// The rows that are active, and those before each merge that can be taken back.
#[derive(Debug, Default)]
struct Ledger {
    active: BTreeSet<Payment>,
    /// Of a merge that deleted rows nothing is left.
    before: Vec<Option<BTreeSet<Payment>>>,
}

impl Ledger {
    fn apply(&mut self, gone: Gone, records: &[(Payment, Fate)], repeated: usize) -> Counts {
        let with = |fate| records.iter().filter(move |(_, other)| *other == fate).map(|(payment, _)| *payment);
        let good: BTreeSet<Payment> = with(Fate::Taken).collect();
        let new: Vec<Payment> = good.difference(&self.active).copied().collect();
        let lost: Vec<Payment> = self.active.difference(&good).copied().collect();
        let doubtful: BTreeSet<i64> =
            with(Fate::Refused).chain(with(Fate::Rejected)).filter_map(|(key, _)| key).collect();
        let fresh: BTreeSet<i64> = new.iter().filter_map(|(key, _)| *key).collect();
        let is_replaced = |payment: &&Payment| payment.0.is_some_and(|key| fresh.contains(&key));
        let leaves = |payment: &&Payment| match (gone, payment.0) {
            _ if is_replaced(payment) => true,
            (Gone::Keep, _) => false,
            (_, Some(key)) => !doubtful.contains(&key),
            (_, None) => true,
        };
        let leaving: Vec<Payment> = lost.iter().filter(leaves).copied().collect();
        let changed = lost.iter().filter(is_replaced).count();
        // the first records of the input stand in it twice; one that is not taken is rejected twice, unless the table
        // alone would refuse it: that is seen once
        let twice = |fate| records.iter().take(repeated).filter(|(_, other)| *other == fate).count();
        let (read, before) = (records.len() + repeated.min(records.len()), self.active.clone());
        self.active.retain(|payment| !leaving.contains(payment));
        self.active.extend(&new);
        if !new.is_empty() || !leaving.is_empty() {
            let is_lost = gone == Gone::Delete && !leaving.is_empty();
            self.before.push((!is_lost).then(|| before.clone()));
        }
        Counts {
            read: read as u64,
            new: (new.len() - changed) as u64,
            changed: changed as u64,
            unchanged: before.intersection(&good).count() as u64,
            duplicate: (twice(Fate::Taken) + twice(Fate::Refused)) as u64,
            rejected: (with(Fate::Refused).count() + with(Fate::Rejected).count() + twice(Fate::Rejected)) as u64,
            gone: (leaving.len() - changed) as u64,
            kept: if gone == Gone::Keep { 0 } else { (lost.len() - leaving.len()) as u64 },
            active_before: before.len() as u64,
            active_after: self.active.len() as u64,
        }
    }
}

/// The records as a source writes them, or the last of them first; `bad` is 0 where all is well, and 1 is refused by the
/// table.
fn written(records: &[(Payment, Fate)], repeated: usize, (is_csv, is_turned): (bool, bool)) -> String {
    let line = |((key, amount), fate): &(Payment, Fate)| {
        let amount = AMOUNTS[*amount];
        let bad = match fate {
            Fate::Taken => "0",
            Fate::Refused => "1",
            Fate::Rejected if is_csv => "x",
            Fate::Rejected => "\"x\"",
        };
        match (is_csv, key) {
            (true, Some(key)) => format!("{key},{amount},{bad}\n"),
            (true, None) => format!(",{amount},{bad}\n"),
            (false, Some(key)) => format!("{{\"k\":{key},\"n\":{amount},\"bad\":{bad}}}\n"),
            (false, None) => format!("{{\"k\":null,\"n\":{amount},\"bad\":{bad}}}\n"),
        }
    };
    let header = if is_csv { "k,n,bad\n" } else { "" };
    let mut lines: Vec<String> = records.iter().chain(records.iter().take(repeated)).map(line).collect();
    if is_turned {
        lines.reverse();
    }
    header.to_owned() + &lines.concat()
}

fn payments(backend: &Backend, database: &mut Connection) -> BTreeSet<Payment> {
    let sql = format!("SELECT k, {} FROM pay WHERE archive IS NULL", backend.digits_of("n"));
    let rows = database.query(&sql, &[]).expect("a query").rows;
    let count = rows.len();
    let payment = |row: Vec<Value<'static>>| {
        let key = match row[0] {
            Value::Integer(key) => Some(key),
            _ => None,
        };
        let Value::Text(amount) = &row[1] else { panic!("{row:?}") };
        (key, AMOUNTS.iter().position(|known| known == amount).expect("every digit"))
    };
    let found: BTreeSet<Payment> = rows.into_iter().map(payment).collect();
    assert_eq!(found.len(), count, "no row twice");
    found
}

/// Tests that take longer than some seconds.
mod slow {
    use super::*;

    #[test]
    fn random_merges_agree_with_a_reference() {
        let merges = merges();
        for backend in Backend::all_of_users() {
            let database = RefCell::new(backend.connect());
            let (sequence, known) = (Cell::new(0), Cell::new(0));
            // half as long as the longest, in the mean
            let cases = backend.share(merges) * 2 / STEPS_MAX as u32;
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
            let is_enough = backend.share(merges) == merges;
            assert!(!is_enough || known.get() > 0, "of {merges} merges some come again, and are known");
        }
    }

    #[test]
    fn random_merges_of_money_agree_with_a_reference() {
        for backend in Backend::all_of_users() {
            let database = RefCell::new(backend.connect());
            let key = "n DECIMAL(65,30), k_active integer AS (IF(archive IS NULL, k, NULL)) VIRTUAL UNIQUE";
            let input = backend.folder.path().join("input");
            let rejects = backend.folder.path().join("rejects.ndjson");
            let cases = backend.share(merges()) * 2 / STEPS_MAX as u32;
            let config = Config { cases, failure_persistence: None, ..Config::default() };
            let done: RefCell<BTreeMap<&str, u32>> = RefCell::default();
            let outcome = TestRunner::new(config).run(&moves(), |moves| {
                let database = &mut *database.borrow_mut();
                for sql in ["DROP TABLE IF EXISTS pay", "DROP TABLE IF EXISTS dc_merges"] {
                    database.execute(sql, &[]).expect("a table less");
                }
                let columns = "k integer, bad integer CHECK (bad = 0)";
                backend.make(
                    database,
                    "pay",
                    &format!(
                        "{columns}, {}",
                        backend.of(["n NUMERIC TEXT", "n numeric", key, "n DECIMAL(38,10) NULL"])
                    ),
                );
                if backend.engine != Engine::Mariadb {
                    // for SQL Server two keys that are NULL are the same
                    let and = backend.of(["", "", "", " AND k IS NOT NULL"]);
                    let index = format!("CREATE UNIQUE INDEX pay_key ON pay (k) WHERE archive IS NULL{and}");
                    database.execute(&index, &[]).expect("an index");
                }
                let mut ledger = Ledger::default();
                let mut standing: Vec<String> = Vec::new();
                let mut last = None;
                for step in &moves {
                    let is_turned = matches!(step, Move::Again);
                    let step = if is_turned { last.unwrap_or(step) } else { step };
                    match step {
                        Move::Again => {}
                        Move::Merge { gone, is_csv, records, repeated } => {
                            last = Some(step);
                            let path = input.with_extension(if *is_csv { "csv" } else { "ndjson" });
                            std::fs::write(&path, written(records, *repeated, (*is_csv, is_turned))).expect("a file");
                            let merge = Merge::into("pay").key(["k"]).gone(*gone).rejects(&rejects);
                            let merge = merge.allow_empty(true).max_gone(MaxGone::Rows(1_000)).threads(1);
                            let report = merge.run_inputs(database, &[Input::File(path)]).expect("a merge");
                            prop_assert_eq!(&report.counts, &ledger.apply(*gone, records, *repeated));
                            standing.extend(report.merge);
                            *done.borrow_mut().entry("merges").or_default() += 1;
                            if report.same_input {
                                *done.borrow_mut().entry("known").or_default() += 1;
                            }
                        }
                        Move::Undo => {
                            let Some(last) = standing.last() else { continue };
                            let undone = undo(database, last, false, &Cancellation::default());
                            match ledger.before.last().expect("as many as merges") {
                                Some(before) => {
                                    prop_assert_eq!(undone.expect("an undo").merges[0].active, before.len() as u64);
                                    ledger.active = before.clone();
                                    ledger.before.pop();
                                    standing.pop();
                                    *done.borrow_mut().entry("undos").or_default() += 1;
                                }
                                None => prop_assert!(undone.is_err()),
                            }
                        }
                    }
                    prop_assert_eq!(&payments(&backend, database), &ledger.active);
                    prop_assert_eq!(standing.len(), ledger.before.len());
                }
                Ok(())
            });
            if let Err(failure) = outcome {
                panic!("{failure}");
            }
            let is_enough = backend.share(merges()) == merges();
            assert!(!is_enough || done.borrow().len() == 3, "merges, undos, and inputs that were known: {done:?}");
        }
    }
}
