//! Decimals as people write them: `1.234,56`, `1,234.56`, `1 234.56`, `1'234.50`. One that can be read in two ways is
//! refused, unless the field says which mark its decimals have.

use std::cmp::Ordering;

use super::Refusal;

/// The most digits of a number.
pub(super) const DIGITS_MAX: usize = 40;

/// The mark before the decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fields) enum Mark {
    /// `1.234,56`
    Comma,
    /// `1,234.56`
    Point,
}

impl Mark {
    fn letter(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Point => '.',
        }
    }
}

/// Digits and what parts them.
struct Groups<'a> {
    digits: Vec<&'a str>,
    marks: Vec<char>,
}

/// The exact value of digits that single marks part, as digits with a point: all decimals that are written, no more.
pub(super) fn decimal(written: &str, mark: Option<Mark>) -> Result<String, Refusal> {
    let groups = groups(written)?;
    let whole = groups.is_grouped(groups.digits.len()).then(|| groups.digits.concat());
    let parted = groups.marks.last().is_some_and(|last| mark.is_none_or(|mark| mark.letter() == *last));
    let parted = (parted && groups.has_decimals()).then(|| {
        let last = groups.digits.len() - 1;
        format!("{}.{}", groups.digits[..last].concat(), groups.digits[last])
    });
    // a mark of decimals parts no thousands
    let whole = whole.filter(|_| mark.is_none_or(|mark| !groups.marks.contains(&mark.letter())));
    match (whole, parted) {
        (Some(whole), Some(parted)) => {
            Err(Refusal::Ambiguous(format!("it is {whole} or {parted}: say `format = \"comma\"` or `\"point\"`")))
        }
        (Some(value), None) | (None, Some(value)) => Ok(value),
        (None, None) => Err(Refusal::Wrong("its digits are not grouped by threes".to_owned())),
    }
}

/// The value of a whole number, whose marks can only part thousands.
pub(super) fn whole(written: &str) -> Result<String, Refusal> {
    let groups = groups(written)?;
    match groups.is_grouped(groups.digits.len()) {
        true => Ok(groups.digits.concat()),
        false => Err(Refusal::Wrong("it is no whole number".to_owned())),
    }
}

/// Which of two decimals, as [`decimal`] gives them with or without a minus, is larger.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| -> (bool, String, String) {
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let (whole, decimals) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
        (is_negative && !(whole.is_empty() && decimals.is_empty()), whole.to_owned(), decimals.to_owned())
    };
    let ((one_negative, one, one_decimals), (other_negative, other, other_decimals)) = (parts(one), parts(other));
    let sizes = one.len().cmp(&other.len()).then(one.cmp(&other)).then(one_decimals.cmp(&other_decimals));
    match (one_negative, other_negative) {
        (false, false) => sizes,
        (true, true) => sizes.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

fn groups(written: &str) -> Result<Groups<'_>, Refusal> {
    let digits: Vec<&str> = written.split(|letter: char| !letter.is_ascii_digit()).collect();
    let marks: Vec<char> = written.chars().filter(|letter| !letter.is_ascii_digit()).map(one_of_a_kind).collect();
    let count: usize = digits.iter().map(|part| part.len()).sum();
    if count > DIGITS_MAX {
        return Err(Refusal::Wrong(format!("it has {count} digits, more than {DIGITS_MAX}")));
    }
    if digits.iter().any(|part| part.is_empty()) {
        return Err(Refusal::Wrong("it is no number".to_owned()));
    }
    Ok(Groups { digits, marks })
}

/// Spaces of any width are one mark, straight and curled apostrophes another.
fn one_of_a_kind(mark: char) -> char {
    match mark {
        '\u{a0}' | '\u{2009}' | '\u{202f}' => ' ',
        '’' => '\'',
        mark => mark,
    }
}

impl Groups<'_> {
    /// Whether the first `count` parts are a whole number: one part, or thousands that one kind of mark parts.
    fn is_grouped(&self, count: usize) -> bool {
        let Some((first, rest)) = self.digits[..count].split_first() else { return false };
        let has_no_zeros = *first == "0" && rest.is_empty() || !first.starts_with('0');
        let is_parted = rest.is_empty() || first.len() <= 3;
        let marks = &self.marks[..count - 1];
        has_no_zeros
            && is_parted
            && rest.iter().all(|part| part.len() == 3)
            && marks.windows(2).all(|pair| pair[0] == pair[1])
            && marks.iter().all(|mark| matches!(mark, '.' | ',' | ' ' | '\''))
    }

    /// Whether the last part can be decimals.
    fn has_decimals(&self) -> bool {
        let Some((last, before)) = self.marks.split_last() else { return false };
        matches!(last, '.' | ',') && !before.contains(last) && self.is_grouped(self.digits.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A whole number written in threes.
    fn in_threes(digits: &str, mark: &str) -> String {
        let first = (digits.len() - 1) % 3 + 1;
        let rest = digits.as_bytes()[first..].chunks(3).map(|part| String::from_utf8_lossy(part).into_owned());
        std::iter::once(digits[..first].to_owned()).chain(rest).collect::<Vec<_>>().join(mark)
    }

    /// All values that are written like this: each way to take the digits apart is written out and compared.
    fn reference(written: &str, points: &[&str]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        for decimals in 0..digits.len() {
            let (whole, fraction) = digits.split_at(digits.len() - decimals);
            if whole.len() > 1 && whole.starts_with('0') {
                continue;
            }
            for point in points {
                for mark in ["", ".", ",", " ", "'"] {
                    // a point in the field's format parts no thousands
                    let is_point_of_field = points.len() == 1 && mark == points[0];
                    if mark == *point || is_point_of_field {
                        continue;
                    }
                    let end = if decimals == 0 { String::new() } else { format!("{point}{fraction}") };
                    if format!("{}{end}", in_threes(whole, mark)) == written {
                        let value = if decimals == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") };
                        found.insert(value);
                    }
                }
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_decimal_is_read_as_the_only_value_that_is_written_so(written in "[0-9]{1,4}([., '][0-9]{1,4}){0,3}") {
            for (mark, points) in
                [(None, &[".", ","][..]), (Some(Mark::Comma), &[","][..]), (Some(Mark::Point), &["."][..])]
            {
                let expected = reference(&written, points);
                match decimal(&written, mark) {
                    Ok(value) => prop_assert_eq!(expected, BTreeSet::from([value])),
                    Err(Refusal::Ambiguous(_)) => prop_assert_eq!(expected.len(), 2),
                    Err(Refusal::Wrong(_)) => prop_assert!(expected.is_empty(), "{:?}", expected),
                }
            }
        }

        #[test]
        fn what_is_written_in_a_known_form_comes_back(whole in "0|[1-9][0-9]{0,14}", decimals in "[0-9]{0,4}") {
            for (group, point, mark) in
                [(".", ",", Mark::Comma), (" ", ",", Mark::Comma), (",", ".", Mark::Point), ("'", ".", Mark::Point)]
            {
                let (end, value) = match decimals.as_str() {
                    "" => (String::new(), whole.clone()),
                    decimals => (format!("{point}{decimals}"), format!("{whole}.{decimals}")),
                };
                for written in [format!("{}{end}", in_threes(&whole, group)), format!("{whole}{end}")] {
                    prop_assert_eq!(decimal(&written, Some(mark)), Ok(value.clone()), "{}", written);
                }
            }
        }

        #[test]
        fn decimals_compare_as_whole_numbers_of_one_unit(one in -99_999_i64..99_999, other in -99_999_i64..99_999) {
            let text = |number: i64| {
                let sign = if number < 0 { "-" } else { "" };
                format!("{sign}{}.{:03}", number.abs() / 1_000, number.abs() % 1_000)
            };
            prop_assert_eq!(compare(&text(one), &text(other)), one.cmp(&other));
        }
    }

    #[test]
    fn what_has_two_meanings_is_refused() {
        for (written, mark, expected) in [
            ("1.234", Some(Mark::Comma), Some("1234")),
            ("1.234", Some(Mark::Point), Some("1.234")),
            ("1.234.567", None, Some("1234567")),
            ("0.123", None, Some("0.123")),
            ("1234.567", None, Some("1234.567")),
            ("1.234,5678", None, Some("1234.5678")),
            ("007", None, None),
            ("1.23.456", None, None),
            ("1,23,456.00", None, None),
        ] {
            assert_eq!(decimal(written, mark).ok().as_deref(), expected, "{written}");
        }
        assert!(matches!(decimal("1.234", None), Err(Refusal::Ambiguous(_))));
        assert!(matches!(decimal("12,345", None), Err(Refusal::Ambiguous(_))));
        assert_eq!(whole("1.234"), Ok("1234".to_owned()));
        assert!(whole("1.23").is_err());
    }
}
