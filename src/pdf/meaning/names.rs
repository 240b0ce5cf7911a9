//! Glyphs that are named by the codes of their letters: `a65`, `C65`, `G41`. TeX's fonts of drawings are such.

use std::collections::HashMap;

use hayro::hayro_syntax::object::{Array, Dict, Object};

/// Letters by codes.
#[derive(Debug, PartialEq)]
pub(super) struct NumberedNames(HashMap<u32, char>);

impl NumberedNames {
    /// Of a font, if its glyphs are named so.
    pub(super) fn of(font: &Dict<'_>) -> Option<Self> {
        let differences = font.get::<Dict<'_>>("Encoding")?.get::<Array<'_>>("Differences")?;
        let (mut code, mut named) = (0u32, Vec::new());
        for item in differences.iter::<Object<'_>>() {
            match item {
                Object::Number(number) => code = u32::try_from(number.as_i64()).unwrap_or_default(),
                Object::Name(name) => {
                    named.push((code, name.as_str().to_owned()));
                    code = code.saturating_add(1);
                }
                _ => {}
            }
        }
        Self::of_names(&named)
    }

    fn of_names(named: &[(u32, String)]) -> Option<Self> {
        let parts: Vec<(u32, &str, &str)> = named
            .iter()
            .filter_map(|(code, name)| parted(name).map(|(letter, digits)| (*code, letter, digits)))
            .collect();
        // one letter stands before all of them; a `g` counts glyphs
        let prefix = parts.first()?.1;
        let is_one_kind = parts.iter().all(|part| part.1 == prefix);
        if !is_one_kind || parts.len() * 2 < named.len() {
            return None;
        }
        let is_hexadecimal = parts.iter().any(|part| part.2.bytes().any(|digit| !digit.is_ascii_digit()))
            || (prefix == "G" && parts.iter().all(|part| part.2.len() == 2));
        let radix = if is_hexadecimal { 16 } else { 10 };
        let numbers: Option<Vec<(u32, u32)>> =
            parts.iter().map(|part| u32::from_str_radix(part.2, radix).ok().map(|number| (part.0, number))).collect();
        let numbers = numbers?;
        // numbers that begin at the beginning and leave nothing out count glyphs, whatever these show
        let mut sorted: Vec<u32> = numbers.iter().map(|(_, number)| *number).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let is_count =
            sorted.first().is_some_and(|first| *first < 3) && sorted.windows(2).all(|pair| pair[1] == pair[0] + 1);
        if is_count {
            return None;
        }
        let letter = |number: u32| char::from_u32(number).filter(|it| matches!(it, ' '..='~' | '\u{a1}'..='\u{ff}'));
        let letters: HashMap<u32, char> =
            numbers.into_iter().filter_map(|(code, number)| Some((code, letter(number)?))).collect();
        (!letters.is_empty()).then_some(Self(letters))
    }

    pub(super) fn letter(&self, code: u32) -> Option<char> {
        self.0.get(&code).copied()
    }
}

/// One letter, and the digits behind it.
fn parted(name: &str) -> Option<(&str, &str)> {
    let first = name.chars().next().filter(|it| it.is_ascii_alphabetic() && *it != 'g')?;
    let (letter, digits) = name.split_at(first.len_utf8());
    let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_hexdigit());
    is_number.then_some((letter, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[(u32, &str)]) -> Option<NumberedNames> {
        let owned: Vec<(u32, String)> = names.iter().map(|(code, name)| (*code, (*name).to_owned())).collect();
        NumberedNames::of_names(&owned)
    }

    #[test]
    fn numbers_of_letters_are_told_from_counts() {
        let found = of(&[(1, "a72"), (2, "a101"), (3, "a108"), (4, "a7")]).expect("letters");
        assert_eq!((found.letter(1), found.letter(2), found.letter(4)), (Some('H'), Some('e'), None));
        let found = of(&[(1, "G48"), (2, "G6C")]).expect("letters");
        assert_eq!((found.letter(1), found.letter(2)), (Some('H'), Some('l')));
        assert_eq!(of(&[(65, "a0"), (66, "a1"), (67, "a2")]), None, "a count");
        assert_eq!(of(&[(65, "g72"), (66, "g101")]), None, "numbers of glyphs");
        assert_eq!(of(&[(65, "space"), (66, "period"), (67, "a72")]), None, "names of letters");
        assert_eq!(of(&[(65, "a72"), (66, "b72")]), None);
    }
}
