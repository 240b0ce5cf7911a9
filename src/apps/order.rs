//! The order that `after` in app.toml makes: each name must be an app's, and none may wait for itself.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::choose;
use super::definition::DEFINITION_FILE;
use crate::error::{Error, ErrorKind};
use crate::ident::AppName;

/// The apps whose order cannot be kept, by their names and the names after which they run, each with the reason.
pub(super) fn unkept(orders: &[(&AppName, &[String])]) -> Vec<(AppName, Error)> {
    let names: Vec<&AppName> = orders.iter().map(|(name, _)| *name).collect();
    let before: BTreeMap<&AppName, Vec<Result<&AppName, String>>> =
        orders.iter().map(|(name, after)| (*name, befores(after, &names))).collect();
    let wrong = |(name, befores): (&&AppName, &Vec<Result<&AppName, String>>)| {
        let reason = match befores.iter().find_map(|before| before.as_ref().err()) {
            Some(missing) => missing.clone(),
            None => format!("it would wait for itself: {}", circle(name, &before)?),
        };
        let what = format!("read apps/{name}/{DEFINITION_FILE}: `after`: {reason}");
        let error = Error::new(ErrorKind::Settings, what).hint("`dc run --list` shows the apps that there are");
        Some(((*name).clone(), error))
    };
    before.iter().filter_map(wrong).collect()
}

fn befores<'a>(after: &[String], names: &[&'a AppName]) -> Vec<Result<&'a AppName, String>> {
    let one = |typed: &String| choose(names.iter().copied(), typed).map_err(|error| error.message().to_owned());
    after.iter().map(one).collect()
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

    #[test]
    fn circles_and_unknown_names_are_found_and_the_rest_stays() {
        let apps: [(&str, &[&str]); 9] = [
            ("first", &[]),
            ("second", &["first"]),
            ("third", &["second", "a/b/first"]),
            ("lost", &["nobody"]),
            ("own", &["own"]),
            ("x", &["y"]),
            ("y", &["z"]),
            ("z", &["x"]),
            ("behind", &["x"]),
        ];
        let apps = apps.map(|(name, after)| {
            let name: AppName = format!("a/b/{name}").parse().expect(name);
            (name, after.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        });
        let orders: Vec<(&AppName, &[String])> = apps.iter().map(|(name, after)| (name, &after[..])).collect();
        let broken = unkept(&orders);
        let names: Vec<&str> = broken.iter().map(|(name, _)| name.name.as_str()).collect();
        assert_eq!(names, ["lost", "own", "x", "y", "z"]);
        let told: Vec<String> = broken.iter().map(|(_, error)| error.to_string()).collect();
        assert!(told[0].contains("`nobody`") && told[1].contains("a/b/own after a/b/own"), "{told:?}");
        assert!(told[2].contains("a/b/x after a/b/y after a/b/z after a/b/x"), "{told:?}");
    }
}
