//! What stands behind a command's options: examples as they are typed, and notes as text that is filled.

use clap_mangen::roff::{Roff, roman};

/// What begins the paragraph of examples.
const EXAMPLES: &str = "Examples:";

/// The sections EXAMPLES and NOTES out of the text behind a help.
pub(super) fn sections(text: &str) -> String {
    let mut page = Roff::new();
    let mut has_notes = false;
    for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let is_examples = paragraph.starts_with(EXAMPLES);
        if is_examples {
            page.control("SH", ["EXAMPLES"]);
        } else if has_notes {
            page.control("PP", []);
        } else {
            page.control("SH", ["NOTES"]);
            has_notes = true;
        }
        lines(&mut page, paragraph.strip_prefix(EXAMPLES).unwrap_or(paragraph).trim_start_matches('\n'));
    }
    page.render()
}

/// Lines that are indented stand as they are: no word is moved or hyphenated. All others are filled.
fn lines(page: &mut Roff, text: &str) {
    let mut is_as_it_is = false;
    for line in text.lines() {
        if line.starts_with(' ') != is_as_it_is {
            is_as_it_is = !is_as_it_is;
            page.control(if is_as_it_is { "nf" } else { "fi" }, []);
        }
        page.text([roman(line)]);
    }
    if is_as_it_is {
        page.control("fi", []);
    }
}
