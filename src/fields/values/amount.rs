//! Amounts, numbers and whole numbers in a text: where they begin and end, their sign, and the currency beside them.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::decimal::{Mark, decimal, whole};
use super::{Find, Refusal, Taken};

/// Codes of ISO 4217.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL \
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD \
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD \
    UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW";
/// Signs and short words of one currency; those of several (`$`, `kr`, `¥`) stand for themselves.
const SIGNS: &[(&str, &str)] = &[
    ("€", "EUR"),
    ("£", "GBP"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("kn", "HRK"),
    ("Ft", "HUF"),
    ("Fr.", "CHF"),
    ("SFr.", "CHF"),
    ("US$", "USD"),
    ("₺", "TRY"),
    ("₹", "INR"),
    ("₽", "RUB"),
    ("₴", "UAH"),
    ("$", "$"),
    ("¥", "¥"),
    ("kr", "kr"),
];
/// How many bytes beside a number are looked at for its currency.
const BESIDE_BYTES_MAX: usize = 16;

/// Digits with single marks between them.
#[expect(clippy::unwrap_used, reason = "the pattern is a constant, and a test reads it")]
static DIGITS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[0-9]+(?:[.,'’ \x{a0}\x{2009}\x{202f}][0-9]+)*").unwrap());

/// A number in a text: its digits, and what stands around them.
struct Written {
    range: Range<usize>,
    digits: Range<usize>,
    sign: Sign,
    currency: Result<Option<String>, Refusal>,
}

#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Plus,
    Minus,
    /// In brackets: negative in books of account, an aside elsewhere.
    Brackets,
}

/// All amounts of money in a text; a share (`25 %`) is none.
pub(super) fn amounts(text: &str, mark: Option<Mark>) -> Vec<Find> {
    let found = written(text).into_iter().filter(|number| !is_share(text, number.digits.end));
    let find = |number: Written| {
        let value = signed(&number, decimal(&text[number.digits.clone()], mark));
        let outcome = value.and_then(|value| Ok(Taken { currency: number.currency?, ..Taken::text(value) }));
        Find { range: number.range, outcome }
    };
    found.map(find).collect()
}

/// All numbers in a text.
pub(super) fn numbers(text: &str, mark: Option<Mark>) -> Vec<Find> {
    let find = |number: Written| Find {
        outcome: signed(&number, decimal(&text[number.digits.clone()], mark)).map(Taken::text),
        range: number.range,
    };
    written(text).into_iter().map(find).collect()
}

/// All whole numbers in a text.
pub(super) fn integers(text: &str) -> Vec<Find> {
    let too_large = || Refusal::Wrong("it does not fit into 64 bits: `type = \"number\"` takes it".to_owned());
    let find = |number: Written| {
        let value = signed(&number, whole(&text[number.digits.clone()]));
        let outcome = value.and_then(|value| value.parse::<i64>().map_err(|_| too_large()));
        let taken = |value: i64| Taken { value: Value::from(value), currency: None, note: None };
        Find { outcome: outcome.map(taken), range: number.range }
    };
    written(text).into_iter().map(find).collect()
}

fn signed(number: &Written, value: Result<String, Refusal>) -> Result<String, Refusal> {
    let value = value?;
    match number.sign {
        Sign::Plus => Ok(value),
        Sign::Minus => Ok(format!("-{value}")),
        Sign::Brackets => Err(Refusal::Ambiguous(format!("in brackets it is -{value}, or an aside"))),
    }
}

fn written(text: &str) -> Vec<Written> {
    DIGITS.find_iter(text).filter_map(|found| around(text, found.range())).collect()
}

/// A number with its sign and currency; `None` where the digits are part of something else, such as `INV-12` or `3/4`.
fn around(text: &str, digits: Range<usize>) -> Option<Written> {
    let (mut start, mut end) = (digits.start, digits.end);
    let (mut before, mut after) = (None, None);
    // a minus stands right before the digits, or before the currency
    let mut is_minus = take_minus(text, &mut start);
    let blank = blank_before(text, start);
    if let Some((from, currency)) = currency_before(text, start - blank) {
        (start, before) = (from, Some(currency));
        is_minus |= take_minus(text, &mut start);
    }
    let is_word =
        |at: usize| text[..at].chars().next_back().is_some_and(|it| it.is_alphanumeric() || "_#/".contains(it));
    if is_word(start) || is_joined(text, start) {
        return None;
    }
    // `50,-` and `50.--`: no cents
    let rest = &text[end..];
    for no_cents in [",--", ".--", ",—", ",-", ".-"] {
        let behind = rest.strip_prefix(no_cents);
        if behind.is_some_and(|behind| !behind.starts_with(|it: char| it.is_ascii_digit() || it == '-')) {
            end += no_cents.len();
            break;
        }
    }
    let is_trailing = |it: char| matches!(it, '-' | '−');
    if end == digits.end && !is_minus && text[end..].starts_with(is_trailing) {
        let width = text[end..].chars().next().map_or(0, char::len_utf8);
        let behind = text[end + width..].chars().next();
        if behind.is_none_or(|it| !it.is_alphanumeric() && it != '-') {
            (is_minus, end) = (true, end + width);
        }
    }
    let blank = text[end..].chars().take_while(|it| is_blank(*it)).map(char::len_utf8).sum::<usize>();
    if let Some((length, currency)) = currency_after(&text[end + blank..]) {
        (end, after) = (end + blank + length, Some(currency));
    }
    let mut next = text[end..].chars();
    match (next.next(), next.next()) {
        (Some(letter), _) if letter.is_alphanumeric() || letter == '/' || letter == '_' => return None,
        (Some('-' | ':'), Some(digit)) if digit.is_alphanumeric() => return None,
        _ => {}
    }
    let in_brackets = text[..start].ends_with('(') && text[end..].starts_with(')');
    let sign = match (in_brackets, is_minus) {
        (true, _) => Sign::Brackets,
        (false, true) => Sign::Minus,
        (false, false) => Sign::Plus,
    };
    let currency = match (before, after) {
        (Some(before), Some(after)) if before != after => {
            Err(Refusal::Ambiguous(format!("both {before} and {after} stand beside it")))
        }
        (before, after) => Ok(before.or(after)),
    };
    Some(Written { range: start..end, digits, sign, currency })
}

/// Steps over a minus; one between two words is a hyphen.
fn take_minus(text: &str, start: &mut usize) -> bool {
    let Some(minus) = text[..*start].chars().next_back().filter(|it| matches!(it, '-' | '−' | '–')) else {
        return false;
    };
    let at = *start - minus.len_utf8();
    let is_hyphen = text[..at].chars().next_back().is_some_and(|it| it.is_alphanumeric() || it == '-' || it == '.');
    if is_hyphen {
        return false;
    }
    *start = at;
    true
}

/// Whether a hyphen, a point or the like joins what begins here to something before: `2026-11`, `A.12`.
fn is_joined(text: &str, start: usize) -> bool {
    let mut before = text[..start].chars().rev();
    matches!(before.next(), Some('-' | '–' | '.' | ',' | ':' | '\''))
        && before.next().is_some_and(|it| it.is_ascii_digit() || it == '-')
        || text[..start].ends_with('-') && text[..start - 1].ends_with(char::is_alphanumeric)
}

fn is_share(text: &str, end: usize) -> bool {
    text[end..].trim_start_matches(is_blank).starts_with(['%', '‰'])
}

fn is_blank(letter: char) -> bool {
    letter.is_whitespace() && letter != '\n'
}

/// The bytes of blanks right before a place.
fn blank_before(text: &str, at: usize) -> usize {
    text[..at].chars().rev().take_while(|it| is_blank(*it)).map(char::len_utf8).sum()
}

/// The currency that ends at a place: where it begins, and its code.
fn currency_before(text: &str, end: usize) -> Option<(usize, String)> {
    let mut from = end.saturating_sub(BESIDE_BYTES_MAX);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let near = &text[from..end];
    let sign = SIGNS.iter().filter(|(sign, _)| near.ends_with(sign)).max_by_key(|(sign, _)| sign.len());
    let (length, code) = match sign {
        Some((sign, code)) => (sign.len(), (*code).to_owned()),
        None => {
            let start = end.checked_sub(3).filter(|start| text.is_char_boundary(*start))?;
            (3, is_code(&text[start..end]).then(|| text[start..end].to_owned())?)
        }
    };
    let start = end - length;
    let starts_with_letter = text[start..].starts_with(char::is_alphabetic);
    let is_inside = starts_with_letter && text[..start].chars().next_back().is_some_and(char::is_alphanumeric);
    (!is_inside).then_some((start, code))
}

/// The currency that a text begins with: its length, and its code.
fn currency_after(text: &str) -> Option<(usize, String)> {
    let sign = SIGNS.iter().filter(|(sign, _)| text.starts_with(sign)).max_by_key(|(sign, _)| sign.len());
    let (length, code) = match sign {
        Some((sign, code)) => (sign.len(), (*code).to_owned()),
        None => (3, text.get(..3).filter(|code| is_code(code))?.to_owned()),
    };
    let ends_with_letter = text[..length].ends_with(char::is_alphabetic);
    let is_inside = ends_with_letter && text[length..].starts_with(char::is_alphanumeric);
    (!is_inside).then_some((length, code))
}

fn is_code(text: &str) -> bool {
    text.len() == 3 && CODES.split(' ').any(|code| code == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Vec<Result<(String, Option<String>), bool>>;

    /// Values with their currencies; an error is whether it is ambiguous.
    fn read(text: &str) -> Read {
        let outcome = |find: Find| match find.outcome {
            Ok(taken) => Ok((taken.value.as_str().unwrap_or_default().to_owned(), taken.currency)),
            Err(refusal) => Err(matches!(refusal, Refusal::Ambiguous(_))),
        };
        amounts(text, None).into_iter().map(outcome).collect()
    }

    #[test]
    fn amounts_are_found_with_sign_and_currency() {
        for (text, value, currency) in [
            ("1.234,56 EUR", "1234.56", Some("EUR")),
            ("€ 1,234.56", "1234.56", Some("EUR")),
            ("€1,234.50", "1234.50", Some("EUR")),
            ("1 234.56", "1234.56", None),
            ("CHF 1'234.50", "1234.50", Some("CHF")),
            ("Fr. 1’234.50", "1234.50", Some("CHF")),
            ("1\u{a0}234,56\u{a0}kn", "1234.56", Some("HRK")),
            ("-12,50 €", "-12.50", Some("EUR")),
            ("-€12.50", "-12.50", Some("EUR")),
            ("€ -12.50", "-12.50", Some("EUR")),
            ("12,50-", "-12.50", None),
            ("−12,50", "-12.50", None),
            ("50,- Kč", "50", Some("CZK")),
            ("$99.90", "99.90", Some("$")),
            ("US$99.90", "99.90", Some("USD")),
            ("EUR\t1.234,56", "1234.56", Some("EUR")),
            ("12345678901234567890,12", "12345678901234567890.12", None),
        ] {
            assert_eq!(read(text), [Ok((value.to_owned(), currency.map(str::to_owned)))], "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_left_out_or_refused() {
        for text in ["25 %", "25%", "INV-12", "A12", "3/4", "2026-11-20", "12:30", "#12", "12abc", "R1-2/2026"] {
            assert_eq!(read(text), [], "{text}");
        }
        for text in ["20.11.2026", "1 23.50", "2 19.99 39.98"] {
            assert_eq!(read(text), [Err(false)], "{text}");
        }
        for text in ["1.234", "12,345 EUR", "(12,50)", "EUR 5,00 USD"] {
            assert_eq!(read(text), [Err(true)], "{text}");
        }
        assert_eq!(read("2\t19.99\t39.98").len(), 3);
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let first = |text: &str| integers(text).remove(0).outcome.map(|taken| taken.value);
        assert_eq!(first("1.234"), Ok(Value::from(1_234)));
        assert_eq!(first("-9223372036854775808"), Ok(Value::from(i64::MIN)));
        assert!(first("9223372036854775808").is_err() && first("1,50").is_err());
        assert_eq!(numbers("25 %", None)[0].outcome, Ok(Taken::text("25")));
    }
}
