//! The words of the product, as far as a test can hold them: phrases that nobody would say, links that lead nowhere, a README
//! that a newcomer reads to its end.

use std::fs;
use std::path::{Path, PathBuf};

/// What was once written, and what to write instead.
const BANNED: &[(&str, &str)] = &[
    ("takes that away", "replaces this"),
    ("off a terminal", "when stdout is not a terminal"),
    ("the one class for", "the HTTP client"),
    ("by hand alone", "only manually"),
    ("of one's own", "your own"),
    ("one's own", "your own"),
    ("is no more", "was deleted"),
    ("has gone away", "exited"),
    ("is no backend", "unknown backend"),
    ("so many of the last", "number of .. to show"),
    ("the care of", "maintain"),
    ("recognised, that hold", "OCR pages that already contain text"),
    ("himself", "itself"),
    ("nobody may wait for", "must not wait for itself"),
    ("whoever wonders", "others"),
    ("twice alike", "the passwords do not match"),
];
/// A newcomer reads so many lines.
const README_LINES_MAX: usize = 250;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().contains(end)).collect();
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a file")
}

#[test]
fn nobody_would_say_what_is_banned() {
    let texts = files("docs", ".md").into_iter().chain(files("man", ".")).chain([root().join("README.md")]);
    let mut found = Vec::new();
    for path in texts {
        // a phrase may go over the end of a line
        let text = read(&path).to_lowercase().replace("\\*(aq", "'").split_whitespace().collect::<Vec<_>>().join(" ");
        let banned = BANNED.iter().filter(|(phrase, _)| text.contains(phrase));
        found.extend(banned.map(|(phrase, instead)| format!("{}: {phrase}: {instead}", path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_readme_is_short_and_leads_to_every_chapter() {
    let readme = read(&root().join("README.md"));
    assert!(readme.lines().count() <= README_LINES_MAX, "{} lines", readme.lines().count());
    for chapter in files("docs", ".md") {
        let link = format!("(docs/{})", chapter.file_name().expect("a name").to_string_lossy());
        assert!(readme.contains(&link), "the README does not lead to {link}");
    }
}

#[test]
fn links_lead_somewhere() {
    for path in files("docs", ".md").into_iter().chain([root().join("README.md"), root().join("CONTRIBUTING.md")]) {
        let text = read(&path);
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !target.starts_with("http")) {
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            let file = if file.is_empty() { path.clone() } else { path.parent().expect("a folder").join(file) };
            assert!(file.exists(), "{}: {target}", path.display());
            let heads = read(&file);
            let heads = heads.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim()));
            let mut anchors = heads.map(|head| {
                let kept = head
                    .to_lowercase()
                    .chars()
                    .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                    .collect::<String>();
                kept.replace(' ', "-")
            });
            assert!(place.is_empty() || anchors.any(|anchor| anchor == place), "{}: {target}", path.display());
        }
    }
}
