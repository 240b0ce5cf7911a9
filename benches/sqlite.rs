//! A merge into SQLite beside bare prepared inserts of the same rows with the same index, in turns, in one run.
//!
//! `cargo bench --bench sqlite -- [ROWS] [ROUNDS]` prints the ratios; a ratio is what to quote.
#![allow(clippy::print_stdout, missing_docs, reason = "a bench prints, and is no API")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use data_collector::context::Context;
use data_collector::db::Connection;
use data_collector::error::{OrFail, Result};
use data_collector::hash::make_hash;
use data_collector::merge::{Input, Merge};
use data_collector::settings::{Environment, Settings, Source};
use data_collector::shell::{Shell, ShellOptions};

const CREATE: &str = "CREATE TABLE companies (id INTEGER PRIMARY KEY, sha BLOB NOT NULL, archive TIMESTAMP, date_created TIMESTAMP NOT NULL, date_modified TIMESTAMP, vat_no TEXT, name TEXT, city TEXT, street TEXT, employees INTEGER, revenue REAL, active BOOLEAN, founded TEXT, note TEXT, code INTEGER)";
const INSERT: &str = "INSERT INTO companies (sha, date_created, vat_no, name, city, street, employees, revenue, active, founded, note, code) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
const INDEX: &str = "CREATE UNIQUE INDEX companies_sha_active ON companies (sha) WHERE archive IS NULL";

#[derive(serde::Serialize)]
struct Row {
    vat_no: String,
    name: String,
    city: &'static str,
    street: String,
    employees: i64,
    revenue: f64,
    active: bool,
    founded: String,
    note: Option<String>,
    code: i64,
}

fn row(number: u64) -> Row {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Row {
        vat_no: format!("HR{:011}", mixed % 100_000_000_000),
        name: format!("Company {number} d.o.o."),
        city: ["Zagreb", "Split", "Rijeka", "Osijek", "Zadar"][(mixed % 5) as usize],
        street: format!("Ulica {} {}", mixed % 977, number % 90),
        employees: (mixed % 500) as i64,
        revenue: (mixed % 10_000_000) as f64 / 100.0,
        active: mixed.is_multiple_of(3),
        founded: format!("{:04}-{:02}-{:02}", 1950 + mixed % 75, 1 + mixed % 12, 1 + mixed % 28),
        note: mixed.is_multiple_of(4).then(|| "seen in the register".to_owned()),
        code: number as i64,
    }
}

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let rows = numbers.next().unwrap_or(200_000);
    let rounds = numbers.next().unwrap_or(5);
    let folder = tempfile::tempdir().or_fail(|| "make a folder".to_owned())?;
    let input = write_input(folder.path(), rows)?;
    let (mut bare, mut first, mut again) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        bare.push(bare_inserts(&folder.path().join(format!("bare-{round}.db")), rows)?);
        let (load, rerun) = merges(folder.path(), &format!("merge-{round}.db"), &input)?;
        first.push(load);
        again.push(rerun);
    }
    let (bare, first, again) = (median(bare), median(first), median(again));
    println!("{rows} rows, medians of {rounds}");
    println!("bare prepared inserts and index  {bare:8.3} s");
    println!("dc merge --create                {first:8.3} s  {:.0} % of the bare rate", 100.0 * bare / first);
    println!("dc merge again, no change        {again:8.3} s  {:.2} of the first load", again / first);
    Ok(())
}

fn write_input(folder: &Path, rows: u64) -> Result<PathBuf> {
    let path = folder.join("rows.ndjson");
    let fail = |_: &std::io::Error| "write the input".to_owned();
    let file = std::fs::File::create(&path)
        .map_err(|cause| data_collector::error::Error::failed(fail(&cause)).because(cause))?;
    let mut file = std::io::BufWriter::new(file);
    for number in 0..rows {
        let line = serde_json::to_string(&row(number)).or_fail(|| "write a row".to_owned())?;
        writeln!(file, "{line}").or_fail(|| "write the input".to_owned())?;
    }
    file.flush().or_fail(|| "write the input".to_owned())?;
    Ok(path)
}

/// The rows and their hashes are ready in memory: only the inserts and the index are timed.
fn bare_inserts(path: &Path, rows: u64) -> Result<f64> {
    let what = || "insert the rows".to_owned();
    let ready: Vec<(Row, [u8; 32])> =
        (0..rows).map(|number| make_hash(&row(number)).map(|sha| (row(number), sha.0))).collect::<Result<_>>()?;
    let connection = rusqlite::Connection::open(path).or_fail(what)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).or_fail(what)?;
    let started = Instant::now();
    connection.execute_batch(CREATE).or_fail(what)?;
    connection.execute_batch("BEGIN IMMEDIATE").or_fail(what)?;
    let mut statement = connection.prepare(INSERT).or_fail(what)?;
    for (row, sha) in &ready {
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
    Ok(started.elapsed().as_secs_f64())
}

fn merges(folder: &Path, name: &str, input: &Path) -> Result<(f64, f64)> {
    let url = format!("sqlite:{}", folder.join(name).display());
    let source = Source { folder: Some(folder.to_owned()), config: None };
    let settings = Settings::load(&source, Environment::of([("DC_DB_MAIN_URL", url.as_str())]))?;
    let context = Context::new(settings, Shell::new(ShellOptions::default(), true));
    let mut database = Connection::open(&context, "main")?;
    let merge = Merge::into("companies").create(true);
    let inputs = [Input::File(input.to_owned())];
    let mut times = [0.0; 2];
    for time in &mut times {
        let started = Instant::now();
        merge.run_inputs(&mut database, &inputs)?;
        *time = started.elapsed().as_secs_f64();
    }
    Ok((times[0], times[1]))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
