//! VAT numbers of the EU: the form of each country, and its check digits where they are known (`vat_checks`).

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::vat_checks::{self as checks, Check};
use super::{Find, Refusal, Taken, is_inside_left, is_inside_right};

/// The longest number behind its prefix.
const LENGTH_MAX: usize = 12;
/// So many digits behind a prefix are a number that went wrong; fewer are something else, and more an account.
const LENGTH_TOLD: Range<usize> = 8..LENGTH_MAX;

/// A country: its prefix, the form of what follows (with `n` for a digit), and its check.
struct Country {
    prefix: &'static str,
    forms: &'static [&'static str],
    check: Option<Check>,
}

const fn country(prefix: &'static str, forms: &'static [&'static str], check: Option<Check>) -> Country {
    Country { prefix, forms, check }
}

/// `n` is a digit, `a` a letter, `c` either, `s` one of `+*` or either; all else stands for itself.
const COUNTRIES: &[Country] = &[
    country("AT", &["Unnnnnnnn"], Some(checks::austria)),
    country("BE", &["nnnnnnnnnn"], Some(checks::belgium)),
    country("BG", &["nnnnnnnnn", "nnnnnnnnnn"], Some(checks::bulgaria)),
    country("CY", &["nnnnnnnna"], None),
    country("CZ", &["nnnnnnnn", "nnnnnnnnn", "nnnnnnnnnn"], None),
    country("DE", &["nnnnnnnnn"], Some(checks::germany)),
    country("DK", &["nnnnnnnn"], Some(checks::denmark)),
    country("EE", &["nnnnnnnnn"], Some(checks::estonia)),
    country("EL", &["nnnnnnnnn"], Some(checks::greece)),
    country("ES", &["cnnnnnnnc"], None),
    country("FI", &["nnnnnnnn"], Some(checks::finland)),
    country("FR", &["ccnnnnnnnnn"], Some(checks::france)),
    country("HR", &["nnnnnnnnnnn"], Some(checks::croatia)),
    country("HU", &["nnnnnnnn"], Some(checks::hungary)),
    country("IE", &["nnnnnnna", "nnnnnnnaa", "nsnnnnna"], None),
    country("IT", &["nnnnnnnnnnn"], Some(checks::italy)),
    country("LT", &["nnnnnnnnn", "nnnnnnnnnnnn"], Some(checks::lithuania)),
    country("LU", &["nnnnnnnn"], Some(checks::luxembourg)),
    country("LV", &["nnnnnnnnnnn"], None),
    country("MT", &["nnnnnnnn"], Some(checks::malta)),
    country("NL", &["nnnnnnnnnBnn"], Some(checks::netherlands)),
    country("PL", &["nnnnnnnnnn"], Some(checks::poland)),
    country("PT", &["nnnnnnnnn"], Some(checks::portugal)),
    country(
        "RO",
        &["nn", "nnn", "nnnn", "nnnnn", "nnnnnn", "nnnnnnn", "nnnnnnnn", "nnnnnnnnn", "nnnnnnnnnn"],
        Some(checks::romania),
    ),
    country("SE", &["nnnnnnnnnnnn"], Some(checks::sweden)),
    country("SI", &["nnnnnnnn"], Some(checks::slovenia)),
    country("SK", &["nnnnnnnnnn"], Some(checks::slovakia)),
    country("XI", &["nnnnnnnnn", "nnnnnnnnnnnn"], None),
];

#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Z0-9]").unwrap());

/// Whether a prefix belongs to a country.
pub(in crate::fields) fn is_country(prefix: &str) -> bool {
    COUNTRIES.iter().any(|country| country.prefix == prefix)
}

/// All numbers in a text; those without a prefix are of the country `own`. The value has a prefix and no blanks.
pub(super) fn find(text: &str, own: Option<&str>) -> Vec<Find> {
    let own = own.and_then(|own| COUNTRIES.iter().find(|country| country.prefix == own));
    let mut found: Vec<Find> = Vec::new();
    let mut from = 0;
    while let Some(start) = WORD.find_at(text, from).map(|found| found.start()) {
        from = start + 1;
        if is_inside_left(text, start) {
            continue;
        }
        let prefixed = COUNTRIES.iter().find(|country| text[start..].starts_with(country.prefix));
        let prefixed = prefixed.and_then(|country| at(text, start..start + 2, country));
        let Some(find) = prefixed.or_else(|| own.and_then(|country| at(text, start..start, country))) else { continue };
        from = find.range.end;
        found.push(find);
    }
    found
}

/// The number behind a prefix, which may be empty.
fn at(text: &str, prefix: Range<usize>, country: &Country) -> Option<Find> {
    let letters = letters(text, prefix.end, prefix.is_empty());
    let is_written = !prefix.is_empty();
    // the longest form first, since a shorter one may be its beginning
    for form in country.forms.iter().rev() {
        let Some((_, end)) = letters.get(form.len() - 1) else { continue };
        let number: String = letters[..form.len()].iter().map(|(letter, _)| *letter).collect();
        if is_inside_right(text, *end) || !has_form(&number, form) {
            continue;
        }
        let is_right = country.check.is_none_or(|check| check(&number));
        let outcome = match is_right {
            true => Ok(Taken::text(format!("{}{number}", country.prefix))),
            false => Err(Refusal::Wrong(format!("the check digits of {} are wrong", country.prefix))),
        };
        return Some(Find { range: prefix.start..*end, outcome });
    }
    let count = letters.iter().take_while(|(letter, _)| letter.is_ascii_digit()).count();
    let reason = format!("a VAT number of {} has the form {}", country.prefix, country.forms.join(" or "));
    let end = letters.get(count.checked_sub(1)?)?.1;
    (is_written && LENGTH_TOLD.contains(&count))
        .then(|| Find { range: prefix.start..end, outcome: Err(Refusal::Wrong(reason)) })
}

/// The capitals and digits from a place on, over single blanks, points and hyphens, each with where it ends.
fn letters(text: &str, from: usize, mut is_parted: bool) -> Vec<(char, usize)> {
    let mut letters = Vec::new();
    for (at, letter) in text[from..].char_indices() {
        match letter {
            'A'..='Z' | '0'..='9' | '+' | '*' => {
                letters.push((letter, from + at + letter.len_utf8()));
                is_parted = false;
            }
            ' ' | '\u{a0}' | '.' | '-' if !is_parted => is_parted = true,
            _ => break,
        }
        if letters.len() == LENGTH_MAX {
            break;
        }
    }
    letters
}

fn has_form(number: &str, form: &str) -> bool {
    number.bytes().zip(form.bytes()).all(|(letter, form)| match form {
        b'n' => letter.is_ascii_digit(),
        b'a' => letter.is_ascii_uppercase(),
        b'c' => letter.is_ascii_alphanumeric(),
        b's' => letter.is_ascii_uppercase() || b"+*".contains(&letter),
        form => letter == form,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str, own: Option<&str>) -> Vec<Result<String, String>> {
        let outcome = |find: Find| match find.outcome {
            Ok(taken) => Ok(taken.value.as_str().unwrap_or_default().to_owned()),
            Err(refusal) => Err(refusal.reason().to_owned()),
        };
        find(text, own).into_iter().map(outcome).collect()
    }

    #[test]
    fn numbers_are_found_with_and_without_blanks_and_prefix() {
        for (text, own, expected) in [
            ("OIB: 33392005961", Some("HR"), "HR33392005961"),
            ("VAT ID HR33392005961", None, "HR33392005961"),
            ("USt-IdNr.: DE 136 695 976", None, "DE136695976"),
            ("UID ATU 13585627", None, "ATU13585627"),
            ("TVA FR40303265045", None, "FR40303265045"),
            ("NL004495445B01", None, "NL004495445B01"),
            ("BE 0428.759.497", None, "BE0428759497"),
            ("P.IVA IT00743110157", None, "IT00743110157"),
            ("ID za DDV: SI50223054", None, "SI50223054"),
            ("NIP PL 856-734-62-15", None, "PL8567346215"),
        ] {
            assert_eq!(values(text, own), [Ok(expected.to_owned())], "{text}");
        }
    }

    #[test]
    fn what_fails_its_check_says_so() {
        assert_eq!(values("HR33392005962", None), [Err("the check digits of HR are wrong".to_owned())]);
        assert_eq!(values("DE 12345678", None), [Err("a VAT number of DE has the form nnnnnnnnn".to_owned())]);
        assert_eq!(values("33392005961", None), []);
        assert_eq!(values("HR12 1001 0051 8630 0016 0", Some("HR")), [] as [Result<String, String>; 0]);
        assert_eq!(values("DEAR ATTENTION BEFORE", Some("HR")), []);
    }
}
