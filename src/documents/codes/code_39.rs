//! Code 39: letters of nine runs, three of them wide, between two stars.

use super::runs::Said;

const LETTERS: &[u8; 44] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%*";
/// Which of the nine runs are wide; the first is the highest bit.
const WIDE: [u16; 44] = [
    0x034, 0x121, 0x061, 0x160, 0x031, 0x130, 0x070, 0x025, 0x124, 0x064, 0x109, 0x049, 0x148, 0x019, 0x118, 0x058,
    0x00d, 0x10c, 0x04c, 0x01c, 0x103, 0x043, 0x142, 0x013, 0x112, 0x052, 0x007, 0x106, 0x046, 0x016, 0x181, 0x0c1,
    0x1c0, 0x091, 0x190, 0x0d0, 0x085, 0x184, 0x0c4, 0x0a8, 0x0a2, 0x08a, 0x02a, 0x094,
];
/// It has no sum: fewer letters are chance.
const LETTERS_MIN: usize = 3;
const LETTERS_MAX: usize = 80;

pub(super) fn read(runs: &[usize]) -> Option<Said> {
    if letter(runs)? != '*' {
        return None;
    }
    let mut text = String::new();
    for number in 1..=LETTERS_MAX {
        match letter(runs.get(number * 10..)?)? {
            '*' => {
                let is_code = text.len() >= LETTERS_MIN;
                return is_code.then_some(Said { kind: "code39", text, runs: number * 10 + 9 });
            }
            letter => text.push(letter),
        }
    }
    None
}

fn letter(runs: &[usize]) -> Option<char> {
    let runs: &[usize; 9] = runs.get(..9)?.try_into().ok()?;
    let mut sorted = *runs;
    sorted.sort_unstable();
    // the three widest stand out
    if (sorted[6] as f64) < sorted[5] as f64 * 1.4 || sorted[8] > sorted[6] * 2 || sorted[5] > sorted[0] * 2 + 2 {
        return None;
    }
    let wide = runs.iter().fold(0u16, |bits, run| bits << 1 | u16::from(*run >= sorted[6]));
    let at = WIDE.iter().position(|known| *known == wide)?;
    Some(char::from(LETTERS[at]))
}
