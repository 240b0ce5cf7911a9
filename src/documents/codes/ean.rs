//! EAN-13 with UPC-A, and EAN-8: codes of goods.

use super::runs::{Said, modules};

/// The widths of a digit, on the left with an odd count of ink.
const DIGITS: [[usize; 4]; 10] = [
    [3, 2, 1, 1],
    [2, 2, 2, 1],
    [2, 1, 2, 2],
    [1, 4, 1, 1],
    [1, 1, 3, 2],
    [1, 2, 3, 1],
    [1, 1, 1, 4],
    [1, 3, 1, 2],
    [1, 2, 1, 3],
    [3, 1, 1, 2],
];
/// Which of the six digits on the left are turned around, by the digit that is not drawn; the first is the highest bit.
const FIRST: [u8; 10] =
    [0, 0b00_1011, 0b00_1101, 0b00_1110, 0b01_0011, 0b01_1001, 0b01_1100, 0b01_0101, 0b01_0110, 0b01_1010];

pub(super) fn read(runs: &[usize]) -> Option<Said> {
    modules::<3>(runs, 3).filter(|guard| *guard == [1, 1, 1])?;
    of_halves(runs, 6, "ean13").or_else(|| of_halves(runs, 4, "ean8"))
}

fn of_halves(runs: &[usize], digits: usize, kind: &'static str) -> Option<Said> {
    let all = 3 + 4 * digits + 5 + 4 * digits + 3;
    let runs = runs.get(..all)?;
    let middle = 3 + 4 * digits;
    modules::<5>(&runs[middle..], 5).filter(|guard| *guard == [1; 5])?;
    let mut text = String::new();
    let mut turned = 0u8;
    for at in 0..2 * digits {
        let from = if at < digits { 3 + 4 * at } else { middle + 5 + 4 * (at - digits) };
        let widths = modules::<4>(&runs[from..], 7)?;
        let around = [widths[3], widths[2], widths[1], widths[0]];
        let plain = DIGITS.iter().position(|known| *known == widths);
        let digit = match plain {
            Some(digit) => digit,
            None if at < digits => {
                turned |= 1 << (digits - 1 - at);
                DIGITS.iter().position(|known| *known == around)?
            }
            None => return None,
        };
        text.push(char::from(b'0' + digit as u8));
    }
    if kind == "ean13" {
        let first = FIRST.iter().position(|known| *known == turned)?;
        text.insert(0, char::from(b'0' + first as u8));
    } else if turned != 0 {
        return None;
    }
    let sum: u32 = text.bytes().rev().zip([1, 3].into_iter().cycle()).map(|(it, by)| u32::from(it - b'0') * by).sum();
    sum.is_multiple_of(10).then_some(Said { kind, text, runs: all })
}
