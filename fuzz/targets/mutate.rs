//! Inputs out of inputs: bytes changed, cut, moved, doubled, and mixed with those of others. The same seed gives the same.

/// No input grows beyond this by mutation.
const BYTES_MAX: usize = 256 << 10;
/// The most changes of one mutation.
const CHANGES_MAX: usize = 8;
/// The start of a file says most about it.
const START_BYTES: usize = 200;

/// What parsers stumble over.
const TOKENS: [&[u8]; 48] = [
    b"\"",
    b"'",
    b"\\",
    b"\\\"",
    b"\\u0000",
    b"\\ud83d",
    b"\\ud83d\\ude00",
    b"{",
    b"}",
    b"[",
    b"]",
    b"(",
    b")",
    b"<",
    b"/>",
    b"<![CDATA[",
    b"]]>",
    b"&amp;",
    b"&#x10ffff;",
    b"<!--",
    b"=",
    b":",
    b";",
    b",",
    b"@",
    b"/",
    b"?",
    b"#",
    b"%00",
    b"%2",
    b"\0",
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b" ",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xe2\x82",
    "é".as_bytes(),
    "İ".as_bytes(),
    "\u{1f600}".as_bytes(),
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"0.1",
    b"NaN",
];
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "00",
    "1.0",
    "1e5",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775808",
    "99999999999999999999999999",
];

/// A seeded source of choices: xorshift64*.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        // zero would stay zero
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`, 0 where there is none.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 16) % bound.max(1) as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A short piece of `bytes`.
    fn piece<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.below(bytes.len());
        let length_max = self.one(&[20, 20, 20, 400]);
        let length = 1 + self.below(length_max);
        &bytes[start..(start + length).min(bytes.len())]
    }
}

/// A mutation of one of the inputs.
pub(super) fn mutation(inputs: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..1 + dice.below(CHANGES_MAX) {
        change(&mut bytes, inputs, dice);
    }
    bytes.truncate(BYTES_MAX);
    bytes
}

fn change(bytes: &mut Vec<u8>, inputs: &[Vec<u8>], dice: &mut Dice) {
    let reach = if dice.below(3) == 0 { bytes.len().min(START_BYTES) } else { bytes.len() };
    let at = dice.below(reach);
    if bytes.is_empty() {
        bytes.extend_from_slice(dice.one(&TOKENS));
        return;
    }
    match dice.below(12) {
        0 => bytes[at] = dice.next() as u8,
        1 => bytes[at] ^= 1 << dice.below(8),
        2 | 3 => insert(bytes, at, dice.one(&TOKENS)),
        // another token in the place of this byte
        4 => drop(bytes.splice(at..=at, dice.one(&TOKENS).iter().copied())),
        5 => {
            let piece = dice.piece(bytes).to_vec();
            insert(bytes, at, &piece);
        }
        6 => {
            let other = &inputs[dice.below(inputs.len())];
            let piece = dice.piece(other).to_vec();
            insert(bytes, at, &piece);
        }
        7 => {
            let end = (at + dice.piece(bytes).len()).min(bytes.len());
            drop(bytes.drain(at..end));
        }
        8 => number(bytes, at, dice),
        // two pieces change places
        9 => {
            let length = dice.below(bytes.len() - at).min(20);
            let to = dice.below(bytes.len() - length + 1);
            (0..length).for_each(|step| bytes.swap(at + step, to + step));
        }
        10 if dice.below(4) == 0 => {
            let piece = dice.piece(bytes).repeat(1 << dice.below(12));
            insert(bytes, at, &piece[..piece.len().min(BYTES_MAX / 4)]);
        }
        10 => {
            let piece = dice.piece(bytes).repeat(2 + dice.below(3));
            insert(bytes, at, &piece);
        }
        _ if dice.below(3) == 0 => bytes.truncate(at),
        _ => bytes[at] = bytes[at].wrapping_add(1),
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(bytes.splice(at..at, piece.iter().copied()));
}

/// Another number in the place of the next one.
fn number(bytes: &mut Vec<u8>, at: usize, dice: &mut Dice) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else { return };
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    drop(bytes.splice(start..start + length, dice.one(&NUMBERS).bytes()));
}
