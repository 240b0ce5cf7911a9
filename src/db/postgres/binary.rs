//! Rows as binary COPY has them: the server then parses nothing, which halves its work. Only for types whose binary
//! form is plain; a table with others is written as text.

use crate::db::{Cell, Column, Kind, RowBatch};

/// The first bytes of a binary COPY: signature, flags, length of the extension.
pub(super) const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Its end, where the next row would say how many fields it has.
pub(super) const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The moment from which PostgreSQL counts, in seconds since 1970.
const EPOCH_2000: i64 = 946_684_800;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    /// Text, and JSON that is kept as text.
    Text,
    Jsonb,
    Bytes,
}

/// How a column is written; `None` when only the server knows how to read its values.
pub(super) fn coding(column: &Column) -> Option<Coding> {
    Some(match column.kind {
        Kind::Boolean => Coding::Bool,
        Kind::Integer { bits: 16 } => Coding::Int2,
        Kind::Integer { bits: 32 } => Coding::Int4,
        Kind::Integer { .. } => Coding::Int8,
        Kind::Real => Coding::Float4,
        Kind::Float => Coding::Float8,
        Kind::Numeric | Kind::Decimal { .. } | Kind::Number => Coding::Numeric,
        Kind::Text | Kind::Short { .. } => Coding::Text,
        Kind::Json if column.declared == "jsonb" => Coding::Jsonb,
        Kind::Json if column.declared == "json" => Coding::Text,
        Kind::Json => return None,
        Kind::Bytes => Coding::Bytes,
        Kind::Array(_) | Kind::Other(_) => return None,
    })
}

/// A moment as a timestamp, with or without a time zone.
pub(super) fn timestamp(moment: chrono::NaiveDateTime) -> [u8; 8] {
    (moment.and_utc().timestamp_micros() - EPOCH_2000 * 1_000_000).to_be_bytes()
}

/// Appends a field with its length. False when the value has no such form; what was appended is of no use then.
pub(super) fn put(cell: Cell, coding: Coding, batch: &RowBatch, out: &mut Vec<u8>) -> bool {
    match (cell, coding) {
        (Cell::Null, _) => out.extend_from_slice(&(-1_i32).to_be_bytes()),
        (Cell::Bool(flag), Coding::Bool) => field(&[u8::from(flag)], out),
        (Cell::Integer(number), Coding::Int8) => field(&number.to_be_bytes(), out),
        (Cell::Integer(number), Coding::Int4) => match i32::try_from(number) {
            Ok(number) => field(&number.to_be_bytes(), out),
            Err(_) => return false,
        },
        (Cell::Integer(number), Coding::Int2) => match i16::try_from(number) {
            Ok(number) => field(&number.to_be_bytes(), out),
            Err(_) => return false,
        },
        (Cell::Float(number), Coding::Float8) => field(&number.to_be_bytes(), out),
        (Cell::Float(number), Coding::Float4) => {
            let small = number as f32;
            // the server refuses what overflows or vanishes; so do we
            if !small.is_finite() || (small == 0.0) != (number == 0.0) {
                return false;
            }
            field(&small.to_be_bytes(), out);
        }
        (Cell::Integer(number), Coding::Numeric) => return numeric(itoa::Buffer::new().format(number), out),
        (Cell::Text(span), Coding::Numeric) => return numeric(&batch.text(span), out),
        (Cell::Text(span), Coding::Text) => field(batch.bytes(span), out),
        (Cell::Text(span), Coding::Jsonb) => {
            let text = batch.bytes(span);
            length(text.len() + 1, out);
            out.push(1);
            out.extend_from_slice(text);
        }
        (Cell::Bytes(span), Coding::Bytes) => field(batch.bytes(span), out),
        _ => return false,
    }
    true
}

pub(super) fn field(bytes: &[u8], out: &mut Vec<u8>) {
    length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

fn length(bytes: usize, out: &mut Vec<u8>) {
    // a record is at most 32 MiB
    out.extend_from_slice(&(bytes as i32).to_be_bytes());
}

/// A number as JSON writes it, as digits to the base of 10,000.
fn numeric(text: &str, out: &mut Vec<u8>) -> bool {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (0x4000_u16, rest),
        None => (0, text),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, exponent),
            Err(_) => return false,
        },
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent == 0 && whole.len() + fraction.len() <= 1000 {
        return plain_numeric(sign, whole.as_bytes(), fraction.as_bytes(), out);
    }
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    // beyond this the server decides, by the text
    if digits.len() > 1000 || exponent.abs() > 1000 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    // the place of the decimal point among the digits, and how many decimals are shown
    let mut point = whole.len() as i32 + exponent;
    let scale = (fraction.len() as i32 - exponent).max(0);
    if point < 0 {
        digits.splice(0..0, std::iter::repeat_n(b'0', point.unsigned_abs() as usize));
        point = 0;
    }
    while (digits.len() as i32) < point {
        digits.push(b'0');
    }
    // whole groups of four on both sides of the point
    let lead = (4 - point % 4) % 4;
    digits.splice(0..0, std::iter::repeat_n(b'0', lead as usize));
    while !digits.len().is_multiple_of(4) {
        digits.push(b'0');
    }
    let mut groups: Vec<i16> =
        digits.chunks(4).map(|group| group.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'))).collect();
    let mut weight = (point + lead) / 4 - 1;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight -= leading as i32;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let (sign, weight) = if groups.is_empty() { (0, 0) } else { (sign, weight) };
    length(8 + groups.len() * 2, out);
    out.extend_from_slice(&(groups.len() as i16).to_be_bytes());
    out.extend_from_slice(&(weight as i16).to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&(scale as i16).to_be_bytes());
    groups.iter().for_each(|group| out.extend_from_slice(&group.to_be_bytes()));
    true
}

/// As most numbers are written, with no exponent: straight into the buffer.
fn plain_numeric(sign: u16, whole: &[u8], fraction: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    // the length and the head of four shorts are known when the groups are
    out.extend_from_slice(&[0; 12]);
    let mut weight = whole.len().div_ceil(4) as i16 - 1;
    let (mut group, mut filled) = (0_i16, (4 - whole.len() % 4) % 4);
    let padding = (4 - fraction.len() % 4) % 4;
    for digit in whole.iter().chain(fraction).chain(&[b'0'; 3][..padding]) {
        if !digit.is_ascii_digit() {
            return false;
        }
        group = group * 10 + i16::from(digit - b'0');
        filled += 1;
        if filled == 4 {
            if group != 0 || out.len() > start + 12 {
                out.extend_from_slice(&group.to_be_bytes());
            } else {
                weight -= 1;
            }
            (group, filled) = (0, 0);
        }
    }
    while out.len() > start + 12 && out.ends_with(&[0, 0]) {
        out.truncate(out.len() - 2);
    }
    let groups = (out.len() - start - 12) / 2;
    let (sign, weight) = if groups == 0 { (0, 0) } else { (sign, weight) };
    let head = [groups as i16, weight, sign as i16, fraction.len() as i16];
    out[start..start + 4].copy_from_slice(&((8 + groups * 2) as i32).to_be_bytes());
    for (at, short) in head.into_iter().enumerate() {
        let place = start + 4 + at * 2;
        out[place..place + 2].copy_from_slice(&short.to_be_bytes());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shorts(text: &str) -> Vec<i16> {
        let mut out = Vec::new();
        assert!(numeric(text, &mut out), "{text}");
        out[4..].chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    /// Count, weight, sign, decimals, then the groups: as `SELECT numeric_send(..)` of PostgreSQL 15 shows them.
    #[test]
    fn numbers_are_groups_of_four_digits() {
        for (text, expected) in [
            ("0", vec![0, 0, 0, 0]),
            ("1", vec![1, 0, 0, 0, 1]),
            ("0.00", vec![0, 0, 0, 2]),
            ("10000", vec![1, 1, 0, 0, 1]),
            ("0.00001", vec![1, -2, 0, 5, 1000]),
            ("-1000000.5", vec![3, 1, 0x4000, 1, 100, 0, 5000]),
            ("-12345", vec![2, 1, 0x4000, 0, 1, 2345]),
            ("0.05", vec![1, -1, 0, 2, 500]),
            ("12345.678", vec![3, 1, 0, 3, 1, 2345, 6780]),
            ("1e5", vec![1, 1, 0, 0, 10]),
            ("1.50", vec![2, 0, 0, 2, 1, 5000]),
            ("-0.0", vec![0, 0, 0, 1]),
            ("1E-7", vec![1, -2, 0, 7, 10]),
            ("10000000000000000000000", vec![1, 5, 0, 0, 100]),
        ] {
            assert_eq!(shorts(text), expected, "{text}");
        }
    }
}
