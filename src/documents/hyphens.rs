//! Words that were parted at the end of a line.

/// Whether a line ends in a part of a word that the next one goes on with.
pub(super) fn is_parted(before: &str, next: &str) -> bool {
    let mut end = before.chars().rev();
    matches!(end.next(), Some('-' | '\u{ad}' | '\u{2010}'))
        && end.next().is_some_and(char::is_lowercase)
        && next.chars().next().is_some_and(char::is_lowercase)
}

/// Lines as a text in which parted words are whole, at the end of the line on which they begin. A hyphen stays where the
/// same word has it elsewhere in the middle of a line.
pub(super) fn whole(lines: &[&str]) -> String {
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    for line in lines {
        let before = text.strip_suffix('\n').unwrap_or_default();
        if !is_parted(before, line) {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let (tail, rest) = line.split_once(' ').unwrap_or((line, ""));
        let head = before.rsplit([' ', '\n']).next().unwrap_or_default();
        let compound = format!("{head}{}", tail.trim_end_matches(|letter: char| !letter.is_alphanumeric()));
        let is_compound = lines.iter().any(|line| line.contains(&compound));
        text.pop();
        if !is_compound {
            text.pop();
        }
        text.push_str(tail);
        text.push('\n');
        if !rest.is_empty() {
            text.push_str(rest);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parted_words_are_whole_and_compounds_keep_their_hyphen() {
        let lines =
            ["a well-known exam-", "ple of a well-", "known word, and ano-", "ther-", "wise 3-", "4 Jan-", "Feb"];
        let wanted = "a well-known example\nof a well-known\nword, and anotherwise\n3-\n4 Jan-\nFeb\n";
        assert_eq!(whole(&lines), wanted);
        assert_eq!(whole(&[]), "");
    }
}
