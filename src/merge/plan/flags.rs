//! Flags that contradict each other, or cannot mean anything, whatever the input and the table are.

use super::description::Merge;
use crate::db::Gone;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Columns, RESERVED};

/// Looks at the flags of a merge alone.
///
/// # Errors
/// Usage: what cannot be meant, and what most likely was.
pub(crate) fn check_flags(merge: &Merge) -> Result<()> {
    check_update(merge)?;
    check_types(merge)?;
    check_names(merge)?;
    let hashed: &[String] = match &merge.hash.columns {
        Columns::All => &[],
        Columns::Only(names) | Columns::Except(names) => names,
    };
    let typed = merge.types.iter().map(|(name, _)| ("--types", name));
    let hashed = hashed.iter().map(|name| ("--hash-on` and `--hash-except", name));
    let keys = merge.key.iter().map(|name| ("--key", name));
    let scopes = merge.scope.iter().map(|(name, _)| ("--scope", name));
    typed.chain(hashed).chain(keys).chain(scopes).try_for_each(|(flag, name)| check_new_name(merge, flag, name))
}

/// Rows are changed in place by their key, and nothing goes.
fn check_update(merge: &Merge) -> Result<()> {
    let wrong = |what: &str, hint: &str| Err(Error::new(ErrorKind::Usage, what).hint(hint));
    match (merge.update, merge.key.is_empty(), merge.gone) {
        (true, true, _) => wrong(
            "update rows without a key: nothing tells which row a record is",
            "name the columns that do: `--update --key vat_no`",
        ),
        (true, false, Gone::Delete) => {
            wrong("update rows and delete those that have gone", "leave out `--update`, or `--gone delete`")
        }
        _ => Ok(()),
    }
}

/// Types stand in a statement as they are typed: nothing else may stand there.
fn check_types(merge: &Merge) -> Result<()> {
    let is_part = |letter: char| letter.is_alphanumeric() || "_ (),.[]\"".contains(letter);
    let is_type = |declared: &str| !declared.trim().is_empty() && declared.chars().all(is_part) && is_one(declared);
    for (at, (column, _)) in merge.types.iter().enumerate() {
        if merge.types[..at].iter().any(|(other, _)| other == column) {
            return wrong(format!("take two types for `{column}`"), "give `--types` once for a column".to_owned());
        }
    }
    match merge.types.iter().find(|(_, declared)| !is_type(declared)) {
        None => Ok(()),
        Some((column, declared)) => wrong(
            format!("make `{column}` of the type `{declared}`: that is no type"),
            "write it as the database does: `--types amount=numeric(20,4)`".to_owned(),
        ),
    }
}

/// Whether it is a type and nothing more: a comma outside of parentheses would begin another column.
fn is_one(declared: &str) -> bool {
    let mut depth = 0;
    let is_inside = |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        letter != ',' || depth > 0
    };
    declared.chars().all(is_inside) && !declared.to_lowercase().contains("generated")
}

/// What is left out cannot get a name, and no name may be one of dc's own.
fn check_names(merge: &Merge) -> Result<()> {
    for (at, (old, new)) in merge.mapping.rename.iter().enumerate() {
        if merge.mapping.rename[..at].iter().any(|(other, _)| other == old) {
            return wrong(format!("give `{old}` two names"), "give `--rename` once for a column".to_owned());
        }
        if RESERVED.contains(&new.as_str()) && !(merge.own_id && new == "id") {
            return wrong(
                format!("rename `{old}` to `{new}`: that is one of dc's own columns, and not loaded from the input"),
                format!("choose another name: `--rename {old}=source_{new}`"),
            );
        }
        if merge.mapping.ignore.contains(old) {
            return wrong(
                format!("both rename `{old}` and leave it out"),
                format!("give either `--rename {old}={new}` or `--ignore {old}`"),
            );
        }
    }
    Ok(())
}

/// Where columns of the table are named, the new names count.
fn check_new_name(merge: &Merge, flag: &str, name: &str) -> Result<()> {
    let mapping = &merge.mapping;
    if mapping.rename.iter().any(|(_, new)| new == name) {
        return Ok(());
    }
    if let Some((old, new)) = mapping.rename.iter().find(|(old, _)| old == name) {
        return wrong(
            format!("use `{old}` with `{flag}`: `--rename {old}={new}` gives it another name"),
            format!("use the new one: `{new}`"),
        );
    }
    if mapping.ignore.iter().any(|ignored| ignored == name) {
        return wrong(
            format!("use `{name}` with `{flag}`: `--ignore` leaves it out"),
            format!("leave out one of the two: `--ignore {name}`, or the other"),
        );
    }
    Ok(())
}

fn wrong(what: String, hint: String) -> Result<()> {
    Err(Error::new(ErrorKind::Usage, what).hint(hint))
}

/// Types that were asked for of columns that are there already as something else: column, its type, and what was asked.
pub(crate) fn other_types<'a>(
    merge: &'a Merge,
    declared: impl Fn(&str) -> Option<&'a str>,
) -> Vec<(&'a str, &'a str, &'a str)> {
    let other = |(name, asked): &'a (String, String)| {
        let declared = declared(name)?;
        (plain(declared) != plain(asked)).then_some((name.as_str(), declared, asked.as_str()))
    };
    merge.types.iter().filter_map(other).collect()
}

/// A type by its one name, where databases know several.
fn plain(declared: &str) -> String {
    let declared = declared.to_lowercase();
    let (name, inside, rest) = match declared.split_once('(') {
        Some((name, rest)) => {
            let (inside, rest) = rest.split_once(')').unwrap_or((rest, ""));
            (name.trim(), inside, rest.trim())
        }
        None => (declared.trim(), "", ""),
    };
    let (name, zone) = match name.split_once(' ') {
        Some((name @ ("timestamp" | "time"), zone)) => (name, zone.trim()),
        _ => (name, rest),
    };
    let name = match (name, zone) {
        ("varchar", _) => "character varying",
        ("char", _) => "character",
        ("int" | "int4", _) => "integer",
        ("int2", _) => "smallint",
        ("int8", _) => "bigint",
        ("decimal", _) => "numeric",
        ("float8" | "float", _) => "double precision",
        ("float4", _) => "real",
        ("bool", _) => "boolean",
        ("timestamptz", _) | ("timestamp", "with time zone") => "timestamp with time zone",
        ("timetz", _) | ("time", "with time zone") => "time with time zone",
        (name, _) => name,
    };
    let inside: String = inside.chars().filter(|letter| !letter.is_whitespace()).collect();
    // a scale that is not told is 0
    format!("{name}({})", inside.strip_suffix(",0").unwrap_or(&inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_that_contradict_each_other_are_refused() {
        let merge = || Merge::into("t");
        for (merge, told) in [
            // the input may have a column of that name, which gives way
            (merge().rename("name", "x").ignore(["x"]), None),
            (merge().rename("name", "x").ignore(["name"]), Some("both rename `name`")),
            (merge().rename("name", "sha"), Some("dc's own")),
            (merge().rename("id", "id").own_id(true), None),
            (merge().ignore(["name"]).hash_on(["name"]), Some("leaves it out")),
            (merge().rename("name", "x").key(["name"]), Some("another name")),
            (merge().rename("name", "x").key(["x"]).ignore(["y"]), None),
            (merge().rename("a", "b").rename("b", "a").key(["a"]), None),
            (merge().rename("a", "b").rename("b", "c").ignore(["d"]), None),
            (merge().column_type("n", "text; DROP TABLE t"), Some("no type")),
            (merge().column_type("n", "text, z int"), Some("no type")),
            (merge().column_type("n", "int generated always as (1) stored"), Some("no type")),
            (merge().column_type("n", "numeric(20,4)"), None),
            (merge().column_type("n", "int").column_type("n", "text"), Some("two types")),
            (merge().rename("a", "x").rename("a", "y"), Some("two names")),
            (merge().rename("a", "x").scope("a", "1"), Some("another name")),
            (merge().ignore(["a"]).scope("a", "1"), Some("leaves it out")),
        ] {
            let found = check_flags(&merge).err().map(|error| error.message().to_owned());
            assert_eq!(found.is_some(), told.is_some(), "{found:?}");
            assert!(found.unwrap_or_default().contains(told.unwrap_or_default()), "{told:?}");
        }
    }

    #[test]
    fn a_type_has_several_names() {
        for (declared, asked, is_same) in [
            ("character varying(3)", "varchar(3)", true),
            ("character varying(3)", "varchar(4)", false),
            ("numeric(20,4)", "NUMERIC(20, 4)", true),
            ("numeric(5,0)", "decimal(5)", true),
            ("timestamp without time zone", "timestamp", true),
            ("timestamp(3) with time zone", "timestamptz(3)", true),
            ("timestamp without time zone", "timestamptz", false),
            ("bigint", "text", false),
        ] {
            let merge = Merge::into("t").column_type("n", asked);
            assert_eq!(other_types(&merge, |_| Some(declared)).is_empty(), is_same, "{declared} {asked}");
        }
    }
}
