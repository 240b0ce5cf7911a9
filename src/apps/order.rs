//! The order that `after` in app.toml makes: each name must be an app's, and none may wait for itself.

use std::collections::{BTreeMap, BTreeSet};

use super::definition::DEFINITION_FILE;
use super::folder::{BrokenApp, FoundApp, choose};
use crate::error::{Error, ErrorKind};
use crate::ident::AppName;

/// Takes the apps out whose order cannot be kept.
pub(super) fn check_order(found: Vec<FoundApp>) -> (Vec<FoundApp>, Vec<BrokenApp>) {
    let names: Vec<AppName> = found.iter().map(|app| app.name.clone()).collect();
    let before: BTreeMap<&AppName, Vec<Result<&AppName, String>>> =
        found.iter().map(|app| (&app.name, befores(app, &names))).collect();
    let mut wrong: BTreeMap<AppName, Error> = BTreeMap::new();
    for (name, befores) in &before {
        let missing = befores.iter().find_map(|before| before.as_ref().err());
        let reason = match (missing, circle(name, &before)) {
            (Some(missing), _) => missing.clone(),
            (None, Some(circle)) => format!("it would wait for itself: {circle}"),
            (None, None) => continue,
        };
        let what = format!("read apps/{name}/{DEFINITION_FILE}: `after`: {reason}");
        let error = Error::new(ErrorKind::Settings, what).hint("`dc run --list` shows the apps that there are");
        wrong.insert((*name).clone(), error);
    }
    drop(before);
    let (good, bad): (Vec<_>, Vec<_>) = found.into_iter().partition(|app| !wrong.contains_key(&app.name));
    let broken = bad.into_iter().filter_map(|app| wrong.remove(&app.name).map(|error| (app.name, error)));
    (good, broken.map(|(name, error)| BrokenApp { name: Some(name), error }).collect())
}

fn befores<'a>(app: &FoundApp, names: &'a [AppName]) -> Vec<Result<&'a AppName, String>> {
    let one = |typed: &String| choose(names.iter(), typed).map_err(|error| error.message().to_owned());
    app.definition.after.iter().map(one).collect()
}

/// The way from an app to itself, if there is one.
fn circle(start: &AppName, before: &BTreeMap<&AppName, Vec<Result<&AppName, String>>>) -> Option<String> {
    let mut seen: BTreeSet<&AppName> = BTreeSet::new();
    let mut ways: Vec<Vec<&AppName>> = vec![vec![start]];
    while let Some(way) = ways.pop() {
        let last = way.last()?;
        for next in before.get(last).into_iter().flatten().flatten() {
            if *next == start {
                let names: Vec<String> = way.iter().chain([&start]).map(ToString::to_string).collect();
                return Some(names.join(" after "));
            }
            if seen.insert(next) {
                ways.push(way.iter().copied().chain([*next]).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::AppDefinition;

    #[test]
    fn circles_and_unknown_names_are_found_and_the_rest_stays() {
        let app = |name: &str, after: &str| FoundApp {
            name: name.parse().expect(name),
            folder: std::path::PathBuf::new(),
            definition: AppDefinition::from_json(&format!("{{\"after\":[{after}]}}")).expect(after),
        };
        let (good, broken) = check_order(vec![
            app("a/b/first", ""),
            app("a/b/second", "\"first\""),
            app("a/b/third", "\"second\",\"a/b/first\""),
            app("a/b/lost", "\"nobody\""),
            app("a/b/own", "\"own\""),
            app("a/b/x", "\"y\""),
            app("a/b/y", "\"z\""),
            app("a/b/z", "\"x\""),
            app("a/b/behind", "\"x\""),
        ]);
        let names: Vec<String> = good.iter().map(|app| app.name.name.clone()).collect();
        assert_eq!(names, ["first", "second", "third", "behind"]);
        let told: Vec<String> = broken.iter().map(|app| app.error.to_string()).collect();
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[0].contains("`nobody`") && told[1].contains("a/b/own after a/b/own"), "{told:?}");
        assert!(told[2].contains("a/b/x after a/b/y after a/b/z after a/b/x"), "{told:?}");
    }
}
