//! No file imports a file of its own room in a circle, but for a type and its own parts.
//!
//! Files of one folder are looked at as neighbours, each with all that stands below it: a type that is split over
//! `x.rs` and `x/*.rs` is one neighbour, and what its parts import of each other is its own affair as long as they form
//! no circle among themselves. The door of a room, its `mod.rs`, hands names on and holds its registry: a name that it
//! hands on counts as an import of the file that it comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that still have circles.
const CIRCULAR: &[&str] = &[];
/// How often a name is handed on at the most.
const HANDED_ON_MAX: usize = 6;

/// A module as its path below the crate.
type Module = Vec<String>;

/// What a file says of other modules.
#[derive(Default)]
struct Said {
    /// `use` lines, one path each, without braces and new names.
    uses: Vec<Vec<String>>,
    /// All other paths.
    inline: Vec<Vec<String>>,
}

fn collect(folder: &Path, module: &Module, files: &mut BTreeMap<Module, PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let is_door = name == "mod" || name == "lib";
        let inner: Module = if is_door { module.clone() } else { module.iter().cloned().chain([name]).collect() };
        match path.extension() {
            Some(extension) if extension == "rs" => drop(files.insert(inner, path)),
            None if path.is_dir() => collect(&path, &inner, files),
            _ => {}
        }
    }
}

/// The text of a file without comments, and without the tests at its end.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a file");
    let lines = text.lines().take_while(|line| line.trim() != "mod tests {");
    lines.filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| [line, "\n"]).collect()
}

/// `a::{b, c::{d, self}}` as `a::b`, `a::c::d` and `a::c`.
fn expanded(text: &str) -> Vec<String> {
    let text = text.trim();
    let Some((before, rest)) = text.split_once('{') else {
        return vec![text.split(" as ").next().unwrap_or(text).trim().to_owned()];
    };
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in inside.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        match letter {
            ',' if depth == 0 => parts.push(String::new()),
            letter => parts.last_mut().expect("a part").push(letter),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty()).flat_map(|part| expanded(part));
    parts
        .map(|part| if part == "self" { before.trim_end_matches(':').to_owned() } else { format!("{before}{part}") })
        .collect()
}

fn said(path: &Path) -> Said {
    let mut said = Said::default();
    let segments = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let mut statement: Option<String> = None;
    for line in code(path).lines() {
        let trimmed = line.trim();
        let starts = trimmed.starts_with("use ") || (trimmed.starts_with("pub") && trimmed.contains(" use "));
        if statement.is_none() && starts {
            let (_, after) = trimmed.split_once("use ").expect("a use");
            statement = Some(after.to_owned());
        } else if let Some(text) = &mut statement {
            text.push(' ');
            text.push_str(trimmed);
        } else {
            let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
            let paths = trimmed.split(|letter: char| !is_path(letter)).filter(|path| path.contains("::"));
            said.inline.extend(paths.map(segments));
        }
        if let Some(text) = statement.take_if(|text| text.ends_with(';')) {
            said.uses.extend(expanded(text.trim_end_matches(';')).iter().map(|path| segments(path)));
        }
    }
    said
}

/// All files with what they say.
struct House {
    files: BTreeMap<Module, PathBuf>,
    said: BTreeMap<Module, Said>,
}

impl House {
    fn look() -> Self {
        let mut files = BTreeMap::new();
        collect(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), &Vec::new(), &mut files);
        let said = files.iter().map(|(module, path)| (module.clone(), said(path))).collect();
        Self { files, said }
    }

    fn child(&self, module: &Module, name: &str) -> Option<Module> {
        let child: Module = module.iter().cloned().chain([name.to_owned()]).collect();
        self.files.contains_key(&child).then_some(child)
    }

    /// The module that a path leads to, seen from another; `None` for what is not of this crate.
    fn find(&self, from: &Module, path: &[String], handed_on: usize) -> Option<Module> {
        let (mut module, mut rest) = match path.first()?.as_str() {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (from.clone(), &path[1..]),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                (from[..from.len().checked_sub(ups)?].to_vec(), &path[ups..])
            }
            first => (from.clone(), self.child(from, first).map(|_| path)?),
        };
        while let Some(child) = rest.first().and_then(|name| self.child(&module, name)) {
            (module, rest) = (child, &rest[1..]);
        }
        let name = rest.first();
        let handed = self.said.get(&module)?.uses.iter().filter(|path| name.is_some() && path.last() == name);
        let source =
            handed.filter(|_| handed_on < HANDED_ON_MAX).find_map(|path| self.find(&module, path, handed_on + 1));
        Some(source.unwrap_or(module))
    }

    /// Who imports whom among the neighbours of a folder.
    fn neighbours(&self, folder: &Module) -> BTreeMap<String, BTreeSet<String>> {
        let inside = |module: &Module| {
            (module.len() > folder.len() && module.starts_with(folder)).then(|| module[folder.len()].clone())
        };
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (module, said) in &self.said {
            let Some(own) = inside(module) else { continue };
            let paths = said.uses.iter().chain(&said.inline);
            let found = paths.filter_map(|path| self.find(module, path, 0)).filter_map(|found| inside(&found));
            let others: Vec<String> = found.filter(|other| *other != own).collect();
            imports.entry(own).or_default().extend(others);
        }
        imports
    }
}

/// Those that reach themselves.
fn in_circles(imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<&String> {
    let reaches = |start: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
        while let Some(name) = next.pop() {
            for other in imports.get(name).into_iter().flatten() {
                if seen.insert(other) {
                    next.push(other);
                }
            }
        }
        seen.contains(start)
    };
    imports.keys().filter(|name| reaches(name)).collect()
}

#[test]
fn no_files_of_a_room_import_each_other_in_a_circle() {
    let house = House::look();
    let folders: BTreeSet<Module> =
        house.files.keys().filter_map(|module| Some(module.split_last()?.1.to_vec())).collect();
    let mut wrong = Vec::new();
    for folder in folders.iter().filter(|folder| folder.first().is_some_and(|room| !CIRCULAR.contains(&room.as_str())))
    {
        let imports = house.neighbours(folder);
        for name in in_circles(&imports) {
            wrong.push(format!("{}: `{name}` imports {:?}", folder.join("::"), imports[name]));
        }
    }
    assert!(wrong.is_empty(), "files that stand in a circle:\n{}", wrong.join("\n"));
}

#[test]
fn imports_are_found_in_braces_and_behind_a_door() {
    assert_eq!(expanded("a::{b, c::{d, self}, e as f}"), ["a::b", "a::c::d", "a::c", "a::e"]);
    let house = House::look();
    let module = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    // the door of `db` hands `quote` on
    assert_eq!(house.find(&module("db::sqlite"), &module("super::quote"), 0), Some(module("db::table")));
    let imports = house.neighbours(&module("db"));
    assert!(imports["sqlite"].contains("table") && !imports["table"].contains("sqlite"), "{imports:?}");
    let circle = |pairs: &[(&str, &str)]| {
        let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (one, other) in pairs {
            imports.entry((*one).to_owned()).or_default().insert((*other).to_owned());
        }
        in_circles(&imports).len()
    };
    assert_eq!((circle(&[("a", "b"), ("b", "c"), ("c", "b")]), circle(&[("a", "b"), ("b", "c")])), (2, 0));
}
