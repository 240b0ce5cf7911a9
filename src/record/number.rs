//! Numbers as they are written: those that need no second look, and the digits of all others.

use std::cmp::Ordering;

/// Decimals of so many digits are never the same float: the shortest form of one is itself.
const DIGITS_EXACT_MAX: usize = 15;
/// Integers of so many digits are 64-bit integers.
const DIGITS_INTEGER_MAX: usize = 18;
/// No 64-bit integer has more digits.
const DIGITS_I64_MAX: i64 = 19;
/// Exponents beyond this are no numbers that anything stores.
const EXPONENT_MAX: u64 = 1_000_000_000_000_000_000;
/// Up to so many zeros are written out.
const POINT_WRITTEN_MAX: i64 = 1_000;
/// No float has more decimals.
const DECIMALS_OF_FLOATS_MAX: usize = 1_100;

/// A number in JSON that stands in the canonical form as it stands in the record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PlainNumber {
    /// How many bytes it is long.
    pub(crate) length: usize,
    /// Whether it has a point; one without is a 64-bit integer.
    pub(crate) is_float: bool,
}

/// The plain number that `bytes` begin with; `None` where there is none, or a number that has to be looked at.
pub(crate) fn plain_number(bytes: &[u8]) -> Option<PlainNumber> {
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(sign);
    let point = sign + whole;
    if whole == 0 || (bytes[sign] == b'0' && whole > 1) {
        return None;
    }
    match bytes.get(point) {
        Some(b'e' | b'E') => None,
        Some(b'.') => {
            let fraction = digits(point + 1);
            let end = point + 1 + fraction;
            let decimals = &bytes[point + 1..end];
            let is_short = !decimals.ends_with(b"0") || decimals == b"0";
            // below 0.0001 an exponent is written
            let is_large = bytes[sign] != b'0' || !decimals.starts_with(b"0000");
            let is_plain = fraction > 0 && is_short && is_large && whole + fraction <= DIGITS_EXACT_MAX;
            let is_end = !matches!(bytes.get(end), Some(b'e' | b'E' | b'.'));
            (is_plain && is_end).then_some(PlainNumber { length: end, is_float: true })
        }
        _ if whole > DIGITS_INTEGER_MAX || bytes.starts_with(b"-0") => None,
        _ => Some(PlainNumber { length: point, is_float: false }),
    }
}

/// The value of a number as JSON writes them, apart from how it is written: `5`, `5.00` and `50e-1` are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    is_negative: bool,
    /// The significant digits, without zeros on either side; empty for zero.
    digits: Vec<u8>,
    /// Where the point stands, counted from before the first digit: the value is `0.DIGITS` times ten to this power.
    point: i64,
}

impl Digits {
    /// Reads a number as JSON writes them; `None` for anything else, and for an exponent beyond 18 digits.
    pub fn of(number: &str) -> Option<Self> {
        let (is_negative, unsigned) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        if exponent.unsigned_abs() >= EXPONENT_MAX {
            return None;
        }
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        digits.drain(..leading);
        while digits.last() == Some(&b'0') {
            digits.pop();
        }
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, point: 0 });
        }
        // a record has at most 32 MiB
        let point = whole.len() as i64 - leading as i64 + exponent;
        Some(Self { is_negative, digits, point })
    }

    /// How many digits stand behind the point when it is written without an exponent.
    pub fn decimals(&self) -> u64 {
        u64::try_from(self.digits.len() as i64 - self.point).unwrap_or(0)
    }

    /// Whether so many digits hold it, `scale` of them behind the point; a scale below zero leaves out the last whole ones.
    pub fn fits(&self, digits: u16, scale: i16) -> bool {
        let scale = i64::from(scale);
        self.digits.is_empty()
            || self.digits.len() as i64 - self.point <= scale && self.point <= i64::from(digits) - scale
    }

    /// The whole number that this is, if it is one of 64 bits.
    pub fn integer(&self) -> Option<i64> {
        if self.decimals() > 0 || self.point > DIGITS_I64_MAX {
            return None;
        }
        let mut text = String::with_capacity(20);
        self.write(&mut text);
        text.parse().ok()
    }

    /// Whether this is a whole number of times `step`; `None` for a step of zero or of more than 18 significant digits.
    pub fn is_multiple_of(&self, step: &Self) -> Option<bool> {
        let divisor = step.significant().filter(|divisor| *divisor > 0)?;
        if self.digits.is_empty() {
            return Some(true);
        }
        // both as whole numbers times a power of ten; a number has no zeros at its end, so it lacks what the step has
        let power = |it: &Self| it.point - it.digits.len() as i64;
        let Ok(shift) = u64::try_from(power(self) - power(step)) else { return Some(false) };
        let modulus = u128::from(divisor);
        let rest = self.digits.iter().fold(0, |rest, digit| (rest * 10 + u128::from(digit - b'0')) % modulus);
        Some((rest * power_of_ten(shift, modulus)).is_multiple_of(modulus))
    }

    /// The significant digits as a number, where 18 are enough.
    fn significant(&self) -> Option<u64> {
        let text = std::str::from_utf8(&self.digits).ok()?;
        if text.is_empty() { Some(0) } else { text.parse().ok().filter(|_| text.len() <= DIGITS_INTEGER_MAX) }
    }

    /// Appends the number in the one form of its value: without an exponent and without zeros that say nothing, or,
    /// where that would be very long, as `DIGITSePOWER`.
    pub fn write(&self, out: &mut String) {
        if self.digits.is_empty() {
            out.push('0');
            return;
        }
        if self.is_negative {
            out.push('-');
        }
        let count = self.digits.len() as i64;
        let digits = |some: &[u8], out: &mut String| some.iter().for_each(|digit| out.push(char::from(*digit)));
        let zeros = |count: i64, out: &mut String| (0..count).for_each(|_| out.push('0'));
        if self.point.abs() > POINT_WRITTEN_MAX {
            digits(&self.digits, out);
            out.push_str(&format!("e{}", self.point - count));
        } else if self.point <= 0 {
            out.push_str("0.");
            zeros(-self.point, out);
            digits(&self.digits, out);
        } else if count <= self.point {
            digits(&self.digits, out);
            zeros(self.point - count, out);
        } else {
            // the point is above zero and below the number of digits
            let (whole, fraction) = self.digits.split_at(self.point as usize);
            digits(whole, out);
            out.push('.');
            digits(fraction, out);
        }
    }
}

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> Ordering {
        // zero lies between those below it and those above
        let side = |it: &Self| match (it.digits.is_empty(), it.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = || self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
        side(self).cmp(&side(other)).then_with(|| if self.is_negative { size().reverse() } else { size() })
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Ten to a power, by a modulus of at most 18 digits.
fn power_of_ten(mut power: u64, modulus: u128) -> u128 {
    let (mut result, mut square) = (1 % modulus, 10 % modulus);
    while power > 0 {
        if power % 2 == 1 {
            result = result * square % modulus;
        }
        square = square * square % modulus;
        power /= 2;
    }
    result
}

/// The float that a number becomes without losing anything: printed with as many decimals, it is the number again.
/// `None` for a number that no float holds.
pub fn float_without_loss(number: &str) -> Option<f64> {
    let float: f64 = number.parse().ok().filter(|float: &f64| float.is_finite())?;
    let value = Digits::of(number)?;
    // so few digits are never two floats
    if is_printed(float, &value) {
        return Some(float);
    }
    let decimals = usize::try_from(value.decimals()).ok().filter(|decimals| *decimals <= DECIMALS_OF_FLOATS_MAX)?;
    (Digits::of(&format!("{float:.decimals$}"))? == value).then_some(float)
}

/// Whether a number is the very one that its float prints, so that no other number of the same float is meant.
pub fn is_float(number: &str) -> bool {
    let Some(float) = number.parse().ok().filter(|float: &f64| float.is_finite()) else { return false };
    let Some(value) = Digits::of(number) else { return false };
    is_printed(float, &value)
}

/// Whether these are the shortest digits of a float: those that Python's `repr` prints.
fn is_printed(float: f64, value: &Digits) -> bool {
    // decimals of so few digits are never the same float, except where floats become few
    value.digits.is_empty()
        || (value.digits.len() <= DIGITS_EXACT_MAX && float.is_normal())
        || Digits::of(ryu::Buffer::new().format_finite(float)).as_ref() == Some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(number: &str) -> Option<String> {
        let mut out = String::new();
        Digits::of(number)?.write(&mut out);
        Some(out)
    }

    #[test]
    fn a_value_has_one_form_however_it_is_written() {
        for (numbers, form) in [
            (vec!["5", "5.00", "50e-1", "0.05E+2", "5e0"], "5"),
            (vec!["0", "-0", "0.000", "0e7", "-0.0"], "0"),
            (vec!["-12.5", "-1.250e1"], "-12.5"),
            (vec!["12345678901234567.89", "12345678901234567.890", "1.234567890123456789e16"], "12345678901234567.89"),
            (vec!["0.001", "1e-3"], "0.001"),
            (vec!["1200", "12e2"], "1200"),
            (vec!["1e5000"], "1e5000"),
        ] {
            for number in numbers {
                assert_eq!(written(number).as_deref(), Some(form), "{number}");
            }
        }
        for wrong in ["", "-", ".5", "1e", "1e99999999999999999999", "x", "1.2.3"] {
            assert_eq!(written(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_float_takes_only_what_it_gives_back() {
        for (number, survives, is_printed) in [
            ("0.1", true, true),
            ("1.50", true, true),
            ("0.30000000000000004", true, true),
            // what `printf("%.20f", 45.8131)` prints
            ("45.81309999999999860165", true, false),
            ("9007199254740992", true, true),
            ("9007199254740993", false, false),
            ("1e23", true, true),
            ("12345678901234567.89", false, false),
            ("12345678901234568", true, true),
            ("3.14159265358979323846", false, false),
            ("0.0", true, true),
            ("1e-400", false, false),
            ("1e400", false, false),
        ] {
            assert_eq!(float_without_loss(number).is_some(), survives, "{number}");
            assert_eq!(is_float(number), is_printed, "{number}");
        }
    }

    #[test]
    fn numbers_are_compared_and_divided_by_their_digits() {
        let digits = |text: &str| Digits::of(text).expect("a number");
        let ascending =
            ["-1e30", "-12.5", "-12.49", "-0.1", "0", "1e-30", "0.1", "1", "12.49", "12.5", "99", "100.0", "1e30"];
        for pair in ascending.windows(2) {
            assert!(digits(pair[0]) < digits(pair[1]), "{pair:?}");
        }
        assert!(digits("12345678901234567890.11") < digits("12345678901234567890.12"));
        assert_eq!(digits("1.0").cmp(&digits("10e-1")), Ordering::Equal);
        for (number, step, is_multiple) in [
            ("19.99", "0.01", Some(true)),
            ("19.999", "0.01", Some(false)),
            ("12345678901234567890.12", "0.01", Some(true)),
            ("12345678901234567890.123", "0.01", Some(false)),
            ("-7.5", "2.5", Some(true)),
            ("0", "3", Some(true)),
            ("1e300", "3", Some(false)),
            ("1e300", "7e299", Some(false)),
            ("4200", "2e1", Some(true)),
            ("4210", "2e2", Some(false)),
            ("1e999999999", "999999999999999999", Some(false)),
            ("5", "0", None),
            ("5", "1.234567890123456789", None),
        ] {
            assert_eq!(digits(number).is_multiple_of(&digits(step)), is_multiple, "{number} {step}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Decimals of one scale are whole numbers.
        #[test]
        fn decimals_compare_and_divide_as_whole_numbers(
            one in -1_000_000_i64..1_000_000,
            other in -1_000_i64..1_000,
            scale in 0_u32..9,
        ) {
            let digits = |number: i64| Digits::of(&format!("{number}e-{scale}")).expect("a number");
            prop_assert_eq!(digits(one).cmp(&digits(other)), one.cmp(&other));
            let expected = (other != 0).then(|| one % other == 0);
            prop_assert_eq!(digits(one).is_multiple_of(&digits(other)), expected);
        }
    }

    #[test]
    fn decimals_and_whole_numbers_are_told() {
        assert_eq!(Digits::of("1.250").map(|it| (it.decimals(), it.integer())), Some((2, None)));
        assert_eq!(Digits::of("1.0").map(|it| (it.decimals(), it.integer())), Some((0, Some(1))));
        assert_eq!(Digits::of("9223372036854775807.0").and_then(|it| it.integer()), Some(i64::MAX));
        assert_eq!(Digits::of("9223372036854775808").and_then(|it| it.integer()), None);
        assert_eq!(Digits::of("1e300").and_then(|it| it.integer()), None);
    }
}
