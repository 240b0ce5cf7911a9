//! Accounts: country, length, form and check digits (ISO 13616, mod 97). A page reader may take the letter O for a zero;
//! it is put right only where the country's form leaves one reading and the check digits agree, and it is said.

use std::sync::LazyLock;

use regex::Regex;

use super::iban_countries::places;
use super::{Find, Refusal, Taken, is_inside_left, is_inside_right};

/// Fewer letters and digits than this are no account that lost some, but something else.
const LENGTH_MIN: usize = 14;

#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static START: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[A-Z]{2}[ \x{a0}]?[0-9O]{2}").unwrap());

/// All accounts in a text, with or without blanks between their groups.
pub(super) fn find(text: &str) -> Vec<Find> {
    let mut found: Vec<Find> = Vec::new();
    let mut from = 0;
    while let Some(start) = START.find_at(text, from) {
        from = start.start() + 1;
        let Some(places) = places(&text[start.start()..start.start() + 2]) else { continue };
        if is_inside_left(text, start.start()) {
            continue;
        }
        let (letters, end) = letters(&text[start.start()..], places.len());
        let end = start.start() + end;
        if letters.len() < LENGTH_MIN {
            continue;
        }
        let outcome = match letters.len() == places.len() && !is_inside_right(text, end) {
            true => check(&letters, &places),
            false => Err(Refusal::Wrong(format!(
                "an IBAN of {} has {} characters",
                &text[start.start()..start.start() + 2],
                places.len()
            ))),
        };
        if outcome.is_ok() {
            from = end;
        }
        found.push(Find { range: start.start()..end, outcome });
    }
    found
}

/// Up to so many capitals and digits, stepping over single blanks and hyphens, and where they end.
fn letters(text: &str, count: usize) -> (Vec<u8>, usize) {
    let (mut letters, mut end, mut is_blank) = (Vec::new(), 0, true);
    for (at, letter) in text.char_indices() {
        match letter {
            'A'..='Z' | '0'..='9' => {
                letters.push(letter as u8);
                (end, is_blank) = (at + 1, false);
                if letters.len() == count {
                    break;
                }
            }
            ' ' | '\u{a0}' | '-' if !is_blank => is_blank = true,
            _ => break,
        }
    }
    (letters, end)
}

fn check(letters: &[u8], places: &[u8]) -> Result<Taken, Refusal> {
    let mut account = letters.to_vec();
    let mut changes = Vec::new();
    for (at, (letter, place)) in account.iter_mut().zip(places).enumerate() {
        let put = match (*place, *letter) {
            (b'n', b'O') => Some(b'0'),
            (b'a', b'0') => Some(b'O'),
            _ => None,
        };
        if let Some(put) = put {
            changes.push(format!("`{}` at {} is read as `{}`", char::from(*letter), at + 1, char::from(put)));
            *letter = put;
        }
    }
    let has_form = account.iter().zip(places).all(|(letter, place)| match place {
        b'n' => letter.is_ascii_digit(),
        b'a' => letter.is_ascii_uppercase(),
        _ => true,
    });
    let account = String::from_utf8_lossy(&account).into_owned();
    if !has_form {
        return Err(Refusal::Wrong(format!("an IBAN of {} has digits and letters elsewhere", &account[..2])));
    }
    if !is_valid(&account) {
        return Err(Refusal::Wrong("its check digits are wrong (mod 97)".to_owned()));
    }
    let note = (!changes.is_empty()).then(|| format!("{}: the check digits prove it", changes.join(", ")));
    Ok(Taken { note, ..Taken::text(account) })
}

/// Whether the check digits fit, in an account of capitals and digits.
fn is_valid(account: &str) -> bool {
    let (front, rest) = account.split_at(4);
    // 00, 01 and 99 have the rest of 97, 98 and 02, and are never given
    let check: u32 = front[2..].parse().unwrap_or(0);
    let rest = rest.bytes().chain(front.bytes()).fold(0_u32, |rest, letter| match letter {
        b'0'..=b'9' => (10 * rest + u32::from(letter - b'0')) % 97,
        letter => (100 * rest + u32::from(letter - b'A') + 10) % 97,
    });
    rest == 1 && (2..=98).contains(&check)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::iban_countries::COUNTRIES;
    use super::*;

    fn values(text: &str) -> Vec<Result<String, String>> {
        let outcome = |find: Find| match find.outcome {
            Ok(taken) => Ok(taken.value.as_str().unwrap_or_default().to_owned()),
            Err(refusal) => Err(refusal.reason().to_owned()),
        };
        find(text).into_iter().map(outcome).collect()
    }

    #[test]
    fn the_examples_of_the_registry_are_found_in_a_text() {
        for account in [
            "HR1210010051863000160",
            "DE89370400440532013000",
            "AT611904300234573201",
            "GB29NWBK60161331926819",
            "FR1420041010050500013M02606",
            "IT60X0542811101000000123456",
            "SI56263300012039086",
            "NL91ABNA0417164300",
            "BE68539007547034",
            "PL61109010140000071219812874",
            "CH9300762011623852957",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            let groups: Vec<String> =
                account.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
            for text in [account.to_owned(), format!("IBAN: {} SWIFT ZABAHR2X", groups.join(" "))] {
                assert_eq!(values(&text), [Ok(account.to_owned())], "{text}");
            }
        }
    }

    #[test]
    fn a_letter_o_is_a_zero_only_where_the_check_proves_it() {
        let taken = find("HR12 1OO1 0051 8630 0016 0").remove(0).outcome.expect("an account");
        assert_eq!(taken.value, "HR1210010051863000160");
        assert_eq!(
            taken.note.as_deref(),
            Some("`O` at 6 is read as `0`, `O` at 7 is read as `0`: the check digits prove it")
        );
        let taken = find("NL91ABN0417164300").first().cloned();
        assert!(taken.is_some_and(|find| find.outcome.is_err()));
        // the O of one zero too many
        assert!(find("HR12 1OO1 0O51 8630 OO16 1").remove(0).outcome.is_err());
        // letters that may be either are left as they are
        assert!(find("FR14 2004 1010 0505 0OO1 3M02 606").remove(0).outcome.is_err());
    }

    #[test]
    fn a_wrong_account_says_why() {
        assert_eq!(values("HR1210010051863000161"), [Err("its check digits are wrong (mod 97)".to_owned())]);
        assert_eq!(values("HR12 1001 0051 8630 001"), [Err("an IBAN of HR has 21 characters".to_owned())]);
        assert_eq!(values("HR12100100518630001600"), [Err("an IBAN of HR has 21 characters".to_owned())]);
        assert_eq!(values("DE123456789 and HR12"), []);
        assert_eq!(values("XX1210010051863000160"), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The check digits by long division, over the whole number at once.
        #[test]
        fn two_check_digits_fit_and_no_slip_passes(at in 0..COUNTRIES.len(), seed in "[0-9]{36}", slip in 4_usize..34) {
            let country = COUNTRIES[at].0;
            let places = places(country).expect("a country");
            let mut letters: Vec<u8> = country.bytes().chain(*b"00").collect();
            for (at, place) in places.iter().enumerate().skip(4) {
                let digit = seed.as_bytes()[at % seed.len()];
                letters.push(if *place == b'a' { digit - b'0' + b'A' } else { digit });
            }
            let number = |letters: &[u8]| -> String {
                let turned = letters[4..].iter().chain(&letters[..4]);
                turned.map(|letter| char::from(*letter).to_digit(36).expect("a digit").to_string()).collect()
            };
            let mut rest = 0_u128;
            for part in number(&letters).as_bytes().chunks(9) {
                let part = String::from_utf8_lossy(part).into_owned();
                rest = (rest * 10_u128.pow(part.len() as u32) + part.parse::<u128>().expect("digits")) % 97;
            }
            let check = format!("{:02}", 98 - rest);
            letters[2..4].copy_from_slice(check.as_bytes());
            let account = String::from_utf8(letters.clone()).expect("ASCII");
            prop_assert_eq!(values(&account), [Ok(account.clone())]);
            let slip = 4 + slip % (letters.len() - 4);
            letters[slip] = match letters[slip] { b'9' => b'0', b'J' => b'A', letter => letter + 1 };
            prop_assert!(values(&String::from_utf8(letters).expect("ASCII"))[0].is_err());
        }
    }
}
