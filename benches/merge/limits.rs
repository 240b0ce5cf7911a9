//! What SQLite can do at best: bare prepared inserts of rows that are ready in memory, and their index.
//!
//! `cargo bench --bench limits -- FILE DATABASE` loads FILE, made by `generate.py`, and prints wall and CPU seconds of
//! the inserts alone as JSON. `compare.sh` runs it beside `dc merge`.
#![allow(clippy::print_stdout, missing_docs, reason = "a bench prints, and is no API")]

use std::io::{BufRead, BufReader};
use std::time::Instant;

use data_collector::error::{Error, OrFail, Result};
use data_collector::hash::make_hash;

const CREATE: &str = "CREATE TABLE companies (id INTEGER PRIMARY KEY, sha BLOB NOT NULL, archive TIMESTAMP, date_created TIMESTAMP NOT NULL, date_modified TIMESTAMP, vat_no TEXT, name TEXT, city TEXT, street TEXT, employees INTEGER, revenue REAL, active BOOLEAN, founded TEXT, note TEXT, code INTEGER)";
const INSERT: &str = "INSERT INTO companies (sha, date_created, vat_no, name, city, street, employees, revenue, active, founded, note, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const INDEX: &str = "CREATE UNIQUE INDEX companies_sha_active ON companies (sha) WHERE archive IS NULL";

#[derive(serde::Serialize, serde::Deserialize)]
struct Row {
    vat_no: String,
    name: String,
    city: String,
    street: String,
    employees: i64,
    revenue: f64,
    active: bool,
    founded: String,
    note: Option<String>,
    code: i64,
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let (Some(file), Some(database)) = (words.next(), words.next()) else {
        return Err(Error::failed("find FILE and DATABASE: say `cargo bench --bench limits -- FILE DATABASE`"));
    };
    let rows = ready(&file)?;
    let (started, cpu) = (Instant::now(), cpu_seconds());
    insert(&database, &rows)?;
    println!(r#"{{"wall":{},"cpu":{}}}"#, started.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    Ok(())
}

/// The rows and their hashes in memory.
fn ready(file: &str) -> Result<Vec<(Row, [u8; 32])>> {
    let what = || format!("read {file}");
    let lines = BufReader::new(std::fs::File::open(file).or_fail(what)?).lines();
    lines
        .map(|line| {
            let row: Row = serde_json::from_str(&line.or_fail(what)?).or_fail(what)?;
            let sha = make_hash(&row)?;
            Ok((row, sha.0))
        })
        .collect()
}

fn insert(database: &str, rows: &[(Row, [u8; 32])]) -> Result<()> {
    let what = || "insert the rows".to_owned();
    let connection = rusqlite::Connection::open(database).or_fail(what)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).or_fail(what)?;
    connection.execute_batch(CREATE).or_fail(what)?;
    connection.execute_batch("BEGIN IMMEDIATE").or_fail(what)?;
    let mut statement = connection.prepare(INSERT).or_fail(what)?;
    for (row, sha) in rows {
        let values = rusqlite::params![
            sha.as_slice(),
            "2026-11-22 06:00:00.000000",
            row.vat_no,
            row.name,
            row.city,
            row.street,
            row.employees,
            row.revenue,
            row.active,
            row.founded,
            row.note,
            row.code
        ];
        statement.execute(values).or_fail(what)?;
    }
    connection.execute_batch(INDEX).or_fail(what)?;
    connection.execute_batch("COMMIT").or_fail(what)?;
    Ok(())
}

/// What this thread has used so far; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or_default() / 1e9
}
