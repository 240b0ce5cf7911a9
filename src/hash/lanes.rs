//! SHA3-256 (FIPS 202) of several texts at once, one in each lane of the processor's vectors.
//!
//! The algorithm is written once, in `sponge!`; a module for each kind of vector brings the few operations it needs.

use std::arch::x86_64::*;

/// The bytes of a block of SHA3-256.
pub(super) const RATE: usize = 136;

/// The constants of the step iota.
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

/// The steps rho and pi: which word goes where, turned by how much. The turns are those of table 2.
macro_rules! rho_and_pi {
    ($state:ident, $parity:ident, $moved:ident; $($from:literal to $to:literal by $by:literal,)*) => {
        $($moved[$to] = rotate::<$by, { 64 - $by }>(xor($state[$from], $parity[$from % 5]));)*
    };
}

/// The hash function over a module's own `Word`, `zero`, `splat`, `gather`, `lanes`, `xor`, `xor3`, `chi`, `rotate`.
macro_rules! sponge {
    ($feature:literal, $lanes:literal) => {
        /// The hashes of texts that have the same number of whole blocks.
        #[target_feature(enable = $feature)]
        pub(in crate::hash) fn sha3_256(texts: [&[u8]; $lanes]) -> [[u8; 32]; $lanes] {
            let mut state = [zero(); 25];
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
            absorb(&mut state, last.each_ref().map(|block| &block[..]));
            let mut hashes = [[0_u8; 32]; $lanes];
            for (place, word) in state.into_iter().take(4).enumerate() {
                for (hash, word) in hashes.iter_mut().zip(lanes(word)) {
                    hash[place * 8..place * 8 + 8].copy_from_slice(&word.to_le_bytes());
                }
            }
            hashes
        }

        #[target_feature(enable = $feature)]
        fn absorb(state: &mut [Word; 25], blocks: [&[u8]; $lanes]) {
            let blocks = blocks.map(|block| block.as_chunks::<8>().0);
            for place in 0..RATE / 8 {
                state[place] = xor(state[place], gather(blocks.map(|words| i64::from_le_bytes(words[place]))));
            }
            for constant in ROUNDS {
                round(state, constant);
            }
        }

        /// One round of Keccak: theta, rho and pi, chi, iota.
        #[target_feature(enable = $feature)]
        #[inline]
        fn round(state: &mut [Word; 25], constant: u64) {
            let mut sums = [zero(); 5];
            for x in 0..5 {
                sums[x] = xor3(xor3(state[x], state[x + 5], state[x + 10]), state[x + 15], state[x + 20]);
            }
            let mut parity = sums;
            for x in 0..5 {
                parity[x] = xor(sums[(x + 4) % 5], rotate::<1, 63>(sums[(x + 1) % 5]));
            }
            let mut moved = [zero(); 25];
            moved[0] = xor(state[0], parity[0]);
            rho_and_pi!(state, parity, moved;
                5 to 16 by 36,
                10 to 7 by 3,
                15 to 23 by 41,
                20 to 14 by 18,
                1 to 10 by 1,
                6 to 1 by 44,
                11 to 17 by 10,
                16 to 8 by 45,
                21 to 24 by 2,
                2 to 20 by 62,
                7 to 11 by 6,
                12 to 2 by 43,
                17 to 18 by 15,
                22 to 9 by 61,
                3 to 5 by 28,
                8 to 21 by 55,
                13 to 12 by 25,
                18 to 3 by 21,
                23 to 19 by 56,
                4 to 15 by 27,
                9 to 6 by 20,
                14 to 22 by 39,
                19 to 13 by 8,
                24 to 4 by 14,
            );
            for y in 0..5 {
                for x in 0..5 {
                    state[5 * y + x] = chi(moved[5 * y + x], moved[5 * y + (x + 1) % 5], moved[5 * y + (x + 2) % 5]);
                }
            }
            state[0] = xor(state[0], splat(constant.cast_signed()));
        }
    };
}

/// Four texts at once, for processors with AVX2.
pub(super) mod four {
    use super::*;

    type Word = __m256i;

    sponge!("avx2", 4);

    #[target_feature(enable = "avx2")]
    #[inline]
    fn zero() -> Word {
        _mm256_setzero_si256()
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn splat(word: i64) -> Word {
        _mm256_set1_epi64x(word)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn gather([first, second, third, fourth]: [i64; 4]) -> Word {
        _mm256_set_epi64x(fourth, third, second, first)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn lanes(word: Word) -> [i64; 4] {
        [
            _mm256_extract_epi64::<0>(word),
            _mm256_extract_epi64::<1>(word),
            _mm256_extract_epi64::<2>(word),
            _mm256_extract_epi64::<3>(word),
        ]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn xor(one: Word, two: Word) -> Word {
        _mm256_xor_si256(one, two)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn xor3(one: Word, two: Word, three: Word) -> Word {
        xor(xor(one, two), three)
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn chi(one: Word, two: Word, three: Word) -> Word {
        xor(one, _mm256_andnot_si256(two, three))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn rotate<const LEFT: i32, const RIGHT: i32>(word: Word) -> Word {
        _mm256_or_si256(_mm256_slli_epi64::<LEFT>(word), _mm256_srli_epi64::<RIGHT>(word))
    }
}

/// Eight texts at once, for processors with AVX-512. It turns words, and combines three, in one step.
pub(super) mod eight {
    use super::*;

    type Word = __m512i;

    sponge!("avx512f", 8);

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn zero() -> Word {
        _mm512_setzero_si512()
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn splat(word: i64) -> Word {
        _mm512_set1_epi64(word)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn gather(words: [i64; 8]) -> Word {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth] = words;
        _mm512_set_epi64(eighth, seventh, sixth, fifth, fourth, third, second, first)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn lanes(word: Word) -> [i64; 8] {
        let (low, high) = (_mm512_castsi512_si256(word), _mm512_extracti64x4_epi64::<1>(word));
        [
            _mm256_extract_epi64::<0>(low),
            _mm256_extract_epi64::<1>(low),
            _mm256_extract_epi64::<2>(low),
            _mm256_extract_epi64::<3>(low),
            _mm256_extract_epi64::<0>(high),
            _mm256_extract_epi64::<1>(high),
            _mm256_extract_epi64::<2>(high),
            _mm256_extract_epi64::<3>(high),
        ]
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn xor(one: Word, two: Word) -> Word {
        _mm512_xor_si512(one, two)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn xor3(one: Word, two: Word, three: Word) -> Word {
        // the table of one ^ two ^ three
        _mm512_ternarylogic_epi64::<0b1001_0110>(one, two, three)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn chi(one: Word, two: Word, three: Word) -> Word {
        // the table of one ^ (!two & three)
        _mm512_ternarylogic_epi64::<0b1101_0010>(one, two, three)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn rotate<const LEFT: i32, const RIGHT: i32>(word: Word) -> Word {
        _mm512_rol_epi64::<LEFT>(word)
    }
}
