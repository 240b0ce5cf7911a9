//! Floats as Python's `repr` prints them, which the canonical form is defined by.

/// From here on no negative exponent is printed.
const PLAIN_FROM: f64 = 1e-4;

/// Writes a finite float as Python's `repr` does: `1e+16`, `1e-05`, `100000.0`, `-0.0`.
pub(crate) fn write_float(number: f64, out: &mut Vec<u8>) {
    if number == 0.0 {
        out.extend_from_slice(if number.is_sign_negative() { b"-0.0" } else { b"0.0" });
        return;
    }
    if number < 0.0 {
        out.push(b'-');
    }
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(number.abs()).as_bytes();
    if number.abs() >= PLAIN_FROM && !shortest.contains(&b'e') {
        // without an exponent ryu writes what Python writes
        out.extend_from_slice(shortest);
        return;
    }
    // from 1e16 on, and below 1e-4
    let (digits, exponent) = digits_and_exponent(shortest);
    write_scientific(&digits, exponent, out);
}

/// Whether a number is written as Python's `repr` prints it.
pub(crate) fn is_float_as_printed(number: f64, written: &str) -> bool {
    let plain = written.strip_prefix('-').unwrap_or(written);
    let mut buffer = ryu::Buffer::new();
    // with an exponent the two print differently, and so few numbers have one that they may take the longer way
    number.abs() >= PLAIN_FROM && buffer.format_finite(number.abs()) == plain
}

/// The shortest digits of a positive number, and the power of ten of the first, out of `12.5`, `0.003` or `1.25e-7`.
fn digits_and_exponent(shortest: &[u8]) -> (Vec<u8>, i32) {
    let (mantissa, exponent) = match shortest.iter().position(|byte| *byte == b'e') {
        Some(at) => (&shortest[..at], std::str::from_utf8(&shortest[at + 1..]).ok().and_then(|text| text.parse().ok())),
        None => (shortest, None),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    digits.drain(..zeros);
    while digits.last() == Some(&b'0') {
        digits.pop();
    }
    // both lengths are below 400
    let first = point as i32 - 1 - zeros as i32;
    (digits, first + exponent.unwrap_or(0))
}

fn write_scientific(digits: &[u8], exponent: i32, out: &mut Vec<u8>) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.push(b'e');
    out.push(if exponent < 0 { b'-' } else { b'+' });
    out.extend_from_slice(format!("{:02}", exponent.unsigned_abs()).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{PlainNumber, plain_number};

    #[test]
    fn floats_print_as_python_prints_them() {
        for (number, expected) in [
            (1e16, "1e+16"),
            (1e-5, "1e-05"),
            (100_000.0, "100000.0"),
            (-0.0, "-0.0"),
            (0.0001, "0.0001"),
            (1.5, "1.5"),
            (123_456_789_012_345.6, "123456789012345.6"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (5e-324, "5e-324"),
            (0.00001, "1e-05"),
            (0.000_099_999_999_999_999_99, "9.999999999999999e-05"),
            (1_234_567_890_123_456_768.0, "1.2345678901234568e+18"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1.25e-7, "1.25e-07"),
            // two shortest forms are equally near: Python takes the even digit
            (-f64::from_bits(0x430a_0e03_1a99_413a), "-916719486052391.2"),
        ] {
            let mut out = Vec::new();
            write_float(number, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }

    #[test]
    fn plain_numbers_are_canonical_as_they_stand() {
        let floats =
            ["0.0", "-0.0", "1.5", "-12.25", "0.0001", "0.00012", "64633.43", "999999999999.999", "100.0", "7.01"];
        for text in floats {
            let mut out = Vec::new();
            write_float(text.parse().expect("a float"), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
            assert_eq!(
                plain_number(text.as_bytes()),
                Some(PlainNumber { length: text.len(), is_float: true }),
                "{text}"
            );
        }
        for text in ["0", "7", "-7", "123456789012345678"] {
            assert_eq!(
                plain_number(text.as_bytes()),
                Some(PlainNumber { length: text.len(), is_float: false }),
                "{text}"
            );
        }
        for text in [
            "-0",
            "01",
            "1.",
            "-",
            "",
            "1e5",
            "1.5e3",
            "1.50",
            "0.00",
            "0.00001",
            "1234567890123456.5",
            "-.5",
            "1.2.3",
            "1234567890123456789",
            "0.1234567890123456",
        ] {
            assert_eq!(plain_number(text.as_bytes()), None, "{text}");
        }
        let mut bits = 1_u64;
        for _ in 0..200_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (digits, places) = ((bits >> 14) % 1_000_000_000_000_000, (bits >> 3) % 15);
            let text = format!(
                "{}.{:0width$}",
                digits / 10_u64.pow(places as u32),
                digits % 10_u64.pow(places as u32),
                width = places as usize
            );
            let Some(plain) = plain_number(text.as_bytes()) else { continue };
            let mut out = Vec::new();
            write_float(text.parse().expect("a float"), &mut out);
            assert_eq!((String::from_utf8_lossy(&out), plain.length), (text.as_str().into(), text.len()));
        }
    }
}
