//! SHA3-256 of many texts: four at once where the processor has AVX2, one by one elsewhere. A merge spends most of its
//! time here.

use sha3::{Digest, Sha3_256};

use super::sha::Sha;

/// The bytes of a block of SHA3-256.
const RATE: usize = 136;

/// Texts that stand one behind the other; `ends` says where each ends.
#[derive(Debug, Default)]
pub struct Texts {
    /// The bytes of all texts.
    pub bytes: Vec<u8>,
    /// Where each text ends in `bytes`.
    pub ends: Vec<usize>,
}

impl Texts {
    fn get(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.bytes[start..self.ends[place]]
    }
}

/// The hashes of all texts, in their order.
pub fn hash_texts(texts: &Texts) -> Vec<Sha> {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return by_fours(texts);
    }
    (0..texts.ends.len()).map(|place| Sha(Sha3_256::digest(texts.get(place)).into())).collect()
}

/// Only texts of one number of blocks can go together: each waits until there are four of its number.
#[cfg(target_arch = "x86_64")]
fn by_fours(texts: &Texts) -> Vec<Sha> {
    let mut hashes = vec![Sha([0; 32]); texts.ends.len()];
    let mut waiting: Vec<Vec<usize>> = Vec::new();
    for place in 0..texts.ends.len() {
        let blocks = texts.get(place).len() / RATE;
        if waiting.len() <= blocks {
            waiting.resize(blocks + 1, Vec::new());
        }
        waiting[blocks].push(place);
        if let [first, second, third, fourth] = waiting[blocks][..] {
            let four = [first, second, third, fourth].map(|place| texts.get(place));
            #[expect(unsafe_code, reason = "the processor was asked for AVX2 before")]
            let found = unsafe { avx2::sha3_256(four) };
            [first, second, third, fourth].into_iter().zip(found).for_each(|(place, hash)| hashes[place] = Sha(hash));
            waiting[blocks].clear();
        }
    }
    for place in waiting.into_iter().flatten() {
        hashes[place] = Sha(Sha3_256::digest(texts.get(place)).into());
    }
    hashes
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;

    use super::RATE;

    /// FIPS 202, the constants of the step iota.
    const ROUNDS: [u64; 24] = [
        0x0000_0000_0000_0001,
        0x0000_0000_0000_8082,
        0x8000_0000_0000_808a,
        0x8000_0000_8000_8000,
        0x0000_0000_0000_808b,
        0x0000_0000_8000_0001,
        0x8000_0000_8000_8081,
        0x8000_0000_0000_8009,
        0x0000_0000_0000_008a,
        0x0000_0000_0000_0088,
        0x0000_0000_8000_8009,
        0x0000_0000_8000_000a,
        0x0000_0000_8000_808b,
        0x8000_0000_0000_008b,
        0x8000_0000_0000_8089,
        0x8000_0000_0000_8003,
        0x8000_0000_0000_8002,
        0x8000_0000_0000_0080,
        0x0000_0000_0000_800a,
        0x8000_0000_8000_000a,
        0x8000_0000_8000_8081,
        0x8000_0000_0000_8080,
        0x0000_0000_8000_0001,
        0x8000_0000_8000_8008,
    ];

    /// The hashes of four texts that have the same number of whole blocks.
    #[target_feature(enable = "avx2")]
    pub(super) fn sha3_256(texts: [&[u8]; 4]) -> [[u8; 32]; 4] {
        let mut state = [_mm256_setzero_si256(); 25];
        let blocks = texts[0].len() / RATE;
        for block in 0..blocks {
            absorb(&mut state, texts.map(|text| &text[block * RATE..(block + 1) * RATE]));
        }
        let last = texts.map(|text| {
            let rest = &text[blocks * RATE..];
            let mut padded = [0_u8; RATE];
            padded[..rest.len()].copy_from_slice(rest);
            padded[rest.len()] = 0x06;
            padded[RATE - 1] |= 0x80;
            padded
        });
        absorb(&mut state, [&last[0], &last[1], &last[2], &last[3]]);
        let mut hashes = [[0_u8; 32]; 4];
        for (lane, words) in state.iter().take(4).enumerate() {
            let words = [
                _mm256_extract_epi64::<0>(*words),
                _mm256_extract_epi64::<1>(*words),
                _mm256_extract_epi64::<2>(*words),
                _mm256_extract_epi64::<3>(*words),
            ];
            for (hash, word) in hashes.iter_mut().zip(words) {
                hash[lane * 8..lane * 8 + 8].copy_from_slice(&word.to_le_bytes());
            }
        }
        hashes
    }

    #[target_feature(enable = "avx2")]
    fn absorb(state: &mut [__m256i; 25], blocks: [&[u8]; 4]) {
        let [first, second, third, fourth] = blocks.map(|block| block.as_chunks::<8>().0);
        for lane in 0..RATE / 8 {
            let word = |words: &[[u8; 8]]| i64::from_le_bytes(words[lane]);
            let words = _mm256_set_epi64x(word(fourth), word(third), word(second), word(first));
            state[lane] = _mm256_xor_si256(state[lane], words);
        }
        for constant in ROUNDS {
            round(state, constant);
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate<const LEFT: i32, const RIGHT: i32>(word: __m256i) -> __m256i {
        _mm256_or_si256(_mm256_slli_epi64::<LEFT>(word), _mm256_srli_epi64::<RIGHT>(word))
    }

    /// One round of Keccak: theta, rho and pi, chi, iota. The rotations are those of FIPS 202, table 2.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn round(state: &mut [__m256i; 25], constant: u64) {
        let mut sums = [_mm256_setzero_si256(); 5];
        for x in 0..5 {
            let upper = _mm256_xor_si256(state[x], _mm256_xor_si256(state[x + 5], state[x + 10]));
            sums[x] = _mm256_xor_si256(upper, _mm256_xor_si256(state[x + 15], state[x + 20]));
        }
        let mut parity = sums;
        for x in 0..5 {
            parity[x] = _mm256_xor_si256(sums[(x + 4) % 5], rotate::<1, 63>(sums[(x + 1) % 5]));
        }
        let mut moved = [_mm256_setzero_si256(); 25];
        moved[0] = _mm256_xor_si256(state[0], parity[0]);
        moved[16] = rotate::<36, 28>(_mm256_xor_si256(state[5], parity[0]));
        moved[7] = rotate::<3, 61>(_mm256_xor_si256(state[10], parity[0]));
        moved[23] = rotate::<41, 23>(_mm256_xor_si256(state[15], parity[0]));
        moved[14] = rotate::<18, 46>(_mm256_xor_si256(state[20], parity[0]));
        moved[10] = rotate::<1, 63>(_mm256_xor_si256(state[1], parity[1]));
        moved[1] = rotate::<44, 20>(_mm256_xor_si256(state[6], parity[1]));
        moved[17] = rotate::<10, 54>(_mm256_xor_si256(state[11], parity[1]));
        moved[8] = rotate::<45, 19>(_mm256_xor_si256(state[16], parity[1]));
        moved[24] = rotate::<2, 62>(_mm256_xor_si256(state[21], parity[1]));
        moved[20] = rotate::<62, 2>(_mm256_xor_si256(state[2], parity[2]));
        moved[11] = rotate::<6, 58>(_mm256_xor_si256(state[7], parity[2]));
        moved[2] = rotate::<43, 21>(_mm256_xor_si256(state[12], parity[2]));
        moved[18] = rotate::<15, 49>(_mm256_xor_si256(state[17], parity[2]));
        moved[9] = rotate::<61, 3>(_mm256_xor_si256(state[22], parity[2]));
        moved[5] = rotate::<28, 36>(_mm256_xor_si256(state[3], parity[3]));
        moved[21] = rotate::<55, 9>(_mm256_xor_si256(state[8], parity[3]));
        moved[12] = rotate::<25, 39>(_mm256_xor_si256(state[13], parity[3]));
        moved[3] = rotate::<21, 43>(_mm256_xor_si256(state[18], parity[3]));
        moved[19] = rotate::<56, 8>(_mm256_xor_si256(state[23], parity[3]));
        moved[15] = rotate::<27, 37>(_mm256_xor_si256(state[4], parity[4]));
        moved[6] = rotate::<20, 44>(_mm256_xor_si256(state[9], parity[4]));
        moved[22] = rotate::<39, 25>(_mm256_xor_si256(state[14], parity[4]));
        moved[13] = rotate::<8, 56>(_mm256_xor_si256(state[19], parity[4]));
        moved[4] = rotate::<14, 50>(_mm256_xor_si256(state[24], parity[4]));
        for y in 0..5 {
            for x in 0..5 {
                let (one, two) = (moved[5 * y + (x + 1) % 5], moved[5 * y + (x + 2) % 5]);
                state[5 * y + x] = _mm256_xor_si256(moved[5 * y + x], _mm256_andnot_si256(one, two));
            }
        }
        state[0] = _mm256_xor_si256(state[0], _mm256_set1_epi64x(constant.cast_signed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_at_once_are_what_each_is_alone() {
        let mut texts = Texts::default();
        for length in (0..600).chain([1000, 5000]) {
            texts.bytes.extend((0..length).map(|byte| (byte * 7 + length) as u8));
            texts.ends.push(texts.bytes.len());
        }
        let hashes = hash_texts(&texts);
        for (place, hash) in hashes.iter().enumerate() {
            assert_eq!(hash.0, <[u8; 32]>::from(Sha3_256::digest(texts.get(place))), "text {place}");
        }
    }
}
