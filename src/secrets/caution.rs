//! What other programs read otherwise in a dotenv file: people who come from them should know. No value is shown.

use crate::dotenv::{Document, Entry};

impl Document {
    /// What is taken as it is here and means something elsewhere, with its line.
    pub fn cautions(&self) -> Vec<String> {
        let found = self.entries().iter().filter_map(|entry| Some((entry, caution(self.written_value(entry))?)));
        found.map(|(Entry { name, line, .. }, caution)| format!("line {line}, {name}: {caution}")).collect()
    }
}

fn caution(written: &str) -> Option<&'static str> {
    if written.starts_with('\'') {
        return None;
    }
    if written.starts_with('#') {
        return Some("`#` right behind `=` is part of the value; a comment needs a space before it");
    }
    if written.contains('`') || written.contains("$(") {
        return Some("no command is run: backticks and $(..) are part of the value, '..' says so to all programs");
    }
    let mut letters = written.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => drop(letters.next()),
            '$' if letters.peek().is_some_and(|next| *next == '{' || next.is_ascii_alphabetic() || *next == '_') => {
                return Some("nothing is put in for $NAME or ${NAME}, '..' says so to all programs");
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_programs_read_otherwise_is_named_with_its_line_and_not_shown() {
        let text = "A=1\nB=#value\nC=`whoami`\nD=http://${HOST}/\nE='${HOST} `x` #'\nF=\"a\\${B} \\$C\"\nG=\"a\n$HOST\"\n\
                    H= # nothing\nI=\"$(id)\"\nJ=5$\nK=a$1";
        let document = Document::parse(text).expect("a document");
        assert_eq!(document.get("B").map(crate::settings::Secret::reveal), Some("#value"));
        assert_eq!(document.get("H").map(crate::settings::Secret::reveal), Some(""));
        let cautions = document.cautions();
        let named: Vec<&str> = cautions.iter().filter_map(|caution| caution.split(':').next()).collect();
        assert_eq!(named, ["line 2, B", "line 3, C", "line 4, D", "line 7, G", "line 10, I"]);
        assert!(!cautions.concat().contains("whoami") && !cautions.concat().contains("HOST"), "{cautions:?}");
    }
}
