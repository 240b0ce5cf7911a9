//! What the text of a log record must contain, as far as a database can look for it with LIKE: whoever reads the
//! records looks closer. So most records never leave the database.
//!
//! The context is stored as JSON. A text is looked for as it stands there, and as JSON writes it.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::connection::{Link, LinkBackend};
use super::schema::logs;

/// How much of a text is looked for: a pattern must not be long.
const CHARS_MAX: usize = 200;

/// Patterns of LIKE for a text: every record that contains it, in either case, matches one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogText {
    message: String,
    /// One of them is enough.
    context: Vec<String>,
}

impl LogText {
    /// For a text that is not empty.
    pub fn of(text: &str) -> Option<Self> {
        let start: String = text.chars().take(CHARS_MAX).collect();
        if start.is_empty() {
            return None;
        }
        let message = pattern(&start);
        let mut context = vec![message.clone()];
        let json = serde_json::Value::from(start.as_str()).to_string();
        let written = pattern(&json[1..json.len() - 1]);
        if written != message {
            context.push(written);
        }
        // other programs escape more than JSON asks for
        if start.chars().any(|letter| !letter.is_ascii() || letter.is_control() || "<>&'+=".contains(letter)) {
            context.push("%\\\\u%".to_owned());
        }
        if start.contains('/') {
            context.push("%\\\\/%".to_owned());
        }
        Some(Self { message, context })
    }
}

/// A pattern that every text matches which contains this one in either case. What LIKE takes for another letter in the
/// other case depends on the database beyond ASCII, so any letter is taken there.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        match letter {
            '%' | '_' | '\\' => pattern.extend(['\\', letter]),
            letter if letter.is_ascii() || !has_case(letter) => pattern.push(letter),
            _ => pattern.push('_'),
        }
    }
    pattern.push('%');
    pattern
}

fn has_case(letter: char) -> bool {
    !letter.to_lowercase().eq([letter]) || !letter.to_uppercase().eq([letter])
}

/// How a database compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    /// SQLite's LIKE takes ASCII letters in either case.
    Like,
    /// PostgreSQL, byte by byte: several times as fast as by the rules of a language.
    Bytes,
    /// PostgreSQL, where an index of trigrams helps, which knows only the column's own rules.
    Index,
    /// MariaDB and MySQL by simple rules: the column's own are those of bytes, which know no case.
    General,
}

/// A condition on a record.
pub(super) type Condition = Box<dyn BoxableExpression<logs::table, LinkBackend, SqlType = Bool>>;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Whether somebody has made an index of trigrams on the messages.
const TRIGRAMS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_index \
    JOIN pg_catalog.pg_opclass AS class ON class.oid = ANY (indclass) \
    WHERE indrelid = 'logs'::pg_catalog.regclass AND indisvalid AND class.opcname IN ('gin_trgm_ops', 'gist_trgm_ops')) \
    AS found";

/// How this database compares.
pub(super) fn comparison(connection: &mut Link) -> QueryResult<Comparison> {
    match connection {
        Link::Sqlite(_) => Ok(Comparison::Like),
        Link::Mysql(_) => Ok(Comparison::General),
        Link::Postgres(server) => {
            let Found { found } = diesel::sql_query(TRIGRAMS).get_result(server)?;
            Ok(if found { Comparison::Index } else { Comparison::Bytes })
        }
    }
}

/// Whether a record may contain the text.
pub(super) fn condition(text: &LogText, comparison: Comparison) -> Condition {
    let operator = match comparison {
        Comparison::Like => "LIKE",
        Comparison::Bytes => "COLLATE \"C\" ILIKE",
        Comparison::Index => "ILIKE",
        Comparison::General => "COLLATE utf8mb4_general_ci LIKE",
    };
    let one = |column: &str, pattern: &str| -> Condition {
        let start = sql::<Bool>(&format!("{column} {operator} ")).bind::<Text, _>(pattern.to_owned());
        Box::new(start.sql(" ESCAPE '\\'"))
    };
    text.context.iter().fold(one("message", &text.message), |all, pattern| Box::new(all.or(one("context", pattern))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_looked_for_as_it_stands_and_as_json_has_it() {
        let of = |text: &str| LogText::of(text).expect("a text");
        assert_eq!(LogText::of(""), None);
        assert_eq!(of("time out").context, ["%time out%"]);
        let path = of(r"C:\Temp");
        assert_eq!(path.message, r"%C:\\Temp%");
        assert_eq!(path.context, [r"%C:\\Temp%", r"%C:\\\\Temp%"]);
        assert_eq!(of("say \"hi\"").context, ["%say \"hi\"%", r#"%say \\"hi\\"%"#]);
        assert_eq!(of("100%_").message, r"%100\%\_%");
        assert_eq!(of("Zagreb Čč 漢").message, "%Zagreb __ 漢%");
        assert!(of("a/b").context.contains(&r"%\\/%".to_owned()));
        assert!(of("č").context.contains(&r"%\\u%".to_owned()));
        assert!(of(&"x".repeat(10_000)).message.len() < 300);
    }
}
