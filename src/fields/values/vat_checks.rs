//! The check digits of VAT numbers, as the tax offices of the countries publish them. Each check is given what follows the
//! prefix, in the form that `vat` has found it to have.

use super::luhn;

/// Whether the check digits of a number fit.
pub(super) type Check = fn(&str) -> bool;

/// The digits of a number.
fn digits(number: &str) -> Vec<u32> {
    number.bytes().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0')).collect()
}

/// The digits, each times its weight, added up; digits without a weight do not count.
fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// ISO 7064, mod 11,10: Croatia and Germany.
fn is_mod_11_10(number: &str) -> bool {
    let rest = |rest: u32, digit: &u32| match (rest + digit) % 10 {
        0 => 9,
        sum => 2 * sum % 11,
    };
    let digits = digits(number);
    let Some((check, body)) = digits.split_last() else { return false };
    (body.iter().fold(10, rest) + check) % 10 == 1
}

pub(super) fn croatia(number: &str) -> bool {
    is_mod_11_10(number)
}

pub(super) fn germany(number: &str) -> bool {
    !number.starts_with('0') && is_mod_11_10(number)
}

pub(super) fn austria(number: &str) -> bool {
    let digits = digits(number);
    let crossed = |(at, digit): (usize, &u32)| if at % 2 == 1 { digit / 5 + 2 * digit % 10 } else { *digit };
    let sum: u32 = digits[..7].iter().enumerate().map(crossed).sum();
    (10 - (sum + 4) % 10) % 10 == digits[7]
}

pub(super) fn belgium(number: &str) -> bool {
    let rest = number[..8].parse().map_or(0, |body: u32| 97 - body % 97);
    number.starts_with(['0', '1']) && number[8..].parse() == Ok(rest)
}

/// Ten digits are of persons, by several rules: their form is enough.
pub(super) fn bulgaria(number: &str) -> bool {
    let digits = digits(number);
    if digits.len() == 10 {
        return true;
    }
    let first = weighted(&digits, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11;
    let check = if first < 10 { first } else { weighted(&digits, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10 };
    check == digits[8]
}

pub(super) fn denmark(number: &str) -> bool {
    !number.starts_with('0') && weighted(&digits(number), &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

pub(super) fn estonia(number: &str) -> bool {
    weighted(&digits(number), &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

pub(super) fn greece(number: &str) -> bool {
    let digits = digits(number);
    weighted(&digits, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == digits[8]
}

pub(super) fn finland(number: &str) -> bool {
    weighted(&digits(number), &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11)
}

/// The key in front is of digits, or has letters by a rule of its own; the rest is a SIREN, in Monaco none.
pub(super) fn france(number: &str) -> bool {
    const LETTERS: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let (key, siren) = number.split_at(2);
    let Ok(value) = siren.parse::<u64>() else { return false };
    if !siren.starts_with("000") && !luhn::is_valid(siren) {
        return false;
    }
    if let Ok(key) = key.parse::<u64>() {
        return key == (100 * value + 12) % 97;
    }
    let places: Vec<u64> =
        key.chars().filter_map(|letter| LETTERS.find(letter)).filter_map(|at| u64::try_from(at).ok()).collect();
    let &[first, second] = places.as_slice() else { return false };
    let sum = if first < 10 { 24 * first + second - 10 } else { 34 * first + second - 100 };
    (value + 1 + sum / 11) % 11 == sum % 11
}

pub(super) fn hungary(number: &str) -> bool {
    weighted(&digits(number), &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10)
}

pub(super) fn italy(number: &str) -> bool {
    !number.starts_with("0000000") && luhn::is_valid(number)
}

pub(super) fn lithuania(number: &str) -> bool {
    let digits = digits(number);
    let Some((check, body)) = digits.split_last() else { return false };
    let sum = |shift: u32| (0..).zip(body).map(|(at, digit)| (1 + (at + shift) % 9) * digit).sum::<u32>() % 11;
    let rest = if sum(0) < 10 { sum(0) } else { sum(2) % 10 };
    // the one before says that it is a payer of the tax
    body.last() == Some(&1) && *check == rest
}

pub(super) fn luxembourg(number: &str) -> bool {
    let rest = number[..6].parse().map(|body: u32| body % 89);
    rest.is_ok() && number[6..].parse() == rest
}

pub(super) fn malta(number: &str) -> bool {
    !number.starts_with('0') && weighted(&digits(number), &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37)
}

/// By the rule of eleven of its first nine digits, or since 2020 by mod 97 of the whole number.
pub(super) fn netherlands(number: &str) -> bool {
    let digits = digits(&number[..9]);
    let is_of_eleven =
        weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == digits[8] && digits.iter().any(|digit| *digit > 0);
    let rest = "NL".bytes().chain(number.bytes()).fold(0_u32, |rest, letter| match letter {
        b'0'..=b'9' => (10 * rest + u32::from(letter - b'0')) % 97,
        letter => (100 * rest + u32::from(letter) - 55) % 97,
    });
    !number.ends_with("B00") && (is_of_eleven || rest == 1)
}

pub(super) fn poland(number: &str) -> bool {
    let digits = digits(number);
    weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digits[9]
}

pub(super) fn portugal(number: &str) -> bool {
    let digits = digits(number);
    digits[0] > 0 && (11 - weighted(&digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == digits[8]
}

pub(super) fn romania(number: &str) -> bool {
    let digits = digits(number);
    let Some((check, body)) = digits.split_last() else { return false };
    let weights = &[7, 5, 3, 2, 1, 7, 5, 3, 2][9 - body.len()..];
    !number.starts_with('0') && 10 * weighted(body, weights) % 11 % 10 == *check
}

pub(super) fn sweden(number: &str) -> bool {
    luhn::is_valid(&number[..10]) && matches!(number[10..].parse(), Ok(1..=94))
}

pub(super) fn slovenia(number: &str) -> bool {
    let digits = digits(number);
    let check = 11 - weighted(&digits, &[8, 7, 6, 5, 4, 3, 2]) % 11;
    digits[0] > 0 && check < 11 && check % 10 == digits[7]
}

/// Companies and persons, whose number is that of their birth: the rest of the first nine digits by eleven.
pub(super) fn slovakia(number: &str) -> bool {
    let rest = number[..9].parse::<u32>().map_or(0, |body| body % 11 % 10);
    number.trim_start_matches('0').len() > 1 && number[9..].parse() == Ok(rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers that the countries and companies publish.
    #[test]
    fn published_numbers_pass_and_their_neighbours_do_not() {
        let known: &[(&str, Check, &str)] = &[
            ("AT", austria, "U13585627"),
            ("BE", belgium, "0428759497"),
            ("BG", bulgaria, "175074752"),
            ("DE", germany, "136695976"),
            ("DK", denmark, "13585628"),
            ("EE", estonia, "100594102"),
            ("EL", greece, "094259216"),
            ("FI", finland, "20774740"),
            ("FR", france, "40303265045"),
            ("FR, with letters", france, "K7399859412"),
            ("HR", croatia, "33392005961"),
            ("HU", hungary, "12892312"),
            ("IT", italy, "00743110157"),
            ("LT", lithuania, "119511515"),
            ("LT, of persons", lithuania, "100001919017"),
            ("LU", luxembourg, "15027442"),
            ("MT", malta, "11679112"),
            ("NL", netherlands, "004495445B01"),
            ("NL, since 2020", netherlands, "123456789B13"),
            ("PL", poland, "8567346215"),
            ("PT", portugal, "501964843"),
            ("RO", romania, "18547290"),
            ("SE", sweden, "123456789701"),
            ("SI", slovenia, "50223054"),
            ("SK", slovakia, "2022749619"),
        ];
        for (country, check, number) in known {
            assert!(check(number), "{country} {number}");
            // the digit before the last ones, which Sweden does not check
            let at = number.len() - 4;
            let mut slip = number.as_bytes().to_vec();
            slip[at] = if slip[at] == b'9' { b'0' } else { slip[at] + 1 };
            let slip = String::from_utf8(slip).expect("ASCII");
            assert!(!check(&slip), "{country} {slip}");
        }
    }

    /// Mod 11,10 as ISO 7064 writes it down: the check digit that makes the last sum one.
    fn pure_mod_11_10(body: &[u32]) -> u32 {
        let mut product = 10;
        for digit in body {
            let mut sum = (digit + product) % 10;
            if sum == 0 {
                sum = 10;
            }
            product = sum * 2 % 11;
        }
        (11 - product) % 10
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn mod_11_10_has_the_check_digit_of_the_standard(body in "[0-9]{10}") {
            let expected = pure_mod_11_10(&digits(&body));
            for last in 0..10 {
                prop_assert_eq!(is_mod_11_10(&format!("{body}{last}")), last == expected);
            }
        }

        /// A check digit catches each slip of one digit where its modulus is a prime, or Luhn's.
        #[test]
        fn no_slip_of_one_digit_passes(body in "[1-9][0-9]{9}", at in 0_usize..10, by in 1_u8..10) {
            let checks: &[(Check, usize)] = &[(croatia, 10), (germany, 8), (italy, 10), (poland, 9)];
            for (check, length) in checks {
                for last in 0..10 {
                    let number = format!("{}{last}", &body[..*length]);
                    if !check(&number) {
                        continue;
                    }
                    let mut slip = number.clone().into_bytes();
                    let at = at % slip.len();
                    slip[at] = b'0' + (slip[at] - b'0' + by) % 10;
                    let slip = String::from_utf8(slip).expect("ASCII");
                    prop_assert!(!check(&slip), "{} {}", number, slip);
                }
            }
        }
    }
}
