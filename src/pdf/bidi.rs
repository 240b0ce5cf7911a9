//! Arabic and Hebrew stand on a page as they are seen, from right to left; text has them as they are read.

use unicode_normalization::UnicodeNormalization;

use super::letter::Letter;
use crate::layout::Word;

/// The letters of a word, which stand from left to right, in the order in which they are read.
pub(super) fn logical<'a>(letters: impl Iterator<Item = &'a Letter> + Clone) -> String {
    let mut text = String::new();
    letters.clone().for_each(|letter| letter.append_to(&mut text));
    if text.is_ascii() || !is_right_to_left(&text) {
        return text;
    }
    let part = |letter: &Letter| {
        let mut part = String::new();
        letter.append_to(&mut part);
        part
    };
    let mut parts: Vec<String> = letters.map(part).collect();
    parts.reverse();
    // figures and Latin letters run from left to right among them
    let mut at = 0;
    while at < parts.len() {
        let count = parts[at..].iter().take_while(|part| runs_right(part)).count();
        let end = at + count;
        parts[at..end].reverse();
        at = end + 1;
    }
    parts.iter().map(|part| plain(part)).collect()
}

/// Words of a line, which stand from left to right, in the order in which they are read.
pub(super) fn in_logical_order(mut words: Vec<Word>) -> Vec<Word> {
    if words.iter().all(|word| word.text.is_ascii()) {
        return words;
    }
    let count = |is: fn(&str) -> bool| words.iter().filter(|word| is(&word.text)).count();
    let (leftwards, rightwards) = (count(is_right_to_left), count(|text| text.chars().any(is_of_left_to_right)));
    if leftwards == 0 {
        return words;
    }
    let turn = |words: &mut [Word], is_turned: fn(&str) -> bool| {
        let mut at = 0;
        while at < words.len() {
            let mut end = at;
            while end < words.len() && is_turned(&words[end].text) {
                end += 1;
            }
            words[at..end].reverse();
            at = end + 1;
        }
    };
    if leftwards >= rightwards {
        words.reverse();
        turn(&mut words, |text| text.chars().any(is_of_left_to_right));
    } else {
        turn(&mut words, is_right_to_left);
    }
    words
}

fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|letter| {
        matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
            && !is_figure(letter)
    })
}

fn is_of_left_to_right(letter: char) -> bool {
    letter.is_alphabetic() && !is_right_to_left(letter.encode_utf8(&mut [0; 4]))
}

fn is_figure(letter: char) -> bool {
    matches!(letter, '\u{660}'..='\u{669}' | '\u{6f0}'..='\u{6f9}')
}

/// Whether what was drawn runs to the right even among Arabic letters.
fn runs_right(text: &str) -> bool {
    text.chars().all(|letter| {
        letter.is_ascii_digit() || is_figure(letter) || is_of_left_to_right(letter) || ".,/:%".contains(letter)
    })
}

/// Letters instead of the shapes that they take in a word.
fn plain(text: &str) -> String {
    let is_shape = |letter: char| matches!(letter, '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    if text.chars().any(is_shape) { text.nfkc().collect() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Area, Direction};
    use crate::pdf::LetterText;

    fn seen(text: &str) -> String {
        let letter = |letter| Letter {
            text: LetterText::One(letter),
            area: Area::default(),
            upright: true,
            visible: true,
            angle: 0.0,
            advance: 1.0,
            spacing: 0.0,
            size: 1.0,
        };
        let letters: Vec<Letter> = text.chars().map(letter).collect();
        logical(letters.iter())
    }

    #[test]
    fn what_is_seen_from_right_to_left_is_read_so() {
        assert_eq!(seen("םולש"), "שלום");
        assert_eq!(seen("12.5%"), "12.5%");
        assert_eq!(seen("42-ב"), "ב-42");
        // shapes of Arabic letters, and a ligature of two
        assert_eq!(seen("\u{fefb}\u{feb3}"), "\u{633}\u{644}\u{627}");
        let word = |text: &str| Word {
            text: text.to_owned(),
            area: Area::default(),
            direction: Direction::Right,
            confidence: None,
        };
        let order = |texts: &[&str]| {
            let words = in_logical_order(texts.iter().map(|text| word(text)).collect());
            words.into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order(&["עולם", "שלום"]), "שלום עולם");
        assert_eq!(order(&["see", "עולם", "שלום", "there", "now"]), "see שלום עולם there now");
    }
}
