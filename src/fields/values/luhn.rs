//! Numbers whose last digit checks the others by Luhn's rule (ISO/IEC 7812): cards, SIREN, IMEI, payment references.

use std::sync::LazyLock;

use regex::Regex;

use super::{Find, Refusal, Taken, is_inside_left, is_inside_right};

/// One digit in ten passes by chance: fewer of them prove nothing.
const DIGITS_MIN: usize = 4;
/// The longest that is taken.
const DIGITS_MAX: usize = 40;

#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static DIGITS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[0-9]+(?:[ -][0-9]+)*").unwrap());

/// All groups of digits in a text, parted by single blanks or hyphens.
pub(super) fn find(text: &str) -> Vec<Find> {
    let apart = DIGITS
        .find_iter(text)
        .filter(|found| !is_inside_left(text, found.start()) && !is_inside_right(text, found.end()));
    let find = |found: regex::Match<'_>| {
        let digits: String = found.as_str().chars().filter(char::is_ascii_digit).collect();
        Find { range: found.range(), outcome: check(digits) }
    };
    apart.map(find).collect()
}

fn check(digits: String) -> Result<Taken, Refusal> {
    match digits.len() {
        DIGITS_MIN..=DIGITS_MAX if is_valid(&digits) => Ok(Taken::text(digits)),
        DIGITS_MIN..=DIGITS_MAX => Err(Refusal::Wrong("its check digit is wrong (Luhn)".to_owned())),
        count => Err(Refusal::Wrong(format!("it has {count} digits, not {DIGITS_MIN} to {DIGITS_MAX}"))),
    }
}

/// Whether the last of some digits is the check digit of the others.
pub(super) fn is_valid(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(digit - b'0')) {
            (1, digit) if digit > 4 => 2 * digit - 9,
            (1, digit) => 2 * digit,
            (_, digit) => digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn one_check_digit_of_ten_is_right_and_no_slip_passes(body in "[0-9]{3,30}", at in 0_usize..30, by in 1_u8..10) {
            let valid: Vec<String> = (0..10).map(|last| format!("{body}{last}")).filter(|it| is_valid(it)).collect();
            prop_assert_eq!(valid.len(), 1);
            let mut slip = valid[0].clone().into_bytes();
            let at = at % slip.len();
            slip[at] = b'0' + (slip[at] - b'0' + by) % 10;
            prop_assert!(!is_valid(&String::from_utf8_lossy(&slip)));
        }
    }

    #[test]
    fn cards_and_registers_are_found() {
        let values = |text: &str| find(text).into_iter().map(|find| find.outcome.is_ok()).collect::<Vec<_>>();
        assert_eq!(values("4111 1111 1111 1111"), [true]);
        assert_eq!(values("SIREN 732 829 320"), [true]);
        assert_eq!(values("4111-1111-1111-1112"), [false]);
        assert_eq!(values("A4111111111111111"), [] as [bool; 0]);
        assert_eq!(values("12"), [false]);
    }
}
