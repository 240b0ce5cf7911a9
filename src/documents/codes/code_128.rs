//! Code 128: all of ASCII, and pairs of digits, with a sum.

use super::runs::{Said, modules};

/// The widths of each value.
const VALUES: [[u8; 6]; 106] = parsed(
    b"212222222122222221121223121322131222122213122312132212221213221312231212112232122132122231113222123122123221\
223211221132221231213212223112312131311222321122321221312212322112322211212123212321232121111323131123131321\
112313132113132311211313231113231311112133112331132131113123113321133121313121211331231131213113213311213131\
311123311321331121312113312311332111314111221411431111111224111422121124121421141122141221112214112412122114\
122411142112142211241211221114413111241112134111111242121142121241114212124112124211411212421112421211212141\
214121412121111143111341131141114113114311411113411311113141114131311141411131211412211214211232",
);
/// What ends it.
const STOP: [usize; 7] = [2, 3, 3, 1, 1, 1, 2];
const START_A: usize = 103;
const START_C: usize = 105;
const VALUES_MAX: usize = 120;

const fn parsed(digits: &[u8]) -> [[u8; 6]; 106] {
    let mut values = [[0; 6]; 106];
    let mut at = 0;
    while at < 636 {
        values[at / 6][at % 6] = digits[at] - b'0';
        at += 1;
    }
    values
}

/// A set of letters.
#[derive(Clone, Copy, PartialEq)]
enum Set {
    A,
    B,
    C,
}

pub(super) fn read(runs: &[usize]) -> Option<Said> {
    let start = value(runs)?;
    let mut set = match start {
        START_A => Set::A,
        START_C => Set::C,
        104 => Set::B,
        _ => return None,
    };
    let mut values = Vec::new();
    let mut at = 6;
    loop {
        if modules::<7>(runs.get(at..)?, 13) == Some(STOP) {
            break;
        }
        values.push(value(&runs[at..])?);
        at += 6;
        if values.len() > VALUES_MAX {
            return None;
        }
    }
    let sum = values.pop()?;
    let counted = values.iter().zip(1..).fold(start, |sum, (value, at)| sum + value * at);
    if counted % 103 != sum || values.is_empty() {
        return None;
    }
    let mut text = String::new();
    let mut once: Option<Set> = None;
    for value in values {
        let of = once.take().unwrap_or(set);
        match (of, value) {
            (Set::C, 0..=99) => text.push_str(&format!("{value:02}")),
            (Set::A, 0..=95) => text.push(char::from(if value < 64 { value as u8 + 32 } else { value as u8 - 64 })),
            (Set::B, 0..=95) => text.push(char::from(value as u8 + 32)),
            (Set::A, 98) => once = Some(Set::B),
            (Set::B, 98) => once = Some(Set::A),
            (Set::A | Set::B, 99) => set = Set::C,
            (Set::A | Set::C, 100) => set = Set::B,
            (Set::B | Set::C, 101) => set = Set::A,
            // what says of which kind the numbers are: between two of them it parts them
            (_, 102) if !text.is_empty() => text.push('\u{1d}'),
            _ => {}
        }
    }
    Some(Said { kind: "code128", text, runs: at + 7 })
}

fn value(runs: &[usize]) -> Option<usize> {
    let widths = modules::<6>(runs, 11)?;
    VALUES.iter().position(|known| known.iter().zip(widths).all(|(one, other)| usize::from(*one) == other))
}
