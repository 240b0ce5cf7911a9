//! Which app a person means who types its name, or the end of it.

use crate::error::{Error, ErrorKind, Result};
use crate::ident::AppName;

/// The most names that an error lists.
const CANDIDATES_MAX: usize = 10;
/// The most characters that a likely typing error differs by, for each three that were typed.
const SIMILAR_EDITS_MAX: usize = 3;

/// The app that `typed` names: all of its name, or its last parts where they fit no other app.
///
/// # Errors
/// Usage (exit 2) with the candidates when several fit; not found (exit 5) with the likely ones when none does.
pub fn choose<'a>(apps: impl Iterator<Item = &'a AppName>, typed: &str) -> Result<&'a AppName> {
    let tail = typed.trim().trim_end_matches('/');
    let mut all: Vec<&AppName> = apps.collect();
    all.sort();
    all.dedup();
    let fitting: Vec<&AppName> = all.iter().copied().filter(|app| app.ends_with(tail)).collect();
    match fitting.as_slice() {
        [] => Err(unknown(&all, typed, tail)),
        [app] => Ok(app),
        several => {
            let message = format!("tell which app `{typed}` is: {} have that name: {}", several.len(), list(several));
            Err(Error::new(ErrorKind::Usage, message).hint(format!("write more of it: `{}`", several[0])))
        }
    }
}

fn unknown(all: &[&AppName], typed: &str, tail: &str) -> Error {
    let mut likely: Vec<(usize, &AppName)> = all.iter().map(|app| (distance(app, tail), *app)).collect();
    likely.retain(|(edits, _)| *edits <= (tail.chars().count() / 3).clamp(1, SIMILAR_EDITS_MAX));
    likely.sort();
    let likely: Vec<&AppName> = likely.into_iter().map(|(_, app)| app).collect();
    let suggestion = match likely.as_slice() {
        [] => String::new(),
        likely => format!("; did you mean {}?", list(likely)),
    };
    Error::new(ErrorKind::NotFound, format!("find the app `{typed}`{suggestion}")).hint("`dc run --list`")
}

/// The edits between what was typed and the app's name, or the nearest of its tails.
fn distance(app: &AppName, typed: &str) -> usize {
    let typed = typed.to_lowercase();
    let full = app.to_string().to_lowercase();
    let tails = full.match_indices('/').map(|(slash, _)| &full[slash + 1..]);
    let edits = |name: &str| strsim::damerau_levenshtein(name, &typed);
    tails.map(edits).chain([edits(&full)]).min().unwrap_or(usize::MAX)
}

fn list(apps: &[&AppName]) -> String {
    let mut names: Vec<String> = apps.iter().take(CANDIDATES_MAX).map(|app| format!("`{app}`")).collect();
    if apps.len() > CANDIDATES_MAX {
        names.push(format!("and {} more", apps.len() - CANDIDATES_MAX));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_tail_is_enough_and_others_get_an_answer() {
        let names = ["hr/findata/companies", "hr/court/cases", "si/court/cases"];
        let apps: Vec<AppName> = names.iter().map(|name| name.parse().expect(name)).collect();
        let choose = |typed: &str| choose(apps.iter(), typed);
        assert_eq!(choose("companies").expect("one"), &apps[0]);
        assert_eq!(choose("si/court/cases/").expect("one"), &apps[2]);
        let error = choose("cases").expect_err("two");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.message().contains("`hr/court/cases`, `si/court/cases`"), "{error}");
        for (typed, expected) in [("compnaies", "hr/findata/companies"), ("si/cort/cases", "si/court/cases")] {
            let error = choose(typed).expect_err("none");
            assert_eq!((error.kind(), error.hint_text()), (ErrorKind::NotFound, Some("`dc run --list`")));
            assert!(error.message().contains(expected), "{error}");
        }
        assert!(!choose("weather").expect_err("none").message().contains("did you mean"));
        assert_eq!(choose("").expect_err("nothing").kind(), ErrorKind::NotFound);
    }
}
