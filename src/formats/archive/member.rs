//! The members of an archive, and which of them are meant.

use std::fs::File;

use crate::error::{Error, ErrorKind, Result};
use crate::formats::reading::Reading;

/// Names that an error shows.
const NAMES_MAX: usize = 20;
/// The most members of an archive.
pub(super) const MEMBERS_MAX: usize = 100_000;

/// One file in an archive, unpacked.
#[derive(Debug)]
pub struct Member {
    /// Its name there.
    pub name: String,
    /// Its content, at the start.
    pub file: File,
}

/// Which of these members are meant: those that a pattern takes, or the only one.
pub(super) fn chosen(archive: &str, names: &[String], reading: &Reading) -> Result<Vec<usize>> {
    let is_file = |name: &str| {
        let last = name.rsplit('/').next().unwrap_or(name);
        // what macOS and Windows leave beside files
        !name.ends_with('/') && !name.starts_with("__MACOSX/") && !matches!(last, ".DS_Store" | "Thumbs.db")
    };
    let files: Vec<usize> = (0..names.len()).filter(|place| is_file(&names[*place])).collect();
    let shown = || {
        let shown = files.iter().take(NAMES_MAX).map(|place| format!("`{}`", names[*place]));
        let shown = shown.collect::<Vec<_>>().join(", ");
        if files.len() > NAMES_MAX { format!("{shown}, and {} more", files.len() - NAMES_MAX) } else { shown }
    };
    if files.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("find a file in {archive}: it holds none")));
    }
    if reading.members.is_empty() {
        return match files.as_slice() {
            [_] => Ok(files),
            _ => Err(Error::new(
                ErrorKind::Usage,
                format!("tell which file of {archive} is meant: it holds {}", shown()),
            )
            .hint("name one, or a pattern: `--member '*.csv'`; nothing was changed")),
        };
    }
    for pattern in &reading.members {
        if !files.iter().any(|place| takes(pattern, &names[*place])) {
            let what = format!("find `{pattern}` in {archive}: it holds {}", shown());
            return Err(Error::new(ErrorKind::NotFound, what).hint("name one, or a pattern: `--member '*.csv'`"));
        }
    }
    let is_meant = |place: &usize| reading.members.iter().any(|pattern| takes(pattern, &names[*place]));
    Ok(files.into_iter().filter(is_meant).collect())
}

/// Whether a pattern takes a name: `*` and `?` stand for anything in it. A pattern without `/` is compared with the last part.
fn takes(pattern: &str, name: &str) -> bool {
    let name = if pattern.contains('/') { name } else { name.rsplit('/').next().unwrap_or(name) };
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(letter) if *letter == '?' || *letter == name[of] => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((star_at, star_of)) => {
                    star = Some((star_at, star_of + 1));
                    at = star_at + 1;
                    of = star_of + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_by_patterns() {
        for (pattern, name, expected) in [
            ("*.csv", "data/a.csv", true),
            ("a.csv", "data/a.csv", true),
            ("data/*.csv", "data/a.csv", true),
            ("other/*.csv", "data/a.csv", false),
            ("a?.csv", "a1.csv", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("", "a", false),
        ] {
            assert_eq!(takes(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn it_must_be_clear_which_member_is_meant() {
        let names: Vec<String> = ["d/", "d/a.csv", "__MACOSX/d/._a.csv", "b.csv"].map(str::to_owned).to_vec();
        let asking = |members: &[&str]| Reading {
            members: members.iter().map(|name| (*name).to_owned()).collect(),
            ..Reading::default()
        };
        assert_eq!(chosen("z", &names[..3], &asking(&[])).expect("the only one"), [1]);
        assert_eq!(chosen("z", &names, &asking(&["*.csv"])).expect("both"), [1, 3]);
        let error = chosen("z", &names, &asking(&[])).expect_err("not clear").to_string();
        assert!(error.contains("`d/a.csv`, `b.csv`"), "{error}");
        assert!(chosen("z", &names, &asking(&["x"])).is_err());
    }
}
