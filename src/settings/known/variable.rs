//! The variables `DC_*` that something reads. Any other is a spelling mistake, whose setting would silently be another.

use super::{Field, KNOWN, Known};
use crate::error::Error;
use crate::settings::failure::settings_error;

/// What names of our own variables begin with.
pub(in crate::settings) const OWN: &str = "DC_";
/// Those of the tests, which programs under test inherit.
const OF_TESTS: &str = "DC_TEST_";
/// By how many edits a likely spelling mistake differs.
const EDITS_MAX: usize = 3;

/// Variables that are no settings: what `dc run` and stages hand to programs, and what is about this process alone.
pub(super) const OTHERS: &[&str] = &[
    "DC_APP",
    "DC_APP_ID",
    "DC_ARGS",
    "DC_ATTEMPT",
    "DC_ATTEMPT_MARK",
    "DC_BEYOND_HTTP",
    "DC_BEYOND_HTTPS",
    "DC_BEYOND_NONE",
    "DC_BIN",
    "DC_CASSETTE",
    "DC_CASSETTE_MODE",
    "DC_CONFIG",
    "DC_DOCUMENT",
    "DC_FAILPOINT",
    "DC_HTTP_PROXY",
    "DC_INPUT",
    "DC_NAME",
    "DC_OUTPUT",
    "DC_RUNTIME",
    "DC_SECRETS_GIVEN",
    "DC_SECRETS_WITHHELD",
    "DC_SECRET_KEY_FD",
    "DC_SECRET_PASSWORD",
    "DC_SECRET_PASSWORD_NEW",
    "DC_SHA256",
    "DC_STAGE",
    "DC_TASK",
    "DC_TRIAL",
    "DC_TRIAL_RECORDS",
];

/// The part of a family's variable that names the member, `MAIN` of `MAIN_HOST`. The longest field counts: `reply_to`
/// ends with `to`.
pub(in crate::settings) fn member<'a>(fields: &[Field], rest: &'a str) -> Option<&'a str> {
    let members = fields.iter().filter_map(|field| rest.strip_suffix(&field.name.to_uppercase())?.strip_suffix('_'));
    members.filter(|member| !member.is_empty()).min_by_key(|member| member.len())
}

/// The variables of a section begin so.
pub(super) fn prefix(section: &str) -> String {
    format!("{OWN}{}_", section.replace('.', "_").to_uppercase())
}

fn is_read(known: &Known, variable: &str) -> bool {
    let section = known.family().unwrap_or(known.section);
    let Some(rest) = variable.strip_prefix(&prefix(section)) else { return false };
    match known.family() {
        Some(_) => member(known.fields, rest).is_some(),
        None => known.fields.iter().any(|field| field.name.to_uppercase() == rest),
    }
}

/// Refuses a variable of ours that nothing reads; `sections` are those of the project's own.
pub(in crate::settings) fn check_variables<'a>(
    names: impl Iterator<Item = &'a str>,
    sections: &[String],
) -> Result<(), Error> {
    let is_own = |name: &str| sections.iter().any(|section| name.starts_with(&prefix(section)));
    for name in names.filter(|name| name.starts_with(OWN) && !name.starts_with(OF_TESTS)) {
        if !OTHERS.contains(&name) && !KNOWN.iter().any(|known| is_read(known, name)) && !is_own(name) {
            let hint = match nearest(name) {
                Some(near) => format!("did you mean {near}? `unset {name}` removes it; dc.toml(5) has all settings"),
                None => format!("`unset {name}` removes it; dc.toml(5) has all settings and their variables"),
            };
            return Err(settings_error(format!("read the variable {name}: there is no such setting")).hint(hint));
        }
    }
    Ok(())
}

/// The known variable that is most like it; of a family the same member's.
fn nearest(name: &str) -> Option<String> {
    let of_section = |known: &Known| -> Vec<String> {
        let upper = |field: &Field| field.name.to_uppercase();
        match known.family() {
            None => known.fields.iter().map(|field| format!("{}{}", prefix(known.section), upper(field))).collect(),
            Some(family) => {
                let Some(rest) = name.strip_prefix(&prefix(family)) else { return Vec::new() };
                // where the member ends is unknown: any of its `_` may be it
                let members = rest.match_indices('_').map(|(at, _)| &rest[..at]);
                let all = members.flat_map(|member| known.fields.iter().map(move |field| (member, field)));
                all.map(|(member, field)| format!("{}{member}_{}", prefix(family), upper(field))).collect()
            }
        }
    };
    let known = KNOWN.iter().flat_map(of_section).chain(OTHERS.iter().map(|name| (*name).to_owned()));
    let near = known.map(|known| (strsim::osa_distance(&known, name), known)).min_by_key(|(edits, _)| *edits);
    near.filter(|(edits, _)| *edits <= EDITS_MAX).map(|(_, near)| near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str) -> Result<(), Error> {
        check_variables([name].into_iter(), &["findata".to_owned()])
    }

    #[test]
    fn what_nothing_reads_is_refused_with_the_nearest() {
        for (wrong, near) in [
            ("DC_DB_MAIN_HOTS", "DC_DB_MAIN_HOST"),
            ("DC_DB_WARE_HOUSE_URI", "DC_DB_WARE_HOUSE_URL"),
            ("DC_RUN_TIMEUOT", "DC_RUN_TIMEOUT"),
            ("DC_LOG_SINK", "DC_LOG_SINKS"),
            ("DC_SECRET_PASWORD", "DC_SECRET_PASSWORD"),
            ("DC_STORAGE_STORES_S3_BUKET", "DC_STORAGE_STORES_S3_BUCKET"),
        ] {
            let error = check(wrong).expect_err(wrong);
            assert!(error.hint_text().is_some_and(|hint| hint.contains(&format!("{near}?"))), "{wrong}: {error:?}");
        }
        for wrong in ["DC_DB_URL", "DC_COMPLETELY_ELSE", "DC_NOTIFY__URL", "DC_"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_something_reads_is_taken() {
        for name in [
            "DC_DB_MAIN_HOST",
            "DC_DB_WARE_HOUSE_URL",
            "DC_NOTIFY_MAIL_REPLY_TO",
            "DC_STORAGE_STORES_S3_SECRET_KEY",
            "DC_HOST_API_EXAMPLE_COM_RATE",
            "DC_RUN_TIMEOUT",
            "DC_TEST_POSTGRES",
            "DC_RUNTIME",
            "DC_FINDATA_YEARS",
            "PATH",
        ] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_longest_field_ends_the_member() {
        let fields = KNOWN.iter().find(|known| known.section == "notify.*").expect("channels").fields;
        assert_eq!(member(fields, "MAIL_REPLY_TO"), Some("MAIL"));
        assert_eq!(member(fields, "URL"), None);
    }
}
