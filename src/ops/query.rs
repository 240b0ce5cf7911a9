//! `dc query`: a statement to a configured database, and what it gives. Without `--write` the database itself refuses to change
//! anything.

use std::fmt;
use std::io::Write;

use serde::Serialize;

use crate::context::Context;
use crate::db::{Connection, text};
use crate::error::{Error, ErrorKind, Result, file_error};
use crate::hash::write_json;
use crate::record::{Value, parse_json};
use crate::settings::{Access, MAIN};
use crate::shell;

/// More rows than this are no table for people.
const ROWS_SHOWN_MAX: usize = 1_000;
/// So often it is looked whether somebody asked to stop.
const LOOK_EVERY: u64 = 1_024;
/// Statements that give rows.
const READING: [&str; 10] =
    ["select", "with", "values", "table", "show", "explain", "describe", "desc", "pragma", "call"];

/// What `dc query` is asked for.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {
    /// The statement.
    pub sql: String,
    /// The configured database; `main` when `None`.
    pub database: Option<String>,
    /// The values of its placeholders, each as JSON where it is that, and as text where it is not.
    pub parameters: Vec<String>,
    /// Whether it may change what is stored.
    pub write: bool,
    /// How rows are given.
    pub format: QueryFormat,
}

/// How rows are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueryFormat {
    /// As a table for people: the first thousand.
    #[default]
    Table,
    /// One object of JSON a row.
    Json,
    /// With a row of names.
    Csv,
}

/// What a statement gave.
#[derive(Debug, Clone, Default, Serialize)]
pub struct QueryReport {
    /// How many rows it gave, or were written as lines.
    pub rows: u64,
    /// How many rows it changed, where it gives none.
    pub changed: Option<u64>,
    /// The names of the columns.
    #[serde(skip)]
    pub columns: Vec<String>,
    /// The rows of a table for people.
    #[serde(skip)]
    pub shown: Vec<Vec<String>>,
    /// Whether there are more of them.
    #[serde(skip)]
    pub is_cut: bool,
    /// Whether the rows were written as lines.
    #[serde(skip)]
    pub is_written: bool,
}

/// Runs a statement. Rows in lines go to `out` as they come; those of a table are in the report.
///
/// # Errors
/// What the database says; refused, for a statement that changes something without `write`, and for a database that cannot
/// promise that nothing is changed; usage for JSON with two columns of one name.
pub fn query(context: &Context, options: &QueryOptions, out: &mut dyn Write) -> Result<QueryReport> {
    let sql = options.sql.trim().trim_end_matches(';');
    let word = first_word(sql);
    if word.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "run a statement: there is none").hint("dc query 'SELECT 1'"));
    }
    let gives_rows = READING.contains(&word.as_str()) || sql.to_ascii_lowercase().contains("returning");
    if !options.write && !READING.contains(&word.as_str()) {
        let message = format!("run `{}`: it changes what is stored", word.to_uppercase());
        return Err(Error::new(ErrorKind::Refused, message).hint("if you mean it, say `--write`; nothing was changed"));
    }
    if !options.write && writes_file(sql) {
        let message = "run a statement that writes a file on the server";
        return Err(Error::new(ErrorKind::Refused, message).hint("if you mean it, say `--write`; nothing was changed"));
    }
    if options.write && context.settings().trial.is_some() {
        return super::trial::refuse_in_trial(context, "query --write").map(|()| QueryReport::default());
    }
    let access = if options.write { Access::Write } else { Access::Read };
    let name = options.database.as_deref().unwrap_or(MAIN);
    let parameters: Vec<Value<'_>> = options.parameters.iter().map(|text| parameter(text)).collect();
    let mut connection = Connection::open_for(context, name, access)?;
    if !gives_rows {
        let changed = connection.execute(sql, &parameters)?;
        return Ok(QueryReport { changed: Some(changed), ..QueryReport::default() });
    }
    let mut answer = Answer { format: options.format, out, report: QueryReport::default(), line: Vec::new() };
    answer.report.is_written = options.format != QueryFormat::Table;
    let answer = std::cell::RefCell::new(answer);
    let mut named = |columns: &[String]| answer.borrow_mut().begin(columns);
    let mut each = |row: Vec<Value<'static>>| {
        let mut answer = answer.borrow_mut();
        if answer.report.rows.is_multiple_of(LOOK_EVERY) {
            context.cancellation().check()?;
        }
        answer.take(&row)
    };
    let done = connection.backend().each_named_row(sql, &parameters, &mut named, &mut each);
    let answer = answer.into_inner();
    // a table that is full has no room for the rest
    if !answer.report.is_cut {
        done.map_err(|error| about_writing(error, &word, options.write))?;
    }
    answer.out.flush().map_err(|cause| file_error("write to standard output", cause))?;
    Ok(answer.report)
}

/// What a database says of a statement that changes something behind a word that reads.
fn about_writing(error: Error, word: &str, may_write: bool) -> Error {
    let reads_alone = ["select", "values", "table", "show", "describe", "desc"].contains(&word);
    match may_write || reads_alone || error.kind() == ErrorKind::Interrupted {
        true => error,
        false => error.hint("a statement that changes something takes `--write`"),
    }
}

/// Whether a statement writes its rows into a file of the server, which is no matter of a transaction: `INTO OUTFILE`.
fn writes_file(sql: &str) -> bool {
    let small = sql.to_ascii_lowercase();
    let mut words =
        small.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_').filter(|word| !word.is_empty());
    words.any(|word| matches!(word, "outfile" | "dumpfile"))
}

/// A value as JSON, where the text is that; a number keeps its digits.
fn parameter(text: &str) -> Value<'_> {
    parse_json(text).unwrap_or_else(|_| Value::from(text))
}

/// The first word of a statement in small letters, behind comments.
fn first_word(sql: &str) -> String {
    let mut rest = sql.trim_start_matches(|sign: char| sign.is_whitespace() || sign == '(');
    loop {
        let behind = match (rest.strip_prefix("--"), rest.strip_prefix("/*")) {
            (Some(comment), _) => comment.split_once('\n').map(|(_, behind)| behind),
            (_, Some(comment)) => comment.split_once("*/").map(|(_, behind)| behind),
            _ => break,
        };
        rest = behind.unwrap_or_default().trim_start_matches(|sign: char| sign.is_whitespace() || sign == '(');
    }
    rest.chars().take_while(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Rows on their way.
struct Answer<'a> {
    format: QueryFormat,
    out: &'a mut dyn Write,
    report: QueryReport,
    line: Vec<u8>,
}

impl Answer<'_> {
    fn begin(&mut self, columns: &[String]) -> Result<()> {
        self.report.columns = columns.to_vec();
        match self.format {
            QueryFormat::Table => Ok(()),
            QueryFormat::Json => {
                let twice = columns.iter().enumerate().find(|(place, name)| columns[..*place].contains(name));
                match twice {
                    None => Ok(()),
                    Some((_, name)) => {
                        Err(Error::new(ErrorKind::Usage, format!("write rows as JSON: two columns are named `{name}`"))
                            .hint("name them in the statement: `.. AS other`"))
                    }
                }
            }
            QueryFormat::Csv => {
                self.line.clear();
                put_row(columns.iter().map(|name| Some(name.as_str())), &mut self.line);
                self.write()
            }
        }
    }

    fn take(&mut self, row: &[Value<'_>]) -> Result<()> {
        if self.format == QueryFormat::Table {
            if self.report.shown.len() == ROWS_SHOWN_MAX {
                self.report.is_cut = true;
                return Err(Error::failed("show more rows"));
            }
            self.report.rows += 1;
            self.report.shown.push(row.iter().map(|value| shown(value).unwrap_or_default()).collect());
            return Ok(());
        }
        self.report.rows += 1;
        self.line.clear();
        match self.format {
            QueryFormat::Json => {
                self.line.push(b'{');
                for (place, (name, value)) in self.report.columns.iter().zip(row).enumerate() {
                    if place > 0 {
                        self.line.push(b',');
                    }
                    write_json(&Value::from(name.as_str()), &mut self.line);
                    self.line.push(b':');
                    match value {
                        Value::Bytes(_) => {
                            write_json(&Value::from(shown(value).unwrap_or_default()), &mut self.line);
                        }
                        value => write_json(value, &mut self.line),
                    }
                }
                self.line.extend_from_slice(b"}\n");
            }
            _ => {
                let fields: Vec<Option<String>> = row.iter().map(shown).collect();
                put_row(fields.iter().map(Option::as_deref), &mut self.line);
            }
        }
        self.write()
    }

    fn write(&mut self) -> Result<()> {
        self.out.write_all(&self.line).map_err(|cause| file_error("write to standard output", cause))
    }
}

/// A value as text; `None` for null.
fn shown(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bytes(bytes) => Some(bytes.iter().fold("\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))),
        value => Some(text(value).into_owned()),
    }
}

/// A row of CSV. Null is nothing, and an empty text two quotes: both come back as they were.
fn put_row<'t>(fields: impl Iterator<Item = Option<&'t str>>, line: &mut Vec<u8>) {
    for (place, field) in fields.enumerate() {
        if place > 0 {
            line.push(b',');
        }
        match field {
            None => {}
            Some(text) if text.is_empty() || text.contains(['"', ',', '\n', '\r', ';', '\t']) => {
                line.push(b'"');
                line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
                line.push(b'"');
            }
            Some(text) => line.extend_from_slice(text.as_bytes()),
        }
    }
    line.push(b'\n');
}

impl fmt::Display for QueryReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_many = |count: u64| if count == 1 { "" } else { "s" };
        if let Some(changed) = self.changed {
            return write!(formatter, "{changed} row{} changed", of_many(changed));
        }
        if self.columns.is_empty() {
            return formatter.write_str("done");
        }
        let names: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let mut table = shell::table_of(&names, shell::columns());
        self.shown.iter().for_each(|row| table.add_row(row.iter().map(String::as_str)));
        write!(formatter, "{table}\n({} row{}", self.rows, of_many(self.rows))?;
        match self.is_cut {
            true => formatter.write_str(", and there are more: `--format csv` gives all)"),
            false => formatter.write_str(")"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_stands_behind_comments() {
        for (sql, word) in [
            ("  select 1", "select"),
            ("-- a\n/* b */ (VALUES (1))", "values"),
            ("DELETE FROM t", "delete"),
            ("-- nothing", ""),
            ("/* open", ""),
        ] {
            assert_eq!(first_word(sql), word, "{sql}");
        }
    }

    #[test]
    fn a_parameter_is_json_or_text() {
        assert_eq!(parameter("5"), Value::Integer(5));
        assert_eq!(parameter("007"), Value::from("007"));
        assert_eq!(parameter("HR"), Value::from("HR"));
        assert_eq!(parameter("\"5\""), Value::from("5"));
        assert_eq!(parameter("null"), Value::Null);
    }
}
