//! Tables of PostgreSQL: what they look like, and the statements that make them.

use super::client::Client;
use super::server::server_error;
use crate::db::{Column, Form, Kind, NAME_BYTES_MAX, NewColumn, Obstacle, Right, Table, TableName, quote};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::RESERVED;

/// Each column with its type, and with the type below its domains, and below those of its elements: name, type as printed,
/// the type below without and with its length, whether the server fills the column; what kind of relation the table is;
/// whether the type below is made of parts that may round; whether the column is an array.
const COLUMNS: &str = "SELECT attname::text, format_type(atttypid, atttypmod), base.name, base.declared, \
    attgenerated::text <> '' OR attidentity::text = 'a', relkind::text, base.rounds, base.is_array \
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid CROSS JOIN LATERAL (\
        WITH RECURSIVE below AS (\
            SELECT pg_type.oid, typbasetype, typelem, typcategory, typtype, typrelid, atttypmod AS length, false AS is_array \
            FROM pg_type WHERE pg_type.oid = atttypid \
            UNION ALL SELECT next.oid, next.typbasetype, next.typelem, next.typcategory, next.typtype, next.typrelid, \
                CASE WHEN below.typbasetype <> 0 THEN domain.typtypmod ELSE below.length END, \
                below.is_array OR below.typbasetype = 0 \
            FROM below JOIN pg_type AS domain ON domain.oid = below.oid \
            JOIN pg_type AS next ON next.oid = CASE WHEN below.typbasetype <> 0 THEN below.typbasetype \
                WHEN below.typcategory = 'A' THEN below.typelem END) \
        SELECT format_type(oid, NULL) AS name, format_type(oid, length) AS declared, is_array, CASE typtype \
            WHEN 'c' THEN EXISTS (SELECT FROM pg_attribute AS field WHERE field.attrelid = typrelid \
                AND NOT field.attisdropped AND format_type(field.atttypid, field.atttypmod) NOT IN (SAFE)) \
            WHEN 'r' THEN EXISTS (SELECT FROM pg_range WHERE rngtypid = oid AND format_type(rngsubtype, -1) NOT IN (SAFE)) \
            WHEN 'm' THEN EXISTS (SELECT FROM pg_range WHERE to_jsonb(pg_range)->>'rngmultitypid' = oid::text \
                AND format_type(rngsubtype, -1) NOT IN (SAFE)) ELSE false END AS rounds \
        FROM below WHERE typbasetype = 0 AND typcategory <> 'A'\
    ) AS base WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
/// Types that keep all of a value, whatever it is.
const SAFE: &str = "'boolean', 'smallint', 'integer', 'bigint', 'numeric', 'text', 'character varying', 'bytea', 'uuid', \
    'json', 'jsonb', 'inet', 'cidr', 'citext'";

/// Whether a name is a table that can be locked.
pub(super) fn is_table(client: &mut Client, name: &TableName) -> Result<bool> {
    let find = "SELECT 1 FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')";
    let found = client.query_opt(find, &[&name.quoted()]);
    found.map(|row| row.is_some()).map_err(|cause| server_error(format!("look for the table `{name}`"), cause))
}

/// The name with its schema; of a table that is not there, in the schema where it would be made.
pub(super) fn canonical(client: &mut Client, name: &TableName) -> Result<TableName> {
    let find = "SELECT coalesce(nspname::text, $2, current_schema()::text), coalesce(relname::text, $3) \
        FROM (SELECT to_regclass($1) AS oid) AS found LEFT JOIN pg_class ON pg_class.oid = found.oid \
        LEFT JOIN pg_namespace ON pg_namespace.oid = relnamespace";
    let row = client
        .query_one(find, &[&name.quoted(), &name.schema, &name.name])
        .map_err(|cause| server_error(format!("look for the table `{name}`"), cause))?;
    Ok(TableName { schema: row.get(0), name: row.get(1) })
}

/// Whether this role may read or write a table.
pub(super) fn may(client: &mut Client, name: &TableName, right: Right) -> Result<bool> {
    let right = match right {
        Right::Read => "SELECT",
        Right::Write => "INSERT",
    };
    let row = client
        .query_one("SELECT coalesce(has_table_privilege(to_regclass($1)::oid, $2), false)", &[&name.quoted(), &right])
        .map_err(|cause| server_error(format!("look for the rights on `{name}`"), cause))?;
    Ok(row.get(0))
}

pub(super) fn table(client: &mut Client, name: &TableName) -> Result<Option<Table>> {
    let rows = client
        .query(COLUMNS.replace("SAFE", SAFE).as_str(), &[&name.quoted()])
        .map_err(|cause| server_error(format!("look at the table `{name}`"), cause))?;
    let column = |row: &tokio_postgres::Row| {
        let base: String = row.get(2);
        let (declared, stored): (String, String) = (row.get(1), row.get(3));
        Column {
            name: row.get(0),
            kind: kind(&base, &stored, row.get(6), row.get(7)),
            declared,
            is_generated: row.get(4),
        }
    };
    let columns: Vec<Column> = rows.iter().map(column).collect();
    let Some(first) = rows.first() else { return Ok(None) };
    let stored = rows.iter().zip(&columns).map(|(row, column)| (column, row.get::<_, String>(3)));
    let obstacle = of_relation(name, first.get(5)).or_else(|| of_columns(name, stored));
    Ok(Some(Table { name: name.clone(), columns, obstacle }))
}

/// What is no table has no rows of its own, which could be locked and found again.
fn of_relation(name: &TableName, relation: &str) -> Option<Obstacle> {
    let what = match relation {
        "r" | "p" => return None,
        "v" | "m" => "view",
        "f" => "foreign table",
        _ => "relation that is no table",
    };
    let hint = match what {
        "foreign table" => "merge in the database that holds it",
        _ => "merge into the table that it reads",
    };
    Some(Obstacle { reason: format!("`{name}` is a {what}"), hint: hint.to_owned() })
}

/// The moments of a merge are found again by their microseconds, and a hash has 32 bytes.
fn of_columns<'a>(name: &TableName, columns: impl Iterator<Item = (&'a Column, String)>) -> Option<Obstacle> {
    for (Column { name: column, kind, declared, .. }, stored) in columns {
        let (reason, kept) = match column.as_str() {
            "archive" | "date_created" | "date_modified" => {
                let (family, zone) = match stored.ends_with("with time zone") {
                    true => ("timestamptz", "with"),
                    false => ("timestamp", "without"),
                };
                let whole = [format!("timestamp {zone} time zone"), format!("timestamp(6) {zone} time zone")];
                if whole.contains(&stored) {
                    continue;
                }
                ("does not keep the microseconds of a merge", family)
            }
            "sha" if !matches!(kind, Kind::Bytes | Kind::Text) => ("cannot hold a record hash", "bytea"),
            _ => continue,
        };
        let (table, column) = (name.quoted(), quote(column));
        return Some(Obstacle {
            reason: format!("the column {column} is `{declared}`, which {reason}"),
            hint: format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE {kept}"),
        });
    }
    None
}

/// The kind of a type, by its name without and with its length; `rounds` is of types that are made of others.
fn kind(base: &str, declared: &str, rounds: bool, is_array: bool) -> Kind {
    let form = match form(base, declared) {
        Form::Any if rounds => Form::Unknown,
        form => form,
    };
    if is_array {
        return Kind::Array(form);
    }
    match (base, form) {
        ("boolean", _) => Kind::Boolean,
        ("smallint", _) => Kind::Integer { bits: 16 },
        ("integer", _) => Kind::Integer { bits: 32 },
        ("bigint", _) => Kind::Integer { bits: 64 },
        ("double precision", _) => Kind::Float,
        ("real", _) => Kind::Real,
        ("json" | "jsonb", _) => Kind::Json,
        ("bytea", _) => Kind::Bytes,
        ("numeric", Form::Any) => Kind::Numeric,
        ("text" | "character varying" | "character", Form::Any) => Kind::Text,
        (_, Form::Decimal { digits, scale }) => Kind::Decimal { digits, scale },
        (_, Form::Letters(letters)) => Kind::Short { letters },
        (_, form) => Kind::Other(form),
    }
}

/// What of a text is kept by a type.
fn form(base: &str, declared: &str) -> Form {
    let inside = declared.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    let most = |default: u8| inside.map_or(Some(default), |inside| inside.parse().ok());
    let known = match base {
        // a scale that is not told is 0
        "numeric" => inside.map_or(Some(Form::Any), |inside| {
            let (digits, scale) = inside.split_once(',').unwrap_or((inside, "0"));
            Some(Form::Decimal { digits: digits.trim().parse().ok()?, scale: scale.trim().parse().ok()? })
        }),
        "character varying" | "character" => {
            inside.map_or(Some(Form::Any), |inside| inside.parse().ok().map(Form::Letters))
        }
        "money" => Some(Form::Money),
        "double precision" => Some(Form::Float),
        "real" => Some(Form::Real),
        "point" | "line" | "lseg" | "box" | "path" | "polygon" | "circle" => Some(Form::Floats),
        "name" => Some(Form::Bytes(NAME_BYTES_MAX as u8)),
        "\"char\"" => Some(Form::Bytes(1)),
        "date" => Some(Form::Moment { date: true, digits: None, zone: false }),
        "interval" => {
            // `interval year` keeps years alone; down to seconds all is kept
            let is_whole = !["year", "month", "day", "hour", "minute"].iter().any(|field| declared.contains(field))
                || declared.starts_with("interval day to second");
            most(6).filter(|_| is_whole).map(|digits| Form::Span { digits })
        }
        "tsrange" | "tsmultirange" => Some(Form::Moments { digits: Some(6), zone: false }),
        "tstzrange" | "tstzmultirange" => Some(Form::Moments { digits: Some(6), zone: true }),
        "daterange" | "datemultirange" => Some(Form::Moments { digits: None, zone: false }),
        "cube" | "box2d" | "box3d" => Some(Form::Floats),
        "oid" | "xid" | "cid" => Some(Form::Unsigned),
        "json" | "jsonb" => Some(Form::Json),
        "timestamp without time zone"
        | "timestamp with time zone"
        | "time without time zone"
        | "time with time zone" => {
            let (date, zone) = (base.starts_with("timestamp"), base.ends_with("with time zone"));
            most(6).map(|digits| Form::Moment { date, digits: Some(digits), zone })
        }
        _ => Some(Form::Any),
    };
    known.unwrap_or(Form::Unknown)
}

fn declared(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "boolean",
        Kind::Integer { .. } => "bigint",
        Kind::Float => "double precision",
        Kind::Real => "real",
        Kind::Numeric | Kind::Decimal { .. } | Kind::Number => "numeric",
        Kind::Json => "jsonb",
        Kind::Bytes => "bytea",
        Kind::Text | Kind::Short { .. } | Kind::Array(_) | Kind::Other(_) => "text",
    }
}

pub(super) fn create_sql(name: &TableName, columns: &[NewColumn]) -> Result<String> {
    let mut made = String::new();
    for column in columns {
        if RESERVED.contains(&column.name.as_str()) {
            let what = format!("make the table `{name}`: the column `{}` is the framework's own", column.name);
            return Err(Error::new(ErrorKind::Refused, what)
                .hint(format!("give it another name: `--rename {0}=source_{0}`", column.name)));
        }
        made.push_str(&format!(",\n  {}", definition(column)?));
    }
    // hash and archive stand first, so that finding them needs no walk over the columns before them
    Ok(format!(
        "CREATE TABLE {} (\n  sha bytea NOT NULL,\n  archive timestamp,\n  id bigint GENERATED BY DEFAULT AS IDENTITY,\n  date_created timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),\n  date_modified timestamp{made}\n)",
        name.quoted()
    ))
}

pub(super) fn add_sql(name: &TableName, column: &NewColumn) -> Result<String> {
    Ok(format!("ALTER TABLE {} ADD COLUMN {}", name.quoted(), definition(column)?))
}

/// Refuses to widen a column of a domain: what the domain demands of its values would be lost.
pub(super) fn check_no_domain(client: &mut Client, name: &TableName, columns: &[NewColumn]) -> Result<()> {
    let find = "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute \
        JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = to_regclass($1) AND typtype = 'd' AND attname = ANY($2)";
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let found = client
        .query_opt(find, &[&name.quoted(), &names])
        .map_err(|cause| server_error(format!("look at the types of `{name}`"), cause))?;
    let Some(row) = found else { return Ok(()) };
    let (column, domain): (String, String) = (row.get(0), row.get(1));
    let what = format!("widen `{column}`: it is of the domain `{domain}`, whose conditions would be lost");
    Err(Error::new(ErrorKind::Refused, what)
        .hint("change the domain, or the column's type by hand; nothing was changed"))
}

/// By way of text, in which every number has all its digits: a cast of a float would keep fifteen.
pub(super) fn widen_sql(name: &TableName, columns: &[NewColumn]) -> String {
    let change = |column: &NewColumn| {
        let (name, wider) = (quote(&column.name), declared(column.kind));
        format!("ALTER COLUMN {name} TYPE {wider} USING {name}::text::{wider}")
    };
    let changes: Vec<String> = columns.iter().map(change).collect();
    format!("ALTER TABLE {} {}", name.quoted(), changes.join(", "))
}

fn definition(column: &NewColumn) -> Result<String> {
    if column.name.is_empty() || column.name.len() > NAME_BYTES_MAX || column.name.contains('\0') {
        let what = format!("make a column `{}`: PostgreSQL takes names of 1 to {NAME_BYTES_MAX} bytes", column.name);
        return Err(Error::new(ErrorKind::Refused, what).hint("give it another name: `--rename OLD=NEW`"));
    }
    Ok(format!("{} {}", quote(&column.name), column.declared.as_deref().unwrap_or(declared(column.kind))))
}

/// The key comes after the rows: an index over rows that are there is made in a third of the time.
pub(super) fn key_sql(name: &TableName) -> String {
    format!("ALTER TABLE {} ADD PRIMARY KEY (id)", name.quoted())
}

pub(super) fn index_sql(name: &TableName) -> String {
    let index = index_name(name, "sha_active");
    format!("CREATE UNIQUE INDEX IF NOT EXISTS {} ON {} (sha) WHERE archive IS NULL", quote(&index), name.quoted())
}

pub(super) fn scope_index_sql(name: &TableName, scope: &[&str]) -> String {
    let columns: Vec<String> = scope.iter().map(|column| quote(column)).collect();
    let (index, columns) = (index_name(name, "scope_active"), columns.join(", "));
    format!("CREATE INDEX IF NOT EXISTS {} ON {} ({columns}) WHERE archive IS NULL", quote(&index), name.quoted())
}

/// Where the numbers do not come from a sequence of the table, there is nothing to settle.
pub(super) fn settle_sql(name: &TableName) -> String {
    let (quoted, literal) = (name.quoted(), super::literal(&name.quoted()));
    format!("SELECT setval(pg_get_serial_sequence({literal}, 'id'), (SELECT max(id) FROM {quoted}))")
}

/// A name over the limit would be cut by the server, and could then meet another table's.
fn index_name(table: &TableName, what: &str) -> String {
    let name = format!("{}_{what}", table.name);
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let short = crate::hash::hash_bytes(name.as_bytes()).to_string();
    format!("{what}_{}", &short[..32])
}

/// Until the server has looked at a table it takes few rows for active, and reads all of them by the index, in several times
/// the time. A few of them tell it otherwise, at once; its own look, which comes later, replaces this one.
pub(super) fn sample_sql(name: &TableName) -> String {
    format!("SET LOCAL default_statistics_target = 1; ANALYZE {} (archive)", name.quoted())
}
